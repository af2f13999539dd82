package optimum_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/optimum"
)

// raster is the time between two starts that are tried.
const raster = 20 * time.Minute

// waiting is a random case of hours with one or two loads, and a battery at times.
func waiting(r *rand.Rand) optimum.Case {
	c := random(r, 2, 7)
	c.Homes = c.Homes[:1]
	h := &c.Homes[0]
	h.Cars = nil
	h.Batteries = h.Batteries[:min(len(h.Batteries), 1)]
	long := time.Duration(len(c.Retail)) * time.Hour
	for range 1 + r.IntN(2) {
		runs := raster * time.Duration(1+r.IntN(4))
		from := raster * time.Duration(r.Int64N(int64((long-runs)/raster)+1))
		until := from + runs + raster*time.Duration(r.Int64N(int64((long-from-runs)/raster)+1))
		h.Loads = append(h.Loads, optimum.Load{Power: grid.Power(500 + r.IntN(2500)), Runs: runs, From: from, Until: until})
	}
	return c
}

// fixed is a case whose loads start at these times.
func fixed(c optimum.Case, starts []time.Duration) optimum.Case {
	h := c.Homes[0]
	h.Net = slices.Clone(h.Net)
	for k, l := range h.Loads {
		for at := starts[k]; at < starts[k]+l.Runs; at += raster {
			h.Net[int(at/time.Hour)] += grid.Energy(math.Round(float64(l.Power) * raster.Hours()))
		}
	}
	h.Loads = nil
	c.Homes = []optimum.Home{h}
	return c
}

// every calls with all combinations of starts, the earliest first.
func every(loads []optimum.Load, see func(starts []time.Duration)) {
	starts := make([]time.Duration, len(loads))
	var try func(k int)
	try = func(k int) {
		if k == len(loads) {
			see(starts)
			return
		}
		for at := loads[k].From; at+loads[k].Runs <= loads[k].Until; at += raster {
			starts[k] = at
			try(k + 1)
		}
	}
	try(0)
}

// TestLoadsAgainstBruteForce tries all starts of the loads of random cases, each with gonum's simplex for the battery: none comes to more than
// the bound, and of what waiting gains over starting at once the schedule reaches nearly all.
func TestLoadsAgainstBruteForce(t *testing.T) {
	t.Parallel()
	var gained, reached, could float64
	cases := 0
	for seed := range uint64(60) {
		c := waiting(rand.New(rand.NewPCG(seed, 21)))
		best, earliest, solved := math.Inf(-1), math.NaN(), true
		every(c.Homes[0].Loads, func(starts []time.Duration) {
			value, ok := simplex(t, fixed(c, starts))
			solved = solved && ok
			if best = max(best, value*1e6); math.IsNaN(earliest) {
				earliest = value * 1e6
			}
		})
		if !solved {
			continue // a known defect of the simplex
		}
		cases++
		got, err := optimum.Solve(c)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if near := 1000 + 1e-4*math.Abs(best); float64(got.Bound) < best-near || got.Value > got.Bound {
			t.Errorf("seed %d: from %d to %d, the best of all starts is %.0f", seed, got.Value, got.Bound, best)
		}
		moved := c
		moved.Homes = []optimum.Home{{ID: "moved", Net: slices.Clone(c.Homes[0].Net)}}
		for i, e := range got.Moves[0] {
			moved.Homes[0].Net[i] += e
		}
		if len(c.Homes[0].Batteries) == 0 { // then the schedule can be priced without any method
			if value := chance(rand.New(rand.NewPCG(0, 0)), moved); math.Abs(value-float64(got.Value)) > 2000 {
				t.Errorf("seed %d: its schedule comes to %.0f, and it says %d", seed, value, got.Value)
			}
		}
		gained, reached, could = gained+best-earliest, reached+float64(got.Value)-earliest, could+float64(got.Bound)-earliest
	}
	t.Logf("%d cases: waiting gains %.0f, %.0f were reached, the bound allows %.0f", cases, gained, reached, could)
	if cases < 40 || gained < 1e6 || reached < 0.96*gained || could > 1.05*gained {
		t.Errorf("%d cases: waiting gains %.0f, %.0f were reached, the bound allows %.0f", cases, gained, reached, could)
	}
}

// TestLoadByHand has a kilowatt for an hour and a half in three hours of which the second has a kWh over: it starts at the beginning of
// the second, takes it, and buys half a kWh at 0.20.
func TestLoadByHand(t *testing.T) {
	t.Parallel()
	c := optimum.Case{
		Minutes: 60, Retail: []grid.Price{300_000, 300_000, 200_000}, FeedIn: []grid.Price{60_000, 60_000, 60_000},
		Homes: []optimum.Home{{ID: "ann", Net: []grid.Energy{0, -1000, 0}, Loads: []optimum.Load{{Power: 1000, Runs: 90 * time.Minute, Until: 3 * time.Hour}}}},
	}
	r, err := optimum.Solve(c)
	if err != nil || !slices.Equal(r.Moves[0], []grid.Energy{0, 1000, 500}) || math.Abs(float64(r.Value)+100_000) > 2 || r.Bound < r.Value || r.Gap() > 1 {
		t.Errorf("%+v, gap %.2f, %v", r, r.Gap(), err)
	}
	c.Homes[0].Loads[0].Until = 150 * time.Minute // half an hour of the first is the least that is left
	c.Homes[0].Loads[0].From = 20 * time.Minute
	c.Retail[2] = 400_000
	if r, err = optimum.Solve(c); err != nil || !slices.Equal(r.Moves[0], []grid.Energy{500, 1000, 0}) || math.Abs(float64(r.Value)+150_000) > 2 {
		t.Errorf("%+v, %v", r, err)
	}
}
