package forecast

import (
	"math"
	"slices"
)

// regression is a ridge regression for each slot, on the features of the days before.
type regression struct {
	f      *features
	fits   []ridge
	day    Day // rows of the days before it were added
	began  Day
	frozen bool // it learns no more
}

func newRegression(f *features) *regression {
	return &regression{f: f, fits: make([]ridge, f.t.slots), began: f.t.first, day: f.t.first + featuresFrom}
}

// prepare takes in the days before d, and fits to them once a week.
func (r *regression) prepare(d Day) {
	r.add(d)
	if since := int(d - r.began - ridgeFrom); since < 0 || since%refitEvery != 0 {
		return
	}
	for slot := range r.fits {
		r.fits[slot].fit()
	}
}

// means returns those of a day, by the last fit.
func (r *regression) means(d Day) []float64 {
	if !r.frozen && d < r.began+ridgeFrom {
		return nil
	}
	return r.say(d)
}

// on implements predictor.
func (r *regression) on(f *features) predictor {
	if !slices.ContainsFunc(r.fits, func(f ridge) bool { return f.rows > 0 }) {
		return simple{of: func(*table, Day) []float64 { return nil }}
	}
	return &regression{f: f, fits: r.fits, frozen: true}
}

// add takes in the rows of the days before d.
func (r *regression) add(d Day) {
	var x []float64
	for ; r.day < d; r.day++ {
		for slot := range r.fits {
			y := r.f.t.value(r.day, slot)
			if !known(y) {
				continue
			}
			var ok bool
			x, ok = r.f.of(x[:0], r.day, slot)
			if ok && !slices.ContainsFunc(x, math.IsNaN) {
				r.fits[slot].add(x, y)
			}
		}
	}
}

// say returns what the last fit says of a day.
func (r *regression) say(d Day) []float64 {
	out := unknown(len(r.fits))
	var x []float64
	for slot := range r.fits {
		if r.fits[slot].rows == 0 {
			continue
		}
		var ok bool
		x, ok = r.f.of(x[:0], d, slot)
		if !ok {
			continue
		}
		out[slot] = r.fits[slot].predict(x)
		if r.f.kind == PV && x[0] <= 0 {
			out[slot] = 0 // the sun has not been seen at this time for weeks
		}
	}
	return out
}
