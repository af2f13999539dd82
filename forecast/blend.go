package forecast

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Blend predicts by a weighted sum of simple predictions: the last intervals, the same
// time of earlier days, and those days moved to where the last interval stands. The
// weights follow the errors at this home: they are those that would have erred least in
// the days before, later days and like times of day counting more, and begin with the
// last interval alone (a combination of forecasts by regression; Granger and Ramanathan
// 1984). Its quantiles add the errors that this combination made at about the same time
// of day. A value that is missing is left out.
type Blend struct{}

const (
	blendDays   = 4   // of history that the weights are fitted to
	halfLife    = 2.0 // days after which an error counts half
	alikeHours  = 3.0 // between times of day that are much alike
	anyTime     = 0.1 // what an error counts at another time of day
	ridgePull   = 0.05
	rounds      = 3
	leastError  = 5.0 // Wh under which errors count alike
	pooledHours = 1.5 // about the time of day, whose errors make the quantiles
	leastKnown  = 12  // errors that make quantiles; with fewer those of the whole day do
)

// experts is how many predictions are blended.
const experts = 6

// Forecast implements Forecaster.
func (Blend) Forecast(s Series, steps int) ([]Point, error) {
	if len(s.Values) == 0 || !slices.ContainsFunc(s.Values, known) {
		return nil, ErrNoHistory
	}
	b := blend{values: s.Values, day: 24 * 60 / s.First.Minutes}
	points := make([]Point, steps)
	for k := range points {
		mean, errs := b.at(len(s.Values)-1, k+1)
		points[k] = Point{Interval: s.Next().Shift(k), Mean: mean, Quantiles: spread(mean, errs)}
	}
	return points, nil
}

type blend struct {
	values []float64
	day    int // intervals
}

// value returns that of an interval, NaN where it is not known.
func (b blend) value(at int) float64 {
	if at < 0 || at >= len(b.values) {
		return math.NaN()
	}
	return b.values[at]
}

// predict returns what each expert, who knows the values up to last, says of the
// interval lead later; NaN where it cannot tell.
func (b blend) predict(last, lead int) (e [experts]float64) {
	target := last + lead
	now := b.value(last)
	if !known(now) {
		now = b.value(last - 1)
	}
	ago := b.day * ((lead + b.day - 1) / b.day) // a whole number of days, all of them known
	yesterday, then := b.value(target-ago), b.value(last-ago)
	days, before := b.mean(target-ago, b.day), b.mean(last-ago, b.day)
	return [experts]float64{
		now, b.mean(last, 1), yesterday, days,
		yesterday + now - then, days + now - before,
	}
}

// mean returns that of up to four values that lie step apart, back from an interval.
func (b blend) mean(from, step int) float64 {
	const most = 4
	var sum, n float64
	for k := range most {
		if v := b.value(from - k*step); known(v) {
			sum, n = sum+v, n+1
		}
	}
	return sum / n // NaN of none
}

// at returns the forecast that is made after the interval last for the one lead later,
// and the errors that such forecasts made.
func (b blend) at(last, lead int) (mean float64, errs []float64) {
	now := b.predict(last, lead)
	var able []int
	for k, v := range now {
		if known(v) {
			able = append(able, k)
		}
	}
	if len(able) == 0 {
		mean = b.values[lastKnown(b.values)]
		return mean, doubted(mean, nil)
	}
	past := b.past(last, lead, able)
	weights := b.fit(past, last, lead, len(able))
	var near, all []float64
	for _, p := range past {
		err := b.values[p.target] - dot(p.said, weights)
		all = append(all, err)
		if b.apart(p.target, last+lead) <= pooledHours*float64(b.day)/24 {
			near = append(near, err)
		}
	}
	if len(near) < leastKnown {
		near = all
	}
	mean = dot(appendPicked(nil, now, able), weights)
	return mean, doubted(mean, near)
}

