package matching_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

var product = grid.Product{Community: "c", Interval: grid.Interval{Start: 1_780_000_200, Minutes: 15}}

func engine(t *testing.T) *matching.Engine {
	t.Helper()
	e, err := matching.New(grid.SingleNode())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func submit(id, member string, side grid.Side, energy grid.Energy, price grid.Price) matching.Command {
	return matching.Command{Kind: matching.Submit, Time: time.Unix(1_780_000_000, 0).UTC(), Product: product, Order: &grid.Order{
		ID: id, Member: member, MeteringPoint: "mp-" + member, Side: side, Energy: energy, Price: price,
	}}
}

func command(kind matching.CommandKind) matching.Command {
	return matching.Command{Kind: kind, Time: time.Unix(1_780_000_000, 0).UTC(), Product: product}
}

func TestPriceTimePriority(t *testing.T) {
	e := engine(t)
	e.Apply(command(matching.Open))
	e.Apply(submit("late-cheap", "a", grid.Offer, 10, 200))
	e.Apply(submit("first", "b", grid.Offer, 10, 100))
	e.Apply(submit("second", "c", grid.Offer, 10, 100))
	events := e.Apply(submit("bid", "d", grid.Bid, 25, 250))
	var got []string
	for _, ev := range events {
		if ev.Kind == matching.Traded {
			got = append(got, fmt.Sprintf("%s %d@%d", ev.Trade.Offer, ev.Trade.Energy, ev.Trade.BidPrice))
		}
	}
	want := []string{"first 10@100", "second 10@100", "late-cheap 5@200"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("trades %v, want %v", got, want)
	}
}

func TestSelfTradeIsPrevented(t *testing.T) {
	e := engine(t)
	e.Apply(command(matching.Open))
	e.Apply(submit("o", "a", grid.Offer, 10, 100))
	events := e.Apply(submit("b", "a", grid.Bid, 10, 100))
	if len(events) != 2 || events[1].Kind != matching.Cancelled || events[1].Order.ID != "b" {
		t.Errorf("events %+v: want the newer order cancelled", events)
	}
}

func TestCloseClearsAndExpires(t *testing.T) {
	e := engine(t)
	e.Apply(command(matching.Open))
	e.Apply(submit("b", "a", grid.Bid, 10, 90)) // rests: nothing to match
	e.Apply(submit("o", "b", grid.Offer, 30, 100))
	events := e.Apply(command(matching.Close))
	kinds := map[matching.EventKind]int{}
	for _, ev := range events {
		kinds[ev.Kind]++
	}
	if kinds[matching.Expired] != 2 || kinds[matching.Cleared] != 1 || kinds[matching.Traded] != 0 {
		t.Errorf("events %v", kinds)
	}
	if e.IsOpen(product) {
		t.Error("the product is open after its gate closed")
	}
}

func TestRefusals(t *testing.T) {
	e := engine(t)
	e.Apply(command(matching.Open))
	e.Apply(submit("b", "a", grid.Bid, 10, 90))
	unknownNode := submit("n", "a", grid.Bid, 10, 90)
	unknownNode.Order.Node = "nowhere"
	elsewhere := submit("x", "a", grid.Bid, 10, 90)
	elsewhere.Product.Interval = product.Interval.Shift(1)
	foreign := matching.Command{Kind: matching.Cancel, Product: product, OrderID: "b", Member: "z"}
	for want, c := range map[string]matching.Command{
		`id: duplicate "b"`: submit("b", "a", grid.Bid, 10, 90),
		"energy: 0 Wh, must be positive: the side carries the direction": submit("z", "a", grid.Bid, 0, 90),
		`node: unknown node "nowhere"`:                                   unknownNode,
		"the product is not open for trade":                              elsewhere,
		`order_id: the member has no order "b"`:                          foreign,
		"the product is already open":                                    command(matching.Open),
	} {
		events := e.Apply(c)
		if len(events) != 1 || events[0].Kind != matching.Rejected || events[0].Reason != want {
			t.Errorf("events %+v, want rejected: %s", events, want)
		}
	}
}

func TestAFeederWithLimitsIsRefused(t *testing.T) {
	if _, err := matching.New(grid.Feeder{Nodes: []grid.Node{{ID: "root"}, {ID: "a", Parent: "root", Fee: 1}}}); err == nil {
		t.Error("a fee that the market cannot clear was accepted silently")
	}
}

// TestRandomCommands drives an engine at random and checks after every command
// that energy is conserved and prices respect limits, and that a second engine
// agrees on every event.
func TestRandomCommands(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 7))
		e, twin := engine(t), engine(t)
		orders, filled := map[string]grid.Order{}, map[string]grid.Energy{}
		seq := uint64(0)
		for n := range 400 {
			c := randomCommand(r, n)
			events := e.Apply(c)
			if again := twin.Apply(c); !reflect.DeepEqual(events, again) {
				t.Fatalf("seed %d: %+v gave %+v and %+v", seed, c, events, again)
			}
			for _, ev := range events {
				if seq++; ev.Seq != seq {
					t.Fatalf("seed %d: event %d has number %d", seed, seq, ev.Seq)
				}
				if ev.Kind == matching.Accepted {
					orders[ev.Order.ID] = *ev.Order
				}
				if ev.Kind != matching.Traded {
					continue
				}
				bid, offer := orders[ev.Trade.Bid], orders[ev.Trade.Offer]
				filled[bid.ID] += ev.Trade.Energy
				filled[offer.ID] += ev.Trade.Energy
				if bid.Member == offer.Member || filled[bid.ID] > bid.Energy || filled[offer.ID] > offer.Energy ||
					ev.Trade.BidPrice > bid.Price || ev.Trade.OfferPrice < offer.Price || ev.Trade.Energy <= 0 {
					t.Fatalf("seed %d: trade %+v of %+v and %+v", seed, ev.Trade, bid, offer)
				}
			}
			if len(events) == 0 {
				t.Fatalf("seed %d: no event for %+v", seed, c)
			}
		}
	}
}

func randomCommand(r *rand.Rand, n int) matching.Command {
	switch r.IntN(40) {
	case 0:
		return command(matching.Open)
	case 1:
		return command(matching.Close)
	case 2, 3, 4, 5, 6:
		return matching.Command{Kind: matching.Cancel, Product: product, OrderID: fmt.Sprint(r.IntN(n + 1)), Member: fmt.Sprint(r.IntN(5))}
	default:
		side := grid.Bid
		if r.IntN(2) == 0 {
			side = grid.Offer
		}
		return submit(fmt.Sprint(n), fmt.Sprint(r.IntN(5)), side, grid.Energy(1+r.IntN(50)), grid.Price(r.IntN(40)))
	}
}
