package explain

import (
	"slices"

	"github.com/commonwatt/commonwatt/grid"
)

// Reason is why a price is what it is.
type Reason string

// The reasons.
const (
	NoOrders Reason = "no_orders" // nobody ordered anything
	NoBids   Reason = "no_bids"   // nobody wanted to buy
	NoOffers Reason = "no_offers" // nobody wanted to sell
	NoMatch  Reason = "no_match"  // nobody bid as much as anybody else asked, with the lines' fees and within their limits
	FullLine Reason = "full_line" // a line is full, so that the price beyond it is another one
	ByBid    Reason = "by_bid"    // the price is that of a bid of which part was served
	ByOffer  Reason = "by_offer"  // the price is that of an offer of which part was taken
	HalfWay  Reason = "half_way"  // the price lies half way between Low and High, and anywhere between the same would have traded
)

// Curve is a step of what is offered, or wanted, at a node's price.
type Curve struct {
	Step

	Line string // over which it comes or goes, by the node below it; empty: it is ordered at this price
}

// Line is a line that is full.
type Line struct {
	Node  string // below it
	Out   bool   // it is used towards the parent
	Limit grid.Energy
	Gain  grid.Price // by which the receiving side's price lies above the sending side's and the fee, per kWh
	Rent  grid.Money // what that comes to, which goes to the fund
}

// Why is why the price at a node is what it is. Where supply and demand meet the price lies.
type Why struct {
	Node           string
	Price          *grid.Price
	Supply, Demand []Curve // the cheapest and the dearest first
	Lines          []Line  // that are full and hold the price at the node apart from that beyond
	Reason         Reason
	Low, High      *grid.Price // between which the price may lie with the same trades; nil: nothing bounds it
}

// Why returns why the price at a node is what it is: of all that is ordered at its price, as far as
// lines do not hold prices apart, and of what comes and goes over those lines. What comes over a
// line that is not full is shown at what it costs at the node, with the fees between. An unknown
// node means the root. Errors: grid.ErrOverflow, of a rent.
func (r *Record) Why(at string) (Why, error) {
	n := r.node(at)
	if n == nil {
		n = &r.Nodes[0]
	}
	w := Why{Node: n.ID, Price: n.Price}
	region := r.region(n)
	for _, s := range r.Steps {
		if region[s.Node] {
			s.Price += priceOf(n) - priceOf(r.node(s.Node))
			w.put(Curve{Step: s})
		}
	}
	for k := range r.Nodes {
		line := &r.Nodes[k]
		if line.Parent == "" || region[line.ID] == region[line.Parent] {
			continue
		}
		w.put(r.across(line, region[line.Parent], priceOf(n)))
		if full, held, err := r.full(line); err != nil {
			return w, err
		} else if held {
			w.Lines = append(w.Lines, full)
		}
	}
	slices.SortStableFunc(w.Supply, func(a, b Curve) int { return int(a.Price - b.Price) })
	slices.SortStableFunc(w.Demand, func(a, b Curve) int { return int(b.Price - a.Price) })
	w.Low, w.High = w.bounds()
	w.Reason = r.reason(w)
	return w, nil
}

// put adds a step to the curve of its side, unless it is empty.
func (w *Why) put(c Curve) {
	switch {
	case c.Energy == 0:
	case c.Side == grid.Bid:
		w.Demand = append(w.Demand, c)
	default:
		w.Supply = append(w.Supply, c)
	}
}

// region returns the nodes whose prices go up and down with that of one: those that are joined with
// it by lines that are used and not full, or have its price without.
func (r *Record) region(of *Node) map[string]bool {
	in := map[string]bool{of.ID: true}
	for grown := true; grown; {
		grown = false
		for k := range r.Nodes {
			n := &r.Nodes[k]
			parent := r.node(n.Parent)
			if parent == nil || in[n.ID] == in[parent.ID] || n.Price == nil || parent.Price == nil {
				continue
			}
			if *n.Price == *parent.Price || n.over() != 0 && !n.Full() {
				in[n.ID], in[parent.ID], grown = true, true, true
			}
		}
	}
	return in
}

// priceOf is the price at a node, 0 where there is none.
func priceOf(n *Node) grid.Price {
	if n.Price == nil {
		return 0
	}
	return *n.Price
}

// across returns what a line brings to the node above it or to the one below, or takes from there,
// as a step: at what it costs there, with the fee, or is worth, as seen where the price is another
// one.
func (r *Record) across(line *Node, above bool, seen grid.Price) Curve {
	here, there := line.Price, r.node(line.Parent).Price
	comes := -line.Flow
	if above {
		here, there, comes = there, here, -comes
	}
	c := Curve{Step: Step{Side: grid.Offer, Energy: comes, Filled: comes}, Line: line.ID}
	if comes == 0 || here == nil || there == nil {
		return Curve{}
	}
	if comes > 0 {
		c.Price = min(*there+line.Fee-*here, 0) + seen
		return c
	}
	c.Side, c.Energy, c.Filled, c.Price = grid.Bid, -comes, -comes, max(*there-line.Fee-*here, 0)+seen
	return c
}

// full returns what a full line holds apart; false when it is not full, or holds nothing apart.
func (r *Record) full(n *Node) (l Line, held bool, err error) {
	parent := r.node(n.Parent)
	if !n.Full() || n.Price == nil || parent.Price == nil {
		return l, false, nil
	}
	l = Line{Node: n.ID, Out: *parent.Price > *n.Price, Gain: max(*parent.Price-*n.Price, *n.Price-*parent.Price) - n.Fee}
	limit := n.ImportLimit
	if l.Out {
		limit = n.ExportLimit
	}
	if l.Gain <= 0 || limit == nil {
		return l, false, nil
	}
	l.Limit = *limit
	l.Rent, err = l.Gain.Cost(abs(n.Flow))
	return l, true, err
}

// bounds returns between which prices the same would trade.
func (w *Why) bounds() (low, high *grid.Price) {
	least := func(p grid.Price) {
		if low == nil || p > *low {
			low = &p
		}
	}
	most := func(p grid.Price) {
		if high == nil || p < *high {
			high = &p
		}
	}
	for _, s := range w.Supply {
		if s.Filled > 0 {
			least(s.Price)
		}
		if s.Filled < s.Energy {
			most(s.Price)
		}
	}
	for _, s := range w.Demand {
		if s.Filled > 0 {
			most(s.Price)
		}
		if s.Filled < s.Energy {
			least(s.Price)
		}
	}
	return low, high
}

// reason returns the one reason that counts most.
func (r *Record) reason(w Why) Reason {
	ordered, traded := map[grid.Side]bool{}, false
	for _, s := range r.Steps {
		ordered[s.Side], traded = true, traded || s.Filled > 0
	}
	switch {
	case len(ordered) == 0:
		return NoOrders
	case !ordered[grid.Bid]:
		return NoBids
	case !ordered[grid.Offer]:
		return NoOffers
	case len(w.Lines) > 0:
		return FullLine
	case !traded:
		return NoMatch
	case w.left(w.Demand):
		return ByBid
	case w.left(w.Supply):
		return ByOffer
	default:
		return HalfWay
	}
}

// left tells whether a step at the price was not filled to its end.
func (w *Why) left(curve []Curve) bool {
	return slices.ContainsFunc(curve, func(c Curve) bool { return w.Price != nil && c.Price == *w.Price && c.Filled < c.Energy })
}
