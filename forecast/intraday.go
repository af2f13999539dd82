package forecast

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// intraday moves a day-ahead forecast by the errors it has made of late: how the error some time
// ahead follows from the last three and from those of the last hours is learned by a ridge
// regression for each lead, over the days of before, the like part of the day counting most:
// by least squares for the mean, by least absolute errors for the median. Quantiles draw nearer
// to the median as their distances would have. Errors are in units of what is usual at their
// time of day.
type intraday struct {
	first  Day         // of the rows
	z      [][]float64 // errors of the mean in units, by slot; NaN where not known
	line   []float64   // z in the order of time
	median [][]float64 // those of the median
	sigma  []float64   // the unit of a slot, in units of the scale
	fits   []leadFit   // by part of the day that they are for, then by rising lead
}

// leadFit is the regression for a lead.
type leadFit struct {
	lead         int
	mean, median [intradayTerms]float64
	above, below float64 // what is left of the quantiles' distances
}

const (
	intradayTerms = 6
	intradayPull  = 20.0 // in rows
	mostUnits     = 25.0 // an error counts at most
	dayParts      = 4
	otherParts    = .1 // what an error of another part of the day counts
)

// leads returns those that are fitted, of a day's slots: between them is interpolated.
func leads(slots int) (all []int) {
	for lead := 1; lead < slots; lead = max(lead+1, lead*4/3) {
		all = append(all, lead)
	}
	return append(all, slots)
}

// newIntraday learns from the errors of the days of before, in units of the scale.
func newIntraday(first Day, means, medians [][]float64, minutes int) *intraday {
	if len(means) == 0 {
		return nil
	}
	slots := len(means[0])
	n := &intraday{first: first, sigma: make([]float64, slots)}
	reach := max(1, poolReach/minutes)
	for slot := range n.sigma {
		var sum, count float64
		for _, row := range means {
			for k := -reach; k <= reach; k++ {
				if e := row[(slot+k+slots)%slots]; known(e) {
					sum, count = sum+e*e, count+1
				}
			}
		}
		if count > 0 {
			n.sigma[slot] = math.Sqrt(sum / count)
		}
	}
	n.z, n.median = n.units(means), n.units(medians)
	n.line = timeline(n.z)
	z, medianZ := n.line, timeline(n.median)
	rows := make([][intradayTerms]float64, len(z))
	for at := range z {
		rows[at] = terms(z, at, minutes)
	}
	for part := range dayParts {
		for _, lead := range leads(slots) {
			n.fits = append(n.fits, fitLead(z, medianZ, rows, lead, part*slots/dayParts, slots))
		}
	}
	return n
}

// units returns errors in units.
func (n *intraday) units(errs [][]float64) (all [][]float64) {
	for _, row := range errs {
		z := unknown(len(row))
		for slot, e := range row {
			if known(e) && n.sigma[slot] > 0 {
				z[slot] = e / n.sigma[slot]
			}
		}
		all = append(all, z)
	}
	return all
}

// timeline is errors in the order of time.
func timeline(rows [][]float64) []float64 { return slices.Concat(rows...) }

// terms returns what a correction follows from: the errors up to a moment.
func terms(z []float64, at, minutes int) (x [intradayTerms]float64) {
	hour := 60 / minutes
	err := func(k int) float64 {
		if k < 0 || !known(z[k]) {
			return 0
		}
		return clip(z[k])
	}
	mean := func(n int) float64 {
		sum, count := 0.0, 0.0
		for k := max(0, at-n+1); k <= at; k++ {
			if known(z[k]) {
				sum, count = sum+err(k), count+1
			}
		}
		if count == 0 {
			return 0
		}
		return sum / count
	}
	return [intradayTerms]float64{err(at), err(at - 1), err(at - 2), mean(max(4, 2*hour)), mean(6 * hour), mean(24 * hour)}
}

