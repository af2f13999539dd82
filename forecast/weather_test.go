package forecast_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// climate is days of weather by the hour: degrees Celsius and W/m², which wander from day to day.
func climate(days int, seed uint64) (first grid.Interval, celsius, radiation []float64) {
	rng := rand.New(rand.NewPCG(seed, 9))
	first = grid.IntervalAt(time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC), 60)
	warm, cloud := 0.0, .5
	for d := range days {
		season := -math.Cos(2 * math.Pi * float64(d) / 365)
		for hour := range 24 {
			warm += -warm/50 + .7*rng.NormFloat64()
			cloud += (.5-cloud)/15 + .12*rng.NormFloat64()
			sun := math.Max(0, math.Sin((float64(hour)-6)/12*math.Pi)) * (600 + 250*season)
			celsius = append(celsius, 11+9*season+4*math.Sin((float64(hour)-9)/12*math.Pi)+warm)
			radiation = append(radiation, sun*(1-.8*math.Max(0, math.Min(1, cloud))))
		}
	}
	return first, celsius, radiation
}

// heated is a home that heats and cools by the temperature, in values an hour or a quarter.
func heated(first grid.Interval, celsius []float64, minutes int) forecast.Series {
	rng := rand.New(rand.NewPCG(11, 12))
	s := forecast.Series{First: grid.Interval{Start: first.Start, Minutes: minutes}}
	for k, t := range celsius {
		base := 400 + 200*math.Exp(-math.Pow(float64(k%24)-19, 2)/6)
		for range 60 / minutes {
			v := (base + 60*math.Max(0, 15-t) + 40*math.Max(0, t-22)) * (1 + .05*rng.NormFloat64())
			s.Values = append(s.Values, v*float64(minutes)/60)
		}
	}
	return s
}

// skill is that of the default on the last 91 days of a series.
func skill(t *testing.T, s forecast.Series, o forecast.Options) forecast.Skill {
	t.Helper()
	for _, v := range fit(t, s, o).Skills() {
		if v.Method == "blend" {
			return v
		}
	}
	t.Fatal("the blend has no skill")
	return forecast.Skill{}
}

// TestWeatherHelps forecasts homes that heat and cool, and a plant, with and without the weather
// that they follow; in any unit and interval, with holes.
func TestWeatherHelps(t *testing.T) {
	const days = 200
	first, celsius, radiation := climate(days, 2)
	column := func(name string, values []float64, change func(float64) float64) forecast.Weather {
		w := forecast.Weather{Name: name, First: first}
		for k, v := range values {
			if v = change(v); k%97 == 5 || k%500 < 9 {
				v = math.NaN()
			}
			w.Values = append(w.Values, v)
		}
		return w
	}
	same := func(v float64) float64 { return v }
	total := 0.0
	plant := forecast.Series{First: first}
	rng := rand.New(rand.NewPCG(13, 14))
	for _, r := range radiation {
		plant.Values = append(plant.Values, r*4*(1+.08*rng.NormFloat64()))
	}
	accumulated := column("ssrd", radiation, same)
	for k, v := range radiation {
		if k%24 == 0 {
			total = 0
		}
		total += v * 3600
		accumulated.Values[k] = total
	}
	for name, c := range map[string]struct {
		kind    forecast.Kind
		series  forecast.Series
		weather forecast.Weather
		most    float64 // r_mae with weather, of that without
	}{
		"temperature":      {forecast.Load, heated(first, celsius, 60), column("temperature", celsius, same), .8},
		"Fahrenheit":       {forecast.Load, heated(first, celsius, 60), column("t2m", celsius, func(c float64) float64 { return c*1.8 + 32 }), .8},
		"Kelvin":           {forecast.Load, heated(first, celsius, 60), column("temp", celsius, func(c float64) float64 { return c + 273.15 }), .8},
		"in quarters":      {forecast.Load, heated(first, celsius, 15), column("temperature", celsius, same), .8},
		"radiation":        {forecast.PV, plant, column("ghi", radiation, same), .6},
		"radiation, joule": {forecast.PV, plant, column("ssrd", radiation, func(v float64) float64 { return v * 3600 }), .6},
		"accumulated":      {forecast.PV, plant, accumulated, .6},
	} {
		t.Run(name, func(t *testing.T) {
			without := skill(t, c.series, forecast.Options{Kind: c.kind})
			with := skill(t, c.series, forecast.Options{Kind: c.kind, Weather: []forecast.Weather{c.weather}})
			t.Logf("r_mae %.3f and r_pinball %.3f without weather, %.3f and %.3f with it", without.RMAE, without.RPinball, with.RMAE, with.RPinball)
			if with.RMAE > c.most*without.RMAE || with.RPinball > c.most*without.RPinball || math.Abs(with.Cov80-.8) > .04 {
				t.Errorf("without weather %+v, with it %+v", without, with)
			}
		})
	}
}

// TestWeatherThatIsNew lets a model look with a forecast of weather that is known by now, and with
// another one: a cold day takes more.
func TestWeatherThatIsNew(t *testing.T) {
	const days = 150
	first, celsius, _ := climate(days, 5)
	s := heated(first, celsius, 60)
	w := forecast.Weather{Name: "temperature", First: first, Values: celsius}
	m := fit(t, s, forecast.Options{Weather: []forecast.Weather{w}})
	use := func(degrees float64) (sum float64) {
		next := forecast.Weather{Name: "temperature", First: s.Next()}
		for range 24 {
			next.Values = append(next.Values, degrees)
		}
		for _, p := range look(t, m, tail(s, 24), 24, next).Points {
			sum += p.Mean
		}
		return sum
	}
	// 60 Wh for each degree and hour under 15.
	if cold, mild := use(5), use(12); math.Abs(cold-mild-7*60*24) > .35*7*60*24 {
		t.Errorf("a day of 5 degrees takes %.0f Wh, one of 12 %.0f: the difference should be %d", cold, mild, 7*60*24)
	}
	if unknown := look(t, m, tail(s, 24), 24); math.IsNaN(unknown.Points[3].Mean) {
		t.Error("without a forecast of the weather there is none of the home")
	}
}
