package profile

import (
	"errors"
	"fmt"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
)

// Cars says by what a charger that does not tell the charge of a car shows that one is there, and that it wants nothing.
type Cars struct {
	Here Sign   `yaml:"here"` // a car is there
	Away Sign   `yaml:"away"` // none is; where neither holds, as in a fault, nothing is known of it
	Done []Sign `yaml:"done"` // it takes nothing although it may: it is full, sleeps, or waits for a time of its own; all must hold
}

// Sign is what a point shows when something holds.
type Sign struct {
	Of   string   `yaml:"of"`
	Is   []string `yaml:"is"`   // one of these, numbers or texts
	From float64  `yaml:"from"` // or this number, in the point's unit, or more
}

// in tells whether a sign holds; a point without a value shows none.
func (s Sign) in(measured []Measured) bool {
	m := named(measured, s.Of)
	if m == nil || m.Err != nil {
		return false
	}
	return slices.Contains(s.Is, m.Value.String()) || s.From > 0 && m.Number >= s.From
}

// In tells whether a car is there, and whether it takes nothing although it may; known is false where the charger does
// not say whether one is there.
func (c Cars) In(measured []Measured) (here, done, known bool) {
	if !c.Here.in(measured) {
		return false, false, c.Away.in(measured)
	}
	unmet := func(s Sign) bool { return !s.in(measured) }
	return true, len(c.Done) > 0 && !slices.ContainsFunc(c.Done, unmet), true
}

// signs are all of them.
func (c Cars) signs() []Sign { return append([]Sign{c.Here, c.Away}, c.Done...) }

// Reckons tells whether the charge of a car is to be reckoned from what it took: the charger does not tell it, but
// whether a car is there.
func (p *Profile) Reckons(kind grid.DeviceKind) bool { return kind == grid.Charger && p.Cars != nil }

// checkCars checks the signs of cars.
func (p checks) checkCars(known func(where, name string) error) error {
	switch {
	case p.Cars == nil:
		return nil
	case p.Kind != grid.Charger || p.Shows(grid.Charger, RoleCharge):
		return errors.New("cars: they are about a charger that does not tell the charge of a car: leave them out")
	case !p.Shows(grid.Charger, RoleImport) && !p.Shows(grid.Charger, RolePower):
		return errors.New("cars: without a point of role import or power nobody knows what a car took")
	}
	var problems []error
	for _, s := range p.Cars.signs() {
		if s.Of == "" || len(s.Is) == 0 && s.From <= 0 {
			problems = append(problems, errors.New("cars: say by which point each sign is known, and what it shows then, as in here: {of: state, is: [B2]}, away: {of: state, is: [A]}"))
			continue
		}
		problems = append(problems, known("cars", s.Of))
		if pt := p.point(s.Of); pt != nil && (pt.WriteOnly || pt.Role != "" || pt.Poll == PollSlow) {
			problems = append(problems, fmt.Errorf("cars: point %s is a quantity, cannot be read, or is not read at every poll", s.Of))
		}
	}
	return errors.Join(problems...)
}
