package grid

import "math/bits"

// Mean is the exact mean of prices, weighted by energy: it holds the sum of price × energy in
// 128 bits and is rounded when it is read, never in between. The zero Mean is of nothing. It
// is comparable.
type Mean struct {
	Energy Energy `json:"energy,omitempty"` // Wh
	High   int64  `json:"high,omitempty"`   // upper half of the sum, which is two's complement
	Low    uint64 `json:"low,omitempty"`
}

// Add returns the mean with so much energy at a price more. What does not fit into 128 bits,
// or 64 bits of energy, cannot be reached by trades: a trade has less than 2^63 of either.
func (m Mean) Add(p Price, e Energy) Mean {
	high, low := bits.Mul64(magnitude(int64(p)), magnitude(int64(e)))
	if (p < 0) != (e < 0) {
		var borrow uint64
		low, borrow = bits.Sub64(0, low, 0)
		high, _ = bits.Sub64(0, high, borrow)
	}
	var carry uint64
	m.Low, carry = bits.Add64(m.Low, low, 0)
	sum, _ := bits.Add64(uint64(m.High), high, carry)
	m.High = int64(sum)
	m.Energy += e
	return m
}

// Price returns the mean, rounded half away from zero; false when there is no energy, or the
// sum is none of prices.
func (m Mean) Price() (Price, bool) {
	if m.Energy <= 0 {
		return 0, false
	}
	high, low, negative := uint64(m.High), m.Low, m.High < 0
	if negative {
		var borrow uint64
		low, borrow = bits.Sub64(0, low, 0)
		high, _ = bits.Sub64(0, high, borrow)
	}
	weight := uint64(m.Energy)
	if high >= weight {
		return 0, false // no sum of prices: a mean of prices is a price
	}
	quotient, remainder := bits.Div64(high, low, weight)
	if remainder >= weight-remainder {
		quotient++
	}
	p, _ := signed(quotient, negative)
	return Price(p), true
}
