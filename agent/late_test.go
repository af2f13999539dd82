package agent

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// came is the telemetry of a home that takes 100 Wh in each interval, to which a battery came four intervals ago: it has
// taken 40 Wh in each since, but for one that is not known.
type came struct{ Telemetry }

func (came) Energies(_ context.Context, device string, _ grid.Interval, n int) ([]float64, error) {
	if device == "meter" {
		return slices.Repeat([]float64{100}, n), nil
	}
	all := slices.Repeat([]float64{math.NaN()}, n)
	all[n-4], all[n-2], all[n-1] = 40, 40, 40
	return all, nil
}

// TestAHomeKeepsItsPast has a battery come to a home: what the home took before is known still, and what it took
// since is that without the battery. Where an inverter comes, nobody knows what the home took before.
func TestAHomeKeepsItsPast(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for kind, before := range map[grid.DeviceKind]float64{grid.Battery: 100, grid.Inverter: math.NaN()} {
		device := func(id string, kind grid.DeviceKind) grid.Device {
			return grid.Device{ID: id, Kind: kind, Member: "a", MeteringPoint: "mp-a"}
		}
		traders := NewTraders(Options{
			Devices: []grid.Device{device("meter", grid.Meter), device("new", kind)}, Telemetry: came{}, Minutes: 15,
			Rating: func(string) Rating { return Rating{Power: 3000, Capacity: 5000, Controlled: true} },
		})
		past, err := traders.outlooks.past(t.Context(), traders.seats.points["mp-a"], forecast.Load, now)
		if err != nil {
			t.Fatal(err)
		}
		n := len(past.Values)
		for k, want := range map[int]float64{0: before, n - 5: before, n - 4: 60, n - 3: math.NaN(), n - 1: 60} {
			if got := past.Values[k]; got != want && (known(got) || known(want)) {
				t.Errorf("%s: of %d values the one at %d is %g, want %g", kind, n, k, got, want)
			}
		}
	}
}
