package forecast

import (
	"math"
	"slices"
)

// method forecasts a day at its midnight, from the days before it.
type method interface {
	// forecast returns nil where the method cannot tell yet.
	forecast(d Day) *dayAhead
	// learn takes in what the days before d have shown; it is called once for each day.
	learn(d Day)
	// bind returns the same method, as far as it has learned, on a table that goes on.
	bind(f *features) method
}

// lagged predicts the value of the same slot some days ago; where that is missing, of the last
// day that has one. Its quantiles add the differences that its predictions made at that slot
// in the last 56 days.
type lagged struct {
	t    *table
	days int
	p    *pool // of the differences, slot by slot
}

func newLagged(t *table, days int) *lagged {
	p := newPool(t.slots, t.minutes)
	p.reach, p.keep = 0, seasonsKept
	return &lagged{t, days, p}
}

func (m *lagged) learn(d Day) {
	diffs := make([]float64, m.t.slots)
	for slot := range diffs {
		diffs[slot] = m.t.value(d-1, slot) - m.t.value(d-1-Day(m.days), slot)
	}
	m.p.add(diffs)
}

func (m *lagged) bind(f *features) method { return &lagged{f.t, m.days, m.p} }

func (m *lagged) said(d Day, slot int) float64 {
	for k := m.days; k <= 2*month; k += m.days {
		if v := m.t.value(d-Day(k), slot); known(v) {
			return v
		}
	}
	for k := 1; k <= month; k++ {
		if v := m.t.value(d-Day(k), slot); known(v) {
			return v
		}
	}
	return math.NaN()
}

func (m *lagged) forecast(d Day) *dayAhead {
	out := newDay(m.t.slots)
	for slot := range out.q {
		y := m.said(d, slot)
		if !known(y) {
			continue
		}
		q, _, ok := m.p.at(slot)
		if !ok {
			q = unsure(math.Abs(y))
		}
		for i := range q {
			q[i] += y
		}
		out.mean[slot], out.point[slot], out.q[slot] = y, y, q
	}
	return out
}

// pooled makes quantiles around the means of a predictor by the errors that they made.
type pooled struct {
	t     *table
	scale *scale
	by    predictor
	p     *pool
	said  []float64 // means of the day that was forecast last
	day   Day
}

// predictor tells the means of a day by the days before; nil where it cannot tell.
type predictor interface {
	means(d Day) []float64
	on(f *features) predictor // the same on a table that goes on
}

func newPooled(t *table, s *scale, by predictor) *pooled {
	return &pooled{t: t, scale: s, by: by, p: newPool(t.slots, t.minutes), day: math.MinInt32}
}

func (m *pooled) bind(f *features) method {
	c := *m
	c.t, c.by = f.t, m.by.on(f)
	return &c
}

func (m *pooled) forecast(d Day) *dayAhead {
	m.said, m.day = m.by.means(d), d
	if m.said == nil {
		return nil
	}
	return around(m.said, m.p, *m.scale)
}

func (m *pooled) learn(d Day) {
	if m.day != d-1 || m.said == nil {
		return
	}
	errs := unknown(m.t.slots)
	for slot, mean := range m.said {
		errs[slot] = (m.t.value(d-1, slot) - mean) / m.scale.of(mean)
	}
	m.p.add(errs)
}

// simple is a predictor that is a function of the table alone.
type simple struct {
	t  *table
	of func(t *table, d Day) []float64
}

func (s simple) means(d Day) []float64    { return s.of(s.t, d) }
func (s simple) on(f *features) predictor { return simple{f.t, s.of} }

// latest are means that are the last value before the day.
func latest(t *table, d Day) []float64 {
	for k := 1; k <= t.slots*week; k++ {
		if v := t.value(d, -k); known(v) {
			return slices.Repeat([]float64{v}, t.slots)
		}
	}
	return nil
}

// weekMean are means that are those of the last seven days.
func weekMean(t *table, d Day) []float64 {
	out := make([]float64, t.slots)
	for slot := range out {
		out[slot], _ = lags{t, d}.week(slot)
	}
	return out
}

// blurred is how many minutes before and after smooth a course of few days: people keep no exact
// time.
const blurred = 45

