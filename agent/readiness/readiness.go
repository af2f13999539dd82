// Package readiness says of a car at its charger whether it was charged when it was to be, and whether
// that was possible at all, by what the charger showed: the same in a replay, in a community at work and
// from what a community kept.
//
// # Model
//
// A stay begins with the first reading that has the charge of a car, and ends with the first that has
// none. It has one deadline at most. Where the homeowner has given a ready-by time it is the first such
// time within the stay, and the charge that was given with it; a car that leaves before has none. Where
// nobody has given one it is the moment at which the car leaves, and the car is to be full.
//
// A deadline is feasible if the car, charged at once and at all that the charger gives from the beginning of
// its stay, had reached its target by then. It is missed if it was feasible and the car lacked more than a minute of
// charging and what a reading rounds. So it is not held against an agent that a car came late, and it is held
// against it that the car was to wait for a price that came too late.
//
// A car that is there with the first reading, or after a silence, begins its stay with that reading: it may have
// been there before, so that what could be done is never reckoned too much. Of a car that was there before a silence and is gone
// after it nobody knows when it left, and nothing is counted. A car that is never charged beyond a
// part of what it could hold needs a ready-by time with that target: else it is late each time.
//
// Charges are in per mille of the car's capacity, power is in W, energy in Wh.
package readiness

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Charger is one, with the car that is usually there.
type Charger struct {
	ID       string
	Power    grid.Power  // at most
	Capacity grid.Energy // of the car
}

// Known tells whether it can be said what is feasible there.
func (c Charger) Known() bool { return c.Power > 0 && c.Capacity > 0 }

// Wanted returns the time by which the car at a charger is to be charged next, after a time, and to what;
// none when nobody has said. limits.Limits.Ready is one.
type Wanted func(charger string, after time.Time) (by time.Time, target grid.PerMille, some bool)

// Deadline is a time by which a car was to be charged.
type Deadline struct {
	At       time.Time
	Target   grid.PerMille
	Charge   grid.PerMille // that it had
	Feasible bool          // it could have had the target
	Missed   bool          // it could have, and had not
}

// Silence is the time without a reading after which nobody knows whether a car left meanwhile.
const Silence = 10 * time.Minute

const full grid.PerMille = 1000

// Follower follows the car at one charger. Use New. It is not safe for concurrent use.
type Follower struct {
	charger Charger
	wanted  Wanted

	last   time.Time // of the latest reading; zero: none was seen
	here   bool
	done   bool // the deadline of this stay has passed
	began  time.Time
	came   grid.PerMille // its charge at the beginning of the stay
	charge grid.PerMille // and when it was read last
}

// New returns who follows a charger; nil as wanted: nobody gives ready-by times.
func New(c Charger, wanted Wanted) *Follower {
	if wanted == nil {
		wanted = func(string, time.Time) (by time.Time, target grid.PerMille, some bool) { return by, 0, false }
	}
	return &Follower{charger: c, wanted: wanted}
}

// See takes the next reading in order of time, and returns the deadline that has passed with it; some is false
// where none has. Only the time and the charge count, nil while no car is there.
func (f *Follower) See(at time.Time, charge *grid.PerMille) (d Deadline, some bool) {
	if !f.charger.Known() || !f.last.IsZero() && !at.After(f.last) {
		return d, false
	}
	if silent := at.Sub(f.last) > Silence; silent && (charge == nil || *charge < f.charge) {
		f.here = false // it left meanwhile, nobody knows when
	}
	f.last = at
	switch {
	case charge == nil && !f.here:
	case charge == nil:
		d, some = f.left(at)
		f.here = false
	case !f.here:
		f.here, f.done, f.began, f.came, f.charge = true, false, at, *charge, *charge
	default:
		d, some = f.passed(at)
		f.charge = *charge
	}
	return d, some
}

// passed is the ready-by time of the car that is there, if it has passed by a time.
func (f *Follower) passed(at time.Time) (d Deadline, some bool) {
	by, target, given := f.wanted(f.charger.ID, f.began)
	if f.done || !given || at.Before(by) {
		return d, false
	}
	f.done = true
	return f.judge(by, target), true
}

// left is the deadline of a car that is gone since a time.
func (f *Follower) left(at time.Time) (d Deadline, some bool) {
	if _, _, given := f.wanted(f.charger.ID, f.began); given || f.done {
		return f.passed(at)
	}
	return f.judge(at, full), true
}

// judge says what became of a deadline.
func (f *Follower) judge(at time.Time, target grid.PerMille) Deadline {
	lack := func(charge grid.PerMille) float64 {
		return float64(target-charge) * float64(f.charger.Capacity) / float64(full)
	}
	const rounded = 2 // per mille: each of two charges is rounded down
	minute := float64(f.charger.Power) / 60
	spare := minute + rounded*float64(f.charger.Capacity)/float64(full)
	could := float64(f.charger.Power) * at.Sub(f.began).Hours()
	d := Deadline{At: at, Target: target, Charge: f.charge, Feasible: lack(f.came) <= could+spare}
	d.Missed = d.Feasible && lack(f.charge) > spare
	return d
}

// Count is how many deadlines there were.
type Count struct {
	Feasible int `json:"deadlines"`        // that could be met
	Missed   int `json:"missed_deadlines"` // those of them that were not
}

// Add counts a deadline.
func (c Count) Add(d Deadline) Count {
	if d.Feasible {
		c.Feasible++
	}
	if d.Missed {
		c.Missed++
	}
	return c
}