// fitLead fits the errors lead later to the terms, for the part of the day that begins with a
// slot.
func fitLead(z, median []float64, rows [][intradayTerms]float64, lead, from, slots int) leadFit {
	fit := leadFit{lead: lead, above: 1, below: 1}
	var at []int
	var weights []float64
	own := 0
	for i := 0; i+lead < len(z); i++ {
		if !known(z[i+lead]) || !known(median[i+lead]) || !known(z[i]) {
			continue
		}
		at = append(at, i)
		if slot := (i + lead) % slots; slot >= from && slot < from+slots/dayParts {
			weights = append(weights, 1)
			own++
		} else {
			weights = append(weights, otherParts)
		}
	}
	const least = 30
	if len(at) < least {
		return fit
	}
	y, m := make([]float64, len(at)), make([]float64, len(at))
	for k, i := range at {
		y[k], m[k] = clip(z[i+lead]), clip(median[i+lead])
	}
	fit.mean = leastSquares(rows, at, y, weights)
	const rounds, floor = 3, .1
	again := slices.Clone(weights)
	fit.median = fit.mean
	for range rounds {
		for k, i := range at {
			again[k] = weights[k] / math.Max(math.Abs(m[k]-sum(fit.median, rows[i])), floor)
		}
		fit.median = leastSquares(rows, at, m, again)
	}
	if own < least {
		return fit
	}
	var before, after []float64
	for k, i := range at {
		if weights[k] == 1 {
			before = append(before, m[k])
			after = append(after, m[k]-sum(fit.median, rows[i]))
		}
	}
	slices.Sort(before)
	slices.Sort(after)
	b, a := deciles(before), deciles(after)
	part := func(now, then float64) float64 {
		if then <= 0 || now <= 0 {
			return 1
		}
		return math.Min(1.2, math.Max(.05, now/then))
	}
	fit.above, fit.below = part(a[8]-a[4], b[8]-b[4]), part(a[4]-a[0], b[4]-b[0])
	return fit
}

func clip(z float64) float64 { return math.Max(-mostUnits, math.Min(mostUnits, z)) }

// leastSquares fits y to some of the rows, with weights.
func leastSquares(rows [][intradayTerms]float64, at []int, y, weights []float64) (coef [intradayTerms]float64) {
	var square [intradayTerms][intradayTerms]float64
	var right [intradayTerms]float64
	total := 0.0
	for k, i := range at {
		w := weights[k]
		total += w
		for a, v := range rows[i] {
			right[a] += w * v * y[k]
			for b, u := range rows[i] {
				square[a][b] += w * v * u
			}
		}
	}
	pull := intradayPull * total / float64(len(at))
	gram := mat.NewSymDense(intradayTerms, nil)
	for a, row := range square {
		for b, v := range row {
			gram.SetSym(a, b, v+pull*is(a == b))
		}
	}
	var chol mat.Cholesky
	var beta mat.VecDense
	if chol.Factorize(gram) && chol.SolveVecTo(&beta, mat.NewVecDense(intradayTerms, right[:])) == nil {
		copy(coef[:], beta.RawVector().Data)
	}
	return coef
}

func sum(coef, x [intradayTerms]float64) (s float64) {
	for i, v := range x {
		s += coef[i] * v
	}
	return s
}

// correction is what is done to a forecast, in units, and to the distances of its quantiles.
type correction struct{ mean, median, above, below float64 }

// ahead returns the corrections of what was forecast for places, which are slots (modulo a day's).
func (n *intraday) ahead(x [intradayTerms]float64, places []int) []correction {
	out := make([]correction, len(places))
	slots := len(n.sigma)
	count := len(n.fits) / dayParts
	at := 0
	for k, place := range places {
		out[k] = correction{0, 0, 1, 1}
		lead := k + 1
		for at < count && n.fits[at].lead < lead {
			at++
		}
		if at == count {
			continue
		}
		fits := n.fits[place%slots*dayParts/slots*count:]
		out[k] = fits[at].of(x)
		if at > 0 && fits[at].lead != lead {
			a := fits[at-1].of(x)
			f := float64(lead-fits[at-1].lead) / float64(fits[at].lead-fits[at-1].lead)
			b := &out[k]
			b.mean, b.median = a.mean*(1-f)+b.mean*f, a.median*(1-f)+b.median*f
			b.above, b.below = a.above*(1-f)+b.above*f, a.below*(1-f)+b.below*f
		}
	}
	return out
}

func (f leadFit) of(x [intradayTerms]float64) correction {
	return correction{sum(f.mean, x), sum(f.median, x), f.above, f.below}
}

// trace returns the errors that were left after correction of the forecasts that were issued on a
// day of the past before a slot, in units. places are those that were forecast: days after that
// day × slots + slot; the first is the slot that followed the last known value. Where a day's
// errors are not known, those of a day before or after stand in.
func (n *intraday) trace(d Day, places []int, minutes int) []float64 {
	z, slots := n.line, len(n.sigma)
	start := int(d-n.first) * slots
	at := start + places[0] - 1 // the last that was known
	var x [intradayTerms]float64
	if at >= 0 && at < len(z) {
		x = terms(z, at, minutes)
	}
	expected := n.ahead(x, places)
	out := make([]float64, len(places))
	for k, p := range places {
		slot := p % slots
		for _, j := range []int{start + p, start + slot, start + slot - slots, start + slot + slots} {
			if j >= 0 && j < len(z) && known(z[j]) {
				out[k] = z[j] - expected[k].mean
				break
			}
		}
	}
	return out
}
