package config

import (
	"cmp"
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// leastOnAPhase is 6 A on one phase, the least of which a car charges (IEC 61851).
const leastOnAPhase grid.Power = 6 * 230

// usualArrival is the charge with which a car is taken to come where nobody says.
const usualArrival grid.PerMille = 500

// checkCar refuses what would have no effect on a charger.
func (d Device) checkCar(kind grid.DeviceKind, p *profile.Profile) error {
	switch {
	case !d.Arrives.given():
		return nil
	case kind != grid.Charger:
		return fmt.Errorf("arrives: %q is a %s, and it is about the car at a charger alone: leave it out", d.ID, kind)
	case p.Shows(kind, profile.RoleCharge):
		return fmt.Errorf("arrives: profile %s tells the charge of the car: leave it out", p.ID)
	case !p.Reckons(kind):
		return fmt.Errorf("arrives: profile %s does not tell whether a car is there, so that nothing can be reckoned: leave it out, or use a profile with cars (docs/profiles.md)", p.ID)
	case d.Gateway != "":
		return fmt.Errorf("arrives: the gateway %s reads %q and reckons what its car holds: write arrives and capacity in the file of the gateway", d.Gateway, d.ID)
	case !d.Capacity.given():
		return fmt.Errorf("capacity: missing: say what the car at %q holds, as in capacity: 60 kWh, so that its charge can be reckoned", d.ID)
	}
	return nil
}

// arrives reads with what a car usually comes. The error names the field, after the path.
func (d Device) arrives(path string, kind grid.DeviceKind) (grid.PerMille, error) {
	if d.Arrives.given() {
		return d.Arrives.share(path + "arrives")
	}
	if kind == grid.Charger {
		return usualArrival, nil
	}
	return 0, nil
}

// unplanned says why no plan has the car at a charger that may be moved; empty: plans do.
func (t Target) unplanned() string {
	switch {
	case t.Kind != grid.Charger:
		return ""
	case !t.Profile.Shows(t.Kind, profile.RoleCharge) && !t.Profile.Reckons(t.Kind):
		return fmt.Sprintf("profile %s tells neither the charge of the car nor that one is there", t.Profile.ID)
	case t.Capacity == 0:
		return "nobody says what the car holds: write capacity, as in capacity: 60 kWh"
	case t.Rated == 0:
		return "nobody says what it gives at most: write rated, as in rated: 11 kW"
	case t.Rated < t.Least():
		return fmt.Sprintf("it gives %d W at most, and a car takes no less than 6 A, which are %d W on %s: write phases: 1 if it has one, or mend rated", t.Rated, t.Least(), grid.Number(t.phases(), "phase"))
	}
	return ""
}

// phases are those on which the car at a charger charges at least: one where it may switch the others off.
func (t Target) phases() int {
	const usual = 3
	c := t.Profile.Acts(grid.Charger)
	switch {
	case c == nil:
		return cmp.Or(t.Phases, usual)
	case c.Phases.Switch != "":
		return 1
	}
	return cmp.Or(t.Phases, c.Phases.Most, usual)
}

// Least is the least power of which a car charges: 6 A (IEC 61851) on its phases.
func (t Target) Least() grid.Power { return leastOnAPhase * grid.Power(t.phases()) }
