package auction_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/auction"
)

func bid(id string, energy grid.Energy, price grid.Price) grid.Order {
	return grid.Order{ID: id, Member: "m-" + id, Side: grid.Bid, Energy: energy, Price: price}
}

func offer(id string, energy grid.Energy, price grid.Price) grid.Order {
	o := bid(id, energy, price)
	o.Side = grid.Offer
	return o
}

func TestUniformWorked(t *testing.T) {
	for _, c := range []struct {
		name   string
		orders []grid.Order
		k      int64
		price  grid.Price
		volume grid.Energy
	}{
		{"gap between the marginal orders", []grid.Order{bid("b", 10, 300), offer("o", 10, 100)}, 500, 200, 10},
		{"the marginal bid's own price under excess demand", []grid.Order{bid("b", 20, 300), offer("o", 10, 100)}, 500, 300, 10},
		{"the marginal offer's own price under excess supply", []grid.Order{bid("b", 10, 300), offer("o", 20, 100)}, 500, 100, 10},
		{"a refused bid lifts the price", []grid.Order{bid("b1", 10, 300), bid("b2", 10, 250), offer("o", 10, 100)}, 0, 250, 10},
		{"a refused offer bounds the price", []grid.Order{bid("b", 10, 300), offer("o1", 10, 100), offer("o2", 10, 150)}, 1000, 150, 10},
		{"equal prices trade", []grid.Order{bid("b", 10, 100), offer("o", 10, 100)}, 500, 100, 10},
		{"nothing crosses", []grid.Order{bid("b", 10, 99), offer("o", 10, 100)}, 500, 0, 0},
		{"negative prices", []grid.Order{bid("b", 10, -50), offer("o", 10, -90)}, 500, -70, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := auction.Uniform(c.orders, c.k)
			if err != nil {
				t.Fatal(err)
			}
			if got.Volume != c.volume || c.volume > 0 && got.Price != c.price {
				t.Errorf("%d Wh at %d, want %d Wh at %d", got.Volume, got.Price, c.volume, c.price)
			}
		})
	}
}

func TestMarginIsRationedProRata(t *testing.T) {
	got, err := auction.Uniform([]grid.Order{bid("b", 10, 300), offer("o1", 5, 100), offer("o3", 20, 200), offer("o2", 10, 200)}, 500)
	if err != nil {
		t.Fatal(err)
	}
	// 5 Wh are left for o2 and o3 at 1 : 2: 1.67 and 3.33.
	want := map[string]grid.Energy{"b": 10, "o1": 5, "o2": 2, "o3": 3}
	for _, f := range got.Fills {
		if f.Energy != want[f.Order.ID] {
			t.Errorf("%s got %d Wh, want %d", f.Order.ID, f.Energy, want[f.Order.ID])
		}
	}
}

func TestNobodyTradesWithItself(t *testing.T) {
	own1, own2 := bid("b", 10, 300), offer("o", 30, 100)
	own1.Member, own2.Member = "m", "m"
	got, err := auction.Uniform([]grid.Order{own1, own2, bid("x", 5, 200)}, 500)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Pairs) != 1 || got.Pairs[0].Bid.ID != "x" || got.Volume != 5 {
		t.Errorf("pairs %+v", got.Pairs)
	}
}

// randomBook makes a book of n orders with few price levels, so that ties and
// margins are frequent.
func randomBook(r *rand.Rand, n int) []grid.Order {
	orders := make([]grid.Order, n)
	for i := range orders {
		o := bid(fmt.Sprintf("o%02d", i), 1+grid.Energy(r.IntN(30)), grid.Price(r.IntN(20)))
		o.Member = fmt.Sprintf("m%d", r.IntN(n))
		if r.IntN(2) == 0 {
			o.Side = grid.Offer
		}
		orders[i] = o
	}
	return orders
}

// bestWelfare is the oracle: it trades one Wh at a time, the highest value with
// the lowest cost, while that gains.
func bestWelfare(orders []grid.Order) (welfare int64) {
	var values, costs [20]int64 // Wh at each price
	for _, o := range orders {
		if o.Side == grid.Bid {
			values[o.Price] += int64(o.Energy)
		} else {
			costs[o.Price] += int64(o.Energy)
		}
	}
	for v, c := 19, 0; v >= 0 && c < 20 && v > c; {
		switch {
		case values[v] == 0:
			v--
		case costs[c] == 0:
			c++
		default:
			values[v]--
			costs[c]--
			welfare += int64(v - c)
		}
	}
	return welfare
}

// TestUniformProperties checks on random books what the package promises:
// efficient, individually rational, balanced, fills within orders.
func TestUniformProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for n := range 3000 {
		orders := randomBook(r, 1+r.IntN(14))
		c, err := auction.Uniform(orders, int64(r.IntN(1001)))
		if err != nil {
			t.Fatal(err)
		}
		byID := map[string]grid.Order{}
		net := map[string]int64{} // welfare that a member's own orders would have made
		for _, o := range orders {
			byID[o.ID] = o
			net[o.Member]++
		}
		paired := map[string]grid.Energy{}
		var welfare int64
		for _, p := range c.Pairs {
			if p.Bid.Member == p.Offer.Member {
				t.Fatalf("book %d: %s trades with itself", n, p.Bid.Member)
			}
			if p.Energy <= 0 || c.Price > p.Bid.Price || c.Price < p.Offer.Price {
				t.Fatalf("book %d: pair %+v at %d makes a loss", n, p, c.Price)
			}
			paired[p.Bid.ID] += p.Energy
			paired[p.Offer.ID] += p.Energy
			welfare += int64(p.Energy) * int64(p.Bid.Price-p.Offer.Price)
		}
		var bought, sold grid.Energy
		for _, f := range c.Fills {
			if f.Energy > byID[f.Order.ID].Energy || f.Energy != paired[f.Order.ID] {
				t.Fatalf("book %d: %s filled %d of %d, paired %d", n, f.Order.ID, f.Energy, byID[f.Order.ID].Energy, paired[f.Order.ID])
			}
			if f.Order.Side == grid.Bid {
				bought += f.Energy
			} else {
				sold += f.Energy
			}
		}
		if bought != sold || bought != c.Volume {
			t.Fatalf("book %d: bought %d, sold %d, volume %d", n, bought, sold, c.Volume)
		}
		if len(net) == len(orders) { // each member has one order: nothing is netted
			if best := bestWelfare(orders); welfare != best {
				t.Fatalf("book %d: welfare %d of %d\n%+v", n, welfare, best, orders)
			}
		}
	}
}
