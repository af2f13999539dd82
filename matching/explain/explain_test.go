package explain

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/network"
)

// checked holds a record to the conditions of a best trade, from what anybody sees of it alone, and
// not by the code that made it: docs/matching.md has them. A record that keeps to all of them is
// the best that could be done (duality of linear programmes).
func checked(r Record) error {
	nodes := map[string]Node{}
	net := map[string]grid.Energy{} // what leaves a node by its steps and comes from below
	for _, n := range r.Nodes {
		nodes[n.ID] = n
		net[n.ID] -= n.Flow
		net[n.Parent] += n.Flow
	}
	gains, bound := new(big.Int), new(big.Int)
	product := func(into *big.Int, p grid.Price, e grid.Energy) {
		into.Add(into, new(big.Int).Mul(big.NewInt(int64(p)), big.NewInt(int64(e))))
	}
	for _, s := range r.Steps {
		price := nodes[s.Node].Price
		sign := grid.Energy(1)
		if s.Side == grid.Bid {
			sign = -1
		}
		net[s.Node] += sign * s.Filled
		if s.Filled < 0 || s.Filled > s.Energy || price == nil {
			return fmt.Errorf("step %+v at %v", s, price)
		}
		better := *price - s.Price
		if s.Side == grid.Bid {
			better = s.Price - *price
		}
		if better > 0 && s.Filled < s.Energy || better < 0 && s.Filled > 0 {
			return fmt.Errorf("step %+v is filled otherwise than the price %d says", s, *price)
		}
		product(gains, -s.Price, sign*s.Filled)
		product(bound, max(better, 0), s.Energy)
	}
	for id, rest := range net {
		if id != "" && rest != 0 {
			return fmt.Errorf("node %s: %d Wh are left", id, rest)
		}
	}
	for _, n := range r.Nodes {
		if n.Parent == "" {
			if n.Flow != 0 {
				return fmt.Errorf("the root sends %d Wh", n.Flow)
			}
			continue
		}
		over := n.Flow + n.Committed
		if n.ExportLimit != nil && over > *n.ExportLimit || n.ImportLimit != nil && over < -*n.ImportLimit {
			return fmt.Errorf("line of %s: %d Wh are beyond its limits", n.ID, over)
		}
		used := max(over, -over) - max(n.Committed, -n.Committed)
		product(gains, -n.Fee, used)
		below, above := n.Price, nodes[n.Parent].Price
		if below == nil || above == nil {
			if n.Flow != 0 {
				return fmt.Errorf("line of %s: %d Wh without a price", n.ID, n.Flow)
			}
			continue
		}
		across := *above - *below
		if out := across - n.Fee; out > 0 {
			if n.ExportLimit == nil || over != *n.ExportLimit {
				return fmt.Errorf("line of %s: not full at a gain of %d", n.ID, out)
			}
			product(bound, out, *n.ExportLimit)
		}
		if in := -across - n.Fee; in > 0 {
			if n.ImportLimit == nil || over != -*n.ImportLimit {
				return fmt.Errorf("line of %s: not full at a gain of %d", n.ID, in)
			}
			product(bound, in, *n.ImportLimit)
		}
		if over > 0 && across < n.Fee || over < 0 && -across < n.Fee {
			return fmt.Errorf("line of %s: %d Wh go the wrong way, or for less than the fee", n.ID, over)
		}
		product(bound, -across, n.Committed)
		product(bound, n.Fee, max(n.Committed, -n.Committed))
	}
	if gains.Cmp(bound) != 0 {
		return fmt.Errorf("gains %s, bound %s", gains, bound)
	}
	if g, b := r.Gains(), r.Bound(); g.Cmp(gains) != 0 || b == nil || b.Cmp(bound) != 0 {
		return fmt.Errorf("gains %s and bound %v, want %s", g, b, gains)
	}
	return nil
}

// auctioned holds a random auction: on a random feeder, after another one on the same lines.
func auctioned(t *testing.T, seed uint64) Auction {
	t.Helper()
	x := rand.New(rand.NewPCG(seed, 9))
	a := Auction{Members: map[string][]string{}, Committed: map[string]grid.Energy{}}
	for k := range 1 + x.IntN(7) {
		n := grid.Node{ID: fmt.Sprintf("n%d", k)}
		if k > 0 {
			n.Parent, n.Fee = fmt.Sprintf("n%d", x.IntN(k)), grid.Price(x.IntN(3)*x.IntN(20))
			if x.IntN(2) == 0 {
				n.ExportLimit = new(grid.Energy(x.IntN(800)))
			}
			if x.IntN(2) == 0 {
				n.ImportLimit = new(grid.Energy(x.IntN(800)))
			}
		}
		a.Feeder.Nodes = append(a.Feeder.Nodes, n)
	}
	for m := range x.IntN(14) {
		node := a.Feeder.Nodes[x.IntN(len(a.Feeder.Nodes))].ID
		member := fmt.Sprintf("m%02d", m)
		second := node
		if x.IntN(3) == 0 {
			second = a.Feeder.Nodes[x.IntN(len(a.Feeder.Nodes))].ID
		}
		a.Members[node], a.Members[second] = union(a.Members[node], []string{member}), union(a.Members[second], []string{member})
		for k := range x.IntN(4) {
			a.Orders = append(a.Orders, Order{Order: grid.Order{
				ID: fmt.Sprintf("%s/%d", member, k), Member: member, Node: []string{node, second}[x.IntN(2)], Side: grid.Bid + grid.Side(x.IntN(2)), Energy: grid.Energy(1 + x.IntN(600)), Price: grid.Price(60 + 10*x.IntN(25)),
			}})
		}
	}
	early := len(a.Orders) / 3 * x.IntN(2)
	before, rest := a, a
	before.Orders, rest.Orders = slices.Clone(a.Orders[:early]), slices.Clone(a.Orders[early:])
	for node, flow := range hold(t, before).Flows {
		if flow != 0 {
			rest.Committed[node] = flow
		}
	}
	hold(t, rest)
	return rest
}

