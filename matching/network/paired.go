package network

import (
	"maps"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/auction"
)

// Paired is a clearing of which all that members sell to each other is in pairs of
// different members.
type Paired struct {
	Clearing

	Pairs []auction.Pair // by bid, then offer
	// Own is the energy by which orders were reduced, because the best that could be done
	// with it was to bring it from one metering point of their member to another. It is no
	// trade: after delivery it counts as the member's own energy.
	Own map[string]grid.Energy // by order id, > 0
}

// mostClearings bounds how often what cannot be paired is taken out by parts.
const mostClearings = 8

// ClearPaired clears a case so that nobody trades with itself: what a member would have
// to trade with itself, at nodes of different prices, is taken out of its orders, and the
// rest is cleared anew. The flows are those of the pairs and of the utility then.
func ClearPaired(c Case) (p Paired, err error) {
	c.Orders = slices.Clone(c.Orders)
	p.Own = map[string]grid.Energy{}
	for n := 0; ; n++ {
		if p.Clearing, err = Clear(c); err != nil {
			return p, err
		}
		p.Pairs = auction.Pairs(c.Orders, p.Fills, auction.DifferentMembers)
		own := withItself(c.Orders, p)
		if len(own) == 0 {
			return p, nil
		}
		for i := range c.Orders {
			o := &c.Orders[i]
			energy, some := own[o.ID]
			if some && n >= mostClearings {
				energy = o.Energy
			}
			if some {
				o.Energy -= energy
				p.Own[o.ID] += energy
			}
		}
		c.Orders = slices.DeleteFunc(c.Orders, func(o grid.Order) bool { return o.Energy == 0 })
	}
}

// withItself returns by order what its member would have to trade with itself: what is
// filled on both sides, and neither in a pair nor with the utility.
func withItself(orders []grid.Order, p Paired) map[string]grid.Energy {
	alone := maps.Clone(p.Fills)
	for _, pair := range p.Pairs {
		alone[pair.Bid] -= pair.Energy
		alone[pair.Offer] -= pair.Energy
	}
	sums := map[string]map[grid.Side]grid.Energy{}
	for _, o := range orders {
		if alone[o.ID] > 0 {
			if sums[o.Member] == nil {
				sums[o.Member] = map[grid.Side]grid.Energy{}
			}
			sums[o.Member][o.Side] += alone[o.ID]
		}
	}
	for _, sides := range sums {
		both := min(sides[grid.Bid], sides[grid.Offer])
		sides[grid.Bid], sides[grid.Offer] = both, both
	}
	own := map[string]grid.Energy{}
	for _, o := range orders {
		if energy := min(alone[o.ID], sums[o.Member][o.Side]); energy > 0 {
			own[o.ID] = energy
			sums[o.Member][o.Side] -= energy
		}
	}
	return own
}
