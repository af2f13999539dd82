package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// A Fault is a way in which devices in the field are not as their documents say;
// the cheats of batteries are faults too.
type Fault string

// The faults.
const (
	Dropouts         Fault = "dropouts"          // every seventh request is answered too late
	SingleConnection Fault = "single-connection" // a second connection is closed at once
	WrongSign        Fault = "wrong-sign"        // the meter is mounted the wrong way round
	ZeroOnWakeUp     Fault = "zero-on-wake-up"   // for a minute after sunrise the inverter's counter reads 0
	WrongUnit        Fault = "wrong-unit"        // the device answers as unit 3
	SlowGateway      Fault = "slow-gateway"      // every answer takes 0.7 s
)

// Faults returns all of them.
func Faults() []Fault {
	all := []Fault{Dropouts, SingleConnection, WrongSign, ZeroOnWakeUp, WrongUnit, SlowGateway}
	for _, c := range world.Cheats() {
		all = append(all, Fault(c))
	}
	return all
}

// ParseFault reads a fault's name.
func ParseFault(s string) (Fault, error) {
	if f := Fault(s); slices.Contains(Faults(), f) {
		return f, nil
	}
	return "", fmt.Errorf("%q is not one of %v", s, Faults())
}

const (
	dropEvery    = 7
	dropFor      = 3 * time.Second // longer than any reader waits
	slowAnswer   = 700 * time.Millisecond
	wakeUp       = 60 // s
	theUnit      = 1
	theWrongUnit = 3
)

// cheater returns how the battery cheats, nil when it does not.
func (d *Device) cheater() *world.Cheater {
	for _, f := range d.faults {
		if c, err := world.ParseCheat(string(f)); err == nil && d.Kind == grid.Battery {
			return &world.Cheater{Cheat: c}
		}
	}
	return nil
}

func (d *Device) has(f Fault) bool { return slices.Contains(d.faults, f) }

// delay holds an answer back as the device's faults want it.
func (d *Device) delay() {
	n := d.requests.Add(1)
	if d.has(SlowGateway) {
		time.Sleep(slowAnswer)
	}
	if d.has(Dropouts) && n%dropEvery == 0 {
		time.Sleep(dropFor)
	}
}

// produced is what the inverter's counter shows.
func (d *Device) produced(h world.HomeState, now int64) grid.Energy {
	if h.PV == 0 {
		d.awake = now
	}
	if d.has(ZeroOnWakeUp) && now-d.awake < wakeUp {
		return 0
	}
	return world.Energy(h.Produced)
}

func (d *Device) unit() uint8 {
	if d.has(WrongUnit) {
		return theWrongUnit
	}
	return theUnit
}

func (d *Device) clients() uint {
	if d.has(SingleConnection) {
		return 1
	}
	return 0
}
