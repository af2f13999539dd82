// Package auction has the call-auction mechanisms for one place, where no line
// has a limit or a fee; package network has the uniform auction for a feeder.
// It is pure: a mechanism that draws lots draws them from a seed.
//
// # Properties
//
// For every mechanism, each fill is within its order's limit (individual
// rationality), each order's fills are within its energy, bought energy equals
// sold energy, and nobody trades with itself. What else holds:
//
//	             efficient   budget       truthful
//	pay-as-bid   yes         balanced     no
//	vickrey      yes         deficit      yes
//	mcafee       but a unit  surplus      yes        single units of equal size
//	huang        but margin  surplus      in price   one order a member
//	muda         if large    balanced     yes        whatever the lots
//	midpoint     no          balanced     no
//
// Efficient means of the largest welfare. McAfee gives up at most one unit,
// huang the marginal bid and offer and what then is too much on one side; muda
// comes near the optimum with many members. Truthful means that no member gains
// by other limits than its true ones, if it only buys or only sells in the
// interval; a member on both sides uses its own energy first.
//
// # Utility
//
// In pay-as-bid and vickrey the utility stands in the merit order, after members
// at equal prices. In the others it is everybody's outside option: members'
// limits count as if they were no worse than its prices, and what they do not
// trade with each other they trade with it if their limits allow, the best
// limits first; while its limit binds, their properties are not promised.
package auction

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

// Utility is the backstop.
type Utility struct {
	Retail grid.Price  // it sells at this price
	FeedIn grid.Price  // it buys at this price
	Limit  grid.Energy // Wh of the interval, in either direction
}

// One is the K of the highest price that is possible, Half that of the middle.
const (
	One  = 1_000_000_000
	Half = One / 2
)

// Case is a call auction. Orders are valid, with ids of their own.
type Case struct {
	Orders  []grid.Order
	Utility *Utility // nil: islanded
	K       int64    // position of a price between two others, in billionths
	Seed    uint64   // of the lots
	// Prefers tells whether the bid would rather buy from the offer than from
	// others at the same price; nil: no bid does.
	Prefers func(bid, offer grid.Order) bool
}

// Fill is energy of an order at a price, per kWh. An order can have several.
type Fill struct {
	Order  string
	Energy grid.Energy
	Price  grid.Price
}

// Trade is energy that goes from an offer to a bid.
type Trade struct {
	Bid, Offer string // order ids
	Energy     grid.Energy
	BidPrice   grid.Price // what the buyer pays per kWh
	OfferPrice grid.Price // what the seller gets
}

// Result is what a mechanism decides.
type Result struct {
	Price  *grid.Price // of all trades, where a mechanism has one
	Trades []Trade     // by bid, then offer
	Import []Fill      // bids that the utility serves
	Export []Fill      // offers that it takes
}

// Mechanism clears a case. Its errors name the orders that it does not allow.
type Mechanism func(Case) (Result, error)

// Mechanisms returns all of this package by name.
func Mechanisms() map[string]Mechanism {
	return map[string]Mechanism{
		"pay-as-bid": PayAsBid, "vickrey": Vickrey, "mcafee": McAfee, "huang": Huang, "muda": MUDA, "midpoint": Midpoint,
	}
}

// lot is an order on its way through a mechanism.
type lot struct {
	id, member string
	limit      grid.Price // no worse than the utility's
	energy     grid.Energy
	order      grid.Order
}

// merit nets each member's own orders and returns both sides with the utility,
// best limits first, members before the utility, ties by id.
func (c Case) merit() (bids, offers []lot) {
	for _, o := range Net(slices.Clone(c.Orders)) {
		l := lot{id: o.ID, member: o.Member, limit: o.Price, energy: o.Energy, order: o}
		if o.Side == grid.Bid {
			bids = append(bids, l)
		} else {
			offers = append(offers, l)
		}
	}
	if c.backed() {
		u := c.Utility
		bids = append(bids, utilityLot(grid.Bid, u.FeedIn, u.Limit))
		offers = append(offers, utilityLot(grid.Offer, u.Retail, u.Limit))
	}
	sortLots(bids, offers)
	return bids, offers
}

