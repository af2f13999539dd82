package signwatch

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Evidence is what an observation says of a meter's sign.
type Evidence uint8

// The kinds of evidence.
const (
	Nothing Evidence = iota // of the sign
	Right
	Wrong
	Unclear // the meter did something else
)

// leastCounted is the energy from which counters say something: theirs may come in
// steps of 100 Wh.
const leastCounted = 200 * wattHour

const wattHour = 3600 // W·s

// Counters compares the energy that flowed by a meter's power with that by its
// counters in the same time, both in W·s, + taken from the grid.
func Counters(byPower, byCounters int64) Evidence {
	switch {
	case max(byPower, -byPower) < leastCounted || max(byCounters, -byCounters) < leastCounted:
		return Nothing
	case alike(byPower, byCounters):
		return Right
	case alike(byPower, -byCounters):
		return Wrong
	default:
		return Unclear
	}
}

// alike tells whether two energies are the same within a factor of two.
func alike(a, b int64) bool {
	return (a > 0) == (b > 0) && 2*max(a, -a) >= max(b, -b) && 2*max(b, -b) >= max(a, -a)
}

// leastJump is how far the power behind a meter must move to be told from loads.
const leastJump grid.Power = 1000

// Jump compares how the power of all devices behind a meter moved with how the
// meter's own did. A meter that stays where it was says nothing: a battery makes up
// for a load.
func Jump(behind, meter grid.Power) Evidence {
	size := max(behind, -behind)
	near := size*15/100 + 100
	switch {
	case size < leastJump || max(meter, -meter) <= near:
		return Nothing
	case max(meter-behind, behind-meter) <= near:
		return Right
	case max(meter+behind, -meter-behind) <= near:
		return Wrong
	default:
		return Unclear
	}
}

// leastExport is what flows at least when something flows.
const leastExport grid.Power = 100

// Export judges the power of a meter where nothing can feed in.
func Export(meter grid.Power) Evidence {
	switch {
	case meter <= -leastExport:
		return Wrong
	case meter >= leastExport:
		return Right
	default:
		return Nothing
	}
}

// tally weighs evidence of one kind: events, or seconds.
type tally struct{ right, wrong, unclear int64 }

// add takes in evidence. Of more than most, the old counts half.
func (t *tally) add(e Evidence, weight, most int64) {
	switch e {
	case Right:
		t.right += weight
	case Wrong:
		t.wrong += weight
	case Unclear:
		t.unclear += weight
	case Nothing:
	}
	if t.right+t.wrong+t.unclear > most {
		t.right, t.wrong, t.unclear = t.right/2, t.wrong/2, t.unclear/2
	}
}

// verdict is Wrong when at least so much, and four fifths of all, says so; half as
// much that outweighs the rest is Right.
func (t *tally) verdict(least int64) Evidence {
	const share, of = 4, 5
	all := t.right + t.wrong + t.unclear
	switch {
	case t.wrong >= least && t.wrong*of >= all*share:
		return Wrong
	case 2*t.right >= least && 2*t.right > all:
		return Right
	default:
		return Nothing
	}
}

// quiet tells since when an inverter has said nothing but zero.
type quiet struct {
	since, last time.Time
}

// nearZero is what an inverter at rest may take or show.
const nearZero grid.Power = 20

func (q *quiet) see(p grid.Power, at time.Time) {
	if max(p, -p) > nearZero || at.Sub(q.last) > tooOld {
		q.since = at
	}
	q.last = at
}

// dark tells whether the inverter has said zero for an hour.
func (q *quiet) dark(now time.Time) bool {
	return !q.last.IsZero() && now.Sub(q.last) <= tooOld && q.last.Sub(q.since) >= time.Hour
}
