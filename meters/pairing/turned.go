package pairing

import (
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

// turned says what of a meter is the wrong way round: its counters are as its power, unless
// it is known otherwise.
func turned(inverted bool, counters *bool) grid.Turned {
	t := grid.Turned{Power: inverted, Counters: inverted}
	if counters != nil {
		t.Counters = *counters
	}
	return t
}

// Turned says what of the meter is the wrong way round.
func (b Binding) Turned() grid.Turned { return turned(b.Inverted, b.Counters) }

// judgeCounters looks which counter of a connection meter grew while it was watched, and
// has them change places where that is not what its power says. A meter that showed none
// at all is refused: it could not bill.
func (s *Session) judgeCounters(readings []grid.Reading) error {
	if s.Kind != grid.Meter {
		return nil
	}
	has := func(of func(grid.Reading) *grid.Energy) bool {
		return slices.ContainsFunc(readings, func(r grid.Reading) bool { return of(r) != nil })
	}
	if !has(imported) && !has(exported) {
		return &ConflictError{"the meter showed no energy register that can be believed: a connection meter bills by its registers, so that it needs another profile, or another meter"}
	}
	agree, known := countersAgree(readings)
	switch {
	case !known && s.Inverted && s.Counters == nil:
		s.Warnings = append(s.Warnings, "the counters did not move while the meter was watched: they are taken to be the wrong way round as its power is; if the community doubts the meter later, pair it anew with a larger load")
	case known && !agree:
		s.Counters = new(!turned(s.Inverted, s.Counters).Counters)
	}
	return nil
}

func imported(r grid.Reading) *grid.Energy { return r.Import }
func exported(r grid.Reading) *grid.Energy { return r.Export }

// countersAgree tells whether the counters moved the way that the power says. It is known
// when they moved more than once one way, and power flowed one way.
func countersAgree(readings []grid.Reading) (agree, known bool) {
	const leastSteps = 2
	in, inSteps := gained(readings, imported)
	out, outSteps := gained(readings, exported)
	var power grid.Power
	n := grid.Power(0)
	for _, r := range readings {
		if r.Power != nil {
			power, n = power+*r.Power, n+1
		}
	}
	if n == 0 || max(power, -power)/n < leastPower || in == out || max(inSteps, outSteps) < leastSteps {
		return false, false
	}
	return (in > out) == (power > 0), true
}

// gained returns by how much a register grew, and in how many steps.
func gained(readings []grid.Reading, of func(grid.Reading) *grid.Energy) (sum grid.Energy, steps int) {
	var last *grid.Energy
	for _, r := range readings {
		now := of(r)
		if now == nil {
			continue
		}
		if last != nil && *now > *last {
			sum += *now - *last
			steps++
		}
		last = now
	}
	return sum, steps
}

// Said returns warnings for people, a line each.
func Said(warnings []string) string {
	var text strings.Builder
	for _, w := range warnings {
		text.WriteString("look at this: " + w + "\n")
	}
	return text.String()
}
