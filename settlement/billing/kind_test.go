package billing_test

import (
	"testing"

	"github.com/commonwatt/commonwatt/settlement/billing"
)

// TestTheWordsOfABill: each kind that a bill has is named once, in the order of a bill, also
// one of a correction alone and one that bills do not know.
func TestTheWordsOfABill(t *testing.T) {
	b := billing.Bill{Points: []billing.PointPart{
		{Lines: []billing.Line{{Kind: "something new"}, {Kind: "imbalance-feed-in"}, {Kind: billing.OwnTaken}}},
		{Lines: []billing.Line{{Kind: billing.OwnTaken}}},
	}}
	b.Corrections = []billing.Line{{Kind: billing.TradeBought}}
	want := []billing.Kind{"own", "trade-bought", "imbalance-feed-in", "something new"}
	words := b.Entries()
	if len(words) != len(want) {
		t.Fatalf("%+v", words)
	}
	for k, w := range words {
		if w.Kind != want[k] || w.Text == "" || w.Section == "" || w.Formula == "" {
			t.Errorf("%d: %+v, want %s", k, w, want[k])
		}
	}
	if words[2].Section != billing.Given || words[3].Section != billing.Fees {
		t.Errorf("%+v", words)
	}
	if len(b.Corrections) != 1 {
		t.Errorf("the bill was changed: %+v", b.Corrections)
	}
}
