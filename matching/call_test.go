package matching_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/network"
)

// randomFeeder is a tree of lines with fees and limits.
func randomFeeder(r *rand.Rand) grid.Feeder {
	f := grid.Feeder{Nodes: []grid.Node{{ID: "root"}}}
	for n := range 2 + r.IntN(6) {
		node := grid.Node{ID: fmt.Sprint("n", n), Parent: f.Nodes[r.IntN(len(f.Nodes))].ID, Fee: grid.Price(r.IntN(3))}
		if r.IntN(2) == 0 {
			node.ExportLimit, node.ImportLimit = new(grid.Energy(r.IntN(40))), new(grid.Energy(r.IntN(40)))
		}
		f.Nodes = append(f.Nodes, node)
	}
	return f
}

// TestCallsKeepTheLimits lets members with metering points at several nodes of
// random feeders trade in several calls: the trades are the flows, no line
// carries more than its limit, nobody trades with itself or worse than its limit,
// and the pairs' prices leave nothing to pay in but the fees.
func TestCallsKeepTheLimits(t *testing.T) {
	trades, taken := 0, 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 21))
		f := randomFeeder(r)
		flows := map[string]grid.Energy{}
		for range 3 {
			c := network.Case{Feeder: f, Committed: flows, K: network.Half}
			for k := range 4 + r.IntN(8) {
				c.Orders = append(c.Orders, grid.Order{
					ID: fmt.Sprint("o", k), Member: fmt.Sprint("m", r.IntN(3)), Node: f.Nodes[r.IntN(len(f.Nodes))].ID,
					Side: grid.Side(1 + r.IntN(2)), Energy: grid.Energy(1 + r.IntN(60)), Price: grid.Price(r.IntN(20)),
				})
			}
			orders := map[string]grid.Order{}
			for _, o := range c.Orders {
				orders[o.ID] = o
			}
			plain, err := network.Clear(c)
			if err != nil {
				t.Fatal(err)
			}
			clearing, err := network.ClearPaired(c)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if fmt.Sprint(plain.Fills) != fmt.Sprint(clearing.Fills) {
				taken++
			}
			next := maps.Clone(flows)
			for _, p := range clearing.Pairs {
				trades++
				bid, offer := orders[p.Bid], orders[p.Offer]
				pays, gets := *clearing.Prices[bid.Node], *clearing.Prices[offer.Node]
				if bid.Member == offer.Member || pays > bid.Price || gets < offer.Price {
					t.Fatalf("seed %d: %+v at %d with %+v at %d", seed, bid, pays, offer, gets)
				}
				carry(f, next, offer.Node, p.Energy)
				carry(f, next, bid.Node, -p.Energy)
			}
			for _, n := range f.Nodes[1:] {
				if n.ExportLimit != nil && (next[n.ID] > *n.ExportLimit || next[n.ID] < -*n.ImportLimit) {
					t.Fatalf("seed %d: %d Wh over the line of %+v", seed, next[n.ID], n)
				}
				if next[n.ID]-flows[n.ID] != clearing.Flows[n.ID] {
					t.Fatalf("seed %d: the trades send %d Wh over the line of %s, the clearing %d", seed, next[n.ID]-flows[n.ID], n.ID, clearing.Flows[n.ID])
				}
			}
			flows = next
		}
	}
	if trades < 5000 || taken < 20 {
		t.Errorf("only %d trades, and %d clearings from which something was taken", trades, taken)
	}
}

// carry adds energy to the lines from a node to the root.
func carry(f grid.Feeder, flows map[string]grid.Energy, node string, energy grid.Energy) {
	for node != f.Root() {
		flows[node] += energy
		for _, n := range f.Nodes {
			if n.ID == node {
				node = n.Parent
				break
			}
		}
	}
}
