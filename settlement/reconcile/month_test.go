package reconcile_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/reconcile"
	"github.com/commonwatt/commonwatt/tariff"
)

// TestAMonthDiffersByTheSecondTable settles the 2,880 quarter-hours of June of five metering
// points of four members: run 1 by signed values, with trades and a pool, and run 2 by
// official ones where they differ. What the postings of the second runs move for each member
// is, to the last unit, what the second table says.
func TestAMonthDiffersByTheSecondTable(t *testing.T) {
	zone := time.FixedZone("summer", 2*3600)
	random := rand.New(rand.NewPCG(1, 2))
	points := []string{"ann", "ann-2", "bob", "cy", "dan"}
	places := map[string]settlement.Point{}
	for _, p := range points {
		places[p] = settlement.Point{Account: "A-" + p, Member: options().Member(p), Node: map[string]string{"cy": "street", "dan": "street"}[p]}
	}
	paid := map[string]grid.Money{} // by the second runs, by account
	var all []reconcile.Interval
	runs := 0
	for i := grid.IntervalAt(time.Date(2026, 6, 1, 0, 0, 0, 0, zone), 15); i.Begin().Before(time.Date(2026, 7, 1, 0, 0, 0, 0, zone)); i = i.Shift(1) {
		var here, there []record.Metered
		for _, p := range points {
			m := record.Metered{MeteringPoint: p, Flow: grid.Flow{Import: grid.Energy(random.IntN(400)), Export: grid.Energy(random.IntN(3) * random.IntN(300))}, Quality: grid.Good}
			if random.IntN(50) == 0 {
				m.Quality = grid.Estimated
			}
			here = append(here, m)
			if random.IntN(4) > 0 { // the grid operator has a value
				m.Quality = []grid.Quality{grid.Official1, grid.Official1, grid.Official2, grid.Official3}[random.IntN(4)]
				m.Flow.Import += grid.Energy(random.IntN(5) * random.IntN(3))
			}
			there = append(there, m)
		}
		in := settlement.Input{
			Community: "elm", Interval: i, Run: 1, Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 301_234, FeedIn: 61_111}, Points: places, Metered: here, Rules: new(settlement.DefaultRules()),
			Feeder: grid.Feeder{Nodes: []grid.Node{{ID: "root"}, {ID: "street", Parent: "root", Fee: 20_003}}}, ReadingRoot: "r", Salt: "s",
			Trades: []grid.Trade{{Product: grid.Product{Community: "elm", Interval: i}, Seq: 1, Buyer: "ann", Seller: "cy", Energy: grid.Energy(1 + random.IntN(200)), BidPrice: 210_000, OfferPrice: 150_000}},
		}
		first := settled(t, in)
		in.Run, in.First, in.Previous, in.Metered = 2, &first.Basis, first.Postings(), there
		second := settled(t, in)
		for _, p := range second.Postings() {
			paid[p.Debit] -= p.Amount
			paid[p.Credit] += p.Amount
		}
		all = append(all, reconcile.Interval{Interval: i, Signed: first.Statements, Official: second.Statements})
		runs++
	}
	table, err := reconcile.Make(all, reconcile.Options{Zone: zone, Member: options().Member})
	if err != nil {
		t.Fatal(err)
	}
	if runs != 2880 || len(table.Rows) != 5*2880 || len(table.Months) != 5 || len(table.Money) != 4 {
		t.Fatalf("%d runs, %d rows, %d months, %d members", runs, len(table.Rows), len(table.Months), len(table.Money))
	}
	differ := 0
	for _, m := range table.Money {
		want := paid["A-"+m.Member]
		if m.Member == "ann" {
			want += paid["A-ann-2"]
		}
		if m.Difference != want {
			t.Errorf("%s: the table says %d, the postings %d", m.Member, m.Difference, want)
		}
		if want != 0 {
			differ++
		}
	}
	if differ != 4 {
		t.Errorf("%d members differ", differ)
	}
	for _, m := range table.Months {
		if m.Month != "2026-06" || m.Intervals != 2880 || m.Missing == 0 || m.Differing == 0 {
			t.Errorf("%+v", m)
		}
	}
}

func settled(t *testing.T, in settlement.Input) settlement.Run {
	t.Helper()
	run, err := settlement.Settle(in)
	if err != nil {
		t.Fatal(err)
	}
	return run
}
