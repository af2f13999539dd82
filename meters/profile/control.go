package profile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/grid"
)

// Acting says how devices of the family are told what to do. A hybrid has both sections:
// the one moves its battery, the other limits its inverter.
type Acting struct {
	Control *Control `yaml:"control"` // of a battery, charger or other load: the power that it takes
	Limit   *Control `yaml:"limit"`   // of an inverter: the most that it gives
}

// Acts returns how a device that is bound as a kind is told what to do, nil where the
// profile does not say.
func (a Acting) Acts(kind grid.DeviceKind) *Control {
	switch kind {
	case grid.Inverter:
		return a.Limit
	case grid.Meter:
		return nil
	default:
		return a.Control
	}
}

// Control says how a setpoint is given. The named points are written in the order
// Fallback, Before, Setpoint, Revert, then Charging, Discharging or Resting or one of Steps, and Enable;
// Release gives the device back to its own logic.
type Control struct {
	Setpoint Names              `yaml:"setpoint"` // in W, in A of a charger, or in % of what Writable.Of shows; absent: Charging switches it on, Resting off
	Fallback map[string]float64 `yaml:"fallback"` // what the device does once nobody tells it anything, whatever another controller left there
	Before   map[string]float64 `yaml:"before"`
	Revert   string             `yaml:"revert"`    // takes the seconds (minutes, by its unit) after which the device returns to its own logic
	ExpiresS int                `yaml:"expires_s"` // the seconds after which the device drops by itself a setpoint that is not repeated

	// What is written besides while the setpoint takes (charging), gives (discharging) or does
	// neither: the command of a device whose power has no sign.
	Charging    map[string]float64 `yaml:"charging"`
	Discharging map[string]float64 `yaml:"discharging"`
	Resting     map[string]float64 `yaml:"resting"`

	// Steps are the states of a device that takes no power but a few of them, such as a heat pump by
	// SG Ready, in place of Setpoint, Charging and Resting.
	Steps []Step `yaml:"steps"`

	Enable  map[string]float64 `yaml:"enable"`
	Release map[string]float64 `yaml:"release"`

	Pause  map[string]float64 `yaml:"pause"`   // of a charger: in place of a setpoint below the least that it takes
	Phases Phases             `yaml:"phases"`  // of a charger
	EveryS int                `yaml:"every_s"` // the seconds after which a setpoint that has not changed is written again; absent: at each heartbeat
	ApartS int                `yaml:"apart_s"` // the least seconds between two setpoints that the device takes
	At     string             `yaml:"at"`      // of a limit: connection, when it counts what the home gives to the grid; absent: what the device gives
}

// Phases says on how many phases a charger's current flows.
type Phases struct {
	Most   int     `yaml:"most"`   // 1 or 3 (absent)
	Switch string  `yaml:"switch"` // the point by which the charger goes from three phases to one and back; absent: it does not
	One    float64 `yaml:"one"`    // what is written there for one phase
	Three  float64 `yaml:"three"`  // and for three
}

// connection is At of a limit that counts what the home gives to the grid.
const connection = "connection"

// AtConnection tells whether it is a limit of what the home gives to the grid.
func (c *Control) AtConnection() bool { return c.At == connection }

// Names are points: one, or a list of them that all take the setpoint.
type Names []string

// UnmarshalYAML takes a name or a list of names.
func (n *Names) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.SequenceNode {
		var all []string
		err := node.Decode(&all)
		*n = all
		return err
	}
	var one string
	if err := node.Decode(&one); err != nil {
		return err
	}
	*n = nil
	if one != "" {
		*n = Names{one}
	}
	return nil
}

// Writable marks a register that may be written, within bounds in the point's unit.
type Writable struct {
	Min float64 `yaml:"min"`
	Max float64 `yaml:"max"`
	Of  string  `yaml:"of"`  // of a setpoint in per cent: the point that shows the power which is 100 %
	Abs bool    `yaml:"abs"` // of a setpoint without a sign: its direction is in another register
}

// LetsGo tells whether the device returns to its own logic when nobody tells it anything
// any more: by a timer that is set, by one of its own, or as its fallback says.
func (c *Control) LetsGo() bool { return c.Revert != "" || c.ExpiresS > 0 || len(c.Fallback) > 0 }

// Ahead is the part of the fallback that is written before anything is asked of the
// device: what it does by itself once nobody tells it anything.
func (c *Control) Ahead() map[string]float64 {
	ahead, asked := maps.Clone(c.Fallback), c.asked()
	maps.DeleteFunc(ahead, func(name string, _ float64) bool { return asked[name] })
	return ahead
}

// Undone is the part of the fallback that is written when the device is given back, for
// asking anything of the device writes the same points.
func (c *Control) Undone() map[string]float64 {
	undone, asked := maps.Clone(c.Fallback), c.asked()
	maps.DeleteFunc(undone, func(name string, _ float64) bool { return !asked[name] })
	return undone
}

// Undoes tells whether the fallback takes back all by which a setpoint is enabled, so that
// a device whose timer is not there is given back by it.
func (c *Control) Undoes() bool {
	for _, m := range append(c.ways(), c.Enable) {
		for name := range m {
			if _, undone := c.Fallback[name]; !undone {
				return false
			}
		}
	}
	return len(c.Undone()) > 0
}

