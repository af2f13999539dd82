package auction

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

// MUDA is the lottery variant of E. Segal-Halevi, A. Hassidim, Y. Aumann, MUDA:
// A truthful multi-unit double-auction mechanism, AAAI 2018: members are split
// into two halves by lot; the price at which one half would clear is that at
// which the other trades, the members of its longer side one after another by
// lot. So nobody's orders move the price that it trades at.
func MUDA(c Case) (Result, error) {
	var halves [2]struct{ bids, offers []lot }
	bids, offers := c.lots()
	for _, l := range bids {
		h := &halves[c.draw("half", l.member)>>63]
		h.bids = append(h.bids, l)
	}
	for _, l := range offers {
		h := &halves[c.draw("half", l.member)>>63]
		h.offers = append(h.offers, l)
	}
	var r Result
	for i := range halves {
		other := halves[1-i]
		price, known := c.supporting(other.bids, other.offers)
		if !known {
			continue
		}
		buyers := c.byLot(within(halves[i].bids, func(l lot) bool { return l.limit >= price }))
		sellers := c.byLot(within(halves[i].offers, func(l lot) bool { return l.limit <= price }))
		volume := min(total(buyers), total(sellers))
		r.Trades = append(r.Trades, c.trades(buyers, sellers, inTurn(buyers, volume), inTurn(sellers, volume), price, price)...)
	}
	return c.finish(r), nil
}

// supporting returns the price at K between the lowest and the highest at which
// the lots clear; without a bound on one side, the other.
func (c Case) supporting(bids, offers []lot) (price grid.Price, known bool) {
	meet := cross(bids, offers)
	var low, high *grid.Price
	raise := func(p grid.Price) {
		if low == nil || p > *low {
			low = &p
		}
	}
	lower := func(p grid.Price) {
		if high == nil || p < *high {
			high = &p
		}
	}
	if meet.volume > 0 {
		raise(offers[meet.offers-1].limit)
		lower(bids[meet.bids-1].limit)
	}
	// An order that is not served whole bounds the price as well.
	if n := meet.bids; total(bids[:n]) > meet.volume {
		raise(bids[n-1].limit)
	} else if n < len(bids) {
		raise(bids[n].limit)
	}
	if n := meet.offers; total(offers[:n]) > meet.volume {
		lower(offers[n-1].limit)
	} else if n < len(offers) {
		lower(offers[n].limit)
	}
	switch {
	case low != nil && high != nil:
		return Between(*low, *high, c.K), true
	case low != nil:
		return *low, true
	case high != nil:
		return *high, true
	default:
		return 0, false
	}
}

// byLot shuffles the members; one member's orders stay together, the best first.
func (c Case) byLot(lots []lot) []lot {
	slices.SortStableFunc(lots, func(a, b lot) int {
		return cmp.Or(cmp.Compare(c.draw("turn", a.member), c.draw("turn", b.member)), strings.Compare(a.member, b.member))
	})
	return lots
}

// inTurn gives energy to the lots one after another.
func inTurn(lots []lot, energy grid.Energy) []grid.Energy {
	fills := make([]grid.Energy, len(lots))
	for i, l := range lots {
		fills[i] = min(l.energy, energy)
		energy -= fills[i]
	}
	return fills
}

// draw is a member's lot for a purpose, evenly spread.
func (c Case) draw(purpose, member string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(purpose + "\n" + member)) // never fails
	// The finaliser of splitmix64, S. Vigna, mixes the seed in.
	z := h.Sum64() ^ (c.Seed+1)*0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}
