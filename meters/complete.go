package meters

import (
	"math"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// Warm is between which temperatures a house or a tank stores heat, °C. The zero is not known.
type Warm struct{ Low, High float64 }

// Charge is how much of the heat that can be stored is stored at a temperature.
func (w Warm) Charge(celsius float64) grid.PerMille {
	const whole = 1000
	share := (celsius - w.Low) / (w.High - w.Low)
	return grid.PerMille(math.Round(whole * min(max(share, 0), 1)))
}

// complete adds to a reading what follows from what the owner says of the device: the charge of a store
// of heat from its temperature, and the power of what has no meter from whether it runs. What the device
// says itself stays.
func (t Target) complete(r *grid.Reading, measured []profile.Measured) {
	for _, m := range measured {
		switch {
		case m.Err != nil:
		case m.Role == profile.RoleTemperature && r.Charge == nil && t.Warm.High > t.Warm.Low:
			r.Charge = new(t.Warm.Charge(m.Number))
		case m.Role == profile.RoleRunning && r.Power == nil && t.Rated > 0:
			r.Power = new(grid.Power(0))
			if m.Number != 0 {
				*r.Power = t.Rated
			}
		}
	}
}
