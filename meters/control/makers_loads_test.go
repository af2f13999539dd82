package control_test

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/control"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// appliances are devices that are switched on and off: a pump behind a relay, which runs while the
// contact is closed, and the appliance of a simulated home, which starts by itself when nobody tells it
// to wait.
func appliances() []maker {
	const runs = 1500
	var all []maker
	for contact, profile := range []string{"relay", "relay-2", "relay-3", "relay-4"} {
		coil := uint16(contact)
		all = append(all, maker{
			profile: profile, kind: grid.Appliance, unit: 1, free: runs, step: 1, only: 5, takes: [][2]uint16{{coil, coil}}, switched: true,
			start: func(m *machine) {
				m.Put(modbus.Coil, 0, 0, 0, 0, 0) // another controller left them open
			},
			does: func(m *machine) (float64, bool) {
				if m.Coil(coil) {
					return runs, false
				}
				return 0, true
			},
		})
	}
	return append(all, maker{
		profile: "commonwatt-appliance", kind: grid.Appliance, unit: 1, free: runs, step: 1, silence: time.Minute, takes: [][2]uint16{{1040, 1042}}, switched: true,
		start: func(m *machine) {
			m.hold(1040, 1, 0, 0) // another controller has it wait, for good
		},
		does: func(m *machine) (float64, bool) {
			valid := time.Duration(m.Get(1042)) * time.Second
			if m.Get(1040) != 1 || valid > 0 && m.idle() > valid {
				return runs, false
			}
			return float64(m.Get(1041)) * runs, true
		},
	})
}

// ready is a heat pump whose two inputs of SG Ready are coils of a relay board, and which is moved in the
// four states of the label.
const ready = `{id: x, version: 1, kind: heat-pump, document: d, points: [{name: power, role: power, addr: 1, type: int16, unit: W},
{name: one, fc: coil, addr: 0, type: uint16, writable: {min: 0, max: 1}}, {name: two, fc: coil, addr: 1, type: uint16, writable: {min: 0, max: 1}}],
control: {steps: [{from: 0, set: {one: 1, two: 0}}, {from: 25, set: {one: 0, two: 0}}, {from: 60, set: {one: 0, two: 1}}, {from: 90, set: {one: 1, two: 1}}],
  fallback: {one: 0, two: 0}}}`

// readyPump does what the label SG Ready says of its two inputs: what it takes in each state is told by a
// number of its own.
func readyPump(rated grid.Power) maker {
	const blocked, normal, advised, forced = 0, 900, 1600, 2400
	return maker{
		kind: grid.HeatPump, unit: 1, rated: rated, free: normal, step: 1, only: 5, takes: [][2]uint16{{0, 1}},
		start: func(m *machine) { m.Put(modbus.Coil, 0, 1, 1) }, // another controller forces it
		does: func(m *machine) (float64, bool) {
			switch one, two := m.Coil(0), m.Coil(1); {
			case one && two:
				return forced, true
			case one:
				return blocked, true
			case two:
				return advised, true
			default:
				return normal, false
			}
		},
	}
}

// TestAHeatPumpIsMovedInSteps has a heat pump of 2400 W asked for several powers: each puts it into the
// state that begins at or below it. It is given back when nothing is asked for, when contact was lost, at a
// stop, and at the next start after the program was killed.
func TestAHeatPumpIsMovedInSteps(t *testing.T) {
	t.Parallel()
	set, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	by, err := set.Parse([]byte(ready))
	if err != nil {
		t.Fatal(err)
	}
	m := readyPump(2400).open(t)
	k := m.keep(t, by)
	k.free("at the start")
	for _, c := range []struct{ asked, does grid.Power }{{0, 0}, {1439, 900}, {1440, 1600}, {2159, 1600}, {2160, 2400}, {9000, 2400}, {599, 0}, {600, 900}} {
		k.guard.Set(c.asked)
		k.until("its state", func(w float64, _ bool) bool { return w == float64(c.does) })
	}
	k.guard.Release()
	k.free("released")
	k.asked(2400, 2400)
	k.cut.Store(true) // as if the program had been killed
	k.end()
	if w, held := m.of.does(m); !held || w != 2400 {
		t.Errorf("without a program it takes %g W, held %t: a relay stays where it is", w, held)
	}
	k = m.keep(t, by)
	k.free("at the next start")
	k.asked(0, 0)
	k.unread.Store(true)
	m.deaf.Store(true)
	k.failed.Store(false)
	k.until("the guard finds no device", func(float64, bool) bool { return k.failed.Load() })
	m.deaf.Store(false)
	k.free("when contact is lost, and back,")
	k.unread.Store(false)
	k.asked(0, 0)
	k.end()
	k.free("stopped")
}

// TestAHeatPumpOfUnknownSizeIsNotMoved has nobody say what it is rated for: the steps mean nothing then.
func TestAHeatPumpOfUnknownSizeIsNotMoved(t *testing.T) {
	t.Parallel()
	set, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	by, err := set.Parse([]byte(ready))
	if err != nil {
		t.Fatal(err)
	}
	m := readyPump(0).open(t)
	k := m.keep(t, by)
	k.free("at the start")
	k.guard.Set(2400)
	k.until("the guard says why not", func(float64, bool) bool { return k.failed.Load() })
	k.free("when it is not moved")
}

// TestAChargerOnThePhasesOfItsOwner has an Alfen charger, which can switch phases, and a KEBA, which cannot:
// with the one phase that the owner says an ampere is 230 W, and below 6 A the charger pauses.
func TestAChargerOnThePhasesOfItsOwner(t *testing.T) {
	t.Parallel()
	set, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range chargers() {
		if of.profile != "keba-p30" && of.profile != "go-e" && of.profile != "alfen-eve" {
			continue
		}
		t.Run(of.profile, func(t *testing.T) {
			t.Parallel()
			of.supply = control.Supply{Phases: 1}
			onThree := of.does
			of.does = func(m *machine) (float64, bool) { // its car charges on one phase, whatever the charger has
				w, held := onThree(m)
				if of.profile == "alfen-eve" && m.i16(1215) == 1 || of.profile == "go-e" && m.Get(332) == 1 {
					return w, held
				}
				return w / 3, held
			}
			of.step = 230
			m := of.open(t)
			k := m.keep(t, set.Get(of.profile))
			k.asked(3680, 3680)
			given := len(m.Writes()) // with what gave it back at the start
			k.asked(1380, 1380)
			k.asked(1379, 0)
			k.asked(2300, 2300)
			k.asked(0, 0)
			for _, w := range m.Writes()[given:] {
				if of.profile == "alfen-eve" && w.Addr == 1215 || of.profile == "go-e" && w.Addr == 332 {
					t.Errorf("phases were switched for a car that has one: register %d", w.Addr)
				}
			}
		})
	}
}
