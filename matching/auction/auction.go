// Package auction clears call auctions at one node. It is pure.
//
// # Uniform
//
// Everybody trades at one clearing price. The volume is the largest that the
// bids and offers allow at a welfare optimum; the price lies at k between the
// lowest and the highest price that support it. Properties (Wilson 1985,
// "Incentive efficiency of double auctions"): efficient, individually
// rational, budget balanced, not incentive compatible.
//
// The margin is rationed pro rata to the energy ordered at the marginal price,
// by largest remainder, ties by order id. A member's own bids and offers that
// cross are netted before: nobody trades with itself.
package auction

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

// Clearing is the result of a call auction.
type Clearing struct {
	Price  grid.Price // meaningful when Volume > 0
	Volume grid.Energy
	Fills  []Fill // by order id
	Pairs  []Pair // by bid, then offer
}

// Fill is what one order got.
type Fill struct {
	Order  grid.Order
	Energy grid.Energy // Wh, > 0
}

// Pair is energy that goes from an offer to a bid of another member.
type Pair struct {
	Bid, Offer grid.Order
	Energy     grid.Energy // Wh, > 0
}

// Half is the k of the middle, in thousandths.
const Half = 500

// Uniform clears the orders at one price. k, in thousandths, is the position of
// the price between the lowest and the highest that support the volume.
// Errors: none of the orders' energies may be so large that a sum overflows.
func Uniform(orders []grid.Order, k int64) (Clearing, error) {
	if k < 0 || k > 1000 {
		return Clearing{}, fmt.Errorf("k: %d thousandths is outside of 0 to 1000", k)
	}
	bids, offers := split(net(orders))
	m, err := margin(bids, offers)
	if err != nil || m.volume == 0 {
		return Clearing{}, err
	}
	c := Clearing{Volume: m.volume, Price: m.lowest + (m.highest-m.lowest)*grid.Price(k)/1000}
	boughtBy, err := ration(bids, m.volume)
	if err != nil {
		return Clearing{}, err
	}
	soldBy, err := ration(offers, m.volume)
	if err != nil {
		return Clearing{}, err
	}
	c.Pairs = pair(boughtBy, soldBy)
	c.Fills = slices.Concat(boughtBy, soldBy)
	slices.SortFunc(c.Fills, func(a, b Fill) int { return strings.Compare(a.Order.ID, b.Order.ID) })
	return c, nil
}

// split separates the sides, each from the best price to the worst.
func split(orders []grid.Order) (bids, offers []grid.Order) {
	for _, o := range orders {
		if o.Side == grid.Bid {
			bids = append(bids, o)
		} else {
			offers = append(offers, o)
		}
	}
	slices.SortStableFunc(bids, func(a, b grid.Order) int {
		return cmp.Or(cmp.Compare(b.Price, a.Price), strings.Compare(a.ID, b.ID))
	})
	slices.SortStableFunc(offers, func(a, b grid.Order) int {
		return cmp.Or(cmp.Compare(a.Price, b.Price), strings.Compare(a.ID, b.ID))
	})
	return bids, offers
}

// marginal is where the sorted curves cross.
type marginal struct {
	volume          grid.Energy
	lowest, highest grid.Price // prices that support the volume
}

