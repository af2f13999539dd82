package forecast_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// synthetic returns days of a home's load or of a plant, in Wh, from a Monday on: with days of
// different clouds, and people who keep no exact time.
func synthetic(kind forecast.Kind, days, minutes int, seed uint64) forecast.Series {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := forecast.Series{First: grid.IntervalAt(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), minutes)}
	slots := 24 * 60 / minutes
	cloud := .5
	for d := range days {
		cloud = math.Max(.1, math.Min(1, .7*cloud+.2+.25*rng.NormFloat64()))
		season := 1 - .4*math.Cos(2*math.Pi*float64(d)/365)
		for slot := range slots {
			hour := (float64(slot) + .5) * float64(minutes) / 60
			sun := math.Max(0, math.Sin((hour-6)/12*math.Pi)) * season * 3000 * cloud * (1 + .1*rng.NormFloat64())
			load := 300 + 500*math.Exp(-(hour-19)*(hour-19)/4) + 300*math.Exp(-(hour-7)*(hour-7)/2)
			if d%7 >= 5 {
				load += 250 * math.Exp(-(hour-13)*(hour-13)/9)
			}
			load *= math.Exp(.3 * rng.NormFloat64())
			v := map[forecast.Kind]float64{forecast.Load: load, forecast.PV: sun, forecast.Net: load - sun}[kind]
			s.Values = append(s.Values, v*float64(minutes)/60)
		}
	}
	return s
}

func kinds() []forecast.Kind { return []forecast.Kind{forecast.Load, forecast.PV, forecast.Net} }

func fit(t testing.TB, s forecast.Series, o forecast.Options) *forecast.Model {
	t.Helper()
	m, err := forecast.Fit(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func look(t testing.TB, m *forecast.Model, s forecast.Series, steps int, w ...forecast.Weather) *forecast.Outlook {
	t.Helper()
	o, err := m.Look(s, steps, w...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// tail returns the last n values of a series.
func tail(s forecast.Series, n int) forecast.Series {
	return forecast.Series{First: s.First.Shift(len(s.Values) - n), Values: s.Values[len(s.Values)-n:]}
}

// head returns the first n.
func head(s forecast.Series, n int) forecast.Series {
	return forecast.Series{First: s.First, Values: s.Values[:n]}
}

// TestModelsAreSavedAndRestored holds a restored model to the forecasts of the one that was
// saved, bit for bit, for every method and for histories of every length.
func TestModelsAreSavedAndRestored(t *testing.T) {
	for _, kind := range kinds() {
		for _, days := range []int{1, 3, 12, 80} {
			for _, method := range forecast.Methods() {
				s := synthetic(kind, days, 60, 7)
				s.Values = s.Values[:len(s.Values)-5] // the last day is not over
				o := forecast.Options{Kind: kind, Method: method, Peak: 3000, Latitude: 50, Longitude: 10}
				m := fit(t, s, o)
				data, err := m.MarshalBinary()
				if err != nil {
					t.Fatal(err)
				}
				again, err := fit(t, s, o).MarshalBinary()
				if err != nil || !bytes.Equal(data, again) {
					t.Fatalf("%s, %d days, %s: fitted twice the bytes differ (%v)", kind, days, method, err)
				}
				restored, err := forecast.Restore(data, o)
				if err != nil {
					t.Fatalf("%s, %d days, %s: %v", kind, days, method, err)
				}
				recent := tail(s, min(len(s.Values), 30))
				a, b := look(t, m, recent, 48), look(t, restored, recent, 48)
				drawn := forecast.Days(5, m)
				if !reflect.DeepEqual(a.Points, b.Points) || !reflect.DeepEqual(a.Paths(drawn), b.Paths(drawn)) || !reflect.DeepEqual(m.Skills(), restored.Skills()) {
					t.Errorf("%s, %d days, %s: the restored model forecasts otherwise", kind, days, method)
				}
				if data2, err := restored.MarshalBinary(); err != nil || !bytes.Equal(data, data2) {
					t.Errorf("%s, %d days, %s: the restored model is saved otherwise (%v)", kind, days, method, err)
				}
			}
		}
	}
}

func TestDamagedOrForeignModelsAreRefused(t *testing.T) {
	s := synthetic(forecast.Load, 70, 60, 1)
	o := forecast.Options{Kind: forecast.Load}
	data, err := fit(t, s, o).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, data []byte, o forecast.Options) {
		if _, err := forecast.Restore(data, o); !errors.Is(err, forecast.ErrVersion) {
			t.Errorf("%s: error %v, want ErrVersion", what, err)
		}
	}
	for at := 0; at < len(data); at += len(data)/50 + 1 {
		broken := bytes.Clone(data)
		broken[at] ^= 0x40
		refused("a flipped bit", broken, o)
		refused("a part", data[:at], o)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	refused("another zone", data, forecast.Options{Kind: forecast.Load, Zone: berlin})
	refused("another kind", data, forecast.Options{Kind: forecast.Net})
	if _, err := forecast.Restore(data, o); err != nil {
		t.Errorf("the model itself: %v", err)
	}
}
