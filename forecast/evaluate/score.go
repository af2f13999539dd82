package evaluate

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// Series is a series with its name.
type Series struct {
	Name string
	forecast.Series
	Weather []forecast.Weather
}

// Options say how to evaluate.
type Options struct {
	Kind     forecast.Kind
	Zone     *time.Location // nil is UTC
	TestDays int
	Peak     float64              // of a plant in the unit of the values per hour, 0 where unknown
	Now      func() time.Duration // a clock that runs
	Row      func(Row)            // gets every value of the test; may be nil
}

// Score is how a method did on a series. The fields are as the package says.
type Score struct {
	Method   string  `json:"method"`
	Values   int     `json:"values"` // that were scored
	MAE      float64 `json:"mae"`
	RMSE     float64 `json:"rmse"`
	NMAE     float64 `json:"nmae"`
	MASE     float64 `json:"mase"`
	Pinball  float64 `json:"pinball"`
	Cov80    float64 `json:"cov80"`
	RCRPS    float64 `json:"rcrps"`
	RMAE     float64 `json:"r_mae"`
	RRMSE    float64 `json:"r_rmse"`
	RPinball float64 `json:"r_pinball"`
	Fit      float64 `json:"fit_seconds"`     // to learn the whole series, with a new fit every week
	Predict  float64 `json:"predict_seconds"` // of a day
}

// Result is how the methods did on a series.
type Result struct {
	Series  string  `json:"series"`
	Minutes int     `json:"minutes"`
	Days    int     `json:"days"` // of history and test
	Methods []Score `json:"methods"`

	Reliability [9]float64 `json:"-"` // share of values up to each quantile of the default
}

// Row is a value of the test and what the methods said of it.
type Row struct {
	Interval grid.Interval
	Value    float64
	Said     map[string]forecast.Value
}

// sums are those of a method.
type sums struct {
	n, abs, square, pin, levels     float64
	naiveAbs, naiveSquare, naivePin float64
	counted, within                 float64
	below                           [9]float64
}

// kindOf returns what a series is: a load that fell below zero before the test is one from which
// what is produced behind the meter was taken off, as at a feeder with many roofs.
func (o Options) kindOf(s Series) forecast.Kind {
	before := max(len(s.Values)-o.TestDays*24*60/s.First.Minutes, 0)
	if o.Kind == forecast.Load && slices.ContainsFunc(s.Values[:before], func(v float64) bool { return v < 0 }) {
		return forecast.Net
	}
	return o.Kind
}

// reference is the method that others are measured by.
const reference = "snaive24"

// Evaluate evaluates a series. Errors: a series that is too short for the test; those of
// forecast.Walk.
func Evaluate(s Series, o Options) (*Result, error) {
	first, last := localDay(s.First, o.Zone), localDay(s.First.Shift(len(s.Values)-1), o.Zone)
	if len(s.Values) > 0 && partOfDay(s, o.Zone) < .5 {
		last--
	}
	days := last - first + 1
	if o.TestDays < 1 || days < o.TestDays+2 {
		return nil, fmt.Errorf("series %s has %d days, too few for a test of %d and some to learn from: give fewer --test-days, or a longer series", s.Name, days, o.TestDays)
	}
	test := last - o.TestDays + 1
	all := make([]sums, len(forecast.Methods())+1)
	before := -1 // index of the first value of the test
	o.Kind = o.kindOf(s)
	spent, err := forecast.Walk(s.Series, forecast.Options{Kind: o.Kind, Zone: o.Zone, Peak: o.Peak, Weather: s.Weather}, o.Now, func(i forecast.Issue) error {
		if int(i.Day) < test || int(i.Day) > last {
			return nil
		}
		if before < 0 {
			before = i.From
		}
		score(s, o, i, all)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("series %s: %w", s.Name, err)
	}
	r := &Result{Series: s.Name, Minutes: s.First.Minutes, Days: days}
	naive := naiveError(s.Values[:max(before, 0)], 24*60/s.First.Minutes)
	methods := append(forecast.Methods(), forecast.Best)
	for i, m := range methods {
		if all[i].n == 0 {
			continue
		}
		sc := all[i].score(m, naive)
		if i < len(spent) {
			sc.Fit, sc.Predict = spent[i].Fit.Seconds(), spent[i].Predict.Seconds()
		} else {
			for _, t := range spent {
				if t.Method == "blend" || !slices.Contains(blended(), t.Method) {
					sc.Fit, sc.Predict = sc.Fit+t.Fit.Seconds(), sc.Predict+t.Predict.Seconds()
				}
			}
		}
		r.Methods = append(r.Methods, sc)
	}
	blend := all[len(all)-2]
	for k, n := range blend.below {
		r.Reliability[k] = n / blend.counted
	}
	if len(r.Methods) == 0 {
		return nil, fmt.Errorf("series %s has no value in the %d days of the test", s.Name, o.TestDays)
	}
	return r, nil
}

// blended are the methods whose time counts in that of the blend already.
func blended() []string { return []string{"ridge", "analog", "ets", "recent"} }

func localDay(i grid.Interval, zone *time.Location) int {
	if zone == nil {
		zone = time.UTC
	}
	y, m, d := i.Begin().In(zone).Date()
	return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60))
}

