// Package hold keeps a home to what it sold and bought: it says what the home's battery
// shall do through a delivery interval. It is pure; times are world time.
//
// # Model
//
// The home's connection meter shows rest + battery, where rest is what the home takes
// without its battery. Both are known of one moment only where the battery's power is
// known at the time of the meter's reading: by a reading of that time, or by readings
// before and after it that agree. Readings in which a setpoint may not have arrived
// everywhere yet are left out (Quiet): a meter that lags behind would show the old
// battery, and the loop would mend what is no error.
//
// Two loops lay out the setpoint. The slow one brings the energy of the interval to what
// was contracted. It reckons with the rest of the home as it was on average lately, and as
// it was last, and follows the smaller of both powers: the one that discharges less for
// what was sold, and charges less for what was bought. So a kettle that goes off again
// leaves nothing to take back. The fast loop keeps the meter from running the wrong way: a
// home that sold never imports to mend that it gave too much, and one that bought never
// exports to mend that it took too little, for both directions of a meter are billed.
// What is delivered already is not taken back: then the battery goes back to its own
// logic, as it does in a home that promised nothing.
//
// Where the meter was not read for longer than it may lag, what flowed since is estimated,
// by the mean of the rest and the setpoint, and counts as metered.
//
// A setpoint is changed only by more than the dead band, only after the last change was
// seen or should have been, only on a moment that came after it, and by no more than the
// ramp at once. Where the device is slower than the loop, the loop waits.
//
// Power is in W, + imports and charges; energy in Wh.
package hold

