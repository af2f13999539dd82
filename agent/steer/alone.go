package steer

import (
	"log/slog"

	"github.com/commonwatt/commonwatt/agent/alone"
	"github.com/commonwatt/commonwatt/grid"
)

// leave begins to estimate what the home would do on its own, when one of its devices is
// moved for the first time, or for the first time since it has another battery. h.of.mu is held.
func (h *home) leave() {
	if h.moved || h.of.Known != nil {
		return
	}
	h.moved = true
	var capacity grid.Energy
	var most grid.Power
	for _, u := range h.bank {
		if u.Most == 0 || u.Size == 0 {
			h.alone = nil
			return // its size is not known: the metered energy alone is compared
		}
		capacity, most = capacity+u.Size, most+u.Most
	}
	var charge grid.PerMille
	if h.holder != nil {
		var known bool
		if charge, known = h.holder.Charge(); !known {
			h.alone = nil
			return
		}
	}
	if h.alone != nil {
		h.alone.Own(capacity, most, charge)
		return
	}
	h.alone = alone.New(capacity, most, charge, h.of.Minutes)
	h.of.Log.Info("a device is moved for the first time: from now on it is estimated what its home would have done alone", slog.String("metering_point", h.Meter.MeteringPoint))
}

// estimate lets the home go on as it would alone. h.of.mu is held.
func (h *home) estimate() {
	if h.alone == nil {
		return
	}
	if h.holder != nil {
		if rest, at, known := h.holder.Moment(); known {
			h.alone.See(at, rest, h.cars()...)
		}
	} else if h.shown.Power != nil {
		h.alone.See(h.shown.Time, *h.shown.Power, h.cars()...)
	}
}

// cars are those at the chargers that may be moved, and whose need is known. A charge that is reckoned is no evidence:
// what such a car took counts as it was metered.
func (h *home) cars() (all []alone.Car) {
	const full = 1000
	for _, o := range h.others {
		if o.Kind != grid.Charger || o.Size == 0 {
			continue
		}
		c := alone.Car{Rated: o.Made.Most}
		if o.shown.Charge != nil && o.shown.Power != nil && !o.Profile.Reckons(o.Kind) {
			c.Taking, c.Here = *o.shown.Power, true
			c.Needs = o.Size * grid.Energy(full-*o.shown.Charge) / full
		}
		all = append(all, c)
	}
	return all
}
