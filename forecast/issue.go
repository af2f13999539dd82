package forecast

import (
	"fmt"
	"slices"
	"time"
)

// Issue is what every method said of one local day at its midnight, from the days before.
type Issue struct {
	Day   Day
	From  int   // index of the day's first value in the series
	Slots []int // of the day's values: where the clock goes back two of them share one
	Said  []Said
	lit   []bool // by slot
}

// Counts tells whether a value counts for the coverage of quantiles: of a plant, those of slots
// in which it had given more than a fiftieth of its peak before.
func (i *Issue) Counts(k int) bool { return i.lit[i.Slots[k]] }

// Said is what a method said of a day.
type Said struct {
	Method string // of Methods, or Best
	day    *dayAhead
}

// Best is the method that a home would have chosen by what was known when the forecast was issued.
const Best = "best"

// Value is what a method said of one slot.
type Value struct {
	Point     float64 // that is measured by its absolute error: the median, yesterday's value of snaive24
	Mean      float64
	Quantiles [9]float64
}

// At returns what was said of a slot; false where the method could not tell.
func (s Said) At(slot int) (Value, bool) {
	if s.day == nil || !known(s.day.mean[slot]) {
		return Value{}, false
	}
	return Value{s.day.point[slot], s.day.mean[slot], s.day.q[slot]}, true
}

// Spent is how long a method took to learn a whole history, with a new fit every week, and to
// forecast a day.
type Spent struct {
	Method       string
	Fit, Predict time.Duration
}

// Walk goes through a history day by day and calls seen with what each method said of it at its
// midnight: those of Methods, and Best. Only the days before, and the weather of the day, are
// known to them. now is a clock, which tells how long they took. Errors: those of Fit; seen's.
func Walk(s Series, o Options, now func() time.Duration, seen func(Issue) error) ([]Spent, error) {
	if err := s.First.Validate(); err != nil {
		return nil, fmt.Errorf("forecast: %w", err)
	}
	r := newRun(s, o, 1)
	r.walk.now = now
	at, n := 0, 0
	for at < len(s.Values) {
		i := Issue{Day: r.walk.day, From: at, lit: make([]bool, r.all.slots)}
		for ; at < len(s.Values); at++ {
			d, slot := r.wall.at(s.First.Shift(at).Start, s.First.Minutes)
			if d > i.Day {
				break
			}
			i.Slots = append(i.Slots, slot)
		}
		for slot := range i.lit {
			i.lit[slot] = r.walk.lit(slot)
		}
		said := r.day()
		for k, method := range Methods() {
			i.Said = append(i.Said, Said{method, said[k]})
		}
		i.Said = append(i.Said, Said{Best, said[slices.Index(Methods(), r.best)]})
		n++
		if err := seen(i); err != nil {
			return nil, err
		}
	}
	return r.spent(n), nil
}

// spent returns how long the methods took to learn, and to forecast one of n days. A blend takes
// as long as its parts and itself.
func (r *run) spent(n int) []Spent {
	var all []Spent
	for i, method := range Methods() {
		s := r.walk.spent[i]
		if b, ok := r.walk.methods[i].(*blended); ok {
			for _, part := range b.all() {
				of := r.walk.spent[slices.Index(r.walk.methods, part)]
				s.fit, s.predict = s.fit+of.fit, s.predict+of.predict
			}
		}
		all = append(all, Spent{method, s.fit, s.predict / time.Duration(max(n, 1))})
	}
	return all
}
