package matching_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/clearing"
)

// TestACaseClearsAsTheMarketDoes puts the same orders into a market over a feeder and into
// a case: what the market trades when the gate closes is what the case trades, to the Wh and
// at the same prices, with members that have metering points at several nodes.
func TestACaseClearsAsTheMarketDoes(t *testing.T) {
	trades, own := 0, 0
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 5))
		f := randomFeeder(r)
		e, same := newEngine(t, matching.Config{Feeder: f, Tick: 1, Floor: -100, Ceiling: 100}), clearing.Case{Mechanism: clearing.Uniform, Feeder: &f}
		nodes := make([]string, 7) // by account
		for account := range uint32(6) {
			node := r.Uint32N(uint32(len(f.Nodes)))
			e.Apply(&matching.Command{Kind: matching.Admit, Account: account + 1, Member: account/2 + 1, Node: node})
			nodes[account+1] = f.Nodes[node].ID
		}
		e.Apply(&matching.Command{Kind: matching.Open, Product: 1})
		for k := range 4 + r.IntN(8) {
			o := matching.Command{
				Kind: matching.Submit, Product: 1, Order: uint64(k + 1), Account: 1 + r.Uint32N(6), Side: grid.Side(1 + r.IntN(2)),
				Energy: grid.Energy(1 + r.IntN(60)), Price: grid.Price(r.IntN(20)),
			}
			if trades := e.Apply(&o); len(trades) != 1 || trades[0].Kind != matching.Accepted {
				same.Orders = nil
				break // it met another one within its zone, which no call does
			}
			same.Orders = append(same.Orders, clearing.Order{
				ID: fmt.Sprintf("%08d", k), Member: fmt.Sprint((o.Account-1)/2 + 1), Node: nodes[o.Account], Side: o.Side, Energy: o.Energy, Price: o.Price,
			})
		}
		if same.Orders == nil {
			continue
		}
		want, err := same.Clear()
		if err != nil {
			t.Fatal(err)
		}
		var got []clearing.Trade
		for _, ev := range e.Apply(&matching.Command{Kind: matching.Close, Product: 1}) {
			if ev.Kind == matching.Traded {
				got = append(got, clearing.Trade{Bid: fmt.Sprintf("%08d", ev.Order-1), Offer: fmt.Sprintf("%08d", ev.Maker-1), Energy: ev.Energy, BidPrice: ev.Price, OfferPrice: ev.OfferPrice})
			}
		}
		if !slices.Equal(got, want.Trades) {
			t.Fatalf("seed %d: the market trades %+v, the case %+v", seed, got, want.Trades)
		}
		trades, own = trades+len(got), own+len(want.Own)
	}
	if trades < 500 || own < 50 {
		t.Errorf("only %d trades, and %d orders of energy that stays with its member", trades, own)
	}
}
