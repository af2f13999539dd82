package metering

import (
	"context"
	"log/slog"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

// told is a past that says 7 Wh of the intervals before a time, and nothing of those after it.
type told struct{ until time.Time }

func (p told) Past(_ context.Context, _ string, first grid.Interval, n int) ([]float64, error) {
	all := make([]float64, n)
	for k := range all {
		if all[k] = 7; first.Shift(k).End().After(p.until) {
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
	h := History{Meters: s.Meters, Before: told{noon.Add(-time.Hour)}, Owner: func(device string) string {
		if device == "ann/inverter" || device == "ann/charger" {
			return "ann"
		}
		return ""
	}}
	first := grid.IntervalAt(noon.Add(-90*time.Minute), 15)
	unknown := math.NaN()
	for device, want := range map[string][]float64{
		"ann/meter":    {7, 7, unknown, unknown, unknown, 30, 30, 30},
		"ann/inverter": {7, 7, unknown, unknown, unknown, -150, -150, -150},
		"ann/charger":  {7, 7, unknown, unknown, unknown, 15, 15, 15},
		"bob/meter":    {7, 7, unknown, unknown, unknown, unknown, unknown, unknown},
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

// TestHistoryOfTheTelemetry asks for a battery of which only the telemetry knows the registers: of
// the interval that is read the gain between the last readings of two, of the first none, and none
// where a register fell.
func TestHistoryOfTheTelemetry(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	s := newCounting(t)
	kept, err := store.OpenEmbedded(t.Context(), filepath.Join(t.TempDir(), "telemetry.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	var readings []grid.Reading
	for m := range 60 {
		charged := grid.Energy(1000 + 10*m)
		if m >= 45 {
			charged = 5 // the device was replaced
		}
		readings = append(readings, grid.Reading{
			Device: "ann/battery", Time: noon.Add(time.Duration(m) * time.Minute), Power: new(grid.Power(600)), Import: &charged, Export: new(grid.Energy(300 + m)), Quality: grid.Good,
		})
	}
	if err := kept.Write(t.Context(), readings); err != nil {
		t.Fatal(err)
	}
	h := History{Meters: s.Meters, Store: kept, Owner: func(string) string { return "ann" }}
	got, err := h.Energies(t.Context(), "ann/battery", grid.IntervalAt(noon, 15), 5)
	if err != nil {
		t.Fatal(err)
	}
	unknown := math.NaN()
	for k, want := range []float64{unknown, 135, 135, unknown, unknown} {
		if got[k] != want && !(math.IsNaN(got[k]) && math.IsNaN(want)) {
			t.Fatalf("it counted %v", got)
		}
	}
}
