package explain

import (
	"reflect"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
)

func wanted(member string, energy grid.Energy, price grid.Price) Order {
	return Order{Order: grid.Order{ID: "b-" + member, Member: member, Side: grid.Bid, Energy: energy, Price: price}}
}

func offered(node string, energy grid.Energy, price grid.Price) Order {
	return Order{Order: grid.Order{ID: "o", Member: "seller", Node: node, Side: grid.Offer, Energy: energy, Price: price}}
}

// street is a feeder of one street behind a line that costs fee and takes limit Wh out of it.
func street(fee grid.Price, limit grid.Energy) grid.Feeder {
	return grid.Feeder{Nodes: []grid.Node{{ID: "root"}, {ID: "street", Parent: "root", Fee: fee, ExportLimit: &limit}}}
}

// TestWhyAPriceIsWhatItIs, with prices reckoned by hand.
func TestWhyAPriceIsWhatItIs(t *testing.T) {
	type why struct {
		Reason     Reason
		Price      grid.Price
		Low, High  grid.Price
		Lines      []Line
		Sold, Left grid.Energy // of the supply at the place
		Cheapest   grid.Price  // of the supply
	}
	one := grid.SingleNode()
	for name, c := range map[string]struct {
		feeder grid.Feeder
		orders []Order
		at     string
		want   why
	}{
		"nobody orders":           {one, nil, "", why{Reason: NoOrders}},
		"nobody sells":            {one, []Order{wanted("a", 10, 300)}, "", why{Reason: NoOffers, Price: 300, Low: 300}},
		"nobody buys":             {one, []Order{offered("", 10, 300)}, "", why{Reason: NoBids, Price: 300, High: 300, Left: 10, Cheapest: 300}},
		"nobody pays so much":     {one, []Order{offered("", 10, 300), wanted("b", 10, 200)}, "", why{Reason: NoMatch, Price: 250, Low: 200, High: 300, Left: 10, Cheapest: 300}},
		"a trade":                 {one, []Order{offered("", 10, 100), wanted("b", 10, 200)}, "", why{Reason: HalfWay, Price: 150, Low: 100, High: 200, Sold: 10, Cheapest: 100}},
		"less than is wanted":     {one, []Order{offered("", 6, 100), wanted("b", 9, 200)}, "", why{Reason: ByBid, Price: 200, Low: 200, High: 200, Sold: 6, Cheapest: 100}},
		"more than is wanted":     {one, []Order{offered("", 16, 100), wanted("b", 10, 200)}, "", why{Reason: ByOffer, Price: 100, Low: 100, High: 100, Sold: 10, Left: 6, Cheapest: 100}},
		"a full line, beyond it":  {street(5, 4), []Order{offered("street", 10, 100), wanted("b", 10, 200)}, "", why{Reason: FullLine, Price: 200, Low: 200, High: 200, Lines: []Line{{"street", true, 4, 95, 0}}, Sold: 4, Cheapest: 105}},
		"a full line, behind it":  {street(5, 4), []Order{offered("street", 10, 100), wanted("b", 10, 200)}, "street", why{Reason: FullLine, Price: 100, Low: 100, High: 100, Lines: []Line{{"street", true, 4, 95, 0}}, Sold: 4, Left: 6, Cheapest: 100}},
		"a line that is not full": {street(5, 40), []Order{offered("street", 10, 100), wanted("b", 10, 200)}, "", why{Reason: HalfWay, Price: 152, Low: 105, High: 200, Sold: 10, Cheapest: 105}},
	} {
		a := Auction{Feeder: c.feeder, Orders: c.orders}
		hold(t, a)
		r, err := Of(a)
		if err != nil {
			t.Fatal(err)
		}
		w, err := r.Why(c.at)
		if err != nil {
			t.Fatal(err)
		}
		got := why{Reason: w.Reason, Lines: w.Lines}
		for _, p := range []struct {
			into *grid.Price
			from *grid.Price
		}{{&got.Price, w.Price}, {&got.Low, w.Low}, {&got.High, w.High}} {
			if p.from != nil {
				*p.into = *p.from
			}
		}
		if len(w.Supply) > 0 {
			got.Cheapest = w.Supply[0].Price
		}
		for _, s := range w.Supply {
			got.Sold += s.Filled
			got.Left += s.Energy - s.Filled
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestTheCurvesMeetAtThePrice: of random auctions, at each node and summed up for a member, what is
// below the price trades, what is above it does not, and as much is sold as is bought.
func TestTheCurvesMeetAtThePrice(t *testing.T) {
	reasons := map[Reason]int{}
	for seed := range uint64(auctions / 3) {
		r, err := Of(auctioned(t, seed))
		if err != nil {
			t.Fatal(err)
		}
		shown := r.Merged(3).Summed(3, "m00")
		for _, x := range []Record{r, shown} {
			for _, n := range x.Nodes {
				w, err := x.Why(n.ID)
				if err != nil {
					t.Fatal(err)
				}
				reasons[w.Reason]++
				var sold, bought grid.Energy
				for _, s := range w.Supply {
					sold += s.Filled
					if s.Price < *w.Price && s.Filled < s.Energy || s.Price > *w.Price && s.Filled > 0 {
						t.Fatalf("seed %d at %s: supply %+v at %d", seed, n.ID, s, *w.Price)
					}
				}
				for _, s := range w.Demand {
					bought += s.Filled
					if s.Price > *w.Price && s.Filled < s.Energy || s.Price < *w.Price && s.Filled > 0 {
						t.Fatalf("seed %d at %s: demand %+v at %d", seed, n.ID, s, *w.Price)
					}
				}
				if sold != bought || w.Low != nil && *w.Low > *w.Price || w.High != nil && *w.High < *w.Price {
					t.Fatalf("seed %d at %s: %d Wh are sold, %d bought, at %v of %v to %v", seed, n.ID, sold, bought, *w.Price, w.Low, w.High)
				}
			}
		}
	}
	for _, reason := range []Reason{NoMatch, FullLine, ByBid, ByOffer, HalfWay} {
		if reasons[reason] < 20 {
			t.Errorf("%s is the reason %d times: %v", reason, reasons[reason], reasons)
		}
	}
}
