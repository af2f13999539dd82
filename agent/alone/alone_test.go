package alone_test

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/alone"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// street returns a simulated street in the morning, and what its homes are thought to hold.
func street() (*world.World, []*alone.Home) {
	start := time.Date(2026, 6, 1, 4, 0, 0, 0, time.UTC)
	spec := world.Spec{Seed: 2, Start: start, Latitude: 50, Homes: world.Neighbourhood(12, 2)}
	w := world.New(spec)
	homes := make([]*alone.Home, len(spec.Homes))
	for i, h := range w.State().Homes {
		b := spec.Homes[i].Battery
		homes[i] = alone.New(b.Capacity, b.Power, h.Charge(spec.Homes[i]), 15)
	}
	return w, homes
}

// TestEstimate sees the rest of simulated homes every ten seconds, while their batteries
// are moved about: what it says that the homes would have drawn and given on their own is
// what the physics says (oracle: the world's own account of it), within 3 % over a day.
func TestEstimate(t *testing.T) {
	w, homes := street()
	spec, start, begin := w.Spec(), w.Now(), w.State()
	for second := 0; second <= 24*3600; second += 10 {
		now := start.Add(time.Duration(second) * time.Second)
		for i := range homes {
			w.SetBattery(i, &world.Setpoint{Power: grid.Power(900 * (second/600%5 - 2)), Until: now.Unix() + 400})
		}
		w.Advance(now)
		for i, h := range w.State().Homes {
			homes[i].See(now, h.Meter-h.Battery)
		}
	}
	for i, h := range w.State().Homes {
		if spec.Homes[i].Battery.Capacity == 0 {
			continue
		}
		var got grid.Flow
		for k := range 96 {
			f, known := homes[i].Flow(grid.IntervalAt(start, 15).Shift(k))
			if !known {
				t.Fatalf("%s: interval %d is not known", spec.Homes[i].ID, k)
			}
			got.Import, got.Export = got.Import+f.Import, got.Export+f.Export
		}
		want := grid.Flow{
			Import: world.Energy(h.Alone.Imported - begin.Homes[i].Alone.Imported), Export: world.Energy(h.Alone.Exported - begin.Homes[i].Alone.Exported),
		}
		if d := got.Import - want.Import; max(d, -d) > 150+want.Import*3/100 {
			t.Errorf("%s: %d Wh drawn, the physics says %d", spec.Homes[i].ID, got.Import, want.Import)
		}
		if d := got.Export - want.Export; max(d, -d) > 150+want.Export*3/100 {
			t.Errorf("%s: %d Wh given, the physics says %d", spec.Homes[i].ID, got.Export, want.Export)
		}
	}
	if _, known := homes[0].Flow(grid.IntervalAt(start, 15).Shift(-1)); known {
		t.Error("an interval before the first moment is known")
	}
}

// TestEstimateOfCars pauses and slows cars down and moves batteries meanwhile: what the homes
// would have drawn is what the physics says (oracle as above), where the cars' need is known.
func TestEstimateOfCars(t *testing.T) {
	w, homes := street()
	spec, start, begin := w.Spec(), w.Now(), w.State()
	for second := 0; second <= 24*3600; second += 10 {
		now := start.Add(time.Duration(second) * time.Second)
		for i := range homes {
			w.SetBattery(i, &world.Setpoint{Power: grid.Power(900 * (second/600%5 - 2)), Until: now.Unix() + 400})
			w.LimitCar(i, &world.Setpoint{Power: grid.Power(2500 * (second / 1800 % 2)), Until: now.Unix() + 400})
		}
		w.Advance(now)
		for i, h := range w.State().Homes {
			homes[i].See(now, h.Meter-h.Battery, alone.Car{Rated: spec.Homes[i].Charger, Taking: h.Car, Here: h.CarHere, Needs: world.Energy(max(h.CarNeeds, 0))})
		}
	}
	cars := 0
	for i, h := range w.State().Homes {
		if spec.Homes[i].Charger == 0 {
			continue
		}
		cars++
		var got grid.Flow
		for k := range 96 {
			f, _ := homes[i].Flow(grid.IntervalAt(start, 15).Shift(k))
			got.Import, got.Export = got.Import+f.Import, got.Export+f.Export
		}
		want := grid.Flow{
			Import: world.Energy(h.Alone.Imported - begin.Homes[i].Alone.Imported), Export: world.Energy(h.Alone.Exported - begin.Homes[i].Alone.Exported),
		}
		if d := got.Import - want.Import; max(d, -d) > 150+want.Import*3/100 {
			t.Errorf("%s: %d Wh drawn, the physics says %d", spec.Homes[i].ID, got.Import, want.Import)
		}
		if d := got.Export - want.Export; max(d, -d) > 150+want.Export*3/100 {
			t.Errorf("%s: %d Wh given, the physics says %d", spec.Homes[i].ID, got.Export, want.Export)
		}
	}
	if cars < 5 {
		t.Errorf("%d homes have a charger: the test shows little", cars)
	}
}
