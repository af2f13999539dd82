package forecast

import (
	"errors"
	"fmt"
	"slices"
)

// Model forecasts one series. It is made by Fit from the past of that series, is not changed
// afterwards, and is safe for concurrent use. Fit it again now and then, such as once a day: in
// between, what was measured since then is passed to Look.
type Model struct {
	options Options // without the weather
	minutes int
	walk    *walk
	tail    []float64 // the last day, as far as it is known
	skills  []Skill
	chosen  string
	errs    *intraday // nil while nothing was forecast yet
	early   Series    // the whole history, while it is shorter than two days
	said    said      // what it said lately: a memory alone, no forecast depends on it
}

// Fit makes a model of a series. Values that are missing, were curtailed or were substituted
// must be NaN: they are neither learned from nor scored. Any length will do: with less than a
// few weeks it forecasts by what there is. Errors: ErrNoHistory, for anything but a plant of
// known power and place; an unknown method; an interval that is no whole part of an hour.
func Fit(s Series, o Options) (*Model, error) {
	if err := s.First.Validate(); err != nil {
		return nil, fmt.Errorf("fit a forecast: %w", err)
	}
	for _, method := range []string{o.Method, o.Before} {
		if method != "" && !slices.Contains(Methods(), method) {
			return nil, fmt.Errorf("fit a forecast: there is no method %q, but %v", method, Methods())
		}
	}
	m := &Model{options: o, minutes: s.First.Minutes}
	m.options.Weather = nil
	empty := !slices.ContainsFunc(s.Values, known)
	if empty && (o.Kind != PV || o.Peak <= 0 || o.Latitude == 0 && o.Longitude == 0) {
		return nil, ErrNoHistory
	}
	r := newRun(s, o, pooledDays)
	end, _ := r.wall.at(s.Next().Start, s.First.Minutes)
	for r.walk.day < end {
		r.day()
	}
	m.walk, m.tail = r.walk, slices.Clone(r.all.row(end))
	for slot, v := range m.tail {
		m.tail[slot] = m.walk.clean(v)
	}
	m.skills = r.skills()
	m.chosen = o.Method
	if m.chosen == "" {
		m.chosen = choose(m.skills, o.Before)
	}
	settle(m.method())
	m.errs = r.errors(slices.Index(Methods(), m.chosen))
	if r.walk.day-r.walk.t.first < 2 && o.Kind != PV {
		m.early = Series{First: s.First, Values: slices.Clone(s.Values)}
	}
	return m, nil
}

// Chosen returns the name of the method that forecasts.
func (m *Model) Chosen() string { return m.chosen }

// Skills returns how well each method did on the last 91 days of the series' own past, in the
// order of Methods; those that could not forecast yet are left out.
func (m *Model) Skills() []Skill { return slices.Clone(m.skills) }

// Kind returns what the values are.
func (m *Model) Kind() Kind { return m.options.Kind }

// method returns the one that forecasts.
func (m *Model) method() method { return m.walk.methods[slices.Index(Methods(), m.chosen)] }

// ErrVersion reports a model that was saved by another version, or is damaged: fit it again.
var ErrVersion = errors.New("this is no model that this version can read: fit it again")

// run is a walk through a history. It notes how each method does, and keeps what they said of
// the last days.
type run struct {
	walk    *walk
	wall    wall
	all     *table // the history
	tallies []tally
	kept    []keptDay
	keep    int    // days
	best    string // method that is chosen at present
}

// keptDay is what the methods said of a day.
type keptDay struct {
	day  Day
	said []*dayAhead
}

func newRun(s Series, o Options, keep int) *run {
	r := &run{wall: wall{o.Zone}, all: newTable(s.First.Minutes), tallies: make([]tally, len(Methods())), keep: keep}
	r.all.first, _ = r.wall.at(s.First.Start, s.First.Minutes)
	r.all.row(r.all.first)
	r.all.add(s, r.wall)
	at := place{o.Latitude, o.Longitude, r.wall}
	r.walk = newWalk(r.all, columns(o.Weather, r.all, r.wall), o.Kind, o.Peak*float64(s.First.Minutes)/60, at)
	return r
}

// skills returns how the methods did so far; those that have not forecast are left out.
func (r *run) skills() (all []Skill) {
	for i, method := range Methods() {
		if skill := r.tallies[i].skill(method); skill.Days > 0 {
			all = append(all, skill)
		}
	}
	return all
}

// day lets the methods forecast the coming day, and see it then. It returns what they said.
func (r *run) day() []*dayAhead {
	d := r.walk.day
	if int(d-r.all.first)%refitEvery == 0 {
		r.best = choose(r.skills(), r.best)
	}
	said := r.walk.forecast()
	row := r.all.row(d)
	for i := range said {
		r.tallies[i].note(d, said[i], said[reference], row, r.walk.lit)
	}
	if r.kept = append(r.kept, keptDay{d, said}); len(r.kept) > r.keep {
		r.kept = r.kept[1:]
	}
	r.walk.see(row)
	return said
}

// errors returns those that a method made on the days that were kept.
func (r *run) errors(method int) *intraday {
	var means, medians [][]float64
	var first Day
	for _, k := range r.kept {
		said := k.said[method]
		if said == nil {
			if len(means) > 0 {
				means, medians = append(means, unknown(r.all.slots)), append(medians, unknown(r.all.slots))
			}
			continue
		}
		if len(means) == 0 {
			first = k.day
		}
		mean, median := make([]float64, r.all.slots), make([]float64, r.all.slots)
		for slot, m := range said.mean {
			y, unit := r.walk.t.value(k.day, slot), r.walk.scale.of(m)
			mean[slot], median[slot] = (y-m)/unit, (y-said.q[slot][4])/unit
		}
		means, medians = append(means, mean), append(medians, median)
	}
	return newIntraday(first, means, medians, r.all.minutes)
}
