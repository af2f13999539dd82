package limits

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Home is what of a home its limits can be about.
type Home struct {
	Batteries []string // device ids
	Chargers  []string // device ids
	Roofs     []string // device ids of inverters
}

// Add takes in what a device of the home is.
func (h *Home) Add(d grid.Device) {
	switch d.Kind {
	case grid.Battery:
		h.Batteries = append(h.Batteries, d.ID)
	case grid.Charger:
		h.Chargers = append(h.Chargers, d.ID)
	case grid.Inverter:
		h.Roofs = append(h.Roofs, d.ID)
	default: // no limit is about it
	}
}

// FieldError says what is wrong with a field of the limits, and the mend.
type FieldError struct {
	Field string // by its path, as in cars.home-03/charger.target
	Text  string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Text }

func wrong(field, text string, args ...any) *FieldError {
	return &FieldError{Field: field, Text: fmt.Sprintf(text, args...)}
}

const (
	whole       = 1000
	perCent     = 10
	mostAway    = 366 * 24 * time.Hour
	mostPrice   = grid.Price(100_000_000) // 100 of the currency unit a kWh
	leastTarget = grid.PerMille(10)
)

// Check tells what is wrong with the limits by themselves. Errors: *FieldError.
func (l Limits) Check() error {
	switch {
	case l.Reserve < 0 || l.Reserve > whole:
		return wrong("reserve", "%d per mille: must be from 0 to 1000: the part of the battery that is kept for a blackout", l.Reserve)
	case l.Floor != nil && (*l.Floor < -mostPrice || *l.Floor > mostPrice):
		return wrong("floor", "must be from -100 to 100 of the currency unit a kWh: the least price at which the home sells to neighbours")
	case l.Ceiling != nil && (*l.Ceiling < -mostPrice || *l.Ceiling > mostPrice):
		return wrong("ceiling", "must be from -100 to 100 of the currency unit a kWh: the most that the home pays neighbours")
	case !slices.Contains([]Preference{PreferPrice, PreferNeighbours, PreferSolar}, l.Prefer):
		return wrong("prefer", "%q is neither %s nor %s: leave it out where only the price counts", string(l.Prefer), PreferNeighbours, PreferSolar)
	}
	for _, charger := range l.Chargers() {
		car, path := l.Cars[charger], "cars."+charger
		switch {
		case car.ReadyBy < 0 || car.ReadyBy >= minutesOfDay:
			return wrong(path+".ready_by", "%d minutes are no time of day: write it as 07:00", int(car.ReadyBy))
		case car.Target < leastTarget || car.Target > whole:
			return wrong(path+".target", "%d per mille: must be from %d to 1000: the charge that the car has by the ready-by time", car.Target, leastTarget)
		}
	}
	return nil
}

// CheckFor tells what is wrong with the limits that somebody sets for a home at a time. Errors:
// *FieldError.
func (l Limits) CheckFor(h Home, now time.Time) error {
	if err := l.Check(); err != nil {
		return err
	}
	switch {
	case l.AwayUntil != nil && !l.AwayUntil.After(now):
		return wrong("away_until", "%s has passed: give a time to come, or leave it out", l.AwayUntil.Format(time.RFC3339))
	case l.AwayUntil != nil && l.AwayUntil.Sub(now) > mostAway:
		return wrong("away_until", "%s is more than a year away", l.AwayUntil.Format(time.RFC3339))
	}
	return l.Fits(h)
}

// Fits tells what of the limits is about nothing that the home has. Errors: *FieldError.
func (l Limits) Fits(h Home) error {
	if l.Reserve > 0 && len(h.Batteries) == 0 {
		return wrong("reserve", "this home has no battery that could keep one: leave it at 0")
	}
	for _, charger := range slices.Sorted(maps.Keys(l.Cars)) {
		if !slices.Contains(h.Chargers, charger) {
			return wrong("cars."+charger, "this home has no charger %q: its chargers are %v", charger, h.Chargers)
		}
	}
	if l.ZeroExport && len(h.Roofs)+len(h.Batteries) == 0 {
		return wrong("zero_export", "this home has nothing that could feed in: leave it off")
	}
	return nil
}
