package forecast

import (
	"fmt"
	"math"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
)

// Outlook is a forecast that was issued after the last value of a series.
type Outlook struct {
	Points []Point // one an interval

	kind  Kind
	unit  []float64 // of an error, by interval
	place []int     // of an interval: days after that of the first × slots + slot
	errs  *intraday
	every int // minutes
}

// Look forecasts the steps intervals after recent, which holds the last days of the series
// (what the model was fitted to may be left out) and ends with the last value that is known;
// that of an interval that runs may be an estimate. Weather takes the place of what the model
// was fitted with, where it is known by now. Errors: an interval of another length.
func (m *Model) Look(recent Series, steps int, weather ...Weather) (*Outlook, error) {
	if recent.First.Minutes != m.minutes {
		return nil, fmt.Errorf("forecast: intervals of %d minutes, but the model was fitted to those of %d: fit it again", recent.First.Minutes, m.minutes)
	}
	if m.early.Values != nil {
		return m.lookEarly(recent, steps)
	}
	s := m.sight(recent, weather)
	return s.look(recent.Next(), steps), nil
}

// lookEarly forecasts in the first two days of a series.
func (m *Model) lookEarly(recent Series, steps int) (*Outlook, error) {
	points, err := Blend{}.Forecast(m.early.join(recent), steps)
	if err != nil {
		return nil, err
	}
	for k := range points {
		if m.options.Kind != Net {
			points[k].Mean = math.Max(0, points[k].Mean)
			for i, q := range points[k].Quantiles {
				points[k].Quantiles[i] = math.Max(0, q)
			}
		}
	}
	return &Outlook{Points: points, kind: m.options.Kind, every: m.minutes}, nil
}

// join returns a series continued by another, which counts where both know a value.
func (s Series) join(later Series) Series {
	from := int((later.First.Start - s.First.Start) / 60 / int64(s.First.Minutes))
	if from <= 0 || len(s.Values) == 0 {
		return later
	}
	all := Series{First: s.First, Values: slices.Clone(s.Values[:min(from, len(s.Values))])}
	for len(all.Values) < from {
		all.Values = append(all.Values, math.NaN())
	}
	all.Values = append(all.Values, later.Values...)
	return all
}

// sight is a model with what is known by now.
type sight struct {
	m      *Model
	wall   wall
	table  *table
	method method
	days   map[Day]*dayAhead
	today  Day  // of the first value that is not known
	plain  bool // it is by the model's own weather
}

func (m *Model) sight(recent Series, weather []Weather) *sight {
	s := &sight{m: m, wall: wall{m.options.Zone}, days: map[Day]*dayAhead{}, plain: len(weather) == 0}
	s.today, _ = s.wall.at(recent.Next().Start, m.minutes)
	end := m.walk.day // the model has seen the days before it
	t := m.walk.t.clone(end)
	copy(t.row(end), m.tail)
	values := make([]float64, 0, len(recent.Values))
	later := recent.First
	for k, v := range recent.Values {
		if d, _ := s.wall.at(recent.First.Shift(k).Start, m.minutes); d < end {
			later = recent.First.Shift(k + 1)
			continue
		}
		values = append(values, m.walk.clean(v))
	}
	t.add(Series{First: later, Values: values}, s.wall)
	w := renewed(m.walk.f.w, columns(weather, t, s.wall))
	s.table = t
	s.method = m.method().bind(m.walk.f.goOn(t, w, end))
	return s
}

// renewed returns columns of their own, with what is known of them anew.
func renewed(old, by []column) []column {
	out := slices.Clone(old)
	for i, c := range out {
		t := c.table.clone(c.end())
		for _, n := range by {
			if n.name == c.name {
				t = c.table.clone(n.first)
				t.replace(n.table)
			}
		}
		out[i].table = t
	}
	return out
}

// replace takes over what another table knows.
func (t *table) replace(by *table) {
	for k, row := range by.rows {
		to := t.row(by.first + Day(k))
		for slot, v := range row {
			if to != nil && known(v) {
				to[slot] = v
			}
		}
	}
	t.filled = min(t.filled, max(0, int(by.first-t.first)))
}

// day returns the forecast of a day from its midnight, by the days before.
func (s *sight) day(d Day) *dayAhead {
	if f, ok := s.days[d]; ok {
		return f
	}
	measured := s.plain && d <= s.today // nothing before it was assumed
	var before []float64
	if measured {
		before = s.before(d)
		if f := s.m.said.of(d, before); f != nil {
			s.days[d] = f
			return f
		}
	}
	f := s.method.forecast(d)
	if f == nil {
		f = newDay(s.table.slots)
	}
	f.mend(s.m.options.Kind)
	if s.days[d] = f; measured {
		s.m.said.keep(d, before, f)
	}
	return f
}

