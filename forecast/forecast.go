// Package forecast predicts the energy of coming delivery intervals at a metering point, with
// quantiles and scenarios.
//
// A Series holds energies of equal intervals in Wh, oldest first: a home's net (+ import), its
// load, or what a plant gives as a positive number; NaN where a value is missing, was curtailed
// or was substituted. Fit makes a Model of it, Model.Look an Outlook from the last values, whose
// Paths are scenarios. Days picks days of the past for several models alike, so that a
// community's scenarios have their weather in common.
//
// A history is a table of local days × slots of wall time. A walk goes through it day by day: at
// each midnight every method forecasts the day from those before, then sees it and learns. So
// what a method knows, how well it does on this home's own past, and the evaluation of Walk are
// one thing, and nothing looks ahead. The methods and their sources are told in
// docs/forecast.md.
//
// Everything is a function of its inputs: there is no clock, and the same inputs give the same
// bytes. float64 is used here: nothing of a forecast is ever settled.
package forecast

import (
	"errors"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/commonwatt/commonwatt/grid"
)

// Series is a history of equal intervals.
type Series struct {
	First  grid.Interval
	Values []float64 // Wh, + import; NaN where missing
}

// Next returns the interval after the last of the series.
func (s Series) Next() grid.Interval { return s.First.Shift(len(s.Values)) }

// Point is a forecast for one interval.
type Point struct {
	Interval  grid.Interval `json:"interval"`
	Mean      float64       `json:"mean"`      // Wh, + import
	Quantiles [9]float64    `json:"quantiles"` // .1 to .9, non-decreasing
}

// Forecaster predicts the intervals that follow a series.
type Forecaster interface {
	// Forecast returns steps points, the first for s.Next(). Errors:
	// ErrNoHistory.
	Forecast(s Series, steps int) ([]Point, error)
}

// ErrNoHistory reports a series without a single value.
var ErrNoHistory = errors.New("no history to forecast from")

// SeasonalNaive predicts the value of the same time yesterday. Its quantiles
// add the differences between days that were seen at that time of day. Before
// there is a yesterday it predicts the latest value, with the differences
// between neighbouring intervals. (Hyndman and Athanasopoulos, Forecasting:
// Principles and Practice, 3rd ed., section 5.2.)
type SeasonalNaive struct{}

// seasonsKept is how many days of differences the quantiles use.
const seasonsKept = 56

// Forecast implements Forecaster.
func (SeasonalNaive) Forecast(s Series, steps int) ([]Point, error) {
	if len(s.Values) == 0 || !slices.ContainsFunc(s.Values, known) {
		return nil, ErrNoHistory
	}
	day := 24 * 60 / s.First.Minutes
	points := make([]Point, steps)
	for k := range points {
		mean, differences := predict(s.Values, len(s.Values)+k, day)
		points[k] = Point{Interval: s.Next().Shift(k), Mean: mean, Quantiles: spread(mean, differences)}
	}
	return points, nil
}

func known(v float64) bool { return !math.IsNaN(v) }

// predict returns the value expected at index at and the differences that such
// a prediction made in the past.
func predict(values []float64, at, day int) (mean float64, differences []float64) {
	from := at - day
	for from >= len(values) {
		from -= day
	}
	lag := day
	if from < 0 || !known(values[from]) {
		from = lastKnown(values)
		lag = 1
	}
	mean = values[from]
	for i, n := from, 0; i-lag >= 0 && n < seasonsKept; i, n = i-lag, n+1 {
		if known(values[i]) && known(values[i-lag]) {
			differences = append(differences, values[i]-values[i-lag])
		}
	}
	return mean, differences
}

func lastKnown(values []float64) int {
	for i := len(values) - 1; ; i-- {
		if known(values[i]) {
			return i
		}
	}
}

// spread turns differences into quantiles around the mean.
func spread(mean float64, differences []float64) (q [9]float64) {
	slices.Sort(differences)
	for i := range q {
		q[i] = mean
		if len(differences) > 0 {
			q[i] += stat.Quantile(float64(i+1)/10, stat.LinInterp, differences, nil)
		}
	}
	return q
}
