package sim_test

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// TestAnAllElectricHome reads the devices of an all-electric home on a winter evening, and writes
// what its heat pump, its heating rod and its charger are asked for: each takes it, shows that it
// is asked, and goes back to its own logic when the time is over.
func TestAnAllElectricHome(t *testing.T) {
	t.Parallel()
	begin := time.Date(2027, 1, 13, 21, 0, 0, 0, time.UTC)
	spec := world.AllElectric.Of(world.Spec{Seed: 1, Start: begin, Latitude: 50}, 1)
	n := startWith(t, t.TempDir(), 60, spec, nil)
	s := read(t, n)
	last := func(kind grid.DeviceKind, enough func(r grid.Reading) bool) grid.Reading {
		t.Helper()
		var found grid.Reading
		s.wait(t, func(all []grid.Reading) bool {
			own := of(all, "home-01/"+string(kind))
			if len(own) == 0 || !enough(own[len(own)-1]) {
				return false
			}
			found = own[len(own)-1]
			return true
		})
		return found
	}
	for _, kind := range []grid.DeviceKind{grid.HeatPump, grid.HeatingRod} {
		if r := last(kind, func(r grid.Reading) bool { return r.Power != nil }); r.Import == nil || r.Export != nil || *r.Power < 0 || *r.Power > spec.Homes[0].House.Pump && kind == grid.HeatPump {
			t.Errorf("%s: %+v", kind, r)
		}
	}
	car := last(grid.Charger, func(r grid.Reading) bool { return r.Charge != nil })
	if *car.Charge < 300 || *car.Charge > 1000 {
		t.Errorf("the car that is plugged in tells a charge of %d ‰", *car.Charge)
	}

	least := spec.Homes[0].House.Least()
	for _, c := range []struct {
		kind  grid.DeviceKind
		asked grid.Power
		takes grid.Power
	}{
		{grid.HeatingRod, 1300, 1300},
		{grid.HeatPump, least + 200, least + 200},
		{grid.HeatPump, 0, 0},
	} {
		d := n.Device("home-01/" + string(c.kind))
		const valid = 15 * 60
		if err := d.SetRegisters(1040, []uint16{1, uint16(c.asked), valid}); err != nil {
			t.Fatalf("%s: %v", c.kind, err)
		}
		near := func(r grid.Reading) bool { return r.Power != nil && max(*r.Power-c.takes, c.takes-*r.Power) <= 2 }
		last(c.kind, near)
		words, err := d.Registers(modbus.Holding, 1040, 3)
		if err != nil || words[0] != 1 || words[1] != uint16(c.asked) || words[2] > valid || words[2] == valid {
			t.Errorf("%s is asked for %d W, and shows %v, %v", c.kind, c.asked, words, err)
		}
		for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			words, err := d.Registers(modbus.Holding, 1040, 1)
			if err != nil {
				t.Fatal(err)
			}
			if words[0] == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: what is asked for outlives its time", c.kind)
			}
		}
	}

	pump := n.Device("home-01/heat-pump")
	for state := uint16(1); state <= 4; state++ {
		if err := pump.SetRegisters(1043, []uint16{state}); err != nil {
			t.Fatal(err)
		}
		if words, err := pump.Registers(modbus.Holding, 1033, 1); err != nil || words[0] != state {
			t.Errorf("SG Ready %d is asked for, in force is %v, %v", state, words, err)
		}
	}
	for _, bad := range []struct {
		kind  grid.DeviceKind
		addr  uint16
		words []uint16
	}{{grid.HeatPump, 1043, []uint16{5}}, {grid.HeatPump, 1026, []uint16{1}}, {grid.HeatPump, 1043, []uint16{1, 1}}, {grid.HeatingRod, 1043, []uint16{1}}, {grid.Charger, 1215, []uint16{2}}} {
		if err := n.Device("home-01/"+string(bad.kind)).SetRegisters(bad.addr, bad.words); err == nil {
			t.Errorf("%s takes %v at %d", bad.kind, bad.words, bad.addr)
		}
	}

	charger := n.Device("home-01/charger")
	if err := charger.SetRegisters(1215, []uint16{1}); err != nil {
		t.Fatal(err)
	}
	if err := charger.SetRegisters(1210, []uint16{0x4120, 0}); err != nil { // 10 A
		t.Fatal(err)
	}
	if got := n.State("home-01").CarLimit; got == nil || got.Power != 2300 {
		t.Errorf("10 A on one phase limit the car to %+v, want 2300 W", got)
	}
}
