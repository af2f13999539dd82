package matching_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// optimum is the most that pairs of a bid and an offer of different members can be worth, each
// member having one order: the dearest bids meet the cheapest offers as long as they cross.
func optimum(orders []matching.Command) (welfare int64) {
	var bids, offers []matching.Command
	for _, o := range orders {
		if o.Side == grid.Bid {
			bids = append(bids, o)
		} else {
			offers = append(offers, o)
		}
	}
	slices.SortFunc(bids, func(a, b matching.Command) int { return cmp.Compare(b.Price, a.Price) })
	slices.SortFunc(offers, func(a, b matching.Command) int { return cmp.Compare(a.Price, b.Price) })
	for b, o := 0, 0; b < len(bids) && o < len(offers) && bids[b].Price > offers[o].Price; {
		energy := min(bids[b].Energy, offers[o].Energy)
		welfare += int64(energy) * int64(bids[b].Price-offers[o].Price)
		bids[b].Energy -= energy
		offers[o].Energy -= energy
		if bids[b].Energy == 0 {
			b++
		}
		if offers[o].Energy == 0 {
			o++
		}
	}
	return welfare
}

// TestCallsTradeTheBestOfTheOrders puts the same orders, in the order of arrival, into a market
// that trades continuously and into one that only calls: before the gate nothing trades in the
// second, at the gate it trades the optimum of the orders, and the first comes to less.
func TestCallsTradeTheBestOfTheOrders(t *testing.T) {
	var best, early int64
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 41))
		var orders []matching.Command
		prices := map[uint64]int64{}
		for k := range uint32(12) {
			o := matching.Command{
				Kind: matching.Submit, Product: 1, Order: uint64(k + 1), Account: k + 1, Side: grid.Side(1 + r.IntN(2)),
				Energy: grid.Energy(1 + r.IntN(60)), Price: grid.Price(r.IntN(20)),
			}
			orders, prices[o.Order] = append(orders, o), int64(o.Price)
		}
		want := optimum(slices.Clone(orders))
		for _, way := range []matching.Trading{matching.Continuous, matching.Calls} {
			e := newEngine(t, matching.Config{Feeder: grid.SingleNode(), Tick: 1, Floor: 0, Ceiling: 100})
			for k := range uint32(12) {
				e.Apply(&matching.Command{Kind: matching.Admit, Account: k + 1, Member: k + 1})
			}
			e.Apply(&matching.Command{Kind: matching.Arrange, Name: way.String()})
			e.Apply(&matching.Command{Kind: matching.Open, Product: 1})
			var welfare int64
			for k := range append(orders, matching.Command{Kind: matching.Close, Product: 1}) {
				c := matching.Command{Kind: matching.Close, Product: 1}
				if k < len(orders) {
					c = orders[k]
				}
				for _, ev := range e.Apply(&c) {
					if ev.Kind != matching.Traded {
						continue
					}
					if way == matching.Calls && c.Kind != matching.Close {
						t.Fatalf("seed %d: %+v trades before the gate", seed, ev)
					}
					gain := prices[ev.Order] - prices[ev.Maker]
					if ev.Side == grid.Offer {
						gain = -gain
					}
					welfare += gain * int64(ev.Energy)
				}
			}
			if way == matching.Calls {
				best += welfare
				if welfare != want {
					t.Errorf("seed %d: the call trades %d of the orders' optimum of %d", seed, welfare, want)
				}
			} else {
				early += welfare
			}
		}
	}
	if early >= best*97/100 {
		t.Errorf("continuous trade comes to %d of %d: the test shows nothing", early, best)
	}
}

// TestAProductKeepsItsTrading changes how orders trade while products are open.
func TestAProductKeepsItsTrading(t *testing.T) {
	e := newEngine(t, matching.Config{Feeder: grid.SingleNode(), Tick: 1, Floor: 0, Ceiling: 100})
	for k := range uint32(2) {
		e.Apply(&matching.Command{Kind: matching.Admit, Account: k + 1, Member: k + 1})
	}
	e.Apply(&matching.Command{Kind: matching.Open, Product: 1})
	e.Apply(&matching.Command{Kind: matching.Arrange, Name: "calls"})
	e.Apply(&matching.Command{Kind: matching.Open, Product: 2})
	e = restored(t, matching.Config{Feeder: grid.SingleNode(), Tick: 1, Floor: 0, Ceiling: 100}, e)
	if e.Trading() != matching.Calls || e.TradingOf(1) != matching.Continuous || e.TradingOf(2) != matching.Calls {
		t.Errorf("next %s, of the first %s, of the second %s", e.Trading(), e.TradingOf(1), e.TradingOf(2))
	}
	bid := matching.Command{Kind: matching.Submit, Product: 2, Order: 1, Account: 1, Side: grid.Bid, Energy: 5, Price: 30}
	for _, c := range []struct {
		validity matching.Validity
		periods  uint8
		product  uint32
		want     matching.Reason
	}{
		{matching.GoodTillGate, 0, 2, matching.NoReason},
		{matching.ImmediateOrCancel, 0, 2, matching.OnlyCalls},
		{matching.FillOrKill, 1, 2, matching.OnlyCalls},
		{matching.GoodTillGate, 2, 1, matching.OnlyCalls}, // a block over both
		{matching.ImmediateOrCancel, 0, 1, matching.NoReason},
	} {
		o := bid
		o.Validity, o.Periods, o.Product = c.validity, c.periods, c.product
		o.Order += uint64(c.product)*100 + uint64(c.validity)*10 + uint64(c.periods)
		if why := e.Check(&o); why != c.want {
			t.Errorf("%+v: %q, want %q", o, why, c.want)
		}
		if got := e.Apply(&o)[0]; got.Reason != c.want {
			t.Errorf("%+v: %+v, want %q", o, got, c.want)
		}
	}
}
