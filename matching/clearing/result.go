package clearing

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/auction"
	"github.com/commonwatt/commonwatt/matching/network"
)

// Result is what came of a case.
type Result struct {
	Mechanism      string      `json:"mechanism"`
	Welfare        *big.Int    `json:"welfare"`
	Volume         grid.Energy `json:"volume"`
	ClearingPrice  *grid.Price `json:"clearing_price"`
	NodePrices     []NodePrice `json:"node_prices"`
	Fills          []Fill      `json:"fills"`
	Trades         []Trade     `json:"trades"`
	Utility        UtilityFlow `json:"utility"`
	Lines          []Line      `json:"lines"`
	GridFees       grid.Money  `json:"grid_fees"`
	CongestionRent grid.Money  `json:"congestion_rent"`
	BudgetSurplus  grid.Money  `json:"budget_surplus"`
	// Own is what orders lost before the clearing, because the best use of it was to bring it
	// from one place of their member to another: no trade, but the member's own energy.
	Own []Own `json:"own,omitempty"`
}

// Own is energy of an order that stays with its member.
type Own struct {
	Order  string      `json:"order"`
	Energy grid.Energy `json:"energy"`
}

// NodePrice is the price at a node; nil where no order gives one.
type NodePrice struct {
	Node  string      `json:"node"`
	Price *grid.Price `json:"price"`
}

// Fill is what an order got, at what that side pays or gets a kWh at its node.
type Fill struct {
	Order  string      `json:"order"`
	Energy grid.Energy `json:"energy"`
	Price  grid.Price  `json:"price"`
}

// Trade is a pair of orders of different members.
type Trade struct {
	Bid        string      `json:"bid"`
	Offer      string      `json:"offer"`
	Energy     grid.Energy `json:"energy"`
	BidPrice   grid.Price  `json:"bid_price"`
	OfferPrice grid.Price  `json:"offer_price"`
}

// UtilityFlow is what the utility sold (import) and bought (export).
type UtilityFlow struct {
	Import grid.Energy `json:"import"`
	Export grid.Energy `json:"export"`
}

// Line is what flows over the line of a node to its parent, + export.
type Line struct {
	Node      string      `json:"node"`
	Flow      grid.Energy `json:"flow"`
	Congested bool        `json:"congested"`
	Rent      grid.Money  `json:"rent"`
}

// Clear clears the case. Its errors name the field that a mechanism does not allow, and
// the sum that leaves 64 bits.
func (c Case) Clear() (Result, error) {
	n, err := c.network()
	if err != nil {
		return Result{}, err
	}
	if _, err := network.Clear(n); err != nil { // it checks the input for every mechanism
		return Result{}, err
	}
	if c.Mechanism != Uniform {
		return c.clearHere(n, auction.Mechanisms()[c.Mechanism])
	}
	clearing, err := network.ClearPaired(n)
	if err != nil {
		return Result{}, err
	}
	r := newResult(c)
	r.Utility = UtilityFlow{Import: clearing.Import, Export: clearing.Export}
	for _, o := range n.Orders {
		if energy := clearing.Own[o.ID]; energy > 0 {
			r.Own = append(r.Own, Own{o.ID, energy})
		}
	}
	root := n.Feeder.Root()
	prices := map[string]grid.Price{} // by order
	sums := newSums()
	r.addOrders(n, clearing.Clearing, root, prices, sums)
	if err := r.addLines(n, clearing.Clearing, sums); err != nil {
		return Result{}, err
	}
	r.addUtility(n, clearing.Prices[root], sums)
	if err := r.account(sums); err != nil {
		return Result{}, err
	}
	r.sort()
	if bound := r.addTrades(c, n, clearing, prices); bound < 0 {
		return r, nil
	} else if i := limited(n.Feeder); i >= 0 {
		return Result{}, fmt.Errorf("orders[%d].requires: binds, and the line of feeder.nodes[%d] has a limit or a fee: only one of them can be cleared exactly", bound, i)
	}
	return c.clearHere(n, func(a auction.Case) (auction.Result, error) { return auction.Required(a, c.allows(), c.requires()) })
}

