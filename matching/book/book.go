// Package book is the continuous order book of one product in one zone:
// price-time priority, fills at the resting order's price. It is pure.
//
// Invariants after every call: the best bid is below the best offer, every
// resting order has energy left, and energy filled never exceeds energy
// ordered.
package book

import (
	"cmp"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
)

// Fill is a match of an incoming order with a resting one.
type Fill struct {
	Resting string      // order id
	Energy  grid.Energy // Wh, > 0
	Price   grid.Price  // the resting order's limit
}

// Book holds resting orders, best first, the older first at equal price. It is
// not safe for concurrent use.
type Book struct {
	bids   []grid.Order
	offers []grid.Order
}

// Match fills the incoming order against the resting ones as far as their
// prices cross and returns the fills and what is left of it. Self-trade
// prevention cancels the newest: when the next order in line belongs to the
// same member, matching stops and stopped is true.
func (b *Book) Match(in grid.Order) (fills []Fill, left grid.Energy, stopped bool) {
	side := b.side(opposite(in.Side))
	left = in.Energy
	for left > 0 && len(*side) > 0 {
		best := &(*side)[0]
		if !crosses(in, best.Price) {
			break
		}
		if best.Member == in.Member {
			return fills, left, true
		}
		energy := min(left, best.Energy)
		fills = append(fills, Fill{Resting: best.ID, Energy: energy, Price: best.Price})
		left -= energy
		best.Energy -= energy
		if best.Energy == 0 {
			*side = slices.Delete(*side, 0, 1)
		}
	}
	return fills, left, false
}

// Rest puts an order, with the energy it has left, behind those of its price.
func (b *Book) Rest(o grid.Order) {
	side := b.side(o.Side)
	at, _ := slices.BinarySearchFunc(*side, o, func(resting, o grid.Order) int {
		if better := rank(resting, o); better != 0 {
			return better
		}
		return -1 // after its equals
	})
	*side = slices.Insert(*side, at, o)
}

// Cancel removes an order and returns it; found is false when it is not there.
func (b *Book) Cancel(id string) (o grid.Order, found bool) {
	for _, side := range []*[]grid.Order{&b.bids, &b.offers} {
		at := slices.IndexFunc(*side, func(o grid.Order) bool { return o.ID == id })
		if at >= 0 {
			o = (*side)[at]
			*side = slices.Delete(*side, at, at+1)
			return o, true
		}
	}
	return grid.Order{}, false
}

// Orders returns the resting orders: bids then offers, each in priority.
func (b *Book) Orders() []grid.Order { return slices.Concat(b.bids, b.offers) }

func (b *Book) side(s grid.Side) *[]grid.Order {
	if s == grid.Bid {
		return &b.bids
	}
	return &b.offers
}

func opposite(s grid.Side) grid.Side {
	if s == grid.Bid {
		return grid.Offer
	}
	return grid.Bid
}

func crosses(in grid.Order, resting grid.Price) bool {
	if in.Side == grid.Bid {
		return in.Price >= resting
	}
	return in.Price <= resting
}

// rank orders two orders of one side, the better price first.
func rank(a, b grid.Order) int {
	if a.Side == grid.Bid {
		return cmp.Compare(b.Price, a.Price)
	}
	return cmp.Compare(a.Price, b.Price)
}
