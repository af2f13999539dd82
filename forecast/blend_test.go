package forecast_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// street returns the net energies of simulated homes on their own logic, Wh by
// quarter-hour, and what the power of the ten minutes before each seventh minute would
// make of it: what is known of an interval that runs.
func street(homes, days int, seed uint64) (net, running [][]float64) {
	start := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	spec := world.Spec{Seed: seed, Start: start, Latitude: 50, Homes: world.Neighbourhood(homes, seed)}
	w := world.New(spec)
	net, running = make([][]float64, homes), make([][]float64, homes)
	last, powers := w.State(), make([][]float64, homes)
	for minute := 1; minute <= days*24*60; minute++ {
		w.Advance(start.Add(time.Duration(minute) * time.Minute))
		s := w.State()
		for i, h := range s.Homes {
			powers[i] = append(powers[i], float64(h.Meter))
			if minute%15 == 7 {
				sum := 0.0
				for _, p := range powers[i][max(0, len(powers[i])-10):] {
					sum += p
				}
				running[i] = append(running[i], sum/10/4)
			}
			if minute%15 == 0 {
				net[i] = append(net[i], float64((h.Imported-last.Homes[i].Imported)-(h.Exported-last.Homes[i].Exported))/3600)
			}
		}
		if minute%15 == 0 {
			last = s
		}
	}
	return net, running
}

// score is how well a method did.
type score struct{ mae, pinball, low, high float64 }

// evaluate forecasts every interval from the second day on, fourteen to six minutes
// before it begins, from what is known then.
func evaluate(f forecast.Forecaster, net, running [][]float64) (s score) {
	const kept = 8 * 96
	var n float64
	for i := range net {
		for at := 97; at < len(net[i]); at++ {
			from := max(0, at-1-kept)
			h := forecast.Series{First: grid.Interval{Minutes: 15}.Shift(from), Values: append(append([]float64{}, net[i][from:at-1]...), running[i][at-1])}
			p, err := f.Forecast(h, 1)
			if err != nil {
				panic(err)
			}
			got := net[i][at]
			s.mae += math.Abs(got - p[0].Quantiles[4])
			for k, q := range p[0].Quantiles {
				tau := float64(k+1) / 10
				s.pinball += math.Max(tau*(got-q), (tau-1)*(got-q)) / 9
			}
			if got < p[0].Quantiles[0] {
				s.low++
			}
			if got > p[0].Quantiles[8] {
				s.high++
			}
			n++
		}
	}
	return score{s.mae / n, s.pinball / n, s.low / n, s.high / n}
}

type lastValue struct{}

func (lastValue) Forecast(s forecast.Series, _ int) ([]forecast.Point, error) {
	last := s.Values[len(s.Values)-1]
	return []forecast.Point{{Mean: last, Quantiles: [9]float64{4: last}}}, nil
}

// TestBlendBeatsItsParts holds the blend against the last interval and against
// yesterday, on two streets: it is better than either, and its quantiles are about as
// often exceeded as they say.
func TestBlendBeatsItsParts(t *testing.T) {
	const days = 8 // with fewer the quantiles know too little of the time of day
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed+1), func(t *testing.T) {
			t.Parallel()
			net, running := street(12, days, seed+1)
			blend, last, yesterday := evaluate(forecast.Blend{}, net, running), evaluate(lastValue{}, net, running), evaluate(forecast.SeasonalNaive{}, net, running)
			t.Logf("seed %d: mean absolute error %.1f Wh (blend), %.1f (last interval), %.1f (yesterday); below the lowest decile %.3f, above the highest %.3f; pinball %.1f, yesterday's %.1f",
				seed+1, blend.mae, last.mae, yesterday.mae, blend.low, blend.high, blend.pinball, yesterday.pinball)
			if blend.mae > 0.97*last.mae || blend.mae > 0.5*yesterday.mae {
				t.Errorf("seed %d: the blend errs by %.1f Wh, the last interval by %.1f, yesterday by %.1f", seed+1, blend.mae, last.mae, yesterday.mae)
			}
			if blend.low > 0.18 || blend.high > 0.18 || blend.pinball > 0.5*yesterday.pinball {
				t.Errorf("seed %d: %.3f below the lowest decile, %.3f above the highest, pinball %.1f of yesterday's %.1f", seed+1, blend.low, blend.high, blend.pinball, yesterday.pinball)
			}
		})
	}
}

// TestANewHomeIsNotSure forecasts from one value, and from a few that were all alike.
func TestANewHomeIsNotSure(t *testing.T) {
	for _, value := range []float64{-750, 400} {
		for known, most := range map[int]float64{1: 0.3, 6: 0.7} { // what is left of the surest decile, at most
			p, err := forecast.Blend{}.Forecast(forecast.Series{First: grid.Interval{Minutes: 15}, Values: slices.Repeat([]float64{value}, known)}, 1)
			if err != nil {
				t.Fatal(err)
			}
			q := p[0].Quantiles
			if sure := min(q[0]/value, q[8]/value); sure > most || sure < 0 || math.Abs(q[4]-value) > 0.1*math.Abs(value) {
				t.Errorf("%d values of %.0f Wh: quantiles %.0f, want at most %.1f of it at the surest and about all in the middle", known, value, q, most)
			}
		}
	}
}

func BenchmarkBlend(b *testing.B) {
	net, _ := street(1, 9, 1)
	h := forecast.Series{First: grid.Interval{Minutes: 15}, Values: net[0][:8*96]}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (forecast.Blend{}).Forecast(h, 2); err != nil {
			b.Fatal(err)
		}
	}
}
