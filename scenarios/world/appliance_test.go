package world_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// furnished is a street with appliances that wait.
func furnished() world.Spec { return spec().WithAppliances(true) }

// TestAnApplianceRunsWithoutAPause has every appliance of a street wait until noon, and looks that a
// programme that began is never interrupted, takes what it should, and is late only where noon is.
func TestAnApplianceRunsWithoutAPause(t *testing.T) {
	w := world.New(furnished())
	homes := w.Spec().Homes
	began := make([]int, len(homes)) // minutes for which the programme has run
	done := 0
	for range 3 * 24 * 60 {
		now := w.Now()
		for i := range homes {
			ask := &world.Setpoint{Until: now.Unix() + 90}
			if now.Hour() == 12 {
				ask.Power = 1
			}
			w.StartAppliance(i, ask)
		}
		w.Advance(now.Add(time.Minute))
		for i, h := range w.State().Homes {
			of := homes[i].Appliance
			switch {
			case h.Appliance == 0 && began[i] > 0:
				if began[i] != int(of.Minutes) {
					t.Errorf("%s: %s ran for %d of %d minutes", now, homes[i].ID, began[i], of.Minutes)
				}
				began[i] = 0
				done++
			case h.Appliance > 0:
				if h.Appliance != of.Power {
					t.Fatalf("%s takes %d W, not %d", homes[i].ID, h.Appliance, of.Power)
				}
				if began[i]++; began[i] == 1 && now.Hour() != 12 {
					t.Errorf("%s began at %s although it was to wait", homes[i].ID, now)
				}
			}
		}
	}
	late := int64(0)
	for i, h := range w.State().Homes {
		late += h.Late
		if homes[i].Appliance.Ready == 20 && h.Late > 0 { // a pump is done at five
			t.Errorf("%s was late %d times", homes[i].ID, h.Late)
		}
	}
	if done < 12 || late == 0 {
		t.Errorf("%d programmes were done, %d late: a dishwasher that starts at noon is not done at seven", done, late)
	}
}

// TestAnApplianceAlone compares a street whose appliances are told when to start with one that is left
// alone: what each would have done alone is what the other did, and both took the same energy.
func TestAnApplianceAlone(t *testing.T) {
	moved, left := world.New(furnished()), world.New(furnished())
	differ := 0
	for hour := range 4 * 24 {
		now := moved.Now()
		for i := range moved.Spec().Homes {
			ask := &world.Setpoint{Until: now.Unix() + 3600}
			if (hour+i)%5 == 0 {
				ask.Power = 100
			}
			moved.StartAppliance(i, ask)
		}
		moved.Advance(now.Add(time.Hour))
		left.Advance(now.Add(time.Hour))
		for i, h := range moved.State().Homes {
			want := left.State().Homes[i]
			if h.Alone != want.Alone || h.Alone.Imported != want.Imported {
				t.Fatalf("%s: alone %+v, want %+v", now, h.Alone, want.Alone)
			}
			if h.Ran != want.Ran {
				differ++
			}
		}
	}
	if differ < 20 {
		t.Errorf("in %d hours a home took something else: the test shows nothing", differ)
	}
}

// TestAppliancesChangeNothingElse compares a street with the same one that has appliances: sun, loads and
// cars are the same, and a saved state resumes where it stood.
func TestAppliancesChangeNothingElse(t *testing.T) {
	plain, with := world.New(spec()), world.New(furnished())
	ran := grid.Power(0)
	for range 24 * 4 {
		plain.Advance(plain.Now().Add(15 * time.Minute))
		with.Advance(with.Now().Add(15 * time.Minute))
		for i, h := range with.State().Homes {
			want := plain.State().Homes[i]
			if h.Load != want.Load || h.PV != want.PV || h.Car != want.Car || h.Meter != h.Load+h.PV+h.Car+h.Battery+h.Appliance {
				t.Fatalf("%s: %+v, without %+v", with.Now(), h, want)
			}
			ran += h.Appliance
		}
	}
	if ran == 0 {
		t.Error("no appliance ran")
	}
	saved, err := json.Marshal(with.State())
	var state world.State
	if err != nil || json.Unmarshal(saved, &state) != nil {
		t.Fatal(err)
	}
	again, err := world.Resume(furnished(), state)
	if err != nil {
		t.Fatal(err)
	}
	until := with.Now().Add(20 * time.Hour)
	with.Advance(until)
	again.Advance(until)
	if !reflect.DeepEqual(again.State(), with.State()) {
		t.Error("a resumed street differs")
	}
}
