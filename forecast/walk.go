package forecast

import (
	"math"
	"slices"
	"time"
)

// Days from which a method is used, from the first of the history on.
const (
	featuresFrom = month     // rows of regressions
	ridgeFrom    = 2 * month // their forecasts
	refitEvery   = week
)

// Methods returns the names of the methods, the default last.
func Methods() []string {
	return []string{"persistence", "snaive24", "snaive168", "mean7", "recent", "sun", "ets", "ridge", "analog", fallback}
}

const (
	fallback  = "blend"
	reference = 1 // the place of snaive24, which others are measured by
)

// walk goes through a history day by day: at each midnight every method forecasts the day from
// those before, then the day is seen and learned from. What it has at the end is a fitted
// model; what it said on the way is how well the methods do.
type walk struct {
	f       *features
	t       *table // what methods know: the days so far, without outliers
	kind    Kind
	peak    float64 // of an interval, 0 where unknown
	scale   *scale
	largest []float64 // value of each slot so far
	top     float64   // value so far
	sum, n  float64   // of all values
	zeros   float64   // of them
	odd     float64   // days with values that were not believed
	methods []method  // in the order of Methods
	day     Day       // that is to be forecast next

	now   func() time.Duration // some clock that runs, to tell how long methods take
	spent []spent              // by method
}

func newWalk(like *table, w []column, kind Kind, peak float64, at place) *walk {
	t := newTable(like.minutes)
	t.first = like.first
	k := &walk{t: t, kind: kind, peak: peak, scale: &scale{kind: kind, floor: 1}, largest: make([]float64, t.slots), day: like.first}
	k.f = newFeatures(t, w, kind)
	k.methods = k.make(at)
	k.now = func() time.Duration { return 0 }
	k.spent = make([]spent, len(k.methods))
	return k
}

func (k *walk) make(at place) []method {
	pooled := func(by predictor) method { return newPooled(k.t, k.scale, by) }
	ets, lately := pooled(newSmoothing(k.t)), pooled(simple{k.t, recent(k.kind)})
	mean := pooled(simple{k.t, weekMean})
	light := pooled(&sunlight{t: k.t, place: at, peak: k.sunny(at), sky: map[Day][]float64{}})
	ridge, analog := pooled(newRegression(k.f)), newAnalogs(k.f)
	b := &blended{t: k.t, kind: k.kind, g: 1, lit: k.lit, parts: []method{ridge, analog, ets}, spare: []method{lately}}
	if k.kind == PV {
		b.parts = []method{ridge, analog}
		if k.sunny(at) > 0 {
			b.spare = append(b.spare, light)
		}
	}
	b.start()
	return []method{
		pooled(simple{k.t, latest}), newLagged(k.t, 1), newLagged(k.t, week), mean,
		lately, light, ets, ridge, analog, b,
	}
}

// sunny returns the peak of a plant whose place is known too.
func (k *walk) sunny(at place) float64 {
	if k.kind != PV || at.latitude == 0 && at.longitude == 0 {
		return 0
	}
	return k.peak
}

// lit tells whether a slot counts for the coverage: of a plant, where it has ever given more
// than two hundredths of its peak.
func (k *walk) lit(slot int) bool {
	const dark = .02
	return k.kind != PV || k.largest[slot] > dark*math.Max(k.peak, k.top)
}

// warm reckons what the methods keep of the days so far.
func (k *walk) warm() {
	for _, m := range k.methods {
		if a, ok := m.(*analogs); ok {
			a.of(k.day - 1)
		}
	}
	if k.f.suns != nil {
		k.f.suns.on(k.day - 1)
	}
	for _, ray := range k.f.rays {
		if ray != nil {
			ray.on(k.day - 1)
		}
	}
	k.t.means(k.day - 1)
}

// settle reckons what a method that learns no more tells by its errors.
func settle(m method) {
	switch m := m.(type) {
	case *lagged:
		m.p.settle()
	case *pooled:
		m.p.settle()
	case *blended:
		for _, part := range m.all() {
			settle(part)
		}
	}
}

// forecast returns what each method says of the coming day; nil of those that cannot tell.
func (k *walk) forecast() []*dayAhead {
	out := make([]*dayAhead, len(k.methods))
	said := func(m method) *dayAhead { return out[slices.Index(k.methods, m)] }
	for i, m := range k.methods {
		begun := k.now()
		k.prepare(m)
		ready := k.now()
		if b, ok := m.(*blended); ok {
			out[i] = b.combine(k.day, said)
		} else if out[i] = m.forecast(k.day); out[i] != nil {
			out[i].mend(k.kind)
		}
		k.spent[i].fit += ready - begun
		k.spent[i].predict += k.now() - ready
	}
	return out
}

// spent is how long a method took in all.
type spent struct{ fit, predict time.Duration }

// prepare lets the methods that need it learn from the days so far, before they forecast.
func (k *walk) prepare(m method) {
	if p, ok := m.(*pooled); ok {
		m2, ok := p.by.(preparer)
		if ok {
			m2.prepare(k.day)
		}
	}
	if a, ok := m.(*analogs); ok {
		a.of(k.day)
	}
}

// preparer is a predictor that learns from the days before one, when its time has come.
type preparer interface{ prepare(d Day) }

// see takes in what the day that was forecast came to.
func (k *walk) see(row []float64) {
	to, odd := k.t.row(k.day), false
	for slot, v := range row {
		if v = k.clean(v); !known(v) {
			odd = odd || known(row[slot])
			continue
		}
		to[slot] = v
		k.sum, k.n = k.sum+math.Abs(v), k.n+1
		k.largest[slot] = math.Max(k.largest[slot], v)
		k.top = math.Max(k.top, math.Abs(v))
		k.zeros += is(v == 0)
	}
	if k.odd += is(odd); k.odd > believed {
		k.odd, k.top = 0, far*k.top
	}
	if k.n > 0 {
		switch k.kind {
		case PV:
			k.scale.floor = math.Max(.02*math.Max(k.top, k.peak), 1e-6)
		default:
			k.scale.floor = math.Max(.1*math.Abs(k.sum/k.n), 1e-6)
		}
	}
	k.day++
	for _, m := range k.methods {
		m.learn(k.day)
	}
}

// clean returns a value as it is learned from: NaN for one that cannot be.
func (k *walk) clean(v float64) float64 {
	switch {
	case v < 0 && k.kind == PV:
		return 0 // what an inverter takes at night
	case math.IsInf(v, 0), k.outlier(v):
		return math.NaN()
	default:
		return v
	}
}

// What makes an outlier.
const (
	far      = 4    // times the largest value
	believed = 3    // days with such values, after which they are believed
	enough   = 14   // days before one can be told
	rare     = .005 // share of zeros where there is always something
)

// outlier tells whether a value cannot be: far beyond what the series ever came to, nothing where
// there always was something, or less than nothing where that cannot be.
func (k *walk) outlier(v float64) bool {
	switch {
	case k.kind != Net && v < 0:
		return true
	case k.kind == PV && k.peak > 0:
		return v > 1.5*k.peak
	case k.n < enough*float64(k.t.slots):
		return false
	case k.kind == Load && v == 0:
		return k.zeros < rare*k.n
	default:
		return math.Abs(v) > far*k.top
	}
}
