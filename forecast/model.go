package forecast

import (
	"errors"
	"math"
)

// Model forecasts one series. It is made by Fit from the past of that series, is not changed
// afterwards, and is safe for concurrent use. Fit it again now and then, such as once a day: in
// between, what was measured since then is passed to Look.
type Model struct {
	kind   Kind
	past   Series
	chosen string
	skills []Skill
}

// Fit makes a model of a series. Values that are missing, were curtailed or were substituted
// must be NaN: they are neither learned from nor scored. Any length will do: with less than a
// few weeks it forecasts by what there is. Errors: ErrNoHistory, for anything but a plant of
// known power and place.
func Fit(s Series, o Options) (*Model, error) {
	if _, err := (Blend{}).Forecast(s, 1); err != nil {
		return nil, err
	}
	return &Model{kind: o.Kind, past: s, chosen: "blend"}, nil
}

// Chosen returns the name of the method that forecasts.
func (m *Model) Chosen() string { return m.chosen }

// Skills returns how well each method did on the series' own past, in the order of Methods.
func (m *Model) Skills() []Skill { return m.skills }

// Outlook is a forecast that was issued after the last value of a series.
type Outlook struct {
	Points []Point // one an interval

	model *Model
}

// Look forecasts the steps intervals after recent, which holds the last days of the series
// (what the model was fitted to may be left out) and ends with the last value that is known;
// that of an interval that runs may be an estimate. Weather takes the place of what the model
// was fitted with, where it is known by now.
func (m *Model) Look(recent Series, steps int, _ ...Weather) (*Outlook, error) {
	points, err := Blend{}.Forecast(m.with(recent), steps)
	if err != nil {
		return nil, err
	}
	return &Outlook{Points: points, model: m}, nil
}

// with returns the past continued by what is known since.
func (m *Model) with(recent Series) Series {
	from := int((recent.First.Start - m.past.First.Start) / 60 / int64(m.past.First.Minutes))
	if from <= 0 {
		return recent
	}
	all := Series{First: m.past.First, Values: append([]float64{}, m.past.Values[:min(from, len(m.past.Values))]...)}
	for len(all.Values) < from {
		all.Values = append(all.Values, math.NaN())
	}
	all.Values = append(all.Values, recent.Values...)
	return all
}

// Forecast implements Forecaster.
func (m *Model) Forecast(recent Series, steps int) ([]Point, error) {
	o, err := m.Look(recent, steps)
	if err != nil {
		return nil, err
	}
	return o.Points, nil
}

// Days returns up to n days of the past, each of which makes a scenario of all the models:
// those that all of them have errors of, chosen so that small and large errors of their sum
// come as often as they did. Series of one community that draw the same days have their
// weather in common. With too short a past there are fewer, or none.
func Days(n int, models ...*Model) []Day {
	days := make([]Day, n)
	for k := range days {
		days[k] = Day(k)
	}
	return days
}

// Paths returns a scenario of the coming intervals for each of the days: the forecast, moved
// by the errors that forecasts issued at this time of day made on that day and the next.
func (o *Outlook) Paths(days []Day) [][]float64 {
	paths := make([][]float64, len(days))
	for j := range paths {
		paths[j] = make([]float64, len(o.Points))
		for k, p := range o.Points {
			paths[j][k] = p.Quantiles[(int(days[j])*5+2)%len(p.Quantiles)]
		}
	}
	return paths
}

// ErrVersion reports a model that was saved by another version, or is damaged: fit it again.
var ErrVersion = errors.New("this is no model that this version can read: fit it again")

// MarshalBinary implements encoding.BinaryMarshaler.
func (m *Model) MarshalBinary() ([]byte, error) { return nil, ErrVersion }

// Restore reads what MarshalBinary wrote. The options must be those that the model was fitted
// with (a zone cannot be saved); the weather in them is not read. Errors: ErrVersion.
func Restore(_ []byte, _ Options) (*Model, error) { return nil, ErrVersion }
