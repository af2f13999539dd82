package rewards

import (
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
)

// Setpoint returns what a challenge wants of a battery now; ok is false when nothing
// is, or what the battery does was not known when it began.
func (r *Runner) Setpoint(device string, now time.Time) (p grid.Power, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, p, ok = r.answer(device, now)
	return p, ok
}

// Answering returns the challenge for which a battery is moved now.
func (r *Runner) Answering(device string, now time.Time) (c chaincode.Challenge, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, _, ok = r.answer(device, now)
	return c, ok
}

// answer returns the challenge of a battery and what it wants of it now; mu is held.
func (r *Runner) answer(device string, now time.Time) (c chaincode.Challenge, p grid.Power, ok bool) {
	at := slices.IndexFunc(r.asked, func(c chaincode.Challenge) bool { return r.names[c.Battery] == device })
	if at < 0 {
		return c, 0, false
	}
	c = r.asked[at]
	if c.Direction == "" {
		p, ok = discharge(c, now)
	} else {
		p, ok = r.change(device, c, now)
	}
	return c, p, ok
}

// change is what a challenge with a direction wants: what the battery did, changed by
// its power, no earlier than readings need to show it from the beginning of the
// window. A battery that has not so much power left changes the other way in the
// window after: the two differ by the same.
func (r *Runner) change(device string, c chaincode.Challenge, now time.Time) (grid.Power, bool) {
	begins, ends := c.From.Add(-min(r.Lead, c.From.Sub(c.Start))), c.Until
	base, known := r.base[device]
	if !known {
		if !now.After(begins) || !now.Before(ends) {
			return 0, false
		}
		if base, known = r.Power(device); !known {
			return 0, false
		}
		r.base[device] = base
	}
	power := grid.Power(c.Power)
	if c.Direction == chaincode.Discharging {
		power = -power
	}
	if rated := r.rated(device); rated > 0 && max(base+power, -base-power) > rated {
		later := c.Until.Sub(c.Start)
		begins, ends, power = begins.Add(later), ends.Add(later), -power
	}
	return base + power, now.After(begins) && now.Before(ends)
}

func (r *Runner) rated(device string) grid.Power {
	at := slices.IndexFunc(r.Batteries, func(b Battery) bool { return b.ID == device })
	return r.Batteries[at].Rated
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
func (r *Runner) Challenged(device string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.asked, func(c chaincode.Challenge) bool {
		return r.names[c.Battery] == device && c.Interval == grid.IntervalAt(now, r.Programme.Minutes).String()
	})
}
