package auction

import (
	"cmp"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

// Pair is energy that goes from an offer to a bid.
type Pair struct {
	Bid, Offer string // order ids
	Energy     grid.Energy
}

// DifferentMembers is the least that a pair must be.
func DifferentMembers(bid, offer grid.Order) bool { return bid.Member != offer.Member }

// filled is one side of the fills on the way to pairs.
type filled struct {
	order grid.Order
	left  grid.Energy
}

// Pairs joins filled bids with filled offers that fit, in order of id, and
// returns the pairs by bid, then offer. Those that fit one of the better ways
// are joined first, in the order of the ways. Energy that the utility delivers
// or takes stays without a pair. When what is left on both sides does not fit,
// partners are exchanged with pairs already made; energy for which that does
// not help stays without a pair as well.
func Pairs(orders []grid.Order, fills map[string]grid.Energy, fit func(bid, offer grid.Order) bool, better ...Way) []Pair {
	var bids, offers []filled
	for _, o := range orders {
		switch energy := fills[o.ID]; {
		case energy == 0:
		case o.Side == grid.Bid:
			bids = append(bids, filled{o, energy})
		default:
			offers = append(offers, filled{o, energy})
		}
	}
	byID := func(a, b filled) int { return strings.Compare(a.order.ID, b.order.ID) }
	slices.SortFunc(bids, byID)
	slices.SortFunc(offers, byID)
	p := &pairing{bids: bids, offers: offers, fit: fit}
	for _, way := range append(better, Way{Fit: fit}) {
		p.join(way)
	}
	p.exchange()
	return p.pairs()
}

type pairing struct {
	bids, offers []filled
	fit          func(bid, offer grid.Order) bool
	made         []joined
}

// joined is a pair by index.
type joined struct {
	bid, offer int
	energy     grid.Energy
}

func (p *pairing) take(bid, offer int, energy grid.Energy) {
	p.bids[bid].left -= energy
	p.offers[offer].left -= energy
	p.made = append(p.made, joined{bid, offer, energy})
}

// Way is a manner of joining bids with offers.
type Way struct {
	For func(bid grid.Order) bool // which bids it is for; nil: all
	Fit func(bid, offer grid.Order) bool
}

// join gives each bid the first offers that fit a way.
func (p *pairing) join(way Way) {
	first := 0
	for b := range p.bids {
		if way.For != nil && !way.For(p.bids[b].order) {
			continue
		}
		for first < len(p.offers) && p.offers[first].left == 0 {
			first++
		}
		for o := first; o < len(p.offers) && p.bids[b].left > 0; o++ {
			if p.offers[o].left > 0 && way.Fit(p.bids[b].order, p.offers[o].order) {
				p.take(b, o, min(p.bids[b].left, p.offers[o].left))
			}
		}
	}
}

// exchange finds partners for what is left on both sides: a pair (b', o') makes
// room for (b, o') and (b', o).
func (p *pairing) exchange() {
	for b := range p.bids {
		for o := 0; o < len(p.offers) && p.bids[b].left > 0; o++ {
			if p.offers[o].left == 0 {
				continue
			}
			for k := range p.made {
				energy := min(p.bids[b].left, p.offers[o].left, p.made[k].energy)
				other := p.made[k]
				if energy == 0 || !p.fit(p.bids[b].order, p.offers[other.offer].order) || !p.fit(p.bids[other.bid].order, p.offers[o].order) {
					continue
				}
				p.made[k].energy -= energy
				p.bids[other.bid].left += energy
				p.offers[other.offer].left += energy
				p.take(b, other.offer, energy)
				p.take(other.bid, o, energy)
			}
		}
	}
}

// pairs joins what was made of the same two orders.
func (p *pairing) pairs() []Pair {
	sums := map[[2]int]grid.Energy{}
	for _, j := range p.made {
		sums[[2]int{j.bid, j.offer}] += j.energy
	}
	var pairs []Pair
	for at, energy := range sums {
		if energy > 0 {
			pairs = append(pairs, Pair{p.bids[at[0]].order.ID, p.offers[at[1]].order.ID, energy})
		}
	}
	slices.SortFunc(pairs, func(a, b Pair) int {
		return cmp.Or(strings.Compare(a.Bid, b.Bid), strings.Compare(a.Offer, b.Offer))
	})
	return pairs
}
