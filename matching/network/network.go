// Package network clears a call auction on a radial feeder, exactly: it
// maximises welfare within the limits of the lines, after their fees, with or
// without the utility at the root. It is pure.
//
// # Method
//
// The net supply of a subtree is a non-decreasing step function of the price
// at its node. A line turns it into what the parent sees (see curve.over); the
// parent adds its own orders and its children's curves. The root's price is
// where its curve crosses zero. Downwards each node's price is what its
// parent's price and the flow permit, and the node's own orders are filled at
// it. Cost O(n log n · depth).
//
// # Invariants
//
// Every fill is at its node's price and within its limit. A line that is
// neither full nor idle has a price difference equal to its fee, in the
// direction of the flow; idle, at most the fee; full, at least the fee. Supply
// and demand meet at every node. Among results of equal welfare the volume is
// the largest, and at equal price members come before the utility. The margin
// of a node is rationed pro rata over its own orders and its children's steps,
// by largest remainder, ties by id.
package network

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/auction"
)

// Utility is the backstop at the root: it sells at Retail or better and buys at
// FeedIn or better.
type Utility = auction.Utility

// Case is a call auction on a feeder.
type Case struct {
	Feeder  grid.Feeder
	Utility *Utility // nil: islanded
	Orders  []grid.Order
	K       int64 // position of the price in its interval, in billionths (see One)
	// Committed is what earlier auctions of the interval send over a node's line,
	// + export; it uses up the line's limits, and relieving it gives its fee back.
	Committed map[string]grid.Energy
}

// Clearing is the result. Prices are nil where no order gives one.
type Clearing struct {
	Prices map[string]*grid.Price // by node
	Flows  map[string]grid.Energy // over the line to the parent beside what is committed, + export, by node
	Fills  map[string]grid.Energy // by order id, > 0
	Import grid.Energy            // from the utility
	Export grid.Energy            // to the utility
}

// line is a node's line to its parent; a limit that is absent is beyond all
// energy.
type line struct {
	fee              grid.Price
	exports, imports int64
	committed        int64 // + export
}

// One is the K of the highest supporting price, Half that of the middle.
const (
	One  = auction.One
	Half = auction.Half
)

const unlimited = math.MaxInt64 / 4

// The bounds of single inputs, and of their sums, within which no sum of energies and no
// price that fees shift leaves 64 bits: each is checked on the way in, and so nothing has to
// be on the way through.
const (
	mostEnergy   = 1 << 40
	mostPrice    = 1 << 40
	mostTogether = 1 << 60 // Wh of all orders: no market takes so many that they reach it
	mostFees     = 1 << 50 // of all lines
)

type node struct {
	id       string
	line     line
	parent   *node
	children []*node // by id
	orders   []grid.Order
	own      curve // of orders, children and utility
	seen     curve // own over the line
	price    *grid.Price
	flow     int64
}

// Clear computes the result. Errors name the path of the field that is wrong.
func Clear(c Case) (Clearing, error) {
	if err := validate(c); err != nil {
		return Clearing{}, err
	}
	nodes, root := tree(c)
	for _, n := range slices.Backward(nodes) { // children before parents
		n.sum(c.Utility)
	}
	root.price = root.own.supporting(0).price(c.K, nil)
	result := Clearing{Prices: map[string]*grid.Price{}, Flows: map[string]grid.Energy{}, Fills: map[string]grid.Energy{}}
	for _, n := range nodes { // parents before children
		var utility *Utility
		if n == root {
			utility = c.Utility
		}
		if err := n.settle(c.K, utility, &result); err != nil {
			return Clearing{}, err
		}
	}
	return result, nil
}

func validate(c Case) error {
	if err := CheckFeeder(c.Feeder); err != nil {
		return err
	}
	for i, n := range c.Feeder.Nodes {
		if f := int64(c.Committed[n.ID]); f > limit(n.ExportLimit) || f < -limit(n.ImportLimit) {
			return fmt.Errorf("feeder.nodes[%d]: %d Wh are committed, beyond its limits", i, f)
		}
	}
	if err := validateUtility(c.Utility); err != nil {
		return err
	}
	if c.K < 0 || c.K > One {
		return fmt.Errorf("k: %d billionths is outside of 0 to 1", c.K)
	}
	return validateOrders(c)
}

