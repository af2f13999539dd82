package forecast

import (
	"math"
	"slices"
)

// dayAhead is the forecast of a local day that was issued at its midnight.
type dayAhead struct {
	point []float64 // what is said of each slot where one number is asked for: the median
	mean  []float64
	q     [][9]float64
}

func newDay(slots int) *dayAhead {
	return &dayAhead{point: unknown(slots), mean: unknown(slots), q: make([][9]float64, slots)}
}

// around makes a day of means, moved by the mean error of a pool; the quantiles are those of its
// errors. With too few of them anything from nothing to twice as much may come.
func around(mean []float64, p *pool, s scale) *dayAhead {
	out := newDay(len(mean))
	for slot, m := range mean {
		if !known(m) {
			continue
		}
		q, bias, ok := p.at(slot)
		if !ok {
			q = unsure(math.Abs(m) / s.of(m))
		}
		for i := range q {
			q[i] = m + q[i]*s.of(m)
		}
		out.mean[slot], out.point[slot], out.q[slot] = m+bias*s.of(m), q[4], q
	}
	return out
}

// unsure are quantiles of errors up to a size both ways.
func unsure(size float64) (q [9]float64) {
	for i := range q {
		q[i] = size * float64(i-4) / 5
	}
	return q
}

// scale is what an error is measured in.
type scale struct {
	kind  Kind
	floor float64 // of a level
}

func (s scale) of(level float64) float64 {
	if s.kind == Net {
		return math.Sqrt(s.floor)
	}
	return math.Sqrt(math.Max(level, s.floor))
}

// mend sorts quantiles and keeps what cannot be below zero at zero.
func (d *dayAhead) mend(kind Kind) {
	for slot := range d.q {
		if !known(d.mean[slot]) {
			continue
		}
		q := &d.q[slot]
		if kind != Net {
			for i := range q {
				q[i] = math.Max(0, q[i])
			}
			d.mean[slot] = math.Max(0, d.mean[slot])
			d.point[slot] = math.Max(0, d.point[slot])
		}
		slices.Sort(q[:])
	}
}

// average returns the weighted mean of several days: where some are not known, that of the
// others.
func average(days []*dayAhead, weights []float64) *dayAhead {
	var out *dayAhead
	for _, d := range days {
		if d != nil {
			out = newDay(len(d.q))
		}
	}
	for slot := range out.q {
		n := 0.0
		var sum dayPoint
		for k, d := range days {
			if d == nil || !known(d.mean[slot]) {
				continue
			}
			w := weights[k]
			n += w
			sum.mean += w * d.mean[slot]
			for i, q := range d.q[slot] {
				sum.q[i] += w * q
			}
		}
		if n == 0 {
			continue
		}
		for i := range sum.q {
			out.q[slot][i] = sum.q[i] / n
		}
		out.mean[slot], out.point[slot] = sum.mean/n, out.q[slot][4]
	}
	return out
}

type dayPoint struct {
	mean float64
	q    [9]float64
}

// width is the factor by which quantiles lie farther from the median than they were predicted
// to: it grows while less than eight of ten values fall within the outer ones, and shrinks
// while more do (adaptive conformal inference; Gibbs and Candès 2021).
type width float64

const (
	wanted     = .8
	gaining    = .5
	leastWidth = .5
	mostWidth  = 2.5
)

func (g width) apply(d *dayAhead) {
	for slot := range d.q {
		q := &d.q[slot]
		for i := range q {
			q[i] = q[4] + float64(g)*(q[i]-q[4])
		}
	}
}

func (g width) after(covered float64) width {
	if !known(covered) {
		return g
	}
	return width(math.Min(mostWidth, math.Max(leastWidth, float64(g)*math.Exp(gaining*(wanted-covered)))))
}
