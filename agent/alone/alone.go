// Package alone estimates what a home's connection meter would have shown if nobody had
// moved its devices: it lets each car charge at once with all that its charger gives, until it
// has what it needed when it came, and a battery of the same size cover the measured balance
// of the rest of the home, as the battery's own logic does, and sums up what that leaves. It
// is pure; times are world time.
//
// The estimate errs where the devices' own logic is another, and by what flows between
// the moments at which the rest of the home is known. Of a car whose charge nobody knows it
// cannot be told when it would have been full: what it took counts as it was metered.
package alone

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

const (
	// oneWay is the assumed efficiency of charging and of discharging; both ways 90 %.
	oneWay = 0.9487
	// longest is the time between two moments beyond which what was between them is not
	// known.
	longest = 5 * time.Minute
	// enough is the part of an interval that must be known, in per mille.
	enough = 900
	// remembered is how many intervals are kept.
	remembered = 200
)

// Home is a home's battery on its own. Use New. It is not safe for concurrent use.
type Home struct {
	capacity, held float64 // Wh
	rated          float64 // W
	last           time.Time
	rest           float64 // W, at last
	cars           []car
	flows          map[grid.Interval]*flow
	minutes        int
}

// Car is a charger of the home and the car at it, where its need is known.
type Car struct {
	Rated  grid.Power  // that the charger gives
	Taking grid.Power  // now
	Here   bool        // a car is plugged in
	Needs  grid.Energy // until it is full
}

// car is one that charges on its own.
type car struct {
	here  bool
	rated float64 // W
	left  float64 // Wh
}

type flow struct {
	imported, exported float64 // Wh
	known              time.Duration
}

// New returns a home whose battery holds its charge of its capacity now, and is rated so;
// intervals have so many minutes.
func New(capacity grid.Energy, rated grid.Power, charge grid.PerMille, minutes int) *Home {
	h := &Home{flows: map[grid.Interval]*flow{}, minutes: minutes}
	h.Own(capacity, rated, charge)
	return h
}

// Own has the home have another battery from now on, which holds its charge of its capacity, and is rated
// so; one without capacity is none.
func (h *Home) Own(capacity grid.Energy, rated grid.Power, charge grid.PerMille) {
	const all = 1000
	h.capacity, h.held, h.rated = float64(capacity), float64(capacity)*float64(charge)/all, float64(rated)
}

// Rewire says that the chargers are others from now on.
func (h *Home) Rewire() { h.cars = nil }

// See takes what the home takes without its battery at a time, W, and its cars, always in the
// same order.
func (h *Home) See(t time.Time, rest grid.Power, cars ...Car) {
	from, before := h.last, h.rest
	if !t.After(from) && !from.IsZero() {
		return
	}
	for _, c := range cars {
		rest -= c.Taking
	}
	defer h.plug(cars) // who came now took nothing before
	h.last, h.rest = t, float64(rest)
	if from.IsZero() || t.Sub(from) > longest {
		return
	}
	for from.Before(t) {
		i := grid.IntervalAt(from, h.minutes)
		until := t
		if i.End().Before(until) {
			until = i.End()
		}
		h.step(i, until.Sub(from), (before+float64(rest))/2) //nolint:mnd // the mean
		from = until
	}
}

// plug notes which cars came and went.
func (h *Home) plug(cars []Car) {
	h.cars = append(h.cars, make([]car, max(len(cars)-len(h.cars), 0))...)
	for k, c := range cars {
		at := &h.cars[k]
		switch at.rated = float64(c.Rated); {
		case !c.Here:
			at.left = 0
		case !at.here:
			at.left = float64(c.Needs)
		}
		at.here = c.Here
	}
}

// step lets the cars charge and the battery cover the rest for a while.
func (h *Home) step(i grid.Interval, d time.Duration, rest float64) {
	for k := range h.cars {
		c := &h.cars[k]
		took := min(c.rated*d.Hours(), c.left)
		c.left -= took
		rest += took / d.Hours()
	}
	battery := min(max(-rest, -h.rated), h.rated)
	if battery > 0 {
		battery = min(battery, (h.capacity-h.held)/oneWay/d.Hours())
		h.held += battery * oneWay * d.Hours()
	} else {
		battery = max(battery, -h.held*oneWay/d.Hours())
		h.held += battery / oneWay * d.Hours()
	}
	f := h.flows[i]
	if f == nil {
		f = &flow{}
		h.flows[i] = f
		for old := range h.flows {
			if old.Compare(i.Shift(-remembered)) < 0 {
				delete(h.flows, old)
			}
		}
	}
	meter := rest + battery
	f.imported += max(meter, 0) * d.Hours()
	f.exported += max(-meter, 0) * d.Hours()
	f.known += d
}

// Flow returns what the meter would have shown of an interval; known is false where too
// little of it was seen.
func (h *Home) Flow(i grid.Interval) (f grid.Flow, known bool) {
	got := h.flows[i]
	const all = 1000
	if got == nil || got.known < i.Length()*enough/all {
		return f, false
	}
	whole := float64(i.Length()) / float64(got.known)
	return grid.Flow{Import: grid.Energy(got.imported*whole + 0.5), Export: grid.Energy(got.exported*whole + 0.5)}, true
}