// CheckFeeder tells whether a feeder can be cleared over. Errors name the path of the
// field that is wrong.
func CheckFeeder(f grid.Feeder) error {
	if err := f.Validate(); err != nil {
		return err
	}
	fees := grid.Price(0)
	for i, n := range f.Nodes {
		if n.Fee > mostPrice {
			return fmt.Errorf("feeder.nodes[%d].fee: %d is out of range: at most %d", i, n.Fee, int64(mostPrice))
		}
		if fees += n.Fee; fees > mostFees {
			return fmt.Errorf("feeder.nodes[%d].fee: the fees of all lines up to here sum to more than %d, beyond which prices cannot be reckoned", i, int64(mostFees))
		}
	}
	return nil
}

func validateUtility(u *Utility) error {
	switch {
	case u == nil:
		return nil
	case u.FeedIn > u.Retail:
		return fmt.Errorf("utility.feed_in: %d is above retail (%d)", u.FeedIn, u.Retail)
	case u.Limit < 0 || u.Limit > mostEnergy:
		return fmt.Errorf("utility.limit: %d Wh is out of range: from 0 to %d", u.Limit, int64(mostEnergy))
	case outOfRange(u.Retail):
		return fmt.Errorf("utility.retail: %d is out of range: at most %d either way", u.Retail, int64(mostPrice))
	case outOfRange(u.FeedIn):
		return fmt.Errorf("utility.feed_in: %d is out of range: at most %d either way", u.FeedIn, int64(mostPrice))
	default:
		return nil
	}
}

func validateOrders(c Case) error {
	known := map[string]bool{"": true}
	for _, n := range c.Feeder.Nodes {
		known[n.ID] = true
	}
	ids := make(map[string]bool, len(c.Orders))
	sum := grid.Energy(0)
	for i, o := range c.Orders {
		if err := o.Validate(); err != nil {
			return fmt.Errorf("orders[%d].%w", i, err)
		}
		switch {
		case ids[o.ID]:
			return fmt.Errorf("orders[%d].id: duplicate %q", i, o.ID)
		case !known[o.Node]:
			return fmt.Errorf("orders[%d].node: unknown node %q", i, o.Node)
		case o.Energy > mostEnergy:
			return fmt.Errorf("orders[%d].energy: %d Wh is out of range: at most %d", i, o.Energy, int64(mostEnergy))
		case outOfRange(o.Price):
			return fmt.Errorf("orders[%d].price: %d is out of range: at most %d either way", i, o.Price, int64(mostPrice))
		}
		ids[o.ID] = true
		if sum += o.Energy; sum > mostTogether {
			return fmt.Errorf("orders[%d].energy: the orders up to here have more than %d Wh together, beyond which they cannot be added up", i, int64(mostTogether))
		}
	}
	return nil
}

func outOfRange(p grid.Price) bool { return p > mostPrice || p < -mostPrice }

// tree builds the nodes, parents before children, with their orders after a
// member's crossing orders at one node were netted.
func tree(c Case) (nodes []*node, root *node) {
	byID := make(map[string]*node, len(c.Feeder.Nodes))
	for _, n := range c.Feeder.Nodes {
		byID[n.ID] = &node{id: n.ID, line: line{
			fee: n.Fee, exports: limit(n.ExportLimit), imports: limit(n.ImportLimit), committed: int64(c.Committed[n.ID]),
		}}
	}
	for _, n := range c.Feeder.Nodes {
		if n.Parent == "" {
			root = byID[n.ID]
			continue
		}
		byID[n.ID].parent = byID[n.Parent]
		byID[n.Parent].children = append(byID[n.Parent].children, byID[n.ID])
	}
	for _, o := range c.Orders {
		n := byID[o.Node]
		if o.Node == "" {
			n = root
		}
		n.orders = append(n.orders, o)
	}
	nodes = []*node{root}
	for at := 0; at < len(nodes); at++ {
		n := nodes[at]
		n.orders = auction.Net(n.orders)
		slices.SortFunc(n.children, func(a, b *node) int { return strings.Compare(a.id, b.id) })
		nodes = append(nodes, n.children...)
	}
	return nodes, root
}

func limit(e *grid.Energy) int64 {
	if e == nil {
		return unlimited
	}
	return min(int64(*e), unlimited)
}

// sum makes the node's curve and what its parent sees of it.
func (n *node) sum(u *Utility) {
	var base int64
	size := len(n.orders)
	for _, c := range n.children {
		size += len(c.seen.jumps)
	}
	jumps := make([]jump, 0, size+2)
	for _, o := range n.orders {
		if o.Side == grid.Bid {
			base -= int64(o.Energy)
		}
		jumps = append(jumps, jump{o.Price, int64(o.Energy)})
	}
	for _, c := range n.children {
		base += c.seen.base
		jumps = append(jumps, c.seen.jumps...)
	}
	if n.parent == nil && u != nil && u.Limit > 0 {
		base -= int64(u.Limit)
		jumps = append(jumps, jump{u.FeedIn, int64(u.Limit)}, jump{u.Retail, int64(u.Limit)})
	}
	n.own = newCurve(base, jumps)
	n.seen = n.own.over(n.line)
}

