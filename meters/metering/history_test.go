package metering

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// told is a past that says 7 Wh of the intervals between two times, and nothing of others.
type told struct{ from, until time.Time }

func (p told) Past(_ context.Context, _ string, first grid.Interval, n int) ([]float64, error) {
	all := make([]float64, n)
	for k := range all {
		if all[k] = 7; first.Shift(k).Begin().Before(p.from) || first.Shift(k).End().After(p.until) {
			all[k] = math.NaN()
		}
	}
	return all, nil
}

// TestHistory asks for what a home's devices counted: what was read wins over what was given
// beforehand, whatever neither tells is not known, a device that is no connection meter is asked
// by its owner, and nothing is settled by what was given.
func TestHistory(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	s := newCounting(t)
	s.meter("ann", time.Time{})
	for m := -30; m <= 30; m++ {
		at := noon.Add(time.Duration(m) * time.Minute)
		s.says("ann", 1,
			grid.Reading{Device: "ann/meter", Time: at, Import: new(grid.Energy(1000 + 2*(m+30))), Export: new(grid.Energy), Quality: grid.Good},
			grid.Reading{Device: "ann/inverter", Time: at, Export: new(grid.Energy(500 + 10*(m+30))), Quality: grid.Good},
			grid.Reading{Device: "ann/charger", Time: at, Import: new(grid.Energy(100 + m + 30)), Quality: grid.Good})
	}
	h := History{Meters: s.Meters, Before: told{noon.Add(-75 * time.Minute), noon}, Owner: func(device string) string {
		if device == "ann/inverter" || device == "ann/charger" {
			return "ann"
		}
		return ""
	}}
	first := grid.IntervalAt(noon.Add(-90*time.Minute), 15)
	unknown := math.NaN()
	for device, want := range map[string][]float64{
		"ann/meter":    {unknown, 7, 7, 7, 7, 30, 30, 30},
		"ann/inverter": {unknown, 7, 7, 7, 7, -150, -150, -150},
		"ann/charger":  {unknown, 7, 7, 7, 7, 15, 15, 15},
		"bob/meter":    {unknown, 7, 7, 7, 7, 7, unknown, unknown},
	} {
		got, err := h.Energies(t.Context(), device, first, len(want))
		if err != nil {
			t.Fatal(err)
		}
		for k := range want {
			if got[k] != want[k] && !(math.IsNaN(got[k]) && math.IsNaN(want[k])) {
				t.Errorf("%s: %v, want %v", device, got, want)
				break
			}
		}
	}
	metered, complete, err := s.Energies(t.Context(), first, false)
	if err != nil || complete || len(metered) != 1 || metered[0].Flow != (grid.Flow{}) {
		t.Errorf("what was given beforehand was metered: %+v, complete: %t, %v", metered, complete, err)
	}
}
