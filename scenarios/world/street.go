package world

import (
	"fmt"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
)

// Street is the name of a mix of homes.
type Street string

// The streets.
const (
	Usual       Street = "usual"        // Neighbourhood: panels, batteries and cars; each day is drawn anew
	AllElectric Street = "all-electric" // heat pumps, hot water by rods, cars that make trips; people have habits, and the weather has seasons
)

// Streets returns all of them.
func Streets() []Street { return []Street{Usual, AllElectric} }

// ParseStreet reads a street's name; none is the usual one.
func ParseStreet(name string) (Street, error) {
	if name == "" {
		return Usual, nil
	}
	if s := Street(name); slices.Contains(Streets(), s) {
		return s, nil
	}
	return "", fmt.Errorf("%q is not one of %v", name, Streets())
}

// Of returns a specification with n homes of the street. Everything else is as in the specification
// that is given.
func (s Street) Of(spec Spec, n int) Spec {
	spec.Homes = Neighbourhood(n, spec.Seed)
	if s == AllElectric {
		spec.Seasons = true
		electrify(spec.Homes, spec.Seed)
	}
	return spec
}

// electrify gives homes what an all-electric street has: nine in ten a heat pump, half of the others
// and a third of those a rod in the tank of hot water, three in four a car. Sizes vary with the seed.
func electrify(homes []Home, seed uint64) {
	for i := range homes {
		h := &homes[i]
		u := func(k uint64) float64 { return uniform(seed, drawHouse+k, uint64(i), 0) }
		h.Lived = true
		if i%10 != 2 { // which heats otherwise
			loss := 90 + 25*float64(h.Persons) + 60*u(0) // W/K: of a renovated house
			h.House = House{
				Loss: loss, Capacity: loss * (40 + 40*u(1)), Glass: 3 + 1.5*float64(h.Persons), Floor: u(2) < 0.6,
				Pump: grid.Power(loss*33/COP(-10, u(2) < 0.6)/100+1) * 100, // 33 K at −10 °C with what runs inside left out
			}
		}
		if i%3 == 0 || i%10 == 2 {
			h.Tank = Tank{Rod: 3000, Litres: 120 + 40*float64(h.Persons)}
		}
		if i%4 != 3 {
			h.Charger = max(h.Charger, 11000)
			h.Car = Car{Capacity: []grid.Energy{40_000, 58_000, 77_000}[i%3], Consumption: 150 + 60*u(3), Commute: 6 + 34*u(4)*u(4)}
		}
	}
}
