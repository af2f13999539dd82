package optimum

import (
	"cmp"
	"slices"
)

// bound returns what the community pays at least, by prices within feed-in and retail: the sum of
// what each store for itself pays at them, and what the rest does. Whatever the community's net
// energy, it costs at least as much at retail and feed-in.
func (p *programme) bound(prices []float64) float64 {
	var sum float64
	for t, price := range prices {
		sum += price * p.net[t]
	}
	for k := range p.stores {
		if s := &p.stores[k]; s.fixed {
			sum += s.cheapest(prices)
		} else {
			sum += s.trade(prices, p.worth)
		}
	}
	for _, l := range p.loads {
		_, least := l.cheapest(prices, p.minutes)
		sum += least
	}
	return sum
}

// cheapest is what a car pays: the cheapest intervals first.
func (s *store) cheapest(prices []float64) (cost float64) {
	order := make([]int, len(s.most))
	for t := range order {
		order[t] = t
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(prices[s.first+a], prices[s.first+b]) })
	left := s.capacity
	for _, t := range order {
		takes := min(left, s.most[t])
		cost += takes * prices[s.first+t]
		left -= takes
	}
	return cost
}

// piece is a part of a convex cost-to-go over the charge: so long, so steep.
type piece struct{ slope, length float64 }

// trade is what a battery pays at least from its first interval on, less what it holds more in
// the end: from the last interval back the cost-to-go over the charge is convex and piecewise
// linear, and one interval's move merges two pieces into it, one of charging and one of
// discharging. Where a price is negative, so that moving costs less than not at all, the cost of a
// move is not convex; its hull is taken, which is a bound still.
func (s *store) trade(prices []float64, worth float64) float64 {
	left := s.held * worth // cost-to-go of an empty battery
	pieces := []piece{{-worth, s.capacity}}
	for t := range slices.Backward(s.most) {
		price := prices[s.first+t]
		up, down := s.most[t]*s.in, s.gives/s.out
		charge, discharge := piece{-price / s.in, up}, piece{-price * s.out, down}
		left += price * s.most[t] // from as far below empty as one interval can charge
		if price < 0 {
			// The chord from charging as much as can be to discharging so.
			slope := -price * (s.most[t] + s.gives) / (up + down)
			charge.slope, discharge.slope = slope, slope
		}
		pieces = insert(insert(pieces, charge), discharge)
		left += cut(&pieces, up)
		trim(&pieces, down)
	}
	at, cost := s.held, left
	for _, x := range pieces {
		part := min(at, x.length)
		cost += part * x.slope
		at -= part
	}
	return cost
}

// insert merges a piece in, in order of slopes.
func insert(pieces []piece, x piece) []piece {
	at, _ := slices.BinarySearchFunc(pieces, x, func(a, b piece) int { return cmp.Compare(a.slope, b.slope) })
	return slices.Insert(pieces, at, x)
}

// cut takes a length off the flat end, the left, and returns by how much the cost changes along it.
func cut(pieces *[]piece, length float64) (change float64) {
	all := *pieces
	for length > 0 && len(all) > 0 {
		part := min(length, all[0].length)
		change += part * all[0].slope
		length -= part
		if all[0].length -= part; all[0].length <= 0 {
			all = all[1:]
		}
	}
	*pieces = all
	return change
}

// trim takes a length off the right.
func trim(pieces *[]piece, length float64) {
	all := *pieces
	for length > 0 && len(all) > 0 {
		last := len(all) - 1
		part := min(length, all[last].length)
		length -= part
		if all[last].length -= part; all[last].length <= 0 {
			all = all[:last]
		}
	}
	*pieces = all
}