import (
	"math"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

const (
	// Quiet is how long after a change of the setpoint meter and battery are given to
	// show it: meters lag by up to ten seconds.
	Quiet = 12 * time.Second
	// lag is by how much meters lag at most.
	lag = 10 * time.Second
	// Together is how far apart readings may be that count as of one moment while
	// nothing was changed.
	Together = 2 * time.Second
	// horizon bounds the power that mends a deviation shortly before the end.
	horizon = 90 * time.Second
	// memory is the time constant of the mean of the rest.
	memory = 2 * time.Minute
	// stale is how old a moment may be to decide by.
	stale = 3 * time.Minute

	leastBand grid.Power = 100
	bandShare            = 40 // of the rating
	leastRamp grid.Power = 1000

	// Of a home without a plan: a battery that holds less gives nothing to keep a promise,
	// for the home will need it at retail; one that holds more is not charged with what was
	// bought and is not needed, for it would take the place of the home's own sun.
	reserve, room grid.PerMille = 200, 500
)

// Holder holds one home. Use New. It is not safe for concurrent use.
type Holder struct {
	rated grid.Power // of the battery; 0: not known

	gauge

	battery   []reading // the last ones, by time
	charge    *grid.PerMille
	now, mean grid.Power  // of the rest: at the last moment, and lately
	moment    time.Time   // of them; zero: none is known
	told      *grid.Power // nil: the battery follows its own logic
	changed   time.Time   // when that was decided
	seen      bool        // the battery shows it
	shown     time.Time   // when it did for the first time
	decided   time.Time   // the moment by which it was decided
	able      [2]able     // the last time that it did less than it was told, discharging and charging
	turns     turns
	levels    levels
}

// New returns a holder for a home whose battery is rated so, 0 if that is not known.
func New(rated grid.Power) *Holder { return &Holder{rated: rated} }

// Meter takes a reading of the connection meter. Late and incomplete ones count for
// nothing.
func (h *Holder) Meter(r grid.Reading) {
	if !h.take(r) {
		return
	}
	h.look()
}

// Battery takes a reading of the battery.
func (h *Holder) Battery(r grid.Reading) {
	if r.Power == nil || len(h.battery) > 0 && !r.Time.After(h.battery[len(h.battery)-1].Time) {
		return
	}
	h.battery = keep(h.battery, reading{grid.Registers{Time: r.Time}, *r.Power})
	if r.Charge != nil {
		h.charge = r.Charge
	}
	h.falls(*r.Power, r.Time)
	if h.told != nil && r.Time.After(h.changed) && size(*r.Power-*h.told) <= h.band() {
		if !h.seen {
			h.turns.answered(r.Time.Sub(h.changed))
			h.shown = r.Time
		}
		h.seen = true
	}
	h.look()
}

// able is what a battery did at most when it was told more.
type able struct {
	power grid.Power
	at    time.Time
}

// falls notes a battery that long does less than it is told: it is full, or empty, or cold.
func (h *Holder) falls(p grid.Power, t time.Time) {
	const long = 2 // times Quiet
	if h.told == nil || t.Sub(h.changed) < long*Quiet {
		return
	}
	if size(p) < size(*h.told)-h.band() && (p == 0 || (p > 0) == (*h.told > 0)) {
		h.able[way(*h.told)] = able{p, t}
	}
}

// way is 1 for charging and 0 for discharging.
func way(p grid.Power) int {
	if p > 0 {
		return 1
	}
	return 0
}

// Told takes note of a setpoint that somebody else has for the battery, such as a storage
// challenge; the next Step goes on from there.
func (h *Holder) Told(p grid.Power, now time.Time) { h.tell(&p, now) }

// Follow is Step for a battery of which somebody else may ask for a power, such as a storage
// challenge: that goes first; asked is nil where nobody does.
func (h *Holder) Follow(now time.Time, asked *grid.Power, i grid.Interval, contracted grid.Energy, traded bool) (setpoint grid.Power, ok bool) {
	if asked != nil {
		h.Told(*asked, now)
		return *asked, true
	}
	return h.Step(now, i, contracted, traded)
}

// Limits are what a home's battery and its connection carry.
type Limits struct {
	Rated          grid.Power  // 0: not known
	Capacity       grid.Energy // 0: not known
	Import, Export *grid.Power // nil: not limited
}

// Bounds returns between which powers the battery may be set, so that it keeps to its rating
// and the connection to its limits.
func (h *Holder) Bounds(l Limits, now time.Time) (least, most grid.Power) {
	if l.Rated == 0 {
		l.Rated = math.MaxInt32 // the device keeps to its own rating
	}
	least, most = -l.Rated, l.Rated
	rest, known := h.Rest(now)
	if !known {
		return least, most
	}
	if l.Import != nil {
		most = max(min(most, *l.Import-rest), least)
	}
	if l.Export != nil {
		least = min(max(least, -*l.Export-rest), most)
	}
	return least, most
}

// Rest returns what the home takes without its battery, where that is known.
func (h *Holder) Rest(now time.Time) (p grid.Power, known bool) {
	return h.now, !h.moment.IsZero() && now.Sub(h.moment) <= stale
}

// Moment returns what the home takes without its battery, and when that was last known.
func (h *Holder) Moment() (rest grid.Power, at time.Time, known bool) {
	return h.now, h.moment, !h.moment.IsZero()
}

// Charge returns the battery's last state of charge.
func (h *Holder) Charge() (c grid.PerMille, known bool) {
	if h.charge == nil {
		return 0, false
	}
	return *h.charge, true
}

// Power returns the battery's last power.
func (h *Holder) Power() (p grid.Power, known bool) {
	if len(h.battery) == 0 {
		return 0, false
	}
	return h.battery[len(h.battery)-1].power, true
}

// look finds moments at which the rest of the home is known.
func (h *Holder) look() {
	for _, m := range h.meter {
		if !m.Time.After(h.moment) || h.quiet(m.Time) {
			continue
		}
		battery, known := h.at(m.Time)
		if !known {
			continue
		}
		rest := m.power - battery
		if h.moment.IsZero() || m.Time.Sub(h.moment) > stale {
			h.mean = rest
		} else {
			weight := float64(m.Time.Sub(h.moment)) / float64(memory)
			h.mean += grid.Power(float64(rest-h.mean) * min(weight, 1))
		}
		h.now, h.moment = rest, m.Time
	}
}

// quiet tells whether a setpoint may not have arrived everywhere yet at a time: the meter
// lags behind the battery that shows it. Where devices are read rarely, nobody knows when the
// battery began to follow.
func (h *Holder) quiet(t time.Time) bool {
	const longest = 2 // times Quiet
	after := t.Sub(h.changed)
	return after > 0 && (after < Quiet || after < longest*Quiet && h.seen && t.Sub(h.shown) < lag)
}

// at returns the battery's power at a time, where it is known.
func (h *Holder) at(t time.Time) (grid.Power, bool) {
	for k, before := range slices.Backward(h.battery) {
		switch {
		case before.Time.After(t):
			continue
		case before.Time.Equal(t):
			return before.power, true
		case k+1 < len(h.battery): // between two readings
			after := h.battery[k+1]
			alike := size(after.power-before.power) <= h.band()
			return before.power, alike || after.Time.Sub(before.Time) <= Together
		default: // not known yet, unless it was told to stay
			steady := h.told != nil && h.seen && !h.changed.After(before.Time)
			return before.power, steady || t.Sub(before.Time) <= Together
		}
	}
	return 0, false
}

func (h *Holder) band() grid.Power { return max(leastBand, h.rated/bandShare) }

func size(p grid.Power) grid.Power { return max(p, -p) }

// Step says what the battery shall do now, in a delivery interval for which the home
// bought contracted (less what it sold); ok is false where it shall follow its own
// logic. traded is false where the home promised nothing.
func (h *Holder) Step(now time.Time, i grid.Interval, contracted grid.Energy, traded bool) (setpoint grid.Power, ok bool) {
	h.open(i)
	if !traded || contracted == 0 || h.begin == nil || h.moment.IsZero() || now.Sub(h.moment) > stale {
		h.tell(nil, now)
		return 0, false
	}
	if h.told != nil && !h.may(now) {
		return *h.told, true
	}
	want, worth := h.want(now, contracted, usualLevels())
	if !worth {
		h.tell(nil, now)
		return 0, false
	}
	return h.move(want, now), true
}

// move tells the battery a power, or leaves it where it is told to be already: by no more
// than the ramp, and by more than the dead band.
func (h *Holder) move(want grid.Power, now time.Time) grid.Power {
	if h.told != nil {
		if size(want-*h.told) <= h.band() {
			return *h.told
		}
		ramp := max(leastRamp, h.rated/2) //nolint:mnd // half
		want = min(max(want, *h.told-ramp), *h.told+ramp)
	}
	want = h.turns.turn(want, now)
	h.tell(&want, now)
	return want
}

// may tells whether a change can be decided: the last one was seen, or should have been,
// and the home is known as it is after it.
func (h *Holder) may(now time.Time) bool {
	const patience = 4 // times Quiet, for a device that does not follow
	waited := now.Sub(h.changed)
	return waited >= Quiet && (h.seen || waited >= patience*Quiet) && h.moment.After(h.decided)
}

func (h *Holder) tell(p *grid.Power, now time.Time) {
	if p == nil && h.told == nil {
		return
	}
	if p == nil || h.told == nil || *p != *h.told {
		h.changed, h.seen = now, false
	}
	h.told, h.decided = p, h.moment
}

// want returns the power that keeps the promise; worth is false where the battery's own
// logic does better.
func (h *Holder) want(now time.Time, contracted grid.Energy, l Levels) (p grid.Power, worth bool) {
	left := max(h.interval.End().Sub(now), horizon)
	goal := grid.Power((float64(contracted) - h.metered() - h.unread(now)) / left.Hours()) // at the meter
	if contracted > 0 == (goal <= 0) {
		return 0, false // all of it is delivered
	}
	if contracted < 0 {
		p = min(goal-min(h.mean, h.now), -h.now) // not importing
		if h.charge != nil && *h.charge < l.Give {
			p = max(p, min(-h.now, 0))
		}
	} else {
		p = max(goal-max(h.mean, h.now), -h.now) // not exporting
		if h.charge != nil && *h.charge > l.Take {
			p = min(p, max(-h.now, 0))
		}
	}
	return h.within(p), true
}

// within keeps a power to the rating.
func (h *Holder) within(p grid.Power) grid.Power {
	if h.rated > 0 {
		p = min(max(p, -h.rated), h.rated)
	}
	return p
}

// unread estimates the energy since the meter's last reading, in Wh, where that is longer
// ago than a meter may lag: without it each setpoint would give again what the one before
// gave meanwhile.
func (h *Holder) unread(now time.Time) float64 {
	age := now.Sub(h.meter[len(h.meter)-1].Time)
	if h.told == nil || age <= Quiet {
		return 0
	}
	return float64(h.mean+*h.told) * age.Hours()
}
