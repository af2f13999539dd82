package planning

import (
	"math"

	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

const (
	day       = 24
	week      = 7 * day
	horizon   = 48
	scenarios = 14
)

// view is what a home may know: what was measured before an hour, and what energy will cost.
// Its models are fitted anew every week, and look at what was measured every hour.
type view struct {
	first     grid.Interval
	home      *Home
	tariff    Tariff
	load, sun *forecast.Model
	fitted    int // hour
}

func newView(y *Year, h *Home, tariff Tariff) *view {
	return &view{first: y.First, home: h, tariff: tariff}
}

// fill writes steps and scenarios of the hours from t on.
func (v *view) fill(in *plan.Input, t int) error {
	var err error
	if v.load == nil || t-v.fitted >= week {
		if v.load, err = forecast.Fit(v.until(v.home.Load, 0, t), forecast.Options{Kind: forecast.Load}); err != nil {
			return err
		}
		if v.sun, err = forecast.Fit(v.until(v.home.Sun, 0, t), forecast.Options{Kind: forecast.PV}); err != nil {
			return err
		}
		v.fitted = t
	}
	load, err := v.load.Look(v.until(v.home.Load, v.fitted-week, t), horizon)
	if err != nil {
		return err
	}
	sun, err := v.sun.Look(v.until(v.home.Sun, v.fitted-week, t), horizon)
	if err != nil {
		return err
	}
	days := forecast.Days(scenarios, v.load, v.sun)
	loads, suns := load.Paths(days), sun.Paths(days)
	in.Steps, in.Scenarios = in.Steps[:0], in.Scenarios[:0]
	for k := range horizon {
		in.Steps = append(in.Steps, v.first.Shift(t+k))
	}
	for k := range days {
		s := plan.Scenario{Weight: 1}
		for i := range horizon {
			at := t + i
			for at >= Hours {
				at -= day // tariffs are known a day ahead, and the year ends
			}
			s.Net = append(s.Net, math.Max(loads[k][i], 0)-math.Max(suns[k][i], 0))
			s.Buy, s.Sell = append(s.Buy, v.tariff.Buy[at]), append(s.Sell, v.tariff.Sell[at])
		}
		in.Scenarios = append(in.Scenarios, s)
	}
	return nil
}

// until returns the hours of a series from one on that were measured before another.
func (v *view) until(values []float64, from, t int) forecast.Series {
	return forecast.Series{First: v.first.Shift(from), Values: values[from:t]}
}

// Example returns the input of a plan of a battery and a car: 96 half hours and 14 scenarios of
// the first home, on a day near the end of the year.
func Example(y *Year) (*plan.Input, error) {
	h, t := &y.Homes[0], Hours-30*day
	view := newView(y, h, y.Tariffs()[0])
	var hourly plan.Input
	if err := view.fill(&hourly, t); err != nil {
		return nil, err
	}
	car := drives(0)
	car.held -= mostTrip
	b := batteryOf(h)
	b.Held = h.Capacity / 2
	in := &plan.Input{Batteries: []plan.Battery{b}, Cars: []plan.Car{car.plan(hourly.Steps[0], t)}}
	for k := range 2 * horizon {
		i := hourly.Steps[k/2]
		i.Minutes = 30
		in.Steps = append(in.Steps, i.Shift(k%2))
	}
	for _, s := range hourly.Scenarios {
		half := plan.Scenario{Weight: 1}
		for k := range 2 * horizon {
			half.Net = append(half.Net, s.Net[k/2]/2)
			half.Buy, half.Sell = append(half.Buy, s.Buy[k/2]), append(half.Sell, s.Sell[k/2])
		}
		in.Scenarios = append(in.Scenarios, half)
	}
	return in, nil
}
