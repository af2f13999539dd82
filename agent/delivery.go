package agent

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Delivery is a home in the middle of a delivery interval.
type Delivery struct {
	Contracted grid.Energy   // bought less sold for the interval, Wh
	Metered    grid.Energy   // net at the connection meter since the interval began, Wh
	Left       time.Duration // until it ends
	Rest       grid.Power    // what the home takes now without its battery, W
}

// leastLeft is the time before the end from which on nothing can be put right.
const leastLeft = 15 * time.Second

// Setpoint returns the battery's power, + charging, by which the connection meter
// ends the interval at what was contracted, if the rest of the home goes on as
// it does: what was promised is kept, and no imbalance is paid. ok is false when
// it is too late.
func (d Delivery) Setpoint() (p grid.Power, ok bool) {
	if d.Left < leastLeft {
		return 0, false
	}
	owed := float64(d.Contracted-d.Metered) / d.Left.Hours()
	return grid.Power(owed) - d.Rest, true
}
