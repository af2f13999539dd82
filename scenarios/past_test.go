package scenarios

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// TestHistoryOfAScenario asks the recorder for the days before a replay: all of the past and
// nothing further back, every device, the meter the sum of the others and the loads; and a
// scenario without history knows nothing of them.
func TestHistoryOfAScenario(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	spec := world.Spec{Seed: 1, Start: start, Latitude: 50, Homes: world.Neighbourhood(4, 1)}
	r := newRecorder(spec, nil)
	const days, minutes = 2, 15
	first := grid.IntervalAt(start.AddDate(0, 0, -days), minutes).Shift(-1)
	for _, remembered := range []int{days, 0} {
		r.past = r.remember(spec, remembered, minutes)
		w := world.New(spec)
		r.all = nil
		for minute := range 16 {
			w.Advance(start.Add(time.Duration(minute) * time.Minute))
			r.read(w)
		}
		for _, d := range r.devices {
			energies, err := r.Energies(context.Background(), d.ID, first, days*96+3)
			if err != nil {
				t.Fatal(err)
			}
			if !math.IsNaN(energies[0]) || math.IsNaN(energies[1]) != (remembered == 0) || math.IsNaN(energies[days*96]) != (remembered == 0) || math.IsNaN(energies[days*96+1]) || !math.IsNaN(energies[days*96+2]) {
				t.Errorf("%s: %d days of history: %v … %v", d.ID, remembered, energies[:2], energies[days*96:])
			}
		}
	}
	r.past = r.remember(spec, days, minutes)
	for k := range days * 96 {
		i := first.Shift(1 + k)
		of := func(device string) float64 { return r.past.net("home-01/"+device, i) }
		if load := of("meter") - of("inverter") - of("battery") - of("charger"); load < 10 || load > 3000 {
			t.Errorf("%s: the loads took %.0f Wh", i, load)
		}
	}
	if got := r.past.net("home-01/meter", grid.Interval{Start: first.Shift(2).Start, Minutes: 60}); !math.IsNaN(got) {
		t.Errorf("an interval of another length has %.0f Wh", got)
	}
	if _, err := Parse([]byte(strings.Replace(minimal, "days: 1", "days: 1\nhistory: 400", 1))); err == nil || !strings.Contains(err.Error(), "history: 400: must be 0 to 366 days") {
		t.Errorf("a history of 400 days: %v", err)
	}
}

const minimal = `
version: 1
name: minimal
start: 2026-06-01T00:00:00Z
days: 1
homes: 4
tariff: {version: t, currency: EUR, retail: 0.30 EUR/kWh, feed_in: 0.06 EUR/kWh}
`
