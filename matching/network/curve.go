package network

import (
	"cmp"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
)

// jump is a step of a net supply curve: at the price, supply grows by energy.
type jump struct {
	price  grid.Price
	energy int64 // Wh, > 0
}

// curve is a net supply curve: base Wh (≤ 0, all bids served) below every
// price, growing by its jumps, which are sorted by price, one for each price.
type curve struct {
	base  int64
	jumps []jump
}

// newCurve sorts the jumps and joins those at one price.
func newCurve(base int64, jumps []jump) curve {
	slices.SortFunc(jumps, func(a, b jump) int { return cmp.Compare(a.price, b.price) })
	joined := jumps[:0]
	for _, j := range jumps {
		if n := len(joined); n > 0 && joined[n-1].price == j.price {
			joined[n-1].energy += j.energy
		} else {
			joined = append(joined, j)
		}
	}
	return curve{base: base, jumps: joined}
}

// at returns the supply just below and just above the price.
func (c curve) at(p grid.Price) (below, above int64) {
	below = c.base
	for _, j := range c.jumps {
		if j.price >= p {
			if j.price == p {
				return below, below + j.energy
			}
			break
		}
		below += j.energy
	}
	return below, below
}

// over returns what the parent sees of the curve over a line: exports cost the
// fee more and are cut at the export limit, imports are worth the fee less and
// are cut at the import limit; between lies a dead band. What is committed
// counts in all of that, and is not part of the result.
func (c curve) over(l line) curve {
	level := c.base + l.committed // of the line
	seen := curve{base: max(level, -l.imports) - l.committed}
	add := func(from, to int64, price grid.Price) {
		from, to = max(from, -l.imports), min(to, l.exports)
		if to <= from {
			return
		}
		if n := len(seen.jumps); n > 0 && seen.jumps[n-1].price == price {
			seen.jumps[n-1].energy += to - from
			return
		}
		seen.jumps = append(seen.jumps, jump{price, to - from})
	}
	for _, j := range c.jumps {
		next := level + j.energy
		if level < 0 {
			add(level, min(next, 0), j.price-l.fee)
		}
		if next > 0 {
			add(max(level, 0), next, j.price+l.fee)
		}
		level = next
	}
	return seen
}

// bounds is an interval of prices; an absent bound is open.
type bounds struct {
	low, high       grid.Price
	hasLow, hasHigh bool
}

// supporting returns the prices at which the curve may supply flow.
func (c curve) supporting(flow int64) bounds {
	var b bounds
	level := c.base
	for _, j := range c.jumps {
		if level == flow {
			b.high, b.hasHigh = j.price, true
			return b
		}
		level += j.energy
		b.low, b.hasLow = j.price, true
		if level > flow {
			b.high, b.hasHigh = j.price, true
			return b
		}
	}
	return b
}

// within intersects two intervals.
func (b bounds) within(c bounds) bounds {
	if c.hasLow && (!b.hasLow || c.low > b.low) {
		b.low, b.hasLow = c.low, true
	}
	if c.hasHigh && (!b.hasHigh || c.high < b.high) {
		b.high, b.hasHigh = c.high, true
	}
	return b
}

// price picks the price at k billionths of the interval, rounded down; an open
// interval gives its nearest bound, else the parent's price.
func (b bounds) price(k int64, parent *grid.Price) *grid.Price {
	switch {
	case b.hasLow && b.hasHigh:
		span := int64(b.high - b.low)
		return new(b.low + grid.Price(span/One*k+span%One*k/One))
	case b.hasLow:
		return new(b.low)
	case b.hasHigh:
		return new(b.high)
	default:
		return parent
	}
}
