package hold

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Made says what a device that is not a battery, such as a charger, a heat pump or a heating
// rod, can be told.
type Made struct {
	Least grid.Power    // at which it runs at all; below it is paused
	Most  grid.Power    // 0: not known
	On    time.Duration // for which it stays on, once it was let run
	Off   time.Duration // for which it stays off, once it was paused
}

// UsualOn and UsualOff spare contactors, compressors and cars where nothing else is known.
const (
	UsualOn  = 5 * time.Minute
	UsualOff = 5 * time.Minute
)

// Throttle holds a device to what a plan wants of it. Use NewThrottle. It is not safe for
// concurrent use.
type Throttle struct {
	Made

	power  *grid.Power // that it is told; nil: nothing
	since  time.Time   // when it was let run or paused
	taking *grid.Power // by its last reading
	heard  time.Time
}

// NewThrottle returns a throttle for a device that is made so and follows its own logic.
func NewThrottle(m Made) *Throttle { return &Throttle{Made: m} }

// See takes a reading of the device.
func (t *Throttle) See(r grid.Reading) {
	if r.Power != nil && !r.Time.Before(t.heard) {
		t.taking, t.heard = r.Power, r.Time
	}
}

// Taking returns what the device takes, where that is known.
func (t *Throttle) Taking(now time.Time) (p grid.Power, known bool) {
	if t.taking == nil || now.Sub(t.heard) > stale {
		return 0, false
	}
	return *t.taking, true
}

// Step says what the device shall take at most; held is false where it shall follow its own
// logic, as it does without a plan: want is nil then. room is what the home's connection
// leaves it; it goes before times and plan.
func (t *Throttle) Step(now time.Time, want *grid.Power, room grid.Power) (p grid.Power, held bool) {
	if want == nil && (t.power == nil || *t.power > 0) {
		if p, taking := t.Taking(now); !taking || p <= room {
			t.power = nil
			return 0, false
		}
		want = &room // on its own logic it takes more than the connection carries
	}
	if want == nil { // it was paused by a plan that is gone
		t.power = nil
		return 0, false
	}
	p = max(*want, 0)
	if t.Most > 0 {
		p = min(p, t.Most)
	}
	runs := p >= max(t.Least, 1)
	if t.power != nil {
		switch was := *t.power > 0; {
		case was && !runs && now.Sub(t.since) < t.On:
			p, runs = t.Least, true
		case !was && runs && now.Sub(t.since) < t.Off:
			runs = false
		}
	}
	if p > room {
		p = room
		runs = runs && p >= max(t.Least, 1)
	}
	if !runs {
		p = 0
	}
	return t.tell(p, now), true
}

// tell keeps to what was told where that is as good.
func (t *Throttle) tell(p grid.Power, now time.Time) grid.Power {
	if t.power != nil && *t.power > 0 && p > 0 && size(p-*t.power) < leastBand && p > *t.power {
		return *t.power
	}
	if t.power == nil || (*t.power > 0) != (p > 0) {
		t.since = now
	}
	t.power = &p
	return p
}

// Room returns what a home's connection leaves a device that takes so much now: the limit of
// its import less what else the meter counts.
func Room(limit *grid.Power, meter, device grid.Power) grid.Power {
	const all = 1 << 31
	if limit == nil {
		return all
	}
	return max(*limit-(meter-device), 0)
}