// lots is merit without the utility, each limit no worse than its prices.
func (c Case) lots() (bids, offers []lot) {
	members := func(l lot) bool { return l.utility() == 0 }
	bids, offers = c.merit()
	bids, offers = within(bids, members), within(offers, members)
	if c.backed() {
		for i := range bids {
			bids[i].limit = min(bids[i].limit, c.Utility.Retail)
		}
		for i := range offers {
			offers[i].limit = max(offers[i].limit, c.Utility.FeedIn)
		}
		sortLots(bids, offers)
	}
	return bids, offers
}

func sortLots(bids, offers []lot) {
	slices.SortFunc(bids, func(a, b lot) int {
		return cmp.Or(cmp.Compare(b.limit, a.limit), cmp.Compare(a.utility(), b.utility()), strings.Compare(a.id, b.id))
	})
	slices.SortFunc(offers, func(a, b lot) int {
		return cmp.Or(cmp.Compare(a.limit, b.limit), cmp.Compare(a.utility(), b.utility()), strings.Compare(a.id, b.id))
	})
}

// What the utility and its lots are called; no member or order can be.
const (
	utilityName  = "\x00utility"
	utilityBuys  = utilityName + " buys"
	utilitySells = utilityName + " sells"
)

func utilityLot(side grid.Side, price grid.Price, energy grid.Energy) lot {
	id := utilitySells
	if side == grid.Bid {
		id = utilityBuys
	}
	o := grid.Order{ID: id, Member: utilityName, Side: side, Energy: energy, Price: price, Source: utilityName}
	return lot{id: id, member: utilityName, limit: price, energy: energy, order: o}
}

// utility is 1 for the utility's, 0 for a member's.
func (l lot) utility() int {
	if l.member == utilityName {
		return 1
	}
	return 0
}

func (c Case) backed() bool { return c.Utility != nil && c.Utility.Limit > 0 }

// ordered sorts the trades, and gives those with the utility to it.
func (r Result) ordered() Result {
	all := r.Trades
	r.Trades = nil
	for _, t := range all {
		switch {
		case t.Offer == utilitySells:
			r.Import = append(r.Import, Fill{t.Bid, t.Energy, t.BidPrice})
		case t.Bid == utilityBuys:
			r.Export = append(r.Export, Fill{t.Offer, t.Energy, t.OfferPrice})
		default:
			r.Trades = append(r.Trades, t)
		}
	}
	slices.SortStableFunc(r.Trades, func(a, b Trade) int {
		return cmp.Or(strings.Compare(a.Bid, b.Bid), strings.Compare(a.Offer, b.Offer))
	})
	return r
}

// finish lets the utility take what is left.
func (c Case) finish(r Result) Result {
	r = r.ordered()
	if !c.backed() {
		return r
	}
	traded := map[string]grid.Energy{}
	for _, t := range r.Trades {
		traded[t.Bid] += t.Energy
		traded[t.Offer] += t.Energy
	}
	bids, offers := c.lots()
	byLimit := func(a, b lot) int { return cmp.Compare(a.order.Price, b.order.Price) } // stable: ties stay by id
	slices.SortStableFunc(bids, func(a, b lot) int { return byLimit(b, a) })
	slices.SortStableFunc(offers, byLimit)
	left := c.Utility.Limit
	for _, b := range bids {
		if energy := min(b.energy-traded[b.id], left); energy > 0 && b.order.Price >= c.Utility.Retail {
			r.Import = append(r.Import, Fill{b.id, energy, c.Utility.Retail})
			left -= energy
		}
	}
	left = c.Utility.Limit
	for _, o := range offers {
		if energy := min(o.energy-traded[o.id], left); energy > 0 && o.order.Price <= c.Utility.FeedIn {
			r.Export = append(r.Export, Fill{o.id, energy, c.Utility.FeedIn})
			left -= energy
		}
	}
	return r
}

// Between returns the price at k billionths of the way, rounded down.
func Between(low, high grid.Price, k int64) grid.Price {
	span := int64(high - low)
	return low + grid.Price(span/One*k+span%One*k/One)
}

// onePerMember refuses a member with several orders.
func (c Case) onePerMember(mechanism string) error {
	seen := map[string]bool{}
	for i, o := range c.Orders {
		if seen[o.Member] {
			return fmt.Errorf("orders[%d].member: %q has several orders: %s allows one for each member", i, o.Member, mechanism)
		}
		seen[o.Member] = true
	}
	return nil
}
