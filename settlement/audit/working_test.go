package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/tariff"
)

// adjusted is an interval in which ann bought 300 Wh of bob. It was settled first
// without bob's meter, and once more when that had answered.
type adjusted struct {
	runs     [2]settlement.Run
	workings [2]audit.Working
}

// adjust settles the interval; lie changes what the adjusting run is made from.
func adjust(t *testing.T, lie func(in *settlement.Input)) *adjusted {
	t.Helper()
	i := interval(100, 0)
	in := settlement.Input{
		Community: community, Interval: i, Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000},
		Rules: new(settlement.DefaultRules()), Salt: "salted", Points: map[string]settlement.Point{"ann": {Account: "ann"}, "bob": {Account: "bob"}},
		Trades: []grid.Trade{{Product: grid.Product{Community: community, Interval: i}, Seq: 1, Buyer: "ann", Seller: "bob", Energy: 300, BidPrice: 100_000, OfferPrice: 100_000}},
	}
	a := &adjusted{}
	for k, bob := range []record.Metered{
		{MeteringPoint: "bob", Quality: grid.Estimated}, {MeteringPoint: "bob", Flow: grid.Flow{Export: 280}, Quality: grid.Good},
	} {
		in.Run = k + 1
		in.Metered = []record.Metered{{MeteringPoint: "ann", Flow: grid.Flow{Import: 300}, Quality: grid.Good}, bob}
		if k == 1 {
			basis := a.runs[0].Basis
			in.First, in.Previous = &basis, a.runs[0].Postings()
			lie(&in)
		}
		w := audit.Working{Community: community, Interval: i.String(), Run: in.Run, Tariff: in.Tariff}
		var records [][]byte
		for _, m := range in.Metered {
			leaf := record.Leaf{Metered: m, Salt: "blind"}
			if m.Quality == grid.Good {
				leaf.Batches = [4]proof.Digest{"a", "b", "c", "d"} // the judge has no readings: it must believe them
			}
			text, err := json.Marshal(leaf)
			must(t, err)
			w.Leaves, records = append(w.Leaves, text), append(records, text)
		}
		var err error
		in.ReadingRoot, err = proof.Root(records)
		must(t, err)
		a.runs[k], err = settlement.Settle(in)
		must(t, err)
		w.Basis = a.runs[k].Basis
		a.workings[k] = w
	}
	return a
}

// judged lets a judge, who has what the ledger says of both runs, check their workings.
func (a *adjusted) judged(t *testing.T) (c audit.Checked, first, second error) {
	t.Helper()
	var records [][]byte
	var postings []record.Posting
	for _, r := range a.runs {
		value, err := json.Marshal(r.Manifest)
		must(t, err)
		text, err := json.Marshal(ledger.Record{Kind: chaincode.KindManifest, At: []string{community, r.Manifest.Interval, fmt.Sprint(r.Manifest.Run)}, Value: value})
		must(t, err)
		records = append(records, text)
		postings = append(postings, r.Postings()...)
	}
	j, err := audit.NewJudge(records, nil, func(context.Context, string) ([]record.Posting, error) { return postings, nil })
	must(t, err)
	first, second = j.Check(t.Context(), a.workings[0]), j.Check(t.Context(), a.workings[1])
	return j.Checked, first, second
}

func honestly(*settlement.Input) {}

// TestAnAdjustingRunIsAudited computes both runs of an interval anew. The second one
// posts the difference from the first, and must come out as surely.
func TestAnAdjustingRunIsAudited(t *testing.T) {
	t.Parallel()
	c, first, second := adjust(t, honestly).judged(t)
	if want := (audit.Checked{Runs: 2, Statements: 4, Estimated: 1, Unseen: 3}); first != nil || second != nil || c != want {
		t.Errorf("checked %+v, %v, %v, want %+v", c, first, second, want)
	}
	for what, c := range map[string]struct {
		lie    func(in *settlement.Input) // in what the adjusting run is made from
		change func(a *adjusted)          // of what is told afterwards
		want   string
	}{
		"another tariff from the beginning":    {lie: func(in *settlement.Input) { in.Tariff.Retail += 1000 }, want: "than the first run"},
		"a trade less from the beginning":      {lie: func(in *settlement.Input) { in.First.Trades = nil }, want: "than the first run"},
		"other rules from the beginning":       {lie: func(in *settlement.Input) { in.First.Salt = "another" }, want: "than the first run"},
		"all billed once more":                 {lie: func(in *settlement.Input) { in.Previous = nil }, want: "other postings"},
		"less metered than the working says":   {change: func(a *adjusted) { a.workings[1].Leaves = a.workings[0].Leaves }, want: "other readings"},
		"a posting that nothing explains":      {change: func(a *adjusted) { a.runs[1].Manifest.BatchDigests[0] = "another" }, want: "other postings"},
		"another tariff in the working":        {change: func(a *adjusted) { a.workings[1].Tariff.FeedIn++ }, want: "another tariff"},
		"a run that is called estimated":       {change: func(a *adjusted) { a.runs[1].Manifest.Estimated = true }, want: "not estimated alike"},
		"a first run that is not on the chain": {change: func(a *adjusted) { a.runs[0].Manifest.Run = 3 }, want: "the first run of its interval is not on the ledger"},
	} {
		if c.lie == nil {
			c.lie = honestly
		}
		a := adjust(t, c.lie)
		if c.change != nil {
			c.change(a)
		}
		_, _, err := a.judged(t)
		var tampered *audit.TamperedError
		if !errors.As(err, &tampered) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", what, err, c.want)
		}
	}
}

// TestAnEstimateIsNotPassedOffAsRead says in the manifest of a first run that all was
// read, although one of its leaves is an estimate.
func TestAnEstimateIsNotPassedOffAsRead(t *testing.T) {
	t.Parallel()
	a := adjust(t, honestly)
	if !a.runs[0].Manifest.Estimated || a.runs[1].Manifest.Estimated {
		t.Fatal("the first run is estimated, the second is not")
	}
	a.runs[0].Manifest.Estimated = false
	if _, err, _ := a.judged(t); err == nil || !strings.Contains(err.Error(), "not estimated alike") {
		t.Errorf("error %v, want that it is not estimated alike", err)
	}
}
