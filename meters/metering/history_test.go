package metering

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
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

// away is a store that does not answer.
type away struct{ store.Store }

func (away) Range(context.Context, string, time.Time, time.Time, store.Step) ([]grid.Reading, error) {
	return nil, errors.New("away")
}

// TestDevicesAreKnownByTheStore has a battery that only the store knows: its evidence has the
// registers of connection meters alone, as that of a community at work does. It reads every minute but
// for a quarter of an hour. While the store is away nothing is known, and nothing fails.
func TestDevicesAreKnownByTheStore(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	s := newCounting(t)
	s.meter("ann", time.Time{})
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "telemetry.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var readings []grid.Reading
	for m := range 90 {
		if m >= 45 && m < 60 {
			continue
		}
		charged, given := grid.Energy(100+10*min(m, 30)), grid.Energy(500+4*max(m-30, 0))
		readings = append(readings, grid.Reading{Device: "ann/battery", Time: noon.Add(time.Duration(m) * time.Minute), Import: &charged, Export: &given, Quality: grid.Good})
	}
	if err := db.Write(t.Context(), readings); err != nil {
		t.Fatal(err)
	}
	h := History{Meters: s.Meters, Store: db, Owner: func(string) string { return "ann" }}
	first, unknown := grid.IntervalAt(noon, 15), math.NaN()
	// By hand: minute 14 to 29 charges 150 Wh, 29 to 44 charges 10 and gives 56, what is about the gap is not
	// known, 74 to 89 gives 60.
	for minutes, want := range map[int][]float64{15: {unknown, 150, -46, unknown, unknown, -60}, 5: {unknown, 50, 50, 50, 50, 50, -6}} {
		got, err := h.Energies(t.Context(), "ann/battery", grid.IntervalAt(first.Begin(), minutes), len(want))
		if err != nil {
			t.Fatal(err)
		}
		for k := range want {
			if got[k] != want[k] && !(math.IsNaN(got[k]) && math.IsNaN(want[k])) {
				t.Errorf("%d minutes: %v, want %v", minutes, got, want)
				break
			}
		}
	}
	h.Store = away{}
	if got, err := h.Energies(t.Context(), "ann/battery", first, 2); err != nil || !math.IsNaN(got[0]) || !math.IsNaN(got[1]) {
		t.Errorf("while the store is away: %v, %v", got, err)
	}
}

// TestADeviceWithoutRegisters has a heating rod of which only its power is read: what it took is the mean of
// it, and not known where nothing was read.
func TestADeviceWithoutRegisters(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	s := newCounting(t)
	s.meter("ann", time.Time{})
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "telemetry.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var readings []grid.Reading
	for m := range 60 {
		if m >= 15 && m < 30 {
			continue
		}
		readings = append(readings, grid.Reading{Device: "ann/rod", Time: noon.Add(time.Duration(m) * time.Minute), Power: new(grid.Power(1000 * (m / 15))), Quality: grid.Good})
	}
	if err := db.Write(t.Context(), readings); err != nil {
		t.Fatal(err)
	}
	h := History{Meters: s.Meters, Store: db, Owner: func(string) string { return "ann" }}
	got, err := h.Energies(t.Context(), "ann/rod", grid.IntervalAt(noon, 15), 5)
	if want := []float64{0, math.NaN(), 500, 750, math.NaN()}; err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

// TestWhenACarWasThere reads a charger for an hour without a quarter of it: a car was there in the first, if only for
// five minutes, and not in the second; of the third nobody knows.
func TestWhenACarWasThere(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "telemetry.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var readings []grid.Reading
	for m := range 60 {
		r := grid.Reading{Device: "ann/charger", Time: noon.Add(time.Duration(m) * time.Minute), Power: new(grid.Power(0)), Quality: grid.Good}
		if m < 5 || m >= 50 {
			r.Charge = new(grid.PerMille(500))
		}
		if m < 30 || m >= 45 {
			readings = append(readings, r)
		}
	}
	if err := db.Write(t.Context(), readings); err != nil {
		t.Fatal(err)
	}
	got, err := History{Store: db}.Plugged(t.Context(), "ann/charger", grid.IntervalAt(noon, 15).Shift(-1), 5)
	want := []grid.Presence{grid.Unread, grid.CarHere, grid.CarAway, grid.Unread, grid.CarHere}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the car was there %v, %v, want %v", got, err, want)
	}
	charges, err := History{Store: db}.Charges(t.Context(), "ann/charger", grid.IntervalAt(noon, 15).Shift(-1), 5)
	if want := []float64{math.NaN(), 500, math.NaN(), math.NaN(), 500}; err != nil || fmt.Sprint(charges) != fmt.Sprint(want) {
		t.Errorf("charges %v, %v, want %v", charges, err, want)
	}
}