// before returns the values of the days before one that the model has not seen.
func (s *sight) before(d Day) []float64 {
	first := s.m.walk.day
	values := make([]float64, 0, max(0, int(d-first))*s.table.slots)
	for day := first; day < d; day++ {
		for slot := range s.table.slots {
			values = append(values, s.table.value(day, slot))
		}
	}
	return values
}

// errors returns those of the last day and a half before a moment, in units.
func (s *sight) errors(d Day, slot int) []float64 {
	z := unknown(2 * s.table.slots)
	if s.m.errs == nil {
		return z[:s.table.slots+slot]
	}
	for k := range s.table.slots + slot {
		day, at := d-1+Day(k/s.table.slots), k%s.table.slots
		if i := int(day - s.m.errs.first); i >= 0 && i < len(s.m.errs.z) {
			z[k] = s.m.errs.z[i][at]
			continue
		}
		if y := s.table.value(day, at); known(y) {
			mean := s.day(day).mean[at]
			if unit := s.unit(mean, at); unit > 0 {
				z[k] = (y - mean) / unit
			}
		}
	}
	return z[:s.table.slots+slot]
}

// unit is what an error at a slot is measured in.
func (s *sight) unit(mean float64, slot int) float64 {
	if s.m.errs == nil {
		return 0
	}
	return s.m.walk.scale.of(mean) * s.m.errs.sigma[slot]
}

// look forecasts steps intervals from one on.
func (s *sight) look(first grid.Interval, steps int) *Outlook {
	o := &Outlook{Points: make([]Point, steps), kind: s.m.options.Kind, unit: make([]float64, steps), place: make([]int, steps), errs: s.m.errs, every: s.m.minutes}
	day, slot := s.wall.at(first.Start, s.m.minutes)
	for k := range o.place {
		d, slot := s.wall.at(first.Shift(k).Start, s.m.minutes)
		o.place[k] = int(d-day)*s.table.slots + slot
	}
	moved := slices.Repeat([]correction{{0, 0, 1, 1}}, steps)
	if s.m.errs != nil {
		z := s.errors(day, slot)
		moved = s.m.errs.ahead(terms(z, len(z)-1, s.m.minutes), o.place)
	}
	for k := range o.Points {
		at := first.Shift(k)
		d, slot := s.wall.at(at.Start, s.m.minutes)
		f := s.day(d)
		p := Point{Interval: at, Mean: f.mean[slot], Quantiles: f.q[slot]}
		o.unit[k] = s.unit(p.Mean, slot)
		if !known(p.Mean) {
			p.Mean = s.usual(d, slot)
			p.Quantiles = s.around(p.Mean)
			o.unit[k] = 0
		}
		by := moved[k]
		p.Mean += by.mean * o.unit[k]
		middle := p.Quantiles[4]
		for i, q := range p.Quantiles {
			part := by.below
			if q > middle {
				part = by.above
			}
			p.Quantiles[i] = middle + by.median*o.unit[k] + part*(q-middle)
		}
		o.Points[k] = p.mend(o.kind)
		s.assume(d, slot, p.Mean)
	}
	return o
}

// assume takes a forecast for what will be, so that the days after can be forecast from it.
func (s *sight) assume(d Day, slot int, mean float64) {
	if row := s.table.row(d); row != nil && !known(row[slot]) {
		row[slot] = mean
		s.table.filled = min(s.table.filled, int(d-s.table.first))
	}
}

// usual stands in for a forecast that no method can make: the mean of the hours before.
func (s *sight) usual(d Day, slot int) float64 {
	for back := s.table.slots; back <= month*s.table.slots; back *= 2 {
		sum, n := 0.0, 0.0
		for k := 1; k <= back; k++ {
			if v := s.table.value(d, slot-k); known(v) {
				sum, n = sum+v, n+1
			}
		}
		if n > 0 {
			return sum / n
		}
	}
	return 0
}

func (s *sight) around(mean float64) (q [9]float64) {
	for i, e := range unsure(math.Abs(mean)) {
		q[i] = mean + e
	}
	return q
}

// mend keeps what cannot be below zero at zero, and quantiles in order.
func (p Point) mend(kind Kind) Point {
	if kind != Net {
		p.Mean = math.Max(0, p.Mean)
		for i, q := range p.Quantiles {
			p.Quantiles[i] = math.Max(0, q)
		}
	}
	slices.Sort(p.Quantiles[:])
	return p
}

// Forecast implements Forecaster.
func (m *Model) Forecast(recent Series, steps int) ([]Point, error) {
	o, err := m.Look(recent, steps)
	if err != nil {
		return nil, err
	}
	return o.Points, nil
}
