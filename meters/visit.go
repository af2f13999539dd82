package meters

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// Car is what is said of the car at a charger that does not tell its charge. The zero is not known.
type Car struct {
	Capacity grid.Energy
	Arrives  grid.PerMille // the charge with which it usually comes
}

// visit is the stay of a car at a charger that does not tell its charge. What it holds is reckoned: what it usually comes
// with, and what it took since. It is full once it takes nothing although it may. A car that is there when the program
// starts is taken for one that has just come.
type visit struct {
	here  bool
	taken float64     // Wh
	last  time.Time   // of the reading before
	count grid.Energy // that it showed
	calm  time.Time   // since when it takes nothing although it may; zero: it does not say so
	full  bool        // until it takes something
}

const (
	calms      = 2 * time.Minute // it takes nothing for so long: it is not just waking up
	takes      = 200             // W, more than a car that is full draws to keep warm
	nearlyFull = grid.PerMille(990)
	longest    = 5 * time.Minute // between two readings over which power is believed
)

// see notes a reading of the charger, and returns what the car holds.
func (v *visit) see(r grid.Reading, done bool, of Car) grid.PerMille {
	const whole = 1000
	if !v.here {
		*v = visit{here: true, last: r.Time}
	}
	v.taken += v.since(r, of.Capacity)
	v.last = r.Time
	if r.Import != nil {
		v.count = *r.Import
	}
	switch {
	case !done:
		v.calm = time.Time{}
	case v.calm.IsZero():
		v.calm = r.Time
	}
	if r.Power != nil && *r.Power > takes {
		v.full = false
	} else if done && r.Time.Sub(v.calm) >= calms {
		v.full = true
	}
	if v.full {
		return whole
	}
	return min(of.Arrives+grid.PerMille(v.taken*whole/float64(of.Capacity)), nearlyFull)
}

// since returns what the car took since the reading before, by the register, or by the power where there is none.
func (v *visit) since(r grid.Reading, capacity grid.Energy) float64 {
	switch after := r.Time.Sub(v.last); {
	case r.Import != nil && v.count > 0:
		if more := *r.Import - v.count; more > 0 && more <= capacity { // else it counts anew
			return float64(more)
		}
	case r.Import == nil && r.Power != nil && after > 0 && after <= longest:
		return float64(max(*r.Power, 0)) * after.Hours()
	}
	return 0
}

// complete adds to a reading of a charger what its car holds, where that is to be reckoned.
func (v *visit) complete(r *grid.Reading, measured []profile.Measured, t Target) {
	if r.Charge != nil || t.Car.Capacity == 0 || !t.Profile.Reckons(t.Kind) {
		return
	}
	here, done, known := t.Profile.Cars.In(measured)
	switch {
	case here:
		r.Charge = new(v.see(*r, done, t.Car))
	case known:
		*v = visit{}
	}
}
