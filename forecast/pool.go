package forecast

import (
	"slices"
)

// pool keeps the errors of the last days by slot, those of the slots of an hour before and
// after pooled, so that their quantiles are at hand. Errors are in units of the square root of
// the level that was predicted.
type pool struct {
	reach  int         // slots before and after
	step   int         // between those that count: in short intervals every other one tells enough
	keep   int         // days
	days   [][]float64 // the last ones, NaN where not known
	sorted [][]float64 // by slot
	told   []toldOf    // by slot what at returns, as long as no day is added; nil: it is not reckoned yet
}

// toldOf is what a pool tells of a slot.
type toldOf struct {
	q    [9]float64
	mean float64
	ok   bool
}

const (
	pooledDays = 84
	poolReach  = 60 // minutes
)

func newPool(slots, minutes int) *pool {
	return &pool{reach: max(1, poolReach/minutes), step: max(1, poolReach/2/minutes), keep: pooledDays, sorted: make([][]float64, slots)}
}

// add takes the errors of a day in, and drops those of the oldest day.
func (p *pool) add(errs []float64) {
	p.days, p.told = append(p.days, errs), nil
	p.each(errs, func(slot int, e float64) {
		s := p.sorted[slot]
		at, _ := slices.BinarySearch(s, e)
		p.sorted[slot] = slices.Insert(s, at, e)
	})
	if len(p.days) <= p.keep {
		return
	}
	p.each(p.days[0], func(slot int, e float64) {
		s := p.sorted[slot]
		at, _ := slices.BinarySearch(s, e)
		p.sorted[slot] = slices.Delete(s, at, at+1)
	})
	p.days = p.days[1:]
}

func (p *pool) each(errs []float64, do func(slot int, e float64)) {
	n := len(errs)
	for at, e := range errs {
		if !known(e) {
			continue
		}
		for k := -p.reach; k <= p.reach; k += p.step {
			do((at+k+n)%n, e)
		}
	}
}

// at returns the quantiles .1 to .9 of a slot, and the mean; false with too few errors.
func (p *pool) at(slot int) (q [9]float64, mean float64, ok bool) {
	const least = 5
	if p.told != nil {
		t := &p.told[slot]
		return t.q, t.mean, t.ok
	}
	if s := p.sorted[slot]; len(s) >= least {
		return deciles(s), meanOf(s), true
	}
	return q, 0, false
}

// settle reckons what is told of all slots, for a pool to which nothing is added any more.
func (p *pool) settle() {
	told := make([]toldOf, len(p.sorted))
	for slot := range told {
		t := &told[slot]
		t.q, t.mean, t.ok = p.at(slot)
	}
	p.told = told
}

// deciles returns the quantiles .1 to .9 of sorted values, linear between the order statistics
// (type 7 of Hyndman and Fan 1996).
func deciles(sorted []float64) (q [9]float64) {
	n := float64(len(sorted) - 1)
	for i := range q {
		at := n * float64(i+1) / 10
		low := int(at)
		q[i] = sorted[low]
		if low+1 < len(sorted) {
			q[i] += (at - float64(low)) * (sorted[low+1] - sorted[low])
		}
	}
	return q
}

// decilesOf returns the quantiles .1 to .9 of values, linear between them where each stands for the middle of its
// share. It sorts them.
func decilesOf(values []float64) (q [9]float64) {
	slices.Sort(values)
	n, i := float64(len(values)), 0
	for k := range q {
		tau := n * float64(k+1) / 10
		for i < len(values) && float64(i)+.5 < tau {
			i++
		}
		switch i {
		case 0:
			q[k] = values[0]
		case len(values):
			q[k] = values[i-1]
		default:
			f := tau - (float64(i) - .5)
			q[k] = values[i-1]*(1-f) + values[i]*f
		}
	}
	return q
}