func newResult(c Case) Result {
	return Result{Mechanism: c.Mechanism, Welfare: new(big.Int), Fills: []Fill{}, Trades: []Trade{}, Lines: []Line{}}
}

// limited returns the first node whose line has a limit or a fee, −1 when none
// has.
func limited(f grid.Feeder) int {
	return slices.IndexFunc(f.Nodes, func(n grid.Node) bool { return n.Fee != 0 || n.ExportLimit != nil || n.ImportLimit != nil })
}

// clearHere clears by a mechanism for which the feeder is one place.
func (c Case) clearHere(n network.Case, mechanism auction.Mechanism) (Result, error) {
	if i := limited(n.Feeder); i >= 0 {
		return Result{}, fmt.Errorf("feeder.nodes[%d]: %s wants a feeder without limits and fees; uniform takes them", i, c.Mechanism)
	}
	orders := map[string]grid.Order{}
	for _, o := range n.Orders {
		orders[o.ID] = o
	}
	cleared, err := mechanism(auction.Case{Orders: n.Orders, Utility: n.Utility, K: n.K, Seed: c.Seed, Prefers: c.prefers()})
	if err != nil {
		return Result{}, err
	}
	if err := c.honoured(cleared, orders); err != nil {
		return Result{}, err
	}
	r := newResult(c)
	fills, sums := map[Fill]grid.Energy{}, newSums()
	utility := sums.surplus // what is over where the utility's limit binds
	if c.Mechanism == Uniform {
		utility = sums.rent
	}
	add := func(id string, energy grid.Energy, price grid.Price) { fills[Fill{Order: id, Price: price}] += energy }
	for _, t := range cleared.Trades {
		add(t.Bid, t.Energy, t.BidPrice)
		add(t.Offer, t.Energy, t.OfferPrice)
		addProduct(sums.surplus, t.BidPrice-t.OfferPrice, t.Energy)
		r.Trades = append(r.Trades, Trade(t))
	}
	for _, f := range cleared.Import {
		add(f.Order, f.Energy, f.Price)
		addProduct(utility, f.Price-n.Utility.Retail, f.Energy)
		r.Utility.Import += f.Energy
	}
	for _, f := range cleared.Export {
		add(f.Order, f.Energy, f.Price)
		addProduct(utility, n.Utility.FeedIn-f.Price, f.Energy)
		r.Utility.Export += f.Energy
	}
	flows := r.addFills(fills, orders, n.Feeder.Root())
	r.addUtility(n, nil, sums)
	if err := r.account(sums); err != nil {
		return Result{}, err
	}
	r.addPlaces(n.Feeder, flows, cleared)
	r.sort()
	return r, nil
}

// addFills adds what orders got at a place, and returns what they send from their nodes.
func (r *Result) addFills(fills map[Fill]grid.Energy, orders map[string]grid.Order, root string) map[string]grid.Energy {
	var bought, sold grid.Energy
	flows := map[string]grid.Energy{} // of the orders at a node, + export
	for f, energy := range fills {
		f.Energy = energy
		r.Fills = append(r.Fills, f)
		o := orders[f.Order]
		sign := grid.Energy(1)
		if o.Side == grid.Bid {
			sign = -1
			bought += energy
		} else {
			sold += energy
		}
		addProduct(r.Welfare, -o.Price, sign*energy)
		flows[cmp.Or(o.Node, root)] += sign * energy
	}
	r.Volume = min(bought, sold)
	return flows
}

// honoured checks that nobody gets energy of a source that it does not allow.
// Of what source the utility's is nobody knows.
func (c Case) honoured(cleared auction.Result, orders map[string]grid.Order) error {
	fits := c.fits()
	served := map[string]bool{}
	for _, t := range cleared.Trades {
		served[t.Bid] = served[t.Bid] || !fits(orders[t.Bid], orders[t.Offer])
	}
	for _, f := range cleared.Import {
		served[f.Order] = true
	}
	for i, o := range c.Orders {
		if o.Requires != nil && served[o.ID] {
			return fmt.Errorf("orders[%d].requires: binds, which %s cannot clear; uniform can", i, c.Mechanism)
		}
	}
	return nil
}

