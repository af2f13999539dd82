package settlement_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
)

// TestEverySumOfASettlementIsChecked lets each sum leave 64 bits: the run is refused, and no
// statement says a wrapped number.
func TestEverySumOfASettlementIsChecked(t *testing.T) {
	const much, dear = 1 << 40, 1_000_000_000_000
	many := func(n int, change func(k int, in *settlement.Input)) settlement.Input {
		in := shared(nil)
		for k := range n {
			change(k, &in)
		}
		return in
	}
	add := func(in *settlement.Input, k int, takes, gives grid.Energy) {
		in.Metered = append(in.Metered, metered(fmt.Sprintf("p%06d", k), takes, gives))
	}
	pool := many(8, func(k int, in *settlement.Input) { add(in, 2*k, 4_000_000, 0); add(in, 2*k+1, 0, 4_000_000) })
	pool.Tariff.Retail, pool.Tariff.FeedIn = dear, dear
	utility := many(3, func(k int, in *settlement.Input) { add(in, k, 5_000_000_000, 0) })
	utility.Tariff.Retail = dear
	fees := many(4, func(k int, in *settlement.Input) {
		add(in, 2*k, much, 0)
		add(in, 2*k+1, 0, much)
	})
	fees.Feeder.Nodes = []grid.Node{{ID: "root"}, {ID: "n", Parent: "root", Fee: dear}}
	fees.Tariff.Retail, fees.Tariff.FeedIn = 60_000, 60_000
	fees.Points = map[string]settlement.Point{}
	for k, m := range fees.Metered {
		fees.Points[m.MeteringPoint] = settlement.Point{Member: fmt.Sprint("m", k/2), Node: []string{"root", "n"}[k%2]}
	}
	traded := many(2, func(k int, in *settlement.Input) { add(in, k, 0, 0) })
	for k := range 4 {
		traded.Trades = append(traded.Trades, trade(uint64(k), "p000000", "p000001", 5_000_000_000, dear))
	}
	for name, in := range map[string]settlement.Input{
		"one point meters too much":       many(1, func(k int, in *settlement.Input) { add(in, k, much+1, 0) }),
		"one point meters less than none": many(1, func(k int, in *settlement.Input) { add(in, k, 0, -1) }),
		"all trades together": many(1<<20+1, func(_ int, in *settlement.Input) {
			in.Trades = append(in.Trades, grid.Trade{Energy: much})
		}),
		"what the pool is worth":           pool,
		"what the utility is owed":         utility,
		"what is paid between two members": traded,
	} {
		if run, err := settlement.Settle(in); !errors.Is(err, grid.ErrOverflow) {
			t.Errorf("%s: %v; %d statements", name, err, len(run.Statements))
		}
	}
	// Where nothing is gained after the fees nothing flows, and so no fee is too much.
	if _, err := settlement.Settle(fees); err != nil {
		t.Error(err)
	}
}
