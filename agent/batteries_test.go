package agent

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// cell is a battery that is not what its owner says: it is charged and emptied by chance for some days, and tells
// its charge in steps.
type cell struct {
	capacity, in, out float64
	step              float64 // per mille
}

// lived returns what it counted and told: energies in Wh, and the mean of fifteen charges that were read in each interval.
func (c cell) lived(seed uint64, days int) (forecast.Series, []float64) {
	r := rand.New(rand.NewPCG(seed, 1))
	past := forecast.Series{First: grid.IntervalAt(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), 15)}
	var charges []float64
	held, power := c.capacity/2, 0.0
	for k := range days * 96 {
		if k%8 == 0 {
			power = 5000 * (2*r.Float64() - 1)
		}
		wh, sum := 0.0, 0.0
		for range 15 {
			moved := power / 60 * c.in
			if power < 0 {
				moved = power / 60 / c.out
			}
			if to := held + moved; to >= 0 && to <= c.capacity {
				held, wh = to, wh+power/60
			}
			sum += math.Round(held/c.capacity*1000/c.step) * c.step
		}
		past.Values, charges = append(past.Values, math.Round(wh)), append(charges, sum/15)
	}
	return past, charges
}

// TestABatteryIsWhatItsReadingsSay learns batteries that hold and lose other than their owners say, by charges in whole
// percent, with gaps and a charge that is set right.
func TestABatteryIsWhatItsReadingsSay(t *testing.T) {
	rated := body{capacity: 6400, each: oneWay}
	for name, c := range map[string]cell{
		"as rated": {6400, oneWay, oneWay, 1}, "old": {4100, 0.9, 0.92, 10}, "better than it says": {7000, 0.98, 0.98, 10}, "lossy": {6400, 0.85, 0.85, 1},
	} {
		for seed := range uint64(5) {
			past, charges := c.lived(seed, 10)
			for k := range charges {
				switch {
				case k%37 == 0:
					charges[k] = math.NaN()
				case k%41 == 0:
					past.Values[k] = math.NaN()
				case k > 500:
					charges[k] = math.Min(charges[k]+40, 1000) // set right once
				}
			}
			got, known := bodyOf(past, charges, rated)
			if both, want := got.each*got.each, c.in*c.out; !known || math.Abs(got.capacity/c.capacity-1) > 0.03 || math.Abs(both-want) > 0.03 {
				t.Errorf("%s, seed %d: %.0f Wh, %.3f both ways, %v, want %.0f and %.3f", name, seed, got.capacity, both, known, c.capacity, want)
			}
		}
	}
}

// TestTooLittleTeachesNothing keeps to the rated values where a battery hardly moved, moved in one direction only, or
// told nothing, and to sensible ones where its readings are nonsense.
func TestTooLittleTeachesNothing(t *testing.T) {
	rated := body{capacity: 6400, each: oneWay}
	past, charges := cell{6400, oneWay, oneWay, 1}.lived(1, 10)
	untold := make([]float64, len(charges))
	up := forecast.Series{First: past.First, Values: make([]float64, len(past.Values))}
	for k, wh := range past.Values {
		untold[k], up.Values[k] = math.NaN(), math.Max(wh, 0)
	}
	for name, of := range map[string]struct {
		past    forecast.Series
		charges []float64
	}{
		"a short life": {forecast.Series{First: past.First, Values: past.Values[:60]}, charges[:60]}, "no charges": {past, untold}, "only charged": {up, charges}, "nothing": {},
	} {
		if got, known := bodyOf(of.past, of.charges, rated); known {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for k := range charges {
		charges[k] = 500 + (charges[k]-500)/1.9 // nearly twice of what is rated
	}
	if got, known := bodyOf(past, charges, rated); known && (got.capacity > mostCapacity*rated.capacity || got.each > 1 || got.each < math.Sqrt(leastEfficiency)) {
		t.Errorf("nonsense taught %+v", got)
	}
}

// shed is the telemetry of one battery.
type shed struct {
	Telemetry

	past    forecast.Series
	charges []float64
}

func (s shed) Energies(_ context.Context, _ string, first grid.Interval, n int) ([]float64, error) {
	return s.from(s.past.Values, first, n), nil
}

func (s shed) Charges(_ context.Context, _ string, first grid.Interval, n int) ([]float64, error) {
	return s.from(s.charges, first, n), nil
}

func (s shed) from(values []float64, first grid.Interval, n int) []float64 {
	all := make([]float64, n)
	for k := range all {
		all[k] = math.NaN()
		if at := between(s.past.First, first) + k; at >= 0 && at < len(values) {
			all[k] = values[at]
		}
	}
	return all
}

func (shed) Last(context.Context, string) (*grid.Reading, error) {
	return &grid.Reading{Charge: new(grid.PerMille(500))}, nil
}

// TestPlansKnowTheBatteryAsItIs plans an old battery by what is left of it, in place and by a worker, and as rated before.
func TestPlansKnowTheBatteryAsItIs(t *testing.T) {
	var s shed
	s.past, s.charges = cell{5000, 0.9, 0.9, 1}.lived(3, 10)
	now := s.past.First.Shift(len(s.past.Values)).Begin()
	for _, inPlace := range []bool{true, false} {
		batteries := NewTraders(Options{Telemetry: s, Minutes: 15, FitInPlace: inPlace, Rating: func(string) Rating { return Rating{Power: 5000, Capacity: 6400, Controlled: true} }}).batteries
		if !inPlace {
			rated, _, err := batteries.now(t.Context(), "battery", now)
			if err != nil || rated.capacity != 6400 || rated.held != 3200 {
				t.Fatalf("before anybody looked: %+v, %v", rated, err)
			}
			at := seat{devices: []grid.Device{{ID: "battery", Kind: grid.Battery}}}
			first, err := batteries.restudy(t.Context(), at, now)
			again, more := batteries.restudy(t.Context(), at, now.Add(time.Hour))
			if !first || again || err != nil || more != nil {
				t.Fatalf("looked %v and an hour later %v, %v, %v", first, again, err, more)
			}
		}
		b, ok, err := batteries.now(t.Context(), "battery", now.Add(time.Hour))
		p := batteries.ratings.planned("battery", b, 0)
		if err != nil || !ok || math.Abs(p.Capacity-5000) > 150 || math.Abs(p.Held-2500) > 75 || math.Abs(p.Into-0.9) > 0.02 || p.OutOf != p.Into {
			t.Errorf("in place %v: planned %+v, %v", inPlace, p, err)
		}
	}
}