// ways are what is written by what is asked for, beside the setpoint.
func (c *Control) ways() []map[string]float64 {
	all := []map[string]float64{c.Charging, c.Discharging, c.Resting}
	for _, s := range c.Steps {
		all = append(all, s.Set)
	}
	return all
}

// asked returns the points that are written to ask for something.
func (c *Control) asked() map[string]bool {
	names := map[string]bool{}
	for _, name := range append([]string{c.Phases.Switch}, c.Setpoint...) {
		names[name] = true
	}
	for _, m := range append(c.ways(), c.Before, c.Enable, c.Pause) {
		for name := range m {
			names[name] = true
		}
	}
	return names
}

// referControl checks the points that the control sections name.
func (p checks) referControl(known func(where, name string) error) error {
	var problems []error
	for _, pt := range p.Points {
		if pt.Writable != nil {
			problems = append(problems, known(pt.Name+".writable.of", pt.Writable.Of))
		}
	}
	for where, c := range map[string]*Control{"control": p.Control, "limit": p.Limit} {
		if c != nil {
			problems = append(problems, p.section(where, c, known))
		}
	}
	return errors.Join(problems...)
}

// section checks one control section.
func (p checks) section(where string, c *Control, known func(where, name string) error) error {
	written := c.asked()
	for name := range c.Fallback {
		written[name] = true
	}
	for name := range c.Release {
		written[name] = true
	}
	written[c.Revert] = true
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(written)) {
		problems = append(problems, known(where, name))
		if pt := p.point(name); pt != nil && pt.Writable == nil {
			problems = append(problems, fmt.Errorf("%s: point %s is not writable", where, name))
		}
	}
	for _, name := range c.Setpoint {
		if pt := p.point(name); pt != nil && pt.Writable != nil && strings.HasPrefix(pt.Unit, "%") && pt.Writable.Of == "" {
			problems = append(problems, fmt.Errorf("%s.setpoint: %s is in per cent: writable.of says of what", where, name))
		}
	}
	if len(c.Setpoint)+len(c.Steps) == 0 && (len(c.Charging) == 0 || len(c.Resting) == 0) {
		problems = append(problems, fmt.Errorf("%s.setpoint: missing, and neither charging and resting nor steps say how it is switched on and off", where))
	}
	problems = append(problems, p.steps(where, c))
	for _, s := range []struct {
		field   string
		seconds int
	}{{"expires_s", c.ExpiresS}, {"every_s", c.EveryS}, {"apart_s", c.ApartS}} {
		if s.seconds < 0 {
			problems = append(problems, fmt.Errorf("%s.%s: %d: must be seconds, not less than none", where, s.field, s.seconds))
		}
	}
	if c.ExpiresS > 0 && 2*c.EveryS > c.ExpiresS {
		problems = append(problems, fmt.Errorf("%s.every_s: %d: the device drops what is not repeated within %d s: repeat it at least twice in that time", where, c.EveryS, c.ExpiresS))
	}
	if c.Phases.Most != 0 && c.Phases.Most != 1 && c.Phases.Most != 3 {
		problems = append(problems, fmt.Errorf("%s.phases.most: %d: a charger has 1 or 3", where, c.Phases.Most))
	}
	if c.At != "" && (c.At != connection || where != "limit") {
		problems = append(problems, fmt.Errorf("%s.at: %q: only a limit has one, and it is %s", where, c.At, connection))
	}
	return errors.Join(append(problems, p.timerIsWhole(where, c))...)
}

// timerIsWhole makes sure that whoever sets a reversion timer of SunSpec also writes what
// the device does when it runs out: another controller may have left anything there.
func (p checks) timerIsWhole(where string, c *Control) error {
	const timer, enabled, value = "RvrtTms", "EnaRvrt", "Rvrt"
	of, sets := strings.CutSuffix(c.Revert, timer)
	pt := p.point(c.Revert)
	if !sets || pt == nil || len(p.SunSpec) == 0 {
		return nil
	}
	var problems []error
	for _, id := range p.candidates(pt) {
		for _, needed := range []string{of + enabled, of + value} {
			_, written := c.Fallback[needed]
			t := p.tables[id]
			if t == nil || written {
				continue
			}
			if e, _ := t.entry(needed); e != nil {
				problems = append(problems, fmt.Errorf("%s.fallback: %s is missing: when the timer %s runs out, the device does what another controller left there", where, needed, c.Revert))
			}
		}
	}
	return errors.Join(problems...)
}

// Readable tells whether a point can be read.
func (p *Profile) Readable(name string) bool {
	pt := p.point(name)
	return pt != nil && !pt.WriteOnly
}

// MayLack tells whether not every device of the family has a point.
func (p *Profile) MayLack(name string) bool {
	pt := p.point(name)
	return pt == nil || pt.Optional
}

// Unit returns a point's unit.
func (p *Profile) Unit(name string) string {
	if pt := p.point(name); pt != nil {
		return pt.Unit
	}
	return ""
}
