package hold

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

const (
	// leastTurn is for how long a battery goes one way before it is turned round again, and
	// longestAnswer the longest time constant of a device that is reckoned with.
	leastTurn     = time.Minute
	longestAnswer = 5 * time.Minute
)

// turns keeps a battery from being turned round more often than twice the time that it
// takes to follow a setpoint: meanwhile it stands still instead.
type turns struct {
	charging bool // the way that it goes, or went before it stood still
	known    bool
	since    time.Time     // when it was turned that way
	answer   time.Duration // its time constant: from a setpoint until it shows it
}

// answered tells that a battery shows a setpoint that was decided so long ago.
func (t *turns) answered(after time.Duration) {
	const slower = 4 // times as slow to believe that a device has become quicker
	t.answer = min(max(after, t.answer-t.answer/slower), longestAnswer)
}

// turn returns the setpoint that is told: want, or none where that comes too early.
func (t *turns) turn(want grid.Power, now time.Time) grid.Power {
	switch charging := want > 0; {
	case want == 0 || t.known && charging == t.charging:
		return want
	case t.known && now.Sub(t.since) < max(leastTurn, 2*t.answer): //nolint:mnd // twice
		return 0
	default:
		t.charging, t.known, t.since = charging, true, now
		return want
	}
}

// Levels are charges between which a battery works for others than its home: above Give it
// gives, below Take it takes.
type Levels struct{ Give, Take grid.PerMille }

// usualLevels are those of a home without a plan.
func usualLevels() Levels { return Levels{Give: reserve, Take: room} }

// again is by how much a charge must have left a level before the battery works beyond
// it again.
const again grid.PerMille = 10

// levels remember that a level was reached.
type levels struct{ spent, filled, reserved bool }

// past tells whether a charge is at or below a level, and stays so until it is well above.
func past(was bool, charge, level grid.PerMille) bool {
	if was {
		level += again
	}
	return charge <= level
}

// look tells whether the battery may give, may take, and has to keep its reserve.
func (l *levels) look(charge grid.PerMille, in Intent) (gives, takes, keeps bool) {
	const full = 1000
	l.spent = past(l.spent, charge, max(in.GiveTo, in.Reserve))
	l.filled = past(l.filled, full-charge, full-in.TakeTo)
	l.reserved = in.Reserve > 0 && past(l.reserved, charge, in.Reserve)
	return !l.spent, !l.filled, l.reserved
}