// part is a marginal claimant of a node: one of its orders or a child's step.
type part struct {
	order *grid.Order
	child *node
	id    string
	size  int64
}

// settle fills the node's orders at its price and hands its children their
// flows and prices.
func (n *node) settle(k int64, u *Utility, result *Clearing) error {
	result.Prices[n.id], result.Flows[n.id] = n.price, grid.Energy(n.flow)
	if n.price == nil {
		for _, c := range n.children {
			c.price = c.own.supporting(0).price(k, nil)
		}
		return nil
	}
	price := *n.price
	// need is what marginal supply less marginal demand must come to.
	need := n.flow
	var demand, supply []part
	for i, o := range n.orders {
		p := part{order: &n.orders[i], id: o.ID, size: int64(o.Energy)}
		switch {
		case o.Price == price && o.Side == grid.Bid:
			demand = append(demand, p)
		case o.Price == price:
			supply = append(supply, p)
		case o.Side == grid.Bid && o.Price > price:
			result.Fills[o.ID] = o.Energy
			need += int64(o.Energy)
		case o.Side == grid.Offer && o.Price < price:
			result.Fills[o.ID] = o.Energy
			need -= int64(o.Energy)
		}
	}
	for _, c := range n.children {
		below, above := c.seen.at(price)
		f := c.line.committed
		imports := min(above+f, 0) - min(below+f, 0) // what the step makes it import less
		exports := max(above+f, 0) - max(below+f, 0)
		c.flow = below + imports
		need -= c.flow
		if imports > 0 {
			demand = append(demand, part{child: c, id: c.id, size: imports})
		}
		if exports > 0 {
			supply = append(supply, part{child: c, id: c.id, size: exports})
		}
	}
	need = n.trade(price, need, u, size(demand), size(supply), result)
	given := max(min(size(supply), size(demand)+need), 0)
	if err := share(supply, given, 1, result); err != nil {
		return err
	}
	if err := share(demand, given-need, -1, result); err != nil {
		return err
	}
	for _, c := range n.children {
		permitted := c.permitted(price)
		c.price = c.own.supporting(c.flow).within(permitted).price(k, n.price)
	}
	return nil
}

func size(parts []part) (sum int64) {
	for _, p := range parts {
		sum += p.size
	}
	return sum
}

// trade lets the utility take or give what is due at its prices, after the
// members at equal price, and returns what is left for them to balance.
func (n *node) trade(price grid.Price, need int64, u *Utility, demand, supply int64, result *Clearing) int64 {
	if u == nil {
		return need
	}
	limit := int64(u.Limit)
	if u.FeedIn > price {
		need += limit
		result.Export += u.Limit
	}
	if u.Retail < price {
		need -= limit
		result.Import += u.Limit
	}
	if over := need - supply; over > 0 && u.Retail == price {
		over = min(over, limit)
		need -= over
		result.Import += grid.Energy(over)
	}
	if under := -need - demand; under > 0 && u.FeedIn == price {
		under = min(under, limit)
		need += under
		result.Export += grid.Energy(under)
	}
	return need
}

// permitted returns the prices that the parent's price and the flow allow.
func (n *node) permitted(parent grid.Price) bounds {
	var b bounds
	flow := n.flow + n.line.committed
	if flow < n.line.exports {
		b.low, b.hasLow = parent-n.line.fee, true
	}
	if flow < 0 {
		b.low, b.hasLow = parent+n.line.fee, true
	}
	if flow > -n.line.imports {
		b.high, b.hasHigh = parent+n.line.fee, true
	}
	if flow > 0 {
		b.high, b.hasHigh = parent-n.line.fee, true
	}
	return b
}

// share splits energy pro rata over the parts; sign is + for supply, which
// raises a child's flow, and − for demand.
func share(parts []part, energy, sign int64, result *Clearing) error {
	if energy == 0 {
		return nil
	}
	shares := make([]grid.Share, len(parts))
	for i, p := range parts {
		shares[i] = grid.Share{ID: p.id, Weight: p.size}
	}
	split, err := grid.Split(energy, shares)
	if err != nil {
		return fmt.Errorf("ration the margin: %w", err)
	}
	for i, p := range parts {
		switch {
		case p.child != nil:
			p.child.flow += sign * split[i]
		case split[i] > 0:
			result.Fills[p.order.ID] = grid.Energy(split[i])
		}
	}
	return nil
}
