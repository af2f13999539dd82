package settlement

import (
	"fmt"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/network"
	"github.com/commonwatt/commonwatt/record"
)

// Rules say how energy that no trade covers is shared.
type Rules struct {
	Pool      PoolPrice `json:"pool" yaml:"pool"`
	SamePoint bool      `json:"same_point" yaml:"same_point"` // a point's own import and export in one interval cancel
	// NodesByRank orders the nodes of the feeder by chance in each interval, as the accounts are,
	// where energy that cannot be divided has to go to one of them; absent: by id, as it was
	// before, so that the first always got it.
	NodesByRank bool `json:"nodes_by_rank,omitempty" yaml:"-"`
	// Share is what the fund gets of each point's gain by the pool, per mille.
	Share int64 `json:"share,omitempty" yaml:"-"`
	// Key shares by an allocation key in place of market and pool; nil: there is none.
	Key *Key `json:"key,omitempty" yaml:"-"`
}

// PoolPrice says at which price the pool's energy changes hands.
type PoolPrice string

// The prices of the pool.
const (
	// Midpoint gives taker and giver half each of what the exact flow leaves of
	// the spread between retail and feed-in after fees. A taker's price is the mean
	// over the givers whose energy reaches it, weighted by that energy: at every
	// node what flows in mixes, and everything that flows out has the same share of
	// it (proportional sharing, Bialek 1996).
	Midpoint PoolPrice = "midpoint"
	// Marginal gives everybody the price of the exact clearing at its node.
	Marginal PoolPrice = "marginal"
	// Off shares nothing after delivery.
	Off PoolPrice = "off"
)

// DefaultRules share what is left over at the middle of retail and feed-in.
func DefaultRules() Rules { return Rules{Pool: Midpoint, SamePoint: true} }

// Validate checks the rules. The error begins with the name of the field.
func (r Rules) Validate() error {
	if !slices.Contains([]PoolPrice{Midpoint, Marginal, Off}, r.Pool) {
		return fmt.Errorf("pool: %q: must be %s, %s or %s", r.Pool, Midpoint, Marginal, Off)
	}
	if err := r.validateShare(); err != nil {
		return err
	}
	switch {
	case r.Key == nil:
		return nil
	case r.Pool != Off:
		return fmt.Errorf("pool: %q: beside an allocation key nothing is left for a pool: leave it out", r.Pool)
	}
	if err := r.Key.Validate(); err != nil {
		return fmt.Errorf("sharing.%w", err)
	}
	return nil
}

// clearing carries out the steps of an interval.
type clearing struct {
	basis  Basis
	one    bool        // one tariff for all, of which neighbours' energy pays no part
	points []*position // by metering point
	book   *book
	flows  map[string]grid.Energy // over each node's line to its parent, + export
	lines  map[string]grid.Node
	root   string            // of the feeder
	names  map[string]string // by which nodes are ordered, by id; nil: by their ids
}

func newClearing(basis Basis, in Input, points []*position) (*clearing, error) {
	one, err := basis.rates(in.Tariff, points)
	if err != nil {
		return nil, err
	}
	c := &clearing{
		basis: basis, one: one, points: points, book: newBook(), flows: map[string]grid.Energy{}, lines: map[string]grid.Node{}, root: grid.RootNode,
	}
	for _, n := range basis.Feeder.Nodes {
		c.lines[n.ID] = n
		if n.Parent == "" {
			c.root = n.ID
		}
	}
	if basis.Rules != nil && basis.Rules.NodesByRank {
		c.names = map[string]string{c.root: grid.Rank(in.Interval, c.root)}
		for id := range c.lines {
			c.names[id] = grid.Rank(in.Interval, id)
		}
	}
	return c, nil
}

// name returns that by which a node is ordered among others.
func (c *clearing) name(id string) string {
	if name, some := c.names[id]; some {
		return name
	}
	return id
}

// trades pays them, and notes what they send over the lines.
func (c *clearing) trades() error {
	for _, t := range c.basis.Trades {
		pays, err := t.BidPrice.Cost(t.Energy)
		if err != nil {
			return fmt.Errorf("trade %d: %w", t.Seq, err)
		}
		gets, err := t.OfferPrice.Cost(t.Energy)
		if err != nil {
			return fmt.Errorf("trade %d: %w", t.Seq, err)
		}
		reference := fmt.Sprintf("trade-%d", t.Seq)
		c.book.pay(t.Buyer, t.Seller, gets, t.Energy, ReasonTrade, reference)
		lines, err := pays.Sub(gets)
		if err != nil {
			return fmt.Errorf("trade %d: %w", t.Seq, err)
		}
		c.book.pay(t.Buyer, record.Fund, lines, 0, ReasonLines, reference)
		for n := c.lines[c.basis.Nodes[t.Seller]]; n.Parent != ""; n = c.lines[n.Parent] {
			c.flows[n.ID] += t.Energy
		}
		for n := c.lines[c.basis.Nodes[t.Buyer]]; n.Parent != ""; n = c.lines[n.Parent] {
			c.flows[n.ID] -= t.Energy
		}
	}
	return nil
}

// take moves energy from what is left to where a step puts it.
func (p *position) take(to *sides, s sides) {
	to.short, to.long = to.short+s.short, to.long+s.long
	p.left = p.left.less(s)
}

