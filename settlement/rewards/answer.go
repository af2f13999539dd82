package rewards

import (
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
)

// answers say what the challenges that run want of the batteries. They are safe for
// concurrent use.
type answers struct {
	*participants

	power   func(device string) (grid.Power, bool) // as Config.Power
	lead    time.Duration
	minutes int // length of the intervals

	mu    sync.Mutex // guards what follows; that of the participants is taken under it
	asked []chaincode.Challenge
	base  map[string]grid.Power // what a battery did when its challenge in asked began
}

// ask takes the challenges of an interval.
func (a *answers) ask(challenges []chaincode.Challenge) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked, a.base = challenges, map[string]grid.Power{}
}

// Setpoint returns what a challenge wants of a battery now; ok is false when nothing
// is, or what the battery does was not known when it began.
func (a *answers) Setpoint(device string, now time.Time) (p grid.Power, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, p, ok = a.answer(device, now)
	return p, ok
}

// Answering returns the challenge for which a battery is moved now.
func (a *answers) Answering(device string, now time.Time) (c chaincode.Challenge, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, _, ok = a.answer(device, now)
	return c, ok
}

// answer returns the challenge of a battery and what it wants of it now; mu is held.
func (a *answers) answer(device string, now time.Time) (c chaincode.Challenge, p grid.Power, ok bool) {
	at := slices.IndexFunc(a.asked, func(c chaincode.Challenge) bool { return a.device(c.Battery) == device })
	if at < 0 {
		return c, 0, false
	}
	c = a.asked[at]
	if c.Direction == "" {
		p, ok = discharge(c, now)
	} else {
		p, ok = a.change(device, c, now)
	}
	return c, p, ok
}

// change is what a challenge with a direction wants: what the battery did, changed by
// its power, no earlier than readings need to show it from the beginning of the
// window. A battery that has not so much power left changes the other way in the
// window after: the two differ by the same.
func (a *answers) change(device string, c chaincode.Challenge, now time.Time) (grid.Power, bool) {
	begins, ends := c.From.Add(-min(a.lead, c.From.Sub(c.Start))), c.Until
	base, known := a.base[device]
	if !known {
		if !now.After(begins) || !now.Before(ends) {
			return 0, false
		}
		if base, known = a.power(device); !known {
			return 0, false
		}
		a.base[device] = base
	}
	power := grid.Power(c.Power)
	if c.Direction == chaincode.Discharging {
		power = -power
	}
	if rated := a.rated(device); rated > 0 && max(base+power, -base-power) > rated {
		later := c.Until.Sub(c.Start)
		begins, ends, power = begins.Add(later), ends.Add(later), -power
	}
	return base + power, now.After(begins) && now.Before(ends)
}

// rated returns what a battery can give and take, 0 where that is not known.
func (a *answers) rated(device string) grid.Power {
	for _, b := range a.list() {
		if b.ID == device {
			return b.Rated
		}
	}
	return 0
}

// discharge is what a challenge without a direction wants: its power, and after it
// rest, so that the change is seen.
func discharge(c chaincode.Challenge, now time.Time) (grid.Power, bool) {
	const half = 2 // of the response time is left for the way back
	ends := c.Until.Add(min(c.From.Sub(c.Start)/half, chaincode.Sampling))
	switch {
	case now.Before(c.Start), !now.Before(c.Until.Add(c.Until.Sub(c.Start))):
		return 0, false
	case now.Before(ends):
		return -grid.Power(c.Power), true
	default:
		return 0, true
	}
}

// Challenged tells whether a battery is challenged in the interval of now.
func (a *answers) Challenged(device string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.asked, func(c chaincode.Challenge) bool {
		return a.device(c.Battery) == device && c.Interval == grid.IntervalAt(now, a.minutes).String()
	})
}