// doubted fills up the errors where few are known, as if the value could as well have
// been anything from nothing to twice as much: nothing is sure of a home that is new.
func doubted(mean float64, errs []float64) []float64 {
	lacks := leastKnown - len(errs)
	for k := range lacks {
		errs = append(errs, mean*(2*(float64(k)+0.5)/float64(lacks)-1))
	}
	return errs
}

// apart returns how many intervals lie between two times of day.
func (b blend) apart(i, j int) float64 {
	d := math.Abs(float64((i - j) % b.day))
	return math.Min(d, float64(b.day)-d)
}

// sample is a forecast that could have been made, and the interval it was for.
type sample struct {
	said   []float64
	target int
}

// past returns the forecasts of before that all of the able experts could have made.
// The last value is of an interval that runs: none was for it.
func (b blend) past(last, lead int, able []int) (all []sample) {
	first := max(0, last-blendDays*b.day)
	most := max(last-lead-first, 0)
	all = make([]sample, 0, most)
	said := make([]float64, 0, most*len(able)) // of all, one after another
	for made := first; made+lead < last; made++ {
		if !known(b.values[made+lead]) {
			continue
		}
		from := len(said)
		said = appendPicked(said, b.predict(made, lead), able)
		if one := said[from:len(said):len(said)]; !slices.ContainsFunc(one, math.IsNaN) {
			all = append(all, sample{one, made + lead})
		} else {
			said = said[:from]
		}
	}
	return all
}

// fit returns the weights of n experts, the first of whom is right unless the past says
// otherwise: those that minimise
//
//	Σ h |y − Σ w x| + ridgePull · Σ h |x| · ((w₁ − 1)² + Σ wₖ²)
//
// nearly, by weighted least squares (Schlossmacher 1973). h halves with every halfLife,
// and is less at other times of day.
func (b blend) fit(past []sample, last, lead, n int) []float64 {
	weights := make([]float64, n)
	weights[0] = 1
	if len(past) < 2*n {
		return weights
	}
	h := make([]float64, len(past))
	for k, p := range past {
		hours := b.apart(p.target, last+lead) * 24 / float64(b.day)
		near := math.Exp(-(hours / alikeHours) * (hours / alikeHours))
		h[k] = (near + anyTime) * math.Exp2(-float64(last-p.target)/float64(b.day)/halfLife)
	}
	for range rounds {
		if !b.improve(weights, past, h) {
			break // the values are all zero
		}
	}
	return weights
}

// improve is one round of fit; it is false where there is nothing to learn from.
func (b blend) improve(weights []float64, past []sample, h []float64) bool {
	n := len(weights)
	var lower [experts][experts]float64
	var right [experts]float64
	for k, p := range past {
		y := b.values[p.target]
		g := h[k] / math.Max(math.Abs(y-dot(p.said, weights)), leastError)
		for i, x := range p.said {
			right[i] += g * (y - p.said[0]) * x
			row, by := &lower[i], g*x
			for j, z := range p.said[:i+1] {
				row[j] += by * z
			}
		}
	}
	square := mat.NewSymDense(n, nil)
	for i := range n {
		for j, x := range lower[i][:i+1] {
			square.SetSym(i, j, x)
		}
	}
	pull := ridgePull * mat.Trace(square) / float64(n)
	for k := range n {
		square.SetSym(k, k, square.At(k, k)+pull)
	}
	var chol mat.Cholesky
	var change mat.VecDense
	if !chol.Factorize(square) || chol.SolveVecTo(&change, mat.NewVecDense(n, right[:n])) != nil {
		return false
	}
	copy(weights, change.RawVector().Data)
	weights[0]++
	return true
}

// appendPicked appends what the able experts said.
func appendPicked(to []float64, said [experts]float64, able []int) []float64 {
	for _, at := range able {
		to = append(to, said[at])
	}
	return to
}

func dot(a, b []float64) (sum float64) {
	for k := range a {
		sum += a[k] * b[k]
	}
	return sum
}
