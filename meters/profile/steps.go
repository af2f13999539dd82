package profile

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
)

// Step is a state of a device, and from which power on it is put into it.
type Step struct {
	From float64            `yaml:"from"` // per cent of the power that the device is rated for; 0 in the first step
	Set  map[string]float64 `yaml:"set"`  // what is written
}

// StepFor returns what is written to have a device take a power, in W, that is rated so: the last step
// that begins at or below it.
func (c *Control) StepFor(power, rated grid.Power) map[string]float64 {
	const whole = 100
	set := c.Steps[0].Set
	for _, s := range c.Steps[1:] {
		if float64(power)*whole >= s.From*float64(rated) {
			set = s.Set
		}
	}
	return set
}

// steps checks the steps of a control section.
func (p checks) steps(where string, c *Control) error {
	const most = 100
	if len(c.Steps) == 0 {
		return nil
	}
	if len(c.Setpoint)+len(c.Charging)+len(c.Discharging)+len(c.Resting) > 0 {
		return fmt.Errorf("%s.steps: they stand in place of setpoint, charging, discharging and resting: leave those out", where)
	}
	names := func(s Step) []string { return slices.Sorted(maps.Keys(s.Set)) }
	var problems []error
	for k, s := range c.Steps {
		switch {
		case k == 0 && s.From != 0:
			problems = append(problems, fmt.Errorf("%s.steps[0].from: %g: the first step is what the device does at 0 %%", where, s.From))
		case k > 0 && (s.From <= c.Steps[k-1].From || s.From > most):
			problems = append(problems, fmt.Errorf("%s.steps[%d].from: %g: must be above that of the step before it, and at most 100 %%", where, k, s.From))
		case len(s.Set) == 0 || !slices.Equal(names(s), names(c.Steps[0])):
			problems = append(problems, fmt.Errorf("%s.steps[%d].set: it writes %v and the first step writes %v: each has to write the same points, or something of another step stays", where, k, names(s), names(c.Steps[0])))
		}
	}
	return errors.Join(problems...)
}
