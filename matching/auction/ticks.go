package auction

import (
	"cmp"
	"math/bits"
	"slices"
)

// Ticks clears the uniform auction among orders at price ticks, at one place
// and without a utility, by counting: its time is one pass over the orders to
// add them up and one to fill them, in any order. It keeps its counters between
// auctions. The zero value is ready; it is not safe for concurrent use.
type Ticks struct {
	demand, supply []uint64 // Wh by tick
}

// Tick is an order's limit and energy, 8 bytes.
type Tick struct {
	Limit  uint32 // price tick
	Energy uint32 // Wh, > 0
}

// Uniform is what a uniform auction comes to.
type Uniform struct {
	Volume    uint64 // Wh
	Low, High int64  // the lowest and the highest tick that support it; Low is −1 and High the number of ticks when there is no bound

	bid, offer        int64  // ticks of the last bids and offers that trade; none: beyond the range
	bidLeft, bidSum   uint64 // Wh that trade and Wh that are there at the last bids' tick
	offerLeft, offSum uint64
}

// Clear adds up the orders, whose limits are below ticks, and finds the trade of
// largest welfare and, among those, largest volume.
func (t *Ticks) Clear(ticks uint32, bids, offers []Tick) Uniform {
	t.demand, t.supply = count(t.demand, ticks, bids), count(t.supply, ticks, offers)
	return t.meet(int64(ticks))
}

func count(sums []uint64, ticks uint32, orders []Tick) []uint64 {
	if cap(sums) < int(ticks) {
		sums = make([]uint64, ticks)
	}
	sums = sums[:ticks]
	clear(sums)
	for i := range orders {
		sums[orders[i].Limit] += uint64(orders[i].Energy)
	}
	return sums
}

// meet walks demand from the top and supply from the bottom, level by level.
func (t *Ticks) meet(n int64) Uniform {
	u := Uniform{bid: n, offer: -1}
	b, o := n, int64(-1)
	var demand, supply uint64 // left at the current levels
	for {
		for demand == 0 && b > 0 {
			b--
			demand = t.demand[b]
		}
		for supply == 0 && o < n-1 {
			o++
			supply = t.supply[o]
		}
		if demand == 0 || supply == 0 || b < o {
			break
		}
		part := min(demand, supply)
		demand -= part
		supply -= part
		u.Volume += part
		u.bid, u.offer = b, o
		u.bidLeft, u.offerLeft = t.demand[b]-demand, t.supply[o]-supply
	}
	if u.Volume > 0 {
		u.bidSum, u.offSum = t.demand[u.bid], t.supply[u.offer]
	}
	// What is not served whole bounds the price too: it is the level at which
	// the walk stopped.
	u.Low, u.High = -1, n
	if u.Volume > 0 {
		u.Low, u.High = u.offer, u.bid
	}
	if demand > 0 {
		u.Low = max(u.Low, b)
	}
	if supply > 0 {
		u.High = min(u.High, o)
	}
	return u
}

// Fill writes what each order gets. Those at the margin share what is left
// there pro rata, by largest remainder, ties by place.
func (u *Uniform) Fill(bids, offers []Tick, bought, sold []uint32) {
	// A bid's limit counts as its distance below all limits, so that on both
	// sides the lower is the better.
	fill(bids, bought, ^uint32(0), ^uint32(u.bid), u.Volume > 0, u.bidLeft, u.bidSum)
	fill(offers, sold, 0, uint32(u.offer), u.Volume > 0, u.offerLeft, u.offSum)
}

// fill serves the orders that are better than the margin whole, those at it pro
// rata. flip turns limits so that the lower is the better.
func fill(orders []Tick, fills []uint32, flip, margin uint32, trades bool, left, sum uint64) {
	if !trades {
		clear(fills[:len(orders)])
		return
	}
	fills = fills[:len(orders)]
	var marginal []int
	for i := range orders {
		rank := orders[i].Limit ^ flip
		better := uint32((uint64(rank) - uint64(margin)) >> 63) // 1 or 0
		fills[i] = orders[i].Energy & -better
		if rank == margin {
			marginal = append(marginal, i)
		}
	}
	share(orders, fills, marginal, left, sum)
}

// share splits left of sum Wh over the marginal orders.
func share(orders []Tick, fills []uint32, marginal []int, left, sum uint64) {
	rests := make([]remainder, len(marginal))
	for k, i := range marginal {
		high, low := bits.Mul64(uint64(orders[i].Energy), left)
		whole, rest := bits.Div64(high, low, sum)
		fills[i], rests[k] = uint32(whole), remainder{i, rest}
	}
	for _, i := range marginal {
		left -= uint64(fills[i])
	}
	if left == 0 {
		return
	}
	slices.SortFunc(rests, func(a, b remainder) int { return cmp.Or(cmp.Compare(b.rest, a.rest), cmp.Compare(a.of, b.of)) })
	for _, r := range rests[:left] {
		fills[r.of]++
	}
}

// remainder is what an order's share lacks of the next Wh.
type remainder struct {
	of   int
	rest uint64
}
