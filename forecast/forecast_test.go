package forecast_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

func hourly(values ...float64) forecast.Series {
	return forecast.Series{First: grid.Interval{Start: 0, Minutes: 60}, Values: values}
}

func TestSeasonalNaiveRepeatsYesterday(t *testing.T) {
	values := make([]float64, 72)
	for i := range values {
		values[i] = float64(i%24) + 100*float64(i/24)
	}
	points, err := forecast.SeasonalNaive{}.Forecast(hourly(values...), 30)
	if err != nil {
		t.Fatal(err)
	}
	for k, p := range points {
		if want := 200 + float64(k%24); p.Mean != want {
			t.Errorf("step %d: %g, want %g", k, p.Mean, want)
		}
		// Every day so far rose by 100, so all quantiles do.
		if p.Quantiles[0] != p.Mean+100 || p.Quantiles[8] != p.Mean+100 {
			t.Errorf("step %d: quantiles %v around %g", k, p.Quantiles, p.Mean)
		}
		if p.Interval != (grid.Interval{Start: int64(72+k) * 3600, Minutes: 60}) {
			t.Errorf("step %d is for %s", k, p.Interval)
		}
	}
}

func TestSeasonalNaiveOnTheFirstDay(t *testing.T) {
	points, err := forecast.SeasonalNaive{}.Forecast(hourly(10, 30, 20, math.NaN()), 1)
	if err != nil {
		t.Fatal(err)
	}
	if points[0].Mean != 20 {
		t.Errorf("mean %g, want the latest known value 20", points[0].Mean)
	}
	if !slices.IsSorted(points[0].Quantiles[:]) {
		t.Errorf("quantiles %v are not sorted", points[0].Quantiles)
	}
	if _, err := (forecast.SeasonalNaive{}).Forecast(hourly(math.NaN()), 1); !errors.Is(err, forecast.ErrNoHistory) {
		t.Errorf("error %v, want ErrNoHistory", err)
	}
}