// addPlaces tells prices and flows of a feeder that is one place. Where sources
// have prices of their own, the lowest counts.
func (r *Result) addPlaces(f grid.Feeder, flows map[string]grid.Energy, cleared auction.Result) {
	price := cleared.Price
	if price == nil && r.Mechanism == Uniform {
		for _, t := range cleared.Trades {
			if price == nil || t.BidPrice < *price {
				price = &t.BidPrice
			}
		}
	}
	r.ClearingPrice = price
	parents := map[string]string{}
	for _, n := range f.Nodes {
		parents[n.ID] = n.Parent
		r.NodePrices = append(r.NodePrices, NodePrice{n.ID, price})
	}
	over := map[string]grid.Energy{}
	for node, flow := range flows {
		for ; parents[node] != ""; node = parents[node] {
			over[node] += flow
		}
	}
	for _, n := range f.Nodes {
		if n.Parent != "" {
			r.Lines = append(r.Lines, Line{Node: n.ID, Flow: over[n.ID]})
		}
	}
}

func (r *Result) sort() {
	slices.SortFunc(r.Fills, func(a, b Fill) int { return cmp.Or(strings.Compare(a.Order, b.Order), cmp.Compare(a.Price, b.Price)) })
	slices.SortFunc(r.NodePrices, func(a, b NodePrice) int { return strings.Compare(a.Node, b.Node) })
	slices.SortFunc(r.Lines, func(a, b Line) int { return strings.Compare(a.Node, b.Node) })
	slices.SortFunc(r.Own, func(a, b Own) int { return strings.Compare(a.Order, b.Order) })
}

// sums are money before it is rounded, in price × energy.
type sums struct {
	surplus *big.Int // what is collected and not paid out
	rent    *big.Int // of what is scarce at the utility
	fees    grid.Money
	lines   grid.Money // rent of the lines, each rounded
}

func newSums() *sums { return &sums{surplus: new(big.Int), rent: new(big.Int)} }

// account rounds the sums into the result.
func (r *Result) account(s *sums) (err error) {
	if r.BudgetSurplus, err = rounded(s.surplus); err != nil {
		return fmt.Errorf("budget_surplus: what is collected and not paid out: %w", err)
	}
	rent, err := rounded(s.rent)
	if err == nil {
		r.CongestionRent, err = s.lines.Add(rent)
	}
	if err != nil {
		return fmt.Errorf("congestion_rent: the rents of the lines and of the utility together: %w", err)
	}
	r.GridFees = s.fees
	return nil
}

// addUtility counts what the utility does for the welfare. At the root's price, nil where
// every order has its own, members pay it more than it asks, or get less than it pays, where
// its limit binds: that is rent, as on a line that is full.
func (r *Result) addUtility(n network.Case, price *grid.Price, s *sums) {
	u := n.Utility
	if u == nil {
		return
	}
	addProduct(r.Welfare, -u.Retail, r.Utility.Import)
	addProduct(r.Welfare, u.FeedIn, r.Utility.Export)
	if price != nil {
		addProduct(s.surplus, *price, r.Utility.Export-r.Utility.Import)
		addProduct(s.rent, *price-u.Retail, r.Utility.Import)
		addProduct(s.rent, u.FeedIn-*price, r.Utility.Export)
	}
}

func (r *Result) addOrders(n network.Case, clearing network.Clearing, root string, prices map[string]grid.Price, s *sums) {
	var bought, sold grid.Energy
	for _, o := range n.Orders {
		energy := clearing.Fills[o.ID]
		if energy == 0 {
			continue
		}
		price := *clearing.Prices[cmp.Or(o.Node, root)]
		prices[o.ID] = price
		r.Fills = append(r.Fills, Fill{o.ID, energy, price})
		if o.Side == grid.Bid {
			bought += energy
			addProduct(r.Welfare, o.Price, energy)
			addProduct(s.surplus, price, energy)
		} else {
			sold += energy
			addProduct(r.Welfare, o.Price, -energy)
			addProduct(s.surplus, price, -energy)
		}
	}
	r.Volume = min(bought, sold)
	for _, node := range n.Feeder.Nodes {
		r.NodePrices = append(r.NodePrices, NodePrice{node.ID, clearing.Prices[node.ID]})
	}
	if len(r.Fills) > 0 {
		r.ClearingPrice = clearing.Prices[root]
	}
}

