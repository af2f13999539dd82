package forecast

import (
	"cmp"
	"math"
	"slices"
)

// analogs forecasts a day by the days of the past that began alike: whose day before and whose
// week before had the same course, at the same season, working day or not, of late, in like
// weather. What a plant gave then is scaled by its envelope, what a home used is moved by how
// much days of its kind used before each (Delle Monache and others 2013).
type analogs struct {
	f     *features
	hours int
	from  Day
	days  []analogDay
}

// analogDay is what a day is compared by, all known before it but its weather.
type analogDay struct {
	yesterday, week []float64 // by hour
	weather         [][]float64
	usual           []float64 // by slot: the envelope, or days of its kind before
	sin, cos        float64   // of the season
}

const (
	nearest   = 30
	leastNear = 5
)

func newAnalogs(f *features) *analogs { return &analogs{f: f, hours: 24} }

func (*analogs) learn(Day) {}

// bind returns the same for a table that goes on.
func (a *analogs) bind(f *features) method {
	c := *a
	c.f = f
	c.days = slices.Clone(a.days[:max(0, min(len(a.days), int(a.f.t.end()-a.from)))])
	return &c
}

// of returns what a day is compared by.
func (a *analogs) of(d Day) *analogDay {
	if len(a.days) == 0 {
		a.from = a.f.t.first + 1
	}
	if d < a.from {
		return nil
	}
	for int(d-a.from) >= len(a.days) {
		a.days = append(a.days, a.describe(a.from+Day(len(a.days))))
	}
	return &a.days[d-a.from]
}

func (a *analogs) describe(d Day) (v analogDay) {
	t := a.f.t
	v.sin, v.cos = math.Sincos(d.season())
	v.yesterday = hourly(t, d-1)
	v.week = make([]float64, a.hours)
	counts := make([]float64, a.hours)
	for k := 1; k <= week; k++ {
		for h, y := range hourly(t, d-Day(k)) {
			if known(y) {
				v.week[h] += y
				counts[h]++
			}
		}
	}
	for h := range v.week {
		v.week[h] /= counts[h]
	}
	for _, c := range a.f.w {
		v.weather = append(v.weather, hourly(c.table, d))
	}
	l := lags{t, d}
	v.usual = make([]float64, t.slots)
	if a.f.kind != PV {
		if usual := recent(a.f.kind)(t, d); usual != nil {
			v.usual = usual
		}
		return v
	}
	for s := range v.usual {
		v.usual[s] = l.envelope(s)
	}
	return v
}

// hourly returns the means of the hours of a day.
func hourly(t *table, d Day) []float64 {
	out := make([]float64, 24)
	per := t.slots / 24
	for h := range out {
		var sum, n float64
		for k := range per {
			if v := t.value(d, h*per+k); known(v) {
				sum, n = sum+v, n+1
			}
		}
		out[h] = sum / n
	}
	return out
}

// apart returns the mean square of the differences of two courses, where both are known.
func apart(a, b []float64) float64 {
	var sum, n float64
	for i, v := range a {
		if e := v - b[i]; known(e) {
			sum, n = sum+e*e, n+1
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / n
}

// near is a day of the past and how far from a day it lies.
type near struct {
	d      Day
	amount float64
}

// parts are how far from each other two days lie by what was known of them, each for itself; NaN is not
// known.
type parts struct {
	terms   [2]float64 // of the day before, and of the week before
	weather []float64
}

// partsOf compares two days.
func (a *analogs) partsOf(d, c Day) parts {
	now, v := a.of(d), a.of(c)
	p := parts{terms: [2]float64{apart(now.yesterday, v.yesterday), apart(now.week, v.week)}}
	for i := range a.f.w {
		p.weather = append(p.weather, apart(now.weather[i], v.weather[i]))
	}
	return p
}

// add adds what is known.
func (p *parts) add(q parts) {
	for i, e := range q.terms {
		if known(e) {
			p.terms[i] += e
		}
	}
	for i, e := range q.weather {
		if known(e) {
			p.weather[i] += e
		}
	}
}

// distance returns how far a day c lies from d, by its parts and their sums over n days.
func (a *analogs) distance(p, sums parts, n float64, d, c Day) (sum float64) {
	for i, weight := range [2]float64{analogYesterday, analogWeek} {
		sum += weight * relative(p.terms[i], sums.terms[i]/n)
	}
	for i, e := range p.weather {
		sum += analogWeather * relative(e, sums.weather[i]/n)
	}
	if c.weekend() != d.weekend() && a.f.kind != PV {
		sum += analogWeekend
	}
	now, v := a.of(d), a.of(c)
	sum += analogSeason * (1 - v.cos*now.cos - v.sin*now.sin)
	sum += analogAge * float64(d-c) / 365 //nolint:mnd // days of a year
	return sum
}

// nearestTo returns the days before d that are most like it.
func (a *analogs) nearestTo(d Day) []near {
	if a.of(d) == nil {
		return nil
	}
	var of []parts
	sums := parts{weather: make([]float64, len(a.f.w))} // by which the terms are made comparable
	for c := a.from + 1; c < d; c++ {
		p := a.partsOf(d, c)
		sums.add(p)
		of = append(of, p)
	}
	all := make([]near, len(of))
	for k, p := range of {
		c := a.from + 1 + Day(k)
		all[k] = near{d: c, amount: a.distance(p, sums, float64(len(of)), d, c)}
	}
	slices.SortStableFunc(all, func(x, y near) int { return cmp.Compare(x.amount, y.amount) })
	return all
}

// What the terms of the distance count.
const (
	analogYesterday = 1.0
	analogWeek      = 1.0
	analogWeather   = 3.0
	analogWeekend   = 1.0
	analogSeason    = 1.0
	analogAge       = 1.0
)

// relative returns a difference against the usual one; the usual where it is not known.
func relative(e, usual float64) float64 {
	if !known(e) || usual <= 0 {
		return 1
	}
	return e / usual
}

// forecast returns the quantiles of the days that are most like d.
func (a *analogs) forecast(d Day) *dayAhead {
	all := a.nearestTo(d)
	if len(all) < leastNear {
		return nil
	}
	now, like := a.of(d), a.courses(all)
	out := newDay(a.f.t.slots)
	values := make([]float64, 0, nearest)
	for slot := range out.q {
		values = values[:0]
		for _, c := range like {
			if len(values) == nearest {
				break
			}
			if v := a.moved(c.took[slot], now.usual[slot], c.usual[slot]); known(v) {
				values = append(values, v)
			}
		}
		if len(values) < leastNear {
			continue
		}
		sum := 0.0
		for _, v := range values {
			sum += v
		}
		out.mean[slot] = sum / float64(len(values))
		out.q[slot] = decilesOf(values)
		out.point[slot] = out.q[slot][4]
	}
	return out
}

// dayCourse is what a day took and what was usual then, by slot.
type dayCourse struct{ took, usual []float64 }

// courses returns those of the days of which anything is known.
func (a *analogs) courses(of []near) []dayCourse {
	t, all := a.f.t, make([]dayCourse, 0, len(of))
	for _, n := range of {
		if n.d >= t.first && n.d < t.end() {
			all = append(all, dayCourse{t.rows[n.d-t.first], a.of(n.d).usual})
		}
	}
	return all
}

// moved returns what a value of a day with one usual would be on a day with another.
func (a *analogs) moved(y, now, then float64) float64 {
	if a.f.kind != PV {
		return y + now - then
	}
	if then <= 0 {
		return math.Min(y, now)
	}
	return math.Min(y*now/then, 1.2*now)
}
