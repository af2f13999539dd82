package profile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// referControl checks the points that the control names.
func (p checks) referControl(known func(where, name string) error) error {
	c := p.Control
	if c == nil {
		return nil
	}
	written := map[string]float64{c.Setpoint: 0, c.Revert: 0}
	for _, m := range []map[string]float64{c.Fallback, c.Before, c.Enable, c.Release} {
		maps.Copy(written, m)
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(written)) {
		problems = append(problems, known("control", name))
		if pt := p.point(name); pt != nil && pt.Writable == nil {
			problems = append(problems, fmt.Errorf("control: point %s is not writable", name))
		}
	}
	if c.Setpoint == "" {
		problems = append(problems, errors.New("control.setpoint: missing"))
	}
	if c.ExpiresS < 0 {
		problems = append(problems, fmt.Errorf("control.expires_s: %d: must be the seconds after which the device drops a setpoint by itself", c.ExpiresS))
	}
	return errors.Join(append(problems, p.timerIsWhole())...)
}

// timerIsWhole makes sure that whoever sets a reversion timer of SunSpec also writes what
// the device does when it runs out: another controller may have left anything there.
func (p checks) timerIsWhole() error {
	const timer, enabled, value = "RvrtTms", "EnaRvrt", "Rvrt"
	of, sets := strings.CutSuffix(p.Control.Revert, timer)
	pt := p.point(p.Control.Revert)
	if !sets || pt == nil || len(p.SunSpec) == 0 {
		return nil
	}
	var problems []error
	for _, id := range p.candidates(pt) {
		for _, needed := range []string{of + enabled, of + value} {
			_, written := p.Control.Fallback[needed]
			if t := p.tables[id]; t != nil && t.entry(needed) != nil && !written {
				problems = append(problems, fmt.Errorf("control.fallback: %s is missing: when the timer %s runs out, the device does what another controller left there", needed, p.Control.Revert))
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