// send notes what own energy and pool send over the lines.
func (c *clearing) send(r *result) {
	for node, flow := range r.Flows {
		c.flows[node] += flow
	}
}

// result is a clearing of shortages and surpluses, with each point's fills.
type result struct{ network.Clearing }

func (r *result) of(p *position) sides {
	return sides{r.Fills[p.bid], r.Fills[p.offer]}
}

// Marks of a point's orders.
const (
	bidding  = "+"
	offering = "-"
)

// remaining is what is left short and long.
func remaining(p *position) sides { return p.left }

// saved is what a kWh of neighbours' energy saves a point.
func saved(p *position) grid.Price { return p.rates.Avoided() }

// savedByOwn is what a kWh of its own energy saves it, which pays no part of a tariff.
func savedByOwn(p *position) grid.Price { return p.rates.Retail }

// clear clears what is short and long at the points, and what it saves them, over the lines
// without their limits; nil when there is nothing to share. A point whose own import and
// export did not cancel has both: among a member's own points they stay apart, in
// the pool each goes to whoever there is.
func (c *clearing) clear(points []*position, of func(*position) sides, saves func(*position) grid.Price, committed map[string]grid.Energy, pool bool) (*result, error) {
	var all sides
	for _, p := range points {
		s := of(p)
		all.short, all.long = all.short+s.short, all.long+s.long
	}
	if all.short == 0 || all.long == 0 {
		return nil, nil
	}
	in := network.Case{K: network.Half, Committed: map[string]grid.Energy{}, Orders: make([]grid.Order, 0, len(points))}
	for _, p := range points {
		node := c.name(c.node(p))
		buyer, seller := p.account, p.account // of one member the clearing nets
		if pool {
			buyer, seller = p.bid, p.offer
		}
		s := of(p)
		if s.short > 0 {
			in.Orders = append(in.Orders, grid.Order{ID: p.bid, Member: buyer, Node: node, Side: grid.Bid, Energy: s.short, Price: saves(p)})
		}
		if s.long > 0 {
			in.Orders = append(in.Orders, grid.Order{ID: p.offer, Member: seller, Node: node, Side: grid.Offer, Energy: s.long, Price: p.rates.FeedIn})
		}
	}
	between := c.between(points).Nodes
	for _, n := range between {
		in.Committed[c.name(n.ID)] = committed[n.ID]
		n.ID = c.name(n.ID)
		if n.Parent != "" {
			n.Parent = c.name(n.Parent)
		}
		in.Feeder.Nodes = append(in.Feeder.Nodes, n)
	}
	cleared, err := network.Clear(in)
	if err != nil {
		return nil, err
	}
	flows, prices := map[string]grid.Energy{}, map[string]*grid.Price{}
	for _, n := range between {
		flows[n.ID], prices[n.ID] = cleared.Flows[c.name(n.ID)], cleared.Prices[c.name(n.ID)]
	}
	cleared.Flows, cleared.Prices = flows, prices
	return &result{cleared}, nil
}

// between returns the part of the feeder on which the points' energy can flow, without
// limits: their nodes and those between them and the root.
func (c *clearing) between(points []*position) grid.Feeder {
	if len(c.basis.Feeder.Nodes) == 0 {
		return grid.SingleNode()
	}
	taken := map[string]bool{}
	var f grid.Feeder
	for _, p := range points {
		for id := c.node(p); id != "" && !taken[id]; id = c.lines[id].Parent {
			taken[id] = true
			n := c.lines[id]
			n.ExportLimit, n.ImportLimit = nil, nil
			f.Nodes = append(f.Nodes, n)
		}
	}
	return f
}

// pool shares what is left among all.
func (c *clearing) pool() error {
	if c.basis.Rules == nil || c.basis.Rules.Pool == Off {
		return nil
	}
	points := slices.DeleteFunc(slices.Clone(c.points), func(p *position) bool { return p.apart })
	cleared, err := c.clear(points, remaining, saved, c.flows, true)
	if err != nil {
		return fmt.Errorf("pool: %w", err)
	}
	if cleared == nil {
		return nil
	}
	if err := c.payPool(points, cleared); err != nil {
		return fmt.Errorf("pool: %w", err)
	}
	c.send(cleared)
	return nil
}

// utility settles the rest, each point's at its own tariff.
func (c *clearing) utility() error {
	for _, p := range c.points {
		owed, err := p.rates.Retail.Cost(p.left.short)
		if err != nil {
			return fmt.Errorf("%s: %w", p.MeteringPoint, err)
		}
		earned, err := p.rates.FeedIn.Cost(p.left.long)
		if err != nil {
			return fmt.Errorf("%s: %w", p.MeteringPoint, err)
		}
		c.book.pay(p.account, record.Utility, owed, p.left.short, ReasonRetail, p.account)
		c.book.pay(record.Utility, p.account, earned, p.left.long, ReasonFeedIn, p.account)
	}
	return nil
}

// fees pays the grid operator for the net flow over each line.
func (c *clearing) fees() error {
	for _, n := range c.basis.Feeder.Nodes {
		over := max(c.flows[n.ID], -c.flows[n.ID])
		fee, err := n.Fee.Cost(over)
		if err != nil {
			return fmt.Errorf("grid fees: %w", err)
		}
		c.book.pay(record.Fund, record.Grid, fee, over, ReasonFee, n.ID)
	}
	return nil
}
