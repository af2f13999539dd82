package audit_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/guarantee"
	"github.com/commonwatt/commonwatt/tariff"
)

// BenchmarkGuaranteeOfAnInterval is what a month of 100 homes costs for each of its intervals:
// the run made anew from its working, and what it came to for each member.
func BenchmarkGuaranteeOfAnInterval(b *testing.B) {
	const hundred = 100
	i := grid.IntervalAt(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), 15)
	in := settlement.Input{
		Community: community, Interval: i, Run: 1, Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000},
		Rules: new(settlement.DefaultRules()), Salt: "s", ReadingRoot: "r", Points: map[string]settlement.Point{},
	}
	w := audit.Working{Community: community, Interval: i.String(), Run: 1, Tariff: in.Tariff}
	for k := range hundred {
		account := fmt.Sprintf("%024x", k*k+k)
		in.Points[account] = settlement.Point{Account: account, Member: fmt.Sprintf("%024x", k)}
		m := record.Metered{MeteringPoint: account, Flow: grid.Flow{Import: grid.Energy(10 * k)}, Quality: grid.Good}
		if k%3 == 0 {
			m.Flow = grid.Flow{Export: grid.Energy(15 * k)}
		} else {
			in.Trades = append(in.Trades, grid.Trade{
				Product: grid.Product{Community: community, Interval: i}, Seq: uint64(k), Buyer: account, Seller: fmt.Sprintf("%024x", (k-k%3)*(k-k%3)+(k-k%3)), Energy: grid.Energy(5*k + 1), BidPrice: 200_000, OfferPrice: 200_000,
			})
		}
		in.Metered = append(in.Metered, m)
		text, err := json.Marshal(record.Leaf{Metered: m, Salt: "blind", Batches: [4]proof.Digest{"a", "b", "c", "d"}})
		must(b, err)
		w.Leaves = append(w.Leaves, text)
	}
	run, err := settlement.Settle(in)
	must(b, err)
	w.Basis = run.Basis
	text, err := json.Marshal(w)
	must(b, err)
	for b.Loop() {
		run, err := audit.Resettle(text)
		must(b, err)
		_, err = guarantee.Of(run)
		must(b, err)
	}
}