// margin walks both curves and stops where the next bid no longer covers the
// next offer. At equal prices the volume is taken: it is welfare neutral and
// the largest volume is preferred.
func margin(bids, offers []grid.Order) (marginal, error) {
	var m marginal
	var i, j int
	var bidLeft, offerLeft grid.Energy
	lastBid, lastOffer := -1, -1
	for {
		if bidLeft == 0 && i < len(bids) {
			bidLeft = bids[i].Energy
			i++
		}
		if offerLeft == 0 && j < len(offers) {
			offerLeft = offers[j].Energy
			j++
		}
		if bidLeft == 0 || offerLeft == 0 || bids[i-1].Price < offers[j-1].Price {
			break
		}
		energy := min(bidLeft, offerLeft)
		if m.volume > m.volume+energy {
			return marginal{}, fmt.Errorf("volume of the auction: %w", grid.ErrOverflow)
		}
		m.volume += energy
		bidLeft, offerLeft = bidLeft-energy, offerLeft-energy
		lastBid, lastOffer = i-1, j-1
	}
	if m.volume == 0 {
		return m, nil
	}
	// A supporting price is at least the last accepted offer's and every
	// refused bid's limit, and at most the last accepted bid's and every
	// refused offer's.
	m.lowest, m.highest = offers[lastOffer].Price, bids[lastBid].Price
	if bidLeft > 0 {
		m.lowest = max(m.lowest, bids[i-1].Price)
	} else if i < len(bids) {
		m.lowest = max(m.lowest, bids[i].Price)
	}
	if offerLeft > 0 {
		m.highest = min(m.highest, offers[j-1].Price)
	} else if j < len(offers) {
		m.highest = min(m.highest, offers[j].Price)
	}
	return m, nil
}

// ration hands the volume to the orders of one side, best price first; those
// at the marginal price share what is left.
func ration(side []grid.Order, volume grid.Energy) ([]Fill, error) {
	var fills []Fill
	for from := 0; from < len(side) && volume > 0; {
		to, level := from, grid.Energy(0)
		for ; to < len(side) && side[to].Price == side[from].Price; to++ {
			level += side[to].Energy
		}
		taken := min(level, volume)
		shares := make([]grid.Share, to-from)
		for i, o := range side[from:to] {
			shares[i] = grid.Share{ID: o.ID, Weight: int64(o.Energy)}
		}
		parts, err := grid.Split(int64(taken), shares)
		if err != nil {
			return nil, fmt.Errorf("ration the margin: %w", err)
		}
		for i, part := range parts {
			if part > 0 {
				fills = append(fills, Fill{Order: side[from+i], Energy: grid.Energy(part)})
			}
		}
		volume -= taken
		from = to
	}
	return fills, nil
}

// pair joins bought and sold energy. After netting no member stands on both
// sides with crossing orders, so every pair has two members.
func pair(bought, sold []Fill) []Pair {
	var pairs []Pair
	i, j := 0, 0
	var bid, offer grid.Energy
	for i < len(bought) && j < len(sold) {
		if bid == 0 {
			bid = bought[i].Energy
		}
		if offer == 0 {
			offer = sold[j].Energy
		}
		energy := min(bid, offer)
		pairs = append(pairs, Pair{Bid: bought[i].Order, Offer: sold[j].Order, Energy: energy})
		if bid -= energy; bid == 0 {
			i++
		}
		if offer -= energy; offer == 0 {
			j++
		}
	}
	slices.SortFunc(pairs, func(a, b Pair) int {
		return cmp.Or(strings.Compare(a.Bid.ID, b.Bid.ID), strings.Compare(a.Offer.ID, b.Offer.ID))
	})
	return pairs
}

// net lets each member's crossing orders cancel out, best against best.
func net(orders []grid.Order) []grid.Order {
	byMember := map[string][]grid.Order{}
	for _, o := range orders {
		byMember[o.Member] = append(byMember[o.Member], o)
	}
	kept := make([]grid.Order, 0, len(orders))
	for _, own := range byMember {
		bids, offers := split(own)
		for i, j := 0, 0; i < len(bids) && j < len(offers) && bids[i].Price >= offers[j].Price; {
			energy := min(bids[i].Energy, offers[j].Energy)
			bids[i].Energy -= energy
			offers[j].Energy -= energy
			if bids[i].Energy == 0 {
				i++
			}
			if offers[j].Energy == 0 {
				j++
			}
		}
		kept = append(kept, bids...)
		kept = append(kept, offers...)
	}
	kept = slices.DeleteFunc(kept, func(o grid.Order) bool { return o.Energy == 0 })
	slices.SortFunc(kept, func(a, b grid.Order) int { return strings.Compare(a.ID, b.ID) })
	return kept
}
