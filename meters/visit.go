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
// with, and what it took since, less what is lost. It is full once it takes nothing although it may: soon where it was
// taking before, and else, for it may sleep, after a while and for some hours alone. A car that is there when the program
// starts, or begins to read the charger, is taken for one that has just come.
type visit struct {
	here   bool
	took   bool          // something, since it came
	taken  float64       // Wh, of what the charger gave
	last   time.Time     // of the reading before
	count  grid.Energy   // that the charger showed; 0: none yet
	calm   time.Time     // since when it takes nothing although it may; zero: it does not say so
	full   time.Time     // until when it is taken for full; zero: it is not
	charge grid.PerMille // reckoned last
}

const (
	calms      = 2 * time.Minute  // one that took takes nothing for so long: it has had enough
	sleeps     = 15 * time.Minute // one that took nothing does so for so long: it will not wake up now
	rests      = 3 * time.Hour    // and is let alone for so long
	stays      = 31 * 24 * time.Hour
	takes      = 200 // W, more than a car that is full draws to keep warm
	kept       = 0.9 // of what the charger gives is stored, in the mean
	nearlyFull = grid.PerMille(950)
	longest    = 5 * time.Minute  // between two readings over which power is believed
	unsure     = 10 * time.Minute // that a charger does not say whether a car is there, and it is taken to be
)

// see notes a reading of the charger, and reckons what the car holds.
func (v *visit) see(r grid.Reading, done, counts bool, of Car) {
	if !v.here {
		*v = visit{here: true, last: r.Time}
	}
	v.taken += v.since(r, counts, of.Capacity)
	v.last = r.Time
	if r.Import != nil {
		v.count = *r.Import
	}
	v.settle(r, done)
	const whole = 1000
	v.charge = min(of.Arrives+grid.PerMille(kept*v.taken*whole/float64(of.Capacity)), nearlyFull)
	if r.Time.Before(v.full) {
		v.charge = whole
	}
}

// settle finds out whether the car is full.
func (v *visit) settle(r grid.Reading, done bool) {
	switch {
	case !done:
		v.calm = time.Time{}
	case v.calm.IsZero():
		v.calm = r.Time
	}
	switch calm := r.Time.Sub(v.calm); {
	case r.Power != nil && *r.Power > takes:
		v.took, v.full = true, time.Time{}
	case done && v.took && calm >= calms:
		v.full = r.Time.Add(stays)
	case done && calm >= sleeps:
		v.full, v.calm = r.Time.Add(rests), r.Time
	}
}

// since returns what the charger gave since the reading before, Wh: by its register, or by the power of one that has none.
func (v *visit) since(r grid.Reading, counts bool, capacity grid.Energy) float64 {
	switch after := r.Time.Sub(v.last); {
	case r.Import != nil && v.count > 0:
		if more := *r.Import - v.count; more > 0 && more <= capacity { // else it counts anew
			return float64(more)
		}
	case !counts && r.Power != nil && after > 0 && after <= longest:
		return float64(max(*r.Power, 0)) * after.Hours()
	}
	return 0
}

// complete adds to a reading of a charger what its car holds, where that is to be reckoned.
func (v *visit) complete(r *grid.Reading, measured []profile.Measured, t Target) {
	if r.Charge != nil || t.Car.Capacity == 0 || !t.Profile.Reckons(t.Kind) {
		return
	}
	switch here, done, known := t.Profile.Cars.In(measured); {
	case here:
		v.see(*r, done, t.Profile.Shows(grid.Charger, profile.RoleImport), t.Car)
	case known:
		*v = visit{}
	}
	if v.here && r.Time.Sub(v.last) <= unsure {
		r.Charge = new(v.charge)
	}
}