// hold clears an auction and notes what its orders got.
func hold(t *testing.T, a Auction) network.Paired {
	t.Helper()
	p, err := network.ClearPaired(a.network())
	if err != nil {
		t.Fatal(err)
	}
	for k := range a.Orders {
		o := &a.Orders[k]
		if o.Filled = p.Fills[o.ID]; o.Filled > 0 {
			o.Traded = *p.Prices[cmp.Or(o.Node, a.Feeder.Root())]
		}
	}
	return p
}

const auctions = 3000

// TestARecordProvesItself makes records of random auctions, merges their places and sums them up
// for one of their members: each keeps to the conditions, and hides what it has to.
func TestARecordProvesItself(t *testing.T) {
	var traded, merged, summed int
	for seed := range uint64(auctions) {
		a := auctioned(t, seed)
		r, err := Of(a)
		if err != nil {
			t.Fatal(err)
		}
		own := ""
		if len(a.Orders) > 0 {
			own = a.Orders[0].Member
		}
		m := r.Merged(3)
		s := m.Summed(3, own)
		for what, x := range map[string]Record{"the record": r, "merged": m, "summed": s, "summed alone": r.Summed(3, "")} {
			if err := checked(x); err != nil {
				t.Fatalf("seed %d: %s: %v\n%+v", seed, what, err, x)
			}
		}
		for _, n := range m.Nodes {
			if stands := len(n.members); stands > 0 && stands < 3 && len(m.Nodes) > 1 {
				t.Fatalf("seed %d: %d members stand at %s", seed, stands, n.ID)
			}
		}
		for _, x := range s.Steps {
			if others := len(x.without(own).members); x.Member != own && (x.ID != "" || others < 3 && x.Filled < x.Energy) {
				t.Fatalf("seed %d: a step of %d others: %+v", seed, others, x)
			}
		}
		if r.Gains().Sign() > 0 {
			traded++
		}
		if len(m.Nodes) < len(r.Nodes) {
			merged++
		}
		if len(s.Steps) > 0 && len(s.Steps) < len(m.Steps) {
			summed++
		}
	}
	if traded < auctions/3 || merged < auctions/3 || summed < auctions/3 {
		t.Errorf("of %d auctions %d traded, %d were merged, %d summed", auctions, traded, merged, summed)
	}
}

// TestARecordThatWasForgedProvesNothing changes records in one place each.
func TestARecordThatWasForgedProvesNothing(t *testing.T) {
	forgeries := map[string]func(r *Record) bool{
		"another price":   func(r *Record) bool { *r.Nodes[0].Price -= 100; return true },
		"more was filled": func(r *Record) bool { r.Steps[0].Filled++; return true },
		"another flow": func(r *Record) bool {
			if len(r.Nodes) > 1 {
				r.Nodes[1].Flow++
			}
			return len(r.Nodes) > 1
		},
		"an order was left out": func(r *Record) bool {
			for k, s := range r.Steps {
				if s.Filled > 0 {
					r.Steps = slices.Delete(r.Steps, k, k+1)
					return true
				}
			}
			return false
		},
		"a line has no limit": func(r *Record) bool {
			for k := range r.Nodes {
				if n := &r.Nodes[k]; n.Full() && n.Flow > 0 && *r.node(n.Parent).Price > *n.Price+n.Fee {
					n.ExportLimit = nil
					return true
				}
			}
			return false
		},
	}
	for name, forge := range forgeries {
		forged := 0
		for seed := range uint64(300) {
			r, err := Of(auctioned(t, seed))
			if err != nil {
				t.Fatal(err)
			}
			if r.Gains().Sign() <= 0 || !forge(&r) {
				continue
			}
			forged++
			if checked(r) == nil {
				t.Fatalf("%s, seed %d: held to be proven: %+v", name, seed, r)
			}
		}
		if forged < 10 {
			t.Errorf("%s: only %d were forged", name, forged)
		}
	}
}

// TestErrorsOfAnAuction that cannot have been held.
func TestErrorsOfAnAuction(t *testing.T) {
	if _, err := Of(Auction{Feeder: grid.SingleNode(), Orders: []Order{{}}}); err == nil {
		t.Error("an order that is nothing took part")
	}
	r := Record{Nodes: []Node{{Node: grid.Node{ID: "root"}, Price: new(grid.Price(1 << 62))}, {
		Node: grid.Node{ID: "a", Parent: "root", ExportLimit: new(grid.Energy(1 << 40))}, Flow: 1 << 40, Price: new(grid.Price),
	}}}
	if _, err := r.Why(""); !errors.Is(err, grid.ErrOverflow) {
		t.Errorf("%v", err)
	}
}
