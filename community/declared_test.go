package community_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// TestDeclarations lets random orders come, be changed and be cancelled in a market of calls and in
// one of continuous trade: the first trades what the same orders are worth at best, to the Wh, and the
// second less, and never more.
func TestDeclarations(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	var sums [2]community.Welfare
	for seed := range uint64(60) {
		for _, way := range []matching.Trading{matching.Continuous, matching.Calls} {
			r := rand.New(rand.NewPCG(seed, 12))
			m, err := community.NewMarket(community.Config{Community: "elm", Minutes: 15, Ahead: time.Hour, Trading: way}, grid.SingleNode(), priced(300_000, 60_000))
			if err != nil {
				t.Fatal(err)
			}
			var points []community.Point
			for k := range 8 {
				points = append(points, community.Point{MeteringPoint: fmt.Sprint("mp", k), Member: fmt.Sprint("m", k%6)})
			}
			admissions, err := m.Admissions(points, start)
			if err != nil {
				t.Fatal(err)
			}
			d := community.NewDeclarations(grid.SingleNode(), func(point string) string { return m.Point(point).Node })
			var got *community.Welfare
			apply := func(commands ...matching.Command) {
				for _, c := range commands {
					m.Apply(&c)
					for _, ev := range m.Events() {
						w, done, err := d.See(ev)
						if err != nil {
							t.Fatal(err)
						}
						if done {
							got = &w
						}
					}
				}
			}
			i := grid.IntervalAt(start.Add(time.Hour), 15)
			apply(append(m.Reprice(start), admissions...)...)
			apply(matching.Command{Kind: matching.Open, Product: uint32(i.Start / 900)})
			for k := range 40 {
				p := points[r.IntN(len(points))]
				if seed%2 == 1 && k%9 == 8 { // calls before the gate, which trade what is best then
					apply(matching.Command{Kind: matching.Call, Product: uint32(i.Start / 900)})
				}
				if k > 10 && r.IntN(4) == 0 {
					change := community.Change{Member: p.Member, ClientID: fmt.Sprint("o", r.IntN(k)), Cancel: r.IntN(2) == 0, Energy: grid.Energy(1 + r.IntN(900)), Price: 1000 * grid.Price(60+r.IntN(240)), Time: start}
					if _, commands, err := m.Change(change); err == nil {
						apply(commands...)
					}
					continue
				}
				side := grid.Side(1 + int(p.Member[1])%2)
				if seed%2 == 1 { // members on both sides
					side = grid.Side(1 + r.IntN(2))
				}
				_, commands, err := m.Submit(community.Submission{Product: grid.Product{Community: "elm", Interval: i}, Time: start, Order: grid.Order{
					ID: fmt.Sprint("o", k), Member: p.Member, MeteringPoint: p.MeteringPoint, Side: side, Energy: grid.Energy(1 + r.IntN(900)), Price: 1000 * grid.Price(60+r.IntN(240)),
				}})
				if err != nil {
					t.Fatal(err)
				}
				apply(commands...)
			}
			apply(matching.Command{Kind: matching.Close, Product: uint32(i.Start / 900)})
			if got == nil || got.Declared > got.Optimum || way == matching.Calls && seed%2 == 0 && got.Declared != got.Optimum {
				t.Errorf("seed %d, %s: %+v", seed, way, got)
			}
			sums[way] = sums[way].Add(*got)
		}
	}
	if continuous := *sums[matching.Continuous].Share(); continuous > 950 || continuous < 500 {
		t.Errorf("continuous trade comes to %d per mille of its orders' optimum: the test shows nothing", continuous)
	}
	if (community.Welfare{}).Share() != nil {
		t.Error("a share of nothing")
	}
}

// TestDeclarationsBegunLate says nothing of an interval whose opening was not seen, as after a start: nobody knows what the orders
// declared that came before, and a trade against one would be worth more than the best of the rest.
func TestDeclarationsBegunLate(t *testing.T) {
	t.Parallel()
	d := community.NewDeclarations(grid.SingleNode(), func(string) string { return "" })
	p := grid.Product{Community: "elm", Interval: grid.IntervalAt(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), 15)}
	bid := &grid.Order{ID: "2", Member: "ann", MeteringPoint: "mp-ann", Side: grid.Bid, Energy: 100, Price: 200_000}
	for _, ev := range []community.Event{
		{Kind: community.Accepted, Product: p, Order: bid},
		{Kind: community.Traded, Product: p, Trade: &grid.Trade{Product: p, Bid: "2", Offer: "1", Energy: 100}}, // who offers was not seen
		{Kind: community.Cleared, Product: p},
	} {
		if w, done, err := d.See(ev); err != nil || w != (community.Welfare{}) || done != (ev.Kind == community.Cleared) {
			t.Errorf("%s: %+v, %t, %v", ev.Kind, w, done, err)
		}
	}
}
