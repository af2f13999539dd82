// Package explain says why a call auction came to its prices, and shows it to who may not see who
// ordered what. It is pure.
//
// A Record is an auction with its result: the nodes of the feeder with their prices and flows, and
// the orders as steps. It proves itself: with the prices of the nodes nobody could have traded
// better (Gains and Bound are equal, see there), which whoever has the record can check, without the
// program and without knowing anybody. docs/matching.md has the formulae.
//
// Merged hides small places: where fewer than so many members stand at a node, what stands behind
// it is shown at the node above, as that sees it. Summed hides single orders: steps of the same node
// and side that lie on the same side of its price become one, until each is of so many members;
// the price of such a step is the one among its orders that is nearest to the node's price. Both are
// records again that prove themselves.
//
// Energies are in Wh of the interval, prices in millionths of the currency unit per kWh. A flow is
// + towards the parent.
package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/auction"
	"github.com/commonwatt/commonwatt/matching/network"
)

// Order is an order in a call auction, with what it got.
type Order struct {
	grid.Order

	Filled grid.Energy
	Traded grid.Price // at which it was filled; the price of its node
}

// Auction is a call auction that was held.
type Auction struct {
	Feeder    grid.Feeder
	Committed map[string]grid.Energy // over the nodes' lines before, + export
	Orders    []Order
	Members   map[string][]string // who stands at each node
}

// Node is a place of the feeder, with the line to its parent.
type Node struct {
	grid.Node

	Committed grid.Energy // over the line before the auction
	Flow      grid.Energy // beside that
	Price     *grid.Price // nil: no order gives one
	members   []string
}

// over is all that goes over the node's line.
func (n *Node) over() grid.Energy { return n.Committed + n.Flow }

// Full tells whether a line carries all that it can in the direction in which it is used, or
// nothing because it can carry nothing.
func (n *Node) Full() bool {
	f := n.over()
	return n.Parent != "" && (f >= 0 && n.ExportLimit != nil && f == *n.ExportLimit || f <= 0 && n.ImportLimit != nil && f == -*n.ImportLimit)
}

// Step is an order, or several that are shown as one.
type Step struct {
	ID     string // of the order; empty: of several
	Member string // whose order it is; empty: of several
	Node   string
	Side   grid.Side
	Price  grid.Price // limit
	Energy grid.Energy
	Filled grid.Energy

	members []string
}

// Record is an auction with its result.
type Record struct {
	Nodes []Node // parents before children, children by name
	Steps []Step // by node as in Nodes, then bids before offers, the best first

	into map[string]string // at which node what stands at another is shown
}

// Shown returns at which node what stands at a node is shown.
func (r *Record) Shown(node string) string { return cmp.Or(r.into[node], node) }

// Place returns the first node at which a member stands; empty when it stands nowhere.
func (r *Record) Place(member string) string {
	for _, n := range r.Nodes {
		if slices.Contains(n.members, member) {
			return n.ID
		}
	}
	return ""
}

// Volume is what was bought.
func (r *Record) Volume() (sum grid.Energy) {
	for _, s := range r.Steps {
		if s.Side == grid.Bid {
			sum += s.Filled
		}
	}
	return sum
}

// Of returns the record of an auction. Of what a member bid and offered at crossing prices only the
// rest took part. Errors: an auction that cannot have been held.
func Of(a Auction) (Record, error) {
	c := a.network()
	cleared, err := network.ClearPaired(c)
	if err != nil {
		return Record{}, fmt.Errorf("explain: %w", err)
	}
	r := Record{Nodes: a.nodes(cleared.Prices)}
	for _, o := range a.taking(c, cleared.Own) {
		r.Steps = append(r.Steps, Step{ID: o.ID, Member: o.Member, Node: o.Node, Side: o.Side, Price: o.Price, Energy: o.Energy, Filled: o.Filled, members: []string{o.Member}})
	}
	r.sort()
	r.flow()
	return r, nil
}

// network returns the auction as it is cleared.
func (a Auction) network() network.Case {
	c := network.Case{Feeder: a.Feeder, Committed: a.Committed, K: network.Half}
	for _, o := range a.Orders {
		o.Node = cmp.Or(o.Node, a.Feeder.Root())
		c.Orders = append(c.Orders, o.Order)
	}
	return c
}

// taking returns the orders with what of them took part: their member's own crossing orders cancel
// out, at one node and, by what own has of them, between nodes.
func (a Auction) taking(c network.Case, own map[string]grid.Energy) []Order {
	at := map[string][]grid.Order{}
	for _, o := range c.Orders {
		if o.Energy -= own[o.ID]; o.Energy > 0 {
			at[o.Node] = append(at[o.Node], o)
		}
	}
	rest := map[string]grid.Order{} // by id, with their nodes
	for _, orders := range at {
		for _, o := range auction.Net(orders) {
			rest[o.ID] = o
		}
	}
	var all []Order
	for _, o := range a.Orders {
		if took, some := rest[o.ID]; some {
			all = append(all, Order{Order: took, Filled: o.Filled, Traded: o.Traded})
		}
	}
	return all
}

// nodes returns the nodes with their prices: those that were paid where something was, else those
// that the auction comes to.
func (a Auction) nodes(prices map[string]*grid.Price) []Node {
	children := map[string][]grid.Node{}
	for _, n := range a.Feeder.Nodes {
		children[n.Parent] = append(children[n.Parent], n)
	}
	var nodes []Node
	for next := children[""]; len(next) > 0; next = next[1:] {
		n := Node{Node: next[0], Committed: a.Committed[next[0].ID], Price: prices[next[0].ID], members: a.Members[next[0].ID]}
		for _, o := range a.Orders {
			if cmp.Or(o.Node, a.Feeder.Root()) == n.ID && o.Filled > 0 {
				n.Price = new(o.Traded)
			}
		}
		nodes = append(nodes, n)
		slices.SortFunc(children[n.ID], func(a, b grid.Node) int { return strings.Compare(a.ID, b.ID) })
		next = append(next, children[n.ID]...)
	}
	return nodes
}

// flow reckons the flows of what was filled.
func (r *Record) flow() {
	over := map[string]grid.Energy{}
	for _, s := range r.Steps {
		over[s.Node] += s.out()
	}
	for k, n := range slices.Backward(r.Nodes) {
		if n.Parent != "" {
			r.Nodes[k].Flow = over[n.ID]
			over[n.Parent] += over[n.ID]
		}
	}
}

// out is what a step sends from its node.
func (s *Step) out() grid.Energy {
	if s.Side == grid.Bid {
		return -s.Filled
	}
	return s.Filled
}

// sort brings the steps into their order.
func (r *Record) sort() {
	place := map[string]int{}
	for k, n := range r.Nodes {
		place[n.ID] = k
	}
	slices.SortFunc(r.Steps, func(a, b Step) int {
		best := cmp.Compare(a.Price, b.Price)
		if a.Side == grid.Bid {
			best = -best
		}
		return cmp.Or(cmp.Compare(place[a.Node], place[b.Node]), cmp.Compare(a.Side, b.Side), best, strings.Compare(a.ID, b.ID))
	})
}

// node returns a node of the record, nil when there is none of that name.
func (r *Record) node(id string) *Node {
	if k := slices.IndexFunc(r.Nodes, func(n Node) bool { return n.ID == id }); k >= 0 {
		return &r.Nodes[k]
	}
	return nil
}