// partOfDay tells how much of its last local day a series reaches over.
func partOfDay(s Series, zone *time.Location) float64 {
	last := localDay(s.First.Shift(len(s.Values)-1), zone)
	n := 0
	for n < len(s.Values) && localDay(s.First.Shift(len(s.Values)-1-n), zone) == last {
		n++
	}
	return float64(n*s.First.Minutes) / (24 * 60)
}

// score adds a day of the test.
func score(s Series, o Options, i forecast.Issue, all []sums) {
	said := map[string]int{}
	for k, m := range i.Said {
		said[m.Method] = k
	}
	for k, slot := range i.Slots {
		y := s.Values[i.From+k]
		naive, ok := i.Said[said[reference]].At(slot)
		if math.IsNaN(y) || !ok {
			continue
		}
		row := Row{Interval: s.First.Shift(i.From + k), Value: y, Said: map[string]forecast.Value{}}
		for j, m := range i.Said {
			v, ok := m.At(slot)
			if !ok {
				continue
			}
			all[j].add(y, v, naive, i.Counts(k))
			row.Said[m.Method] = v
		}
		if o.Row != nil {
			o.Row(row)
		}
	}
}

func (t *sums) add(y float64, v, naive forecast.Value, counts bool) {
	t.n++
	t.levels += math.Abs(y)
	t.abs += math.Abs(y - v.Point)
	t.square += (y - v.Mean) * (y - v.Mean)
	t.pin += pinball(y, v.Quantiles)
	t.naiveAbs += math.Abs(y - naive.Point)
	t.naiveSquare += (y - naive.Mean) * (y - naive.Mean)
	t.naivePin += pinball(y, naive.Quantiles)
	if !counts {
		return
	}
	t.counted++
	if y >= v.Quantiles[0] && y <= v.Quantiles[8] {
		t.within++
	}
	for k, q := range v.Quantiles {
		if y <= q {
			t.below[k]++
		}
	}
}

func pinball(y float64, quantiles [9]float64) (sum float64) {
	for k, q := range quantiles {
		tau := float64(k+1) / 10
		sum += math.Max(tau*(y-q), (tau-1)*(y-q))
	}
	return sum / float64(len(quantiles))
}

func (t *sums) score(method string, naive float64) Score {
	return Score{
		Method: method, Values: int(t.n),
		MAE: t.abs / t.n, RMSE: math.Sqrt(t.square / t.n), NMAE: over(t.abs, t.levels), MASE: over(t.abs/t.n, naive),
		Pinball: t.pin / t.n, Cov80: over(t.within, t.counted), RCRPS: over(2*t.pin, t.levels),
		RMAE: over(t.abs, t.naiveAbs), RRMSE: math.Sqrt(over(t.square, t.naiveSquare)), RPinball: over(t.pin, t.naivePin),
	}
}

// over is a ratio, 0 of nothing.
func over(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// naiveError is the mean absolute difference of values a day apart.
func naiveError(values []float64, day int) float64 {
	var sum, n float64
	for k := day; k < len(values); k++ {
		if e := math.Abs(values[k] - values[k-day]); !math.IsNaN(e) {
			sum, n = sum+e, n+1
		}
	}
	return over(sum, n)
}

// Means returns, by method, the means of several series' scores. A group's figure is the mean
// over its series of the series' ratio; sums in the series' own unit are left out.
func Means(results []*Result) []Score {
	var all []Score
	for _, m := range append(forecast.Methods(), forecast.Best) {
		var sum Score
		n := 0.0
		for _, r := range results {
			at := slices.IndexFunc(r.Methods, func(s Score) bool { return s.Method == m })
			if at < 0 {
				continue
			}
			s := r.Methods[at]
			n++
			sum.Values += s.Values
			sum.NMAE, sum.MASE, sum.Cov80, sum.RCRPS = sum.NMAE+s.NMAE, sum.MASE+s.MASE, sum.Cov80+s.Cov80, sum.RCRPS+s.RCRPS
			sum.RMAE, sum.RRMSE, sum.RPinball = sum.RMAE+s.RMAE, sum.RRMSE+s.RRMSE, sum.RPinball+s.RPinball
			sum.Fit, sum.Predict = sum.Fit+s.Fit, sum.Predict+s.Predict
		}
		if n == 0 {
			continue
		}
		all = append(all, Score{
			Method: m, Values: sum.Values, NMAE: sum.NMAE / n, MASE: sum.MASE / n, Cov80: sum.Cov80 / n, RCRPS: sum.RCRPS / n,
			RMAE: sum.RMAE / n, RRMSE: sum.RRMSE / n, RPinball: sum.RPinball / n, Fit: sum.Fit / n, Predict: sum.Predict / n,
		})
	}
	return all
}
