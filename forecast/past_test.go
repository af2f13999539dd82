package forecast_test

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// weatherOf makes hourly weather that goes with a series of synthetic.
func weatherOf(s forecast.Series) forecast.Weather {
	per := 60 / s.First.Minutes
	w := forecast.Weather{Name: "ghi", First: grid.Interval{Start: s.First.Start, Minutes: 60}}
	for k := 0; k+per <= len(s.Values); k += per {
		sum := 0.0
		for _, v := range s.Values[k : k+per] {
			sum += math.Abs(v)
		}
		w.Values = append(w.Values, sum)
	}
	return w
}

func walk(t *testing.T, s forecast.Series, o forecast.Options) (all []forecast.Issue) {
	t.Helper()
	if _, err := forecast.Walk(s, o, func() time.Duration { return 0 }, func(i forecast.Issue) error {
		all = append(all, i)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestNothingLooksAhead replaces all values from a midnight on, and the weather after that day,
// by nonsense: what was said of that day and those before is the same, by every method, and so is
// what a model says that was fitted at that moment.
func TestNothingLooksAhead(t *testing.T) {
	const days, from = 80, 71
	for _, kind := range kinds() {
		s := synthetic(kind, days, 60, 3)
		w := weatherOf(s)
		bad, badWeather := s, w
		bad.Values = append([]float64{}, s.Values...)
		badWeather.Values = append([]float64{}, w.Values...)
		for k := from * 24; k < len(bad.Values); k++ {
			bad.Values[k] = 1e6 + float64(k*k%977)
		}
		for k := (from + 1) * 24; k < len(badWeather.Values); k++ {
			badWeather.Values[k] = -1e5 * float64(k%7)
		}
		good := walk(t, s, forecast.Options{Kind: kind, Weather: []forecast.Weather{w}})
		corrupt := walk(t, bad, forecast.Options{Kind: kind, Weather: []forecast.Weather{badWeather}})
		for d := range from + 1 {
			for k := range good[d].Said {
				for slot := range 24 {
					a, okA := good[d].Said[k].At(slot)
					b, okB := corrupt[d].Said[k].At(slot)
					if okA != okB || a != b {
						t.Fatalf("%s, day %d, %s, slot %d: %v, with another future %v", kind, d, good[d].Said[k].Method, slot, a, b)
					}
				}
			}
		}
		later := 0
		for slot := range 24 {
			a, _ := good[from+1].Said[len(good[from+1].Said)-2].At(slot)
			b, _ := corrupt[from+1].Said[len(good[from+1].Said)-2].At(slot)
			if a != b {
				later++
			}
		}
		if later == 0 {
			t.Errorf("%s: the day after was forecast as if the corrupted one had not been", kind)
		}
	}
}

// TestWallTime follows a home that cooks at 19:00 by the wall clock over the change of the clock:
// the peak stays at 19:00, the hour that does not exist is not forecast, and both passes of the
// one that comes twice are, alike.
func TestWallTime(t *testing.T) {
	for _, c := range []struct {
		zone, change string // the day of the change
		minutes      int
		intervals    int
	}{
		{"Europe/Berlin", "2026-03-29", 60, 23},
		{"Europe/Berlin", "2026-10-25", 60, 25},
		{"Europe/Berlin", "2026-03-29", 15, 92},
		{"Europe/Berlin", "2026-10-25", 15, 100},
		{"Australia/Lord_Howe", "2026-04-05", 30, 49},
		{"Australia/Lord_Howe", "2026-10-04", 30, 47},
		{"Australia/Lord_Howe", "2026-04-05", 15, 98},
		{"Australia/Lord_Howe", "2026-10-04", 15, 94},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		change, err := time.ParseInLocation("2006-01-02", c.change, zone)
		if err != nil {
			t.Fatal(err)
		}
		load := func(at time.Time) float64 {
			local := at.In(zone)
			v := 200 + 10*float64(local.Hour()) // every hour is told from others
			if local.Hour() == 19 {
				v = 2000
			}
			return v
		}
		first := grid.IntervalAt(change.AddDate(0, 0, -70), c.minutes)
		s := forecast.Series{First: first}
		for at := first; at.Begin().Before(change); at = at.Shift(1) {
			s.Values = append(s.Values, load(at.Begin()))
		}
		m := fit(t, s, forecast.Options{Zone: zone})
		o := look(t, m, tail(s, 200), c.intervals+24*60/c.minutes)
		repeated := map[string]float64{}
		twice := 0
		for k, p := range o.Points {
			if got, want := p.Quantiles[4], load(p.Interval.Begin()); math.Abs(got-want) > .02*want {
				t.Errorf("%s %s, %s: forecast %.0f, want %.0f", c.zone, c.change, p.Interval.Begin().In(zone), got, want)
			}
			wall := p.Interval.Begin().In(zone).Format("02 15:04")
			if v, ok := repeated[wall]; ok {
				twice++
				if math.Abs(v-p.Quantiles[4]) > 1 {
					t.Errorf("%s %s: both passes of %s are forecast %.1f and %.1f", c.zone, c.change, wall, v, p.Quantiles[4])
				}
			}
			repeated[wall] = p.Quantiles[4]
			if p.Interval != s.Next().Shift(k) {
				t.Fatalf("point %d is for %s", k, p.Interval)
			}
		}
		if want := max(0, c.intervals-24*60/c.minutes); twice != want {
			t.Errorf("%s %s: %d intervals share a slot with another, want %d", c.zone, c.change, twice, want)
		}
		// Past the change, fitted with it in the history: the missing slot is not learned as zero.
		for at := s.Next(); at.Begin().Before(change.AddDate(0, 0, 3)); at = at.Shift(1) {
			s.Values = append(s.Values, load(at.Begin()))
		}
		for _, p := range look(t, fit(t, s, forecast.Options{Zone: zone}), tail(s, 200), 24*60/c.minutes).Points {
			if got, want := p.Quantiles[4], load(p.Interval.Begin()); math.Abs(got-want) > .03*want {
				t.Errorf("%s %s, later, %s: forecast %.0f, want %.0f", c.zone, c.change, p.Interval.Begin().In(zone), got, want)
			}
		}
	}
}

// TestCurtailedAndOddValuesAreNotLearned compares plants and homes with and without days that
// were curtailed, substituted or measured wrongly.
func TestCurtailedAndOddValuesAreNotLearned(t *testing.T) {
	sum := func(o *forecast.Outlook) (sum float64) {
		for _, p := range o.Points {
			sum += p.Mean
		}
		return sum
	}
	s := synthetic(forecast.PV, 100, 60, 9)
	whole := sum(look(t, fit(t, s, forecast.Options{Kind: forecast.PV}), tail(s, 24), 24))
	held, left := s, s
	held.Values, left.Values = append([]float64{}, s.Values...), append([]float64{}, s.Values...)
	for d := 70; d < 100; d += 2 {
		for hour := 9; hour < 16; hour++ {
			held.Values[d*24+hour] = math.Min(200, s.Values[d*24+hour])
			left.Values[d*24+hour] = math.NaN()
		}
	}
	asNaN := sum(look(t, fit(t, left, forecast.Options{Kind: forecast.PV}), tail(left, 24), 24))
	asZero := sum(look(t, fit(t, held, forecast.Options{Kind: forecast.PV}), tail(held, 24), 24))
	if math.Abs(asNaN-whole) > .15*whole || asZero > .8*asNaN {
		t.Errorf("a plant is forecast to give %.0f; %.0f with curtailed values left out, %.0f with them", whole, asNaN, asZero)
	}

	s = synthetic(forecast.Load, 100, 60, 9)
	whole = sum(look(t, fit(t, s, forecast.Options{}), tail(s, 24), 24))
	odd := s
	odd.Values = append([]float64{}, s.Values...)
	for _, k := range []int{1700, 1717, 2000, 2350} {
		odd.Values[k] = 4e6 // a register that jumped
	}
	odd.Values[2360], odd.Values[2361] = 0, -50 // a meter that did not answer was read as zero, or upside down
	if got := sum(look(t, fit(t, odd, forecast.Options{}), tail(odd, 30), 24)); math.Abs(got-whole) > .05*whole {
		t.Errorf("a home is forecast to use %.0f, with six odd values %.0f", whole, got)
	}
}

// TestAColdStart forecasts a plant that has no history by power and place alone, and homes with
// next to none.
func TestAColdStart(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	o := forecast.Options{Kind: forecast.PV, Peak: 5000, Latitude: 52.5, Longitude: 13.4, Zone: berlin}
	none := forecast.Series{First: grid.IntervalAt(time.Date(2026, 6, 1, 22, 0, 0, 0, time.UTC), 15)}
	out := look(t, fit(t, none, o), none, 96)
	total, best := 0.0, out.Points[0]
	for _, p := range out.Points {
		if h := p.Interval.Begin().In(berlin).Hour(); (h < 4 || h >= 22) && p.Mean > 1 {
			t.Errorf("%s: %.0f Wh at night", p.Interval, p.Mean)
		}
		total += p.Mean
		if p.Mean > best.Mean {
			best = p
		}
	}
	// A plant of 5 kW gives 10 to 30 kWh on a day of June there (PVGIS: 22 on average).
	if total < 10e3 || total > 30e3 || best.Interval.Begin().In(berlin).Hour() != 13 || best.Quantiles[0] > .5*best.Mean {
		t.Errorf("%.0f Wh, most at %s (%.0f, from %.0f)", total, best.Interval.Begin().In(berlin), best.Mean, best.Quantiles[0])
	}
	days := map[time.Month]float64{}
	for _, month := range []time.Month{6, 12} {
		s := forecast.Series{First: grid.IntervalAt(time.Date(2026, month, 10, 23, 0, 0, 0, time.UTC), 15)}
		for _, p := range look(t, fit(t, s, o), s, 96).Points {
			days[month] += p.Mean
		}
	}
	if days[12] > .25*days[6] {
		t.Errorf("a day of December gives %.0f, of June %.0f", days[12], days[6])
	}
	if _, err := forecast.Fit(none, forecast.Options{Kind: forecast.Load}); !errors.Is(err, forecast.ErrNoHistory) {
		t.Errorf("a home without history: error %v, want ErrNoHistory", err)
	}
	for _, n := range []int{1, 5, 30, 96, 200, 300} {
		for _, kind := range kinds() {
			s := head(synthetic(kind, 4, 15, 2), n)
			for _, p := range look(t, fit(t, s, forecast.Options{Kind: kind}), s, 192).Points {
				for i, q := range p.Quantiles {
					if math.IsNaN(q) || math.IsNaN(p.Mean) || kind != forecast.Net && q < 0 || i > 0 && q < p.Quantiles[i-1] {
						t.Fatalf("%s after %d values: %+v", kind, n, p)
					}
				}
			}
		}
	}
}

// TestForecastsAreTheSameAgain looks twice, and with what the model was fitted to passed again.
func TestForecastsAreTheSameAgain(t *testing.T) {
	s := synthetic(forecast.Net, 60, 15, 5)
	m := fit(t, s, forecast.Options{Kind: forecast.Net})
	a := look(t, m, tail(s, 100), 192)
	for _, n := range []int{100, 500, 96 * 30} {
		if b := look(t, m, tail(s, n), 192); !reflect.DeepEqual(a.Points, b.Points) {
			t.Errorf("with the last %d values passed the forecast differs", n)
		}
	}
	if _, err := m.Look(forecast.Series{First: grid.Interval{Start: s.First.Start, Minutes: 60}}, 1); err == nil {
		t.Error("hours are forecast by a model of quarters")
	}
}
