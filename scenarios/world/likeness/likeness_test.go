package likeness_test

import (
	"math"
	"os"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/scenarios/world/likeness"
)

// folder is beside the repository where there is one; it is no part of it.
const folder = "../../../../shared/data/citylearn2022"

// TestAllElectricHomesAreLikeRecordedOnes holds the loads of two all-electric streets to those of
// fifteen recorded homes: the mean of every statistic that the climate does not decide on lies within one and a half
// standard deviations of the recorded homes, and the mean profiles of winter days, when nobody cools, rise and fall with theirs. docs/world.md has the table.
func TestAllElectricHomesAreLikeRecordedOnes(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("skipped: there are no recorded homes at %s", folder)
	}
	recorded, err := likeness.Recorded(os.DirFS(folder))
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(2) {
		simulated := likeness.Simulate(world.AllElectric, 1+seed, 12, time.Date(2026, 8, 3, 0, 0, 0, 0, time.UTC))
		for _, r := range likeness.Compare(recorded, simulated) {
			if r.Held && !r.Inside() {
				t.Errorf("seed %d: %s: %+v, recorded %+v", 1+seed, r.Name, r.Simulated, r.Recorded)
			}
		}
		for _, s := range likeness.Shapes(recorded, simulated) {
			if s.Season == "winter" && s.Alike() < 0.55 {
				t.Errorf("seed %d: %s, weekend %t: profiles correlate by %.2f", 1+seed, s.Season, s.Weekend, s.Alike())
			}
		}
	}
	usual := likeness.Compare(recorded, likeness.Simulate(world.Usual, 1, 4, time.Date(2026, 8, 3, 0, 0, 0, 0, time.UTC)))
	outside := 0
	for _, r := range usual {
		if r.Held && !r.Inside() {
			outside++
		}
	}
	if outside < 4 {
		t.Errorf("the usual street, which has neither weekends nor habits, is outside in %d: the bounds show nothing", outside)
	}
}

// TestOf compares with figures reckoned by hand: twenty-one days of 100 W but for 400 W from 18 to 19
// o'clock, weekends twice as much. A day's mean is 112.5 W, a load factor 112.5/400; the mean of 15 days of 112.5 W and
// 6 of 225 W is 144.64 W; Saturdays begin and Sundays end with a step.
func TestOf(t *testing.T) {
	t.Parallel()
	s := likeness.Series{First: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)} // a Monday
	for day := range 21 {
		for hour := range 24 {
			v := 100.0
			if hour == 18 {
				v = 400
			}
			if day%7 >= 5 {
				v *= 2
			}
			s.Values = append(s.Values, v)
		}
	}
	got := likeness.Of(s)
	m := (15*112.5 + 6*225) / 21
	steps := 3.0 + 2.0 // to Saturday three times, from Sunday twice
	for name, c := range map[string][2]float64{
		"mean": {got.Mean, m}, "peak": {got.Peak, 800 / m}, "load factor": {got.LoadFactor, 112.5 / 400}, "weekend": {got.Weekend, 2},
		"evening": {got.Evening, (4*100 + 400.0) / 2700}, "night": {got.Dark, 500.0 / 2700}, "winter": {got.Winter, 1},
		"error of yesterday": {got.Yesterday, steps * 112.5 / 20 / m},
	} {
		if math.Abs(c[0]-c[1]) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, c[0], c[1])
		}
	}
	if !(got.Lag168 > 0.6 && got.Lag168 < 2.0/3+1e-9) { // the sum has two of three weeks
		t.Errorf("three weeks that are the same correlate by %v after one", got.Lag168)
	}
	if p := s.Profile(likeness.Winter, true); math.Abs(p[18]-400/112.5) > 1e-9 || math.Abs(p[3]-100/112.5) > 1e-9 {
		t.Errorf("the profile of the weekends is %v", p)
	}
}
