package forecast

import (
	"math"
	"slices"
)

// blended averages the quantiles of methods, those that erred less of late counting more, and
// keeps their width by how many values fell within.
type blended struct {
	t     *table
	kind  Kind
	parts []method
	spare []method // take their place while the first of the parts cannot tell
	g     width
	lit   func(slot int) bool

	lost []float64 // discounted pinball of each part and spare, against the day's least
	seen []float64 // its discounted number of days
	last *dayAhead
	said []*dayAhead // by the parts and spares
	day  Day
}

// How a blend weighs its parts: by the inverse of a power of what each lost.
const (
	lossForgets = .98
	lossPower   = 6
	lossMost    = 4 // that a day counts
)

func (b *blended) all() []method { return slices.Concat(b.parts, b.spare) }

func (b *blended) start() {
	n := len(b.parts) + len(b.spare)
	b.lost, b.seen = make([]float64, n), make([]float64, n)
}

func (b *blended) forecast(d Day) *dayAhead {
	return b.combine(d, func(m method) *dayAhead {
		if b.said != nil && b.said[0] != nil && slices.Contains(b.spare, m) {
			return nil // nobody asks it
		}
		f := m.forecast(d)
		if f != nil {
			f.mend(b.kind)
		}
		return f
	})
}

// combine averages what the parts said of a day.
func (b *blended) combine(d Day, said func(method) *dayAhead) *dayAhead {
	b.said, b.last, b.day = nil, nil, d
	all := b.all()
	used := make([]*dayAhead, len(all))
	some := false
	for i, p := range all {
		f := said(p)
		b.said = append(b.said, f)
		if (i < len(b.parts)) == (b.said[0] != nil) {
			used[i], some = f, some || f != nil
		}
	}
	if !some {
		return nil
	}
	out := average(used, b.weights(used))
	out.mend(b.kind)
	b.g.apply(out)
	out.mend(b.kind)
	b.last = out
	return out
}

// weights are those of what was said.
func (b *blended) weights(said []*dayAhead) []float64 {
	out := make([]float64, len(said))
	least := math.Inf(1)
	for i := range out {
		if said[i] != nil && b.seen[i] > 0 {
			least = math.Min(least, b.lost[i]/b.seen[i])
		}
	}
	for i := range out {
		if out[i] = 1; b.seen[i] > 0 && least > 0 {
			out[i] = math.Pow(b.lost[i]/b.seen[i]/least, -lossPower)
		}
	}
	return out
}

func (b *blended) bind(f *features) method {
	c := *b
	c.t, c.parts, c.spare = f.t, nil, nil
	for _, p := range b.parts {
		c.parts = append(c.parts, p.bind(f))
	}
	for _, p := range b.spare {
		c.spare = append(c.spare, p.bind(f))
	}
	return &c
}

func (b *blended) learn(d Day) {
	if b.last == nil || b.day != d-1 {
		return
	}
	b.g = b.g.after(coverage(b.t, d-1, b.last, b.lit))
	losses := make([]float64, len(b.said))
	least := math.Inf(1)
	for i, f := range b.said {
		losses[i] = math.NaN()
		if f != nil {
			losses[i] = pinballOf(b.t, d-1, f)
		}
		if known(losses[i]) {
			least = math.Min(least, losses[i])
		}
	}
	for i, loss := range losses {
		if known(loss) && least > 0 {
			b.lost[i] = lossForgets*b.lost[i] + math.Min(loss/least, lossMost)
			b.seen[i] = lossForgets*b.seen[i] + 1
		}
	}
}

// pinballOf returns the mean pinball loss of a day; NaN where nothing is known of it.
func pinballOf(t *table, d Day, f *dayAhead) float64 {
	var sum, n float64
	for slot := range f.q {
		if y := t.value(d, slot); known(y) && known(f.mean[slot]) {
			sum, n = sum+pinball(y, &f.q[slot]), n+1
		}
	}
	return sum / n
}

// pinball is the mean over the nine quantiles.
func pinball(y float64, q *[9]float64) (sum float64) {
	for i, v := range q {
		tau := float64(i+1) / 10
		sum += math.Max(tau*(y-v), (tau-1)*(y-v))
	}
	return sum / 9
}

// coverage is the share of a day's values that fell within the outer quantiles.
func coverage(t *table, d Day, f *dayAhead, counts func(int) bool) float64 {
	var in, n float64
	for slot := range f.q {
		y := t.value(d, slot)
		if !known(y) || !known(f.mean[slot]) || !counts(slot) {
			continue
		}
		n++
		in += is(y >= f.q[slot][0] && y <= f.q[slot][8])
	}
	return in / n
}
