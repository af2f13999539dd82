package forecast

import (
	"math"
	"slices"
)

// Days of history that features look back at.
const (
	week   = 7
	month  = 28
	seen   = 21 // days whose largest values are the envelope
	topped = 3  // of them
)

// lags reads a table as it was known before a day.
type lags struct {
	t *table
	d Day
}

func (l lags) ago(days, slot int) float64 { return l.t.value(l.d-Day(days), slot) }

// week returns the mean and the median of a slot over the last seven days.
func (l lags) week(slot int) (mean, median float64) {
	var buf [week]float64
	vs := buf[:0]
	for k := 1; k <= week; k++ {
		if v := l.ago(k, slot); known(v) {
			vs = append(vs, v)
		}
	}
	mean = meanOf(vs)
	slices.Sort(vs)
	switch n := len(vs); {
	case n == 0:
		median = math.NaN()
	case n%2 == 1:
		median = vs[n/2]
	default:
		median = (vs[n/2-1] + vs[n/2]) / 2
	}
	return mean, median
}

// weeks returns the mean of a slot on the same weekday of the last four weeks.
func (l lags) weeks(slot int) float64 {
	var sum, n float64
	for k := week; k <= month; k += week {
		if v := l.ago(k, slot); known(v) {
			sum, n = sum+v, n+1
		}
	}
	return sum / n
}

// alike returns the mean of a slot on the days of the last four weeks that are working days as
// this one, or days off as this one; NaN of none.
func (l lags) alike(slot int) float64 {
	var sum, n float64
	for k := 1; k <= month; k++ {
		if (l.d - Day(k)).weekend() != l.d.weekend() {
			continue
		}
		if v := l.ago(k, slot); known(v) {
			sum, n = sum+v, n+1
		}
	}
	return sum / n
}

// envelope returns the mean of the three largest values of a slot in the last three weeks: what
// a plant gives under a clear sky, shaded as the place shades it at that hour and season.
func (l lags) envelope(slot int) float64 {
	var top [topped]float64
	n := 0
	for k := 1; k <= seen; k++ {
		v := l.ago(k, slot)
		if !known(v) {
			continue
		}
		at := min(n, topped)
		for at > 0 && top[at-1] < v {
			if at < topped {
				top[at] = top[at-1]
			}
			at--
		}
		if at < topped {
			top[at] = v
		}
		n++
	}
	if n == 0 {
		return math.NaN()
	}
	return meanOf(top[:min(n, topped)])
}

// sun is what a plant's days of before say of one: its envelope by slot, and the share of it
// that was reached on the days before.
type sun struct {
	envelope []float64
	clear    float64 // of the whole day
	late     float64 // of its second half
	done     bool    // the shares are reckoned
}

// suns keeps those of the days of a table, since each needs those before.
type suns struct {
	t    *table
	from Day
	all  []sun
}

// goOn returns the same for a table that goes on after the days before d.
func (s *suns) goOn(t *table, d Day) *suns {
	c := &suns{t: t, from: s.from}
	c.all = slices.Clone(s.all[:max(0, min(len(s.all), int(d-s.from)))])
	return c
}

// on returns that of a day. Its envelope is of the days before, its shares are what the day
// itself came to: ask for those of earlier days only.
func (s *suns) on(d Day) *sun {
	if len(s.all) == 0 {
		s.from = s.t.first
	}
	if d < s.from {
		return nil
	}
	for int(d-s.from) >= len(s.all) {
		at := s.from + Day(len(s.all))
		l := lags{s.t, at}
		e := sun{envelope: make([]float64, s.t.slots)}
		for slot := range e.envelope {
			e.envelope[slot] = l.envelope(slot)
		}
		s.all = append(s.all, e)
	}
	e := &s.all[d-s.from]
	if !e.done {
		e.clear, e.late = clearness(s.t, d, e.envelope)
		e.done = true
	}
	return e
}

// clearness returns the share of the envelope that a day reached, and that of its second half.
func clearness(t *table, d Day, envelope []float64) (whole, late float64) {
	var got, could, half float64
	for slot, e := range envelope {
		if v := t.value(d, slot); known(v) && known(e) {
			got, could = got+v, could+e
		}
	}
	var lateGot, lateCould float64
	for slot, e := range envelope {
		v := t.value(d, slot)
		if !known(v) || !known(e) {
			continue
		}
		if half += e; half > could/2 {
			lateGot, lateCould = lateGot+v, lateCould+e
		}
	}
	return share(got, could), share(lateGot, lateCould)
}

// share returns got/could, within what can be; NaN where there could be nothing.
func share(got, could float64) float64 {
	if could <= 0 {
		return math.NaN()
	}
	return math.Min(got/could, 2)
}

// or returns the first of the values that is known.
func or(values ...float64) float64 {
	for _, v := range values {
		if known(v) {
			return v
		}
	}
	return math.NaN()
}
