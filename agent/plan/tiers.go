package plan

import "math"

const mostTiers = 5

// tiers are the prices of a meter's energy by amount: up to to[k] a Wh costs price[k].
type tiers struct {
	n     int
	to    [mostTiers]float64 // rising; the last is +Inf
	price [mostTiers]float64 // millionths a Wh

	fill, empty [mostTiers]float64 // levels of a store at the prices: up to and down to
}

func (t *tiers) add(to, price float64) {
	if t.n > 0 && to <= t.to[t.n-1] {
		return // nothing is left of it
	}
	t.to[t.n], t.price[t.n] = to, price
	t.n++
}

// cost returns what an amount costs, 0 for 0.
func (t *tiers) cost(net float64) (sum float64) {
	for k := range t.n {
		from := math.Inf(-1)
		if k > 0 {
			from = t.to[k-1]
		}
		if net > 0 {
			sum += t.price[k] * math.Max(math.Min(net, t.to[k])-math.Max(from, 0), 0)
		} else {
			sum -= t.price[k] * math.Max(math.Min(0, t.to[k])-math.Max(net, from), 0)
		}
	}
	return sum
}

// bounds are what the meter may count in a step, Wh.
type bounds struct {
	export, imported float64 // beyond the first the sun is curtailed, +Inf: any
	peak, above      float64 // beyond the first a Wh costs so much more
}

func (b *bounds) none() bool {
	return math.IsInf(b.export, 1) && math.IsInf(b.imported, 1) && b.above == 0
}

// tiersOf writes the tiers of a step; traded is what does not count.
func (b *bounds) tiersOf(t *tiers, buy, sell, traded, sure float64) {
	t.n = 0
	if !math.IsInf(b.export, 1) {
		t.add(math.Min(-b.export-traded, 0), 0)
		sell = math.Max(sell, 0)
	}
	t.add(0, sell)
	if b.above > 0 && b.peak < b.imported {
		t.add(b.peak-traded, buy)
		buy += b.above
	}
	if !math.IsInf(b.imported, 1) {
		t.add(b.imported-traded, buy)
		buy += sure / 2 //nolint:mnd // less than a missed deadline costs
	}
	t.add(math.Inf(1), buy)
}
