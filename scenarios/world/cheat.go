package world

import (
	"fmt"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
)

// A Cheat is a way in which a battery's owner tries to be paid for nothing. The
// battery behind each stands still; what its registers show is made up.
type Cheat string

// The cheats.
const (
	ClaimsCapacity  Cheat = "claims-capacity"  // shows a full battery ten times its size, and delivers nothing
	ReplaysReadings Cheat = "replays-readings" // shows the same quarter of an hour of delivering, again and again
	FakesDelivery   Cheat = "fakes-delivery"   // its own counters show what was asked for, given or taken
)

// Cheats returns all of them.
func Cheats() []Cheat { return []Cheat{ClaimsCapacity, ReplaysReadings, FakesDelivery} }

// ParseCheat reads a cheat's name.
func ParseCheat(s string) (Cheat, error) {
	if c := Cheat(s); slices.Contains(Cheats(), c) {
		return c, nil
	}
	return "", fmt.Errorf("%q is not one of %v", s, Cheats())
}

// Cheater makes up what a battery shows.
type Cheater struct {
	Cheat Cheat
	Asked *Setpoint // what the battery was asked for last

	time           int64 // of the last Show
	charged, given int64 // claimed, W·s
}

// Claimed returns the battery that a cheat says it has.
func (c Cheat) Claimed(s Storage) Storage {
	if c == ClaimsCapacity {
		return Storage{Capacity: s.Capacity * exaggeration, Power: s.Power * exaggeration}
	}
	return s
}

// Idle is the setpoint of the battery behind a cheat, for ever.
func Idle() *Setpoint { return &Setpoint{} }

const (
	exaggeration = 10
	replayed     = 15 * 60 // s
	full         = 1000    // ‰
)

// Show returns the battery's state as its registers show it at a time, and the
// capacity that they claim. Times do not run backwards.
func (c *Cheater) Show(h HomeState, spec Home, now int64) (HomeState, grid.Energy, grid.PerMille) {
	passed := now - c.time
	if c.time == 0 {
		passed = 0
	}
	c.time = now
	switch c.Cheat {
	case ClaimsCapacity:
	case ReplaysReadings:
		h.Battery = -spec.Battery.Power
		h.Discharged += int64(spec.Battery.Power) * (now % replayed)
	case FakesDelivery:
		if c.Asked = c.Asked.alive(now); c.Asked != nil {
			h.Battery = c.Asked.Power
			c.charged += int64(max(c.Asked.Power, 0)) * passed
			c.given += int64(max(-c.Asked.Power, 0)) * passed
		}
		h.Charged += c.charged
		h.Discharged += c.given
	}
	return h, c.Cheat.Claimed(spec.Battery).Capacity, full
}
