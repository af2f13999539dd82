package forecast_test

import (
	"fmt"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// Four days, an hour a value, of a home that draws 400 Wh and around noon gives more or
// less of its sunshine back, make a forecast of the fifth: as certain at night as the days
// were alike.
func Example() {
	first, err := grid.ParseInterval("2026-06-01T00:00:00Z/60")
	if err != nil {
		fmt.Println(err)
		return
	}
	history := forecast.Series{First: first}
	for _, noon := range []float64{-900, -600, -800, -700} {
		for hour := range 24 {
			wh := 400.0
			if hour >= 11 && hour < 14 {
				wh = noon
			}
			history.Values = append(history.Values, wh)
		}
	}
	points, err := forecast.SeasonalNaive{}.Forecast(history, 24)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range []forecast.Point{points[10], points[12]} {
		fmt.Printf("%s: %.0f Wh, from %.0f to %.0f\n", p.Interval, p.Mean, p.Quantiles[0], p.Quantiles[8])
	}
	// Output:
	// 2026-06-05T10:00:00Z/60: 400 Wh, from 400 to 400
	// 2026-06-05T12:00:00Z/60: -700 Wh, from -900 to -460
}
