package world_test

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// TestAlone runs a street whose batteries and cars are moved about, and the same street
// left alone: what the first says that it would have done alone is what the second did.
func TestAlone(t *testing.T) {
	start := time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	spec := world.Spec{Seed: 3, Start: start, Latitude: 50, Homes: world.Neighbourhood(12, 3)}
	moved, left := world.New(spec), world.New(spec)
	for minute := range 24 * 60 {
		now := start.Add(time.Duration(minute) * time.Minute)
		for i := range spec.Homes {
			if (minute+i)%7 < 4 {
				moved.SetBattery(i, &world.Setpoint{Power: grid.Power(1000 * (minute%5 - 2)), Until: now.Unix() + 90})
				moved.LimitCar(i, &world.Setpoint{Power: 2000, Until: now.Unix() + 90})
			}
		}
		moved.Advance(now)
		left.Advance(now)
	}
	differ := 0
	for i, h := range moved.State().Homes {
		want := left.State().Homes[i]
		if h.Alone != want.Alone || h.Alone.Imported != want.Imported || h.Alone.Exported != want.Exported || h.Alone.Stored != want.Stored {
			t.Errorf("%s: alone %+v, want %+v (%d in, %d out)", spec.Homes[i].ID, h.Alone, want.Alone, want.Imported, want.Exported)
		}
		if h.Imported != want.Imported {
			differ++
		}
	}
	if differ < 6 {
		t.Errorf("only %d homes were moved: the test shows nothing", differ)
	}
}