// smoothed returns a course of a day whose values are means of those up to reach before and
// after, the nearer counting more.
func smoothed(row []float64, reach int) []float64 {
	if reach < 1 {
		return row
	}
	n := len(row)
	out := make([]float64, n)
	for slot := range out {
		var sum, weight float64
		for k := -reach; k <= reach; k++ {
			if v := row[(slot+k+n)%n]; known(v) {
				w := float64(reach + 1 - max(k, -k))
				sum, weight = sum+w*v, weight+w
			}
		}
		out[slot] = sum / weight
	}
	return out
}

// recent returns means of the days of the last four weeks, where a day counts half as much as
// one five days later, and less where one of both is off work and the other is not.
func recent(kind Kind) func(*table, Day) []float64 {
	const halves, other = 5.0, .4
	return func(t *table, d Day) []float64 {
		sums, weights := make([]float64, t.slots), make([]float64, t.slots)
		for k := 1; k <= month; k++ {
			w := math.Exp2(-float64(k) / halves)
			if kind != PV && (d-Day(k)).weekend() != d.weekend() {
				w *= other
			}
			for slot := range sums {
				if v := t.value(d-Day(k), slot); known(v) {
					sums[slot], weights[slot] = sums[slot]+w*v, weights[slot]+w
				}
			}
		}
		some := false
		for slot := range sums {
			sums[slot] /= weights[slot]
			some = some || known(sums[slot])
		}
		if !some {
			return nil
		}
		return smoothed(sums, blurred/t.minutes)
	}
}

// smoothing is exponential smoothing with a level and a season of a day, both additive and
// without trend, which forecasts the whole day from its midnight: ETS(A,N,A) of Hyndman and
// others (2008). Its two rates are those of a few that would have erred least.
type smoothing struct {
	t       *table
	tracks  []track // one a pair of rates
	at      Day     // tracks have seen the days before it
	started bool
}

type track struct {
	alpha, gamma float64
	level        float64
	season       []float64
	missed       float64 // discounted sum of absolute errors
	days         float64 // that were seen
}

func newSmoothing(t *table) *smoothing {
	s := &smoothing{t: t}
	for _, alpha := range []float64{.003, .01, .03, .1, .3} {
		for _, gamma := range []float64{.03, .07, .15, .3, .6} {
			s.tracks = append(s.tracks, track{alpha: alpha, gamma: gamma})
		}
	}
	return s
}

// on implements predictor.
func (s *smoothing) on(f *features) predictor {
	c := *s
	c.t, c.tracks = f.t, slices.Clone(s.tracks)
	for i := range c.tracks {
		c.tracks[i].season = slices.Clone(c.tracks[i].season)
	}
	return &c
}

func (s *smoothing) prepare(d Day) { s.advance(d) }

// advance lets the tracks see the days before d.
func (s *smoothing) advance(d Day) {
	if s.started && s.at > d {
		s.started = false
	}
	if !s.started {
		s.at, s.started = s.t.first, true
		for i := range s.tracks {
			tr := &s.tracks[i]
			tr.level, tr.missed, tr.days, tr.season = math.NaN(), 0, 0, make([]float64, s.t.slots)
		}
	}
	for ; s.at < d; s.at++ {
		for i := range s.tracks {
			s.tracks[i].day(s.t, s.at)
		}
	}
}

func (tr *track) day(t *table, d Day) {
	if !known(tr.level) { // the first day that has values
		if tr.level = meanOf(t.rows[d-t.first]); known(tr.level) {
			for slot := range tr.season {
				tr.season[slot] = or(t.value(d, slot)-tr.level, 0)
			}
		}
		return
	}
	const forget = .99
	tr.days++
	start := tr.level
	gamma := math.Max(tr.gamma, 1/(tr.days+1)) // at first the mean of the days so far
	missed, n := 0.0, 0.0
	for slot := range tr.season {
		y := t.value(d, slot)
		if !known(y) {
			continue
		}
		missed, n = missed+math.Abs(y-start-tr.season[slot]), n+1
		e := y - tr.level - tr.season[slot]
		tr.level += tr.alpha * e
		tr.season[slot] += gamma * e
	}
	if n > 0 {
		tr.missed = forget*tr.missed + missed/n
	}
}

func (s *smoothing) means(d Day) []float64 {
	s.advance(d)
	best := &s.tracks[0]
	for i := range s.tracks {
		if s.tracks[i].missed < best.missed {
			best = &s.tracks[i]
		}
	}
	if !known(best.level) {
		return nil
	}
	out := make([]float64, s.t.slots)
	for slot := range out {
		out[slot] = best.level + best.season[slot]
	}
	return out
}