func (r *Result) addLines(n network.Case, clearing network.Clearing, s *sums) error {
	for i, node := range n.Feeder.Nodes {
		if node.Parent == "" {
			continue
		}
		line := Line{Node: node.ID, Flow: clearing.Flows[node.ID]}
		over := max(line.Flow, -line.Flow)
		line.Congested = node.ExportLimit != nil && line.Flow == *node.ExportLimit || node.ImportLimit != nil && line.Flow == -*node.ImportLimit
		var gain grid.Price
		if over > 0 {
			gain = *clearing.Prices[node.Parent] - *clearing.Prices[node.ID]
			if line.Flow < 0 {
				gain = -gain
			}
			gain -= node.Fee
		}
		fee, err := node.Fee.Cost(over)
		if err == nil {
			s.fees, err = s.fees.Add(fee)
		}
		if err != nil {
			return fmt.Errorf("feeder.nodes[%d].fee: grid_fees, of the lines up to here: %w", i, err)
		}
		if line.Rent, err = gain.Cost(over); err == nil {
			s.lines, err = s.lines.Add(line.Rent)
		}
		if err != nil {
			return fmt.Errorf("feeder.nodes[%d]: congestion_rent, of the lines up to here: %w", i, err)
		}
		addProduct(r.Welfare, -node.Fee, over)
		addProduct(s.surplus, -node.Fee-gain, over)
		r.Lines = append(r.Lines, line)
	}
	return nil
}

func addProduct(sum *big.Int, p grid.Price, e grid.Energy) {
	sum.Add(sum, new(big.Int).Mul(big.NewInt(int64(p)), big.NewInt(int64(e))))
}

// rounded turns price × energy into money, half away from zero. Errors: grid.ErrOverflow.
func rounded(sum *big.Int) (grid.Money, error) {
	const wh = 1000
	half := new(big.Int).Add(new(big.Int).Abs(sum), big.NewInt(wh/2))
	m := half.Quo(half, big.NewInt(wh))
	if sum.Sign() < 0 {
		m.Neg(m)
	}
	if !m.IsInt64() {
		return 0, fmt.Errorf("%s: %w", m, grid.ErrOverflow)
	}
	return grid.Money(m.Int64()), nil
}

// addTrades pairs the fills: preferred partners where that leaves nobody
// without a pair, and a required source always. It returns the first order
// whose requirement binds, −1 when none does.
func (r *Result) addTrades(c Case, n network.Case, clearing network.Paired, prices map[string]grid.Price) (bound int) {
	fits, prefers, requires := c.fits(), c.prefers(), c.requires()
	some := map[string]bool{} // bids that prefer
	for _, o := range c.Orders {
		some[o.ID] = len(o.Prefers) > 0
	}
	paired := map[string]grid.Energy{}
	for _, p := range auction.Pairs(n.Orders, clearing.Fills, fits,
		auction.Way{
			For: func(bid grid.Order) bool { return some[bid.ID] },
			Fit: func(bid, offer grid.Order) bool { return fits(bid, offer) && prefers(bid, offer) },
		},
		auction.Way{For: requires, Fit: fits},
	) {
		paired[p.Bid] += p.Energy
		r.Trades = append(r.Trades, Trade{p.Bid, p.Offer, p.Energy, prices[p.Bid], prices[p.Offer]})
	}
	for i, o := range c.Orders {
		if o.Requires != nil && (paired[o.ID] < clearing.Fills[o.ID] || c.netsUnfit(o)) {
			return i
		}
	}
	return -1
}

// netsUnfit tells whether a bid crosses an offer of its own member whose source
// it does not allow, so that the two must not cancel out.
func (c Case) netsUnfit(bid Order) bool {
	return slices.ContainsFunc(c.Orders, func(o Order) bool {
		return o.Member == bid.Member && o.Side == grid.Offer && o.Price <= bid.Price && !slices.Contains(bid.Requires.Source, o.Source)
	})
}
