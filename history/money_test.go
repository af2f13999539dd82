package history_test

import (
	"testing"

	"github.com/commonwatt/commonwatt/history"
)

// TestFormula: what savings come from is said in one sentence that names only what there is; amounts have all six decimals.
func TestFormula(t *testing.T) {
	for want, r := range map[string]history.Reckoned{
		"Nothing of this time is settled.": {},
		"Earned 3.000000 EUR by what you gave, less 1.000000 EUR for what you used and for fees: 2.000000 EUR. Without the community 0.500000 EUR: you are better off by 1.500000 EUR.": {
			Intervals: 1, Earned: 3_000_000, Spent: 1_000_000, Net: 2_000_000, Without: 500_000,
		},
		"Earned 3.000000 EUR by what you gave, less 1.000000 EUR for what you used and for fees, less 4.000000 EUR standing charges, less 0.190000 EUR VAT: -2.190000 EUR. Without the community -2.000000 EUR: you are worse off by 0.190000 EUR.": {
			Intervals: 1, Earned: 3_000_000, Spent: 1_000_000, Standing: 4_000_000, VAT: 190_000, Net: -2_190_000, Without: -2_000_000,
		},
	} {
		if got := r.Formula("EUR"); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
