package auction

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

// Net lets each member's crossing orders cancel out, best against best, so
// that nobody trades with itself, and returns what is left.
func Net(orders []grid.Order) []grid.Order {
	sides := make(map[string]grid.Side, len(orders))
	both := map[string][]grid.Order{}
	for _, o := range orders {
		if sides[o.Member] |= o.Side; sides[o.Member] == grid.Bid|grid.Offer {
			both[o.Member] = nil
		}
	}
	if len(both) == 0 {
		return orders
	}
	kept := make([]grid.Order, 0, len(orders))
	for _, o := range orders {
		if _, crossing := both[o.Member]; crossing {
			both[o.Member] = append(both[o.Member], o)
		} else {
			kept = append(kept, o)
		}
	}
	for _, member := range slices.Sorted(maps.Keys(both)) {
		kept = append(kept, cancelOut(both[member])...)
	}
	return kept
}

// netFitting is Net for bids that only some offers fit.
func netFitting(orders []grid.Order, fit func(bid, offer grid.Order) bool) []grid.Order {
	byMember := map[string][]grid.Order{}
	for _, o := range orders {
		byMember[o.Member] = append(byMember[o.Member], o)
	}
	kept := make([]grid.Order, 0, len(orders))
	for _, member := range slices.Sorted(maps.Keys(byMember)) {
		bids, offers := split(byMember[member])
		for b := range bids {
			for o := range offers {
				if bids[b].Price >= offers[o].Price && fit(bids[b], offers[o]) {
					energy := min(bids[b].Energy, offers[o].Energy)
					bids[b].Energy -= energy
					offers[o].Energy -= energy
				}
			}
		}
		kept = append(kept, leftOver(bids, offers)...)
	}
	return kept
}

// split returns a member's orders by side, best first.
func split(own []grid.Order) (bids, offers []grid.Order) {
	for _, o := range own {
		if o.Side == grid.Bid {
			bids = append(bids, o)
		} else {
			offers = append(offers, o)
		}
	}
	slices.SortFunc(bids, func(a, b grid.Order) int {
		return cmp.Or(cmp.Compare(b.Price, a.Price), strings.Compare(a.ID, b.ID))
	})
	slices.SortFunc(offers, func(a, b grid.Order) int {
		return cmp.Or(cmp.Compare(a.Price, b.Price), strings.Compare(a.ID, b.ID))
	})
	return bids, offers
}

func cancelOut(own []grid.Order) []grid.Order {
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
	return leftOver(bids, offers)
}

func leftOver(bids, offers []grid.Order) []grid.Order {
	return slices.DeleteFunc(append(bids, offers...), func(o grid.Order) bool { return o.Energy == 0 })
}
