package plan

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// String says what cannot be met, without a time zone.
func (u Unmet) String() string { return u.In(time.UTC) }

// In says what cannot be met, with times of a zone.
func (u Unmet) In(zone *time.Location) string {
	at := u.At.Begin().In(zone).Format("15:04")
	if u.Kind == Vehicle {
		return fmt.Sprintf("%s will have %.0f %% by %s, not %.0f %%: %s for %s is all there is.", u.Device, u.Get/10, at, u.Want/10, watts(float64(u.Power)), span(u.Hours))
	}
	if u.Kind == Warmth {
		return fmt.Sprintf("%s will be too cold at %s: %s is all there is.", u.Device, at, watts(float64(u.Power)))
	}
	return fmt.Sprintf("%s cannot be ready in time: it takes %s and would begin at %s.", u.Device, span(u.Hours), at)
}

func watts(w float64) string {
	const kilo = 1000
	if w < kilo {
		return fmt.Sprintf("%.0f W", w)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", w/kilo), ".0") + " kW"
}

func span(hours float64) string {
	const minutes = 60
	if hours < 1 {
		return fmt.Sprintf("%.0f min", hours*minutes)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", hours), ".0") + " h"
}

// Words are what sentences are made with.
type Words struct {
	Zone     *time.Location // by whose clocks times are said
	Currency string         // ISO 4217 code of the prices
}

// Why says in one sentence what the plan does next and why; what cannot be met is said first.
func (p *Planner) Why(w Words) string {
	var parts []string
	for k := range p.plan.Unmet {
		parts = append(parts, p.plan.Unmet[k].In(w.Zone))
	}
	for k := range p.plan.Devices {
		if d := &p.plan.Devices[k]; d.Kind != Warmth {
			if s := p.plan.why(d, w); s != "" {
				parts = append(parts, s)
			}
		}
	}
	if len(parts) == 0 {
		return "Nothing can be moved: the home takes what it needs."
	}
	return strings.Join(parts, " ")
}

// phase is a time in which a device does one thing.
type phase struct {
	first, last grid.Interval
	energy      float64 // Wh
	price       float64 // mean, millionths/kWh
	grid        float64 // Wh of it that the meter imports or exports
}

// next returns the first phase of a device with power of a sign from a step on that is worth
// telling.
func (p *Plan) next(d *Device, from int, sign float64) (ph phase, end int) {
	const told = 50.0 // Wh
	for end = from; end < len(d.Power); {
		if ph, end = p.phase(d, end, sign); ph.energy >= told {
			return ph, end
		}
	}
	return phase{}, end
}

// phase returns the first phase of a device with power of a sign from a step on.
func (p *Plan) phase(d *Device, from int, sign float64) (ph phase, end int) {
	const little = 50.0 // W
	begun := false
	for t := from; t < len(d.Power); t++ {
		power := d.Power[t] * sign
		if power < little {
			if begun {
				return ph, t
			}
			continue
		}
		s := &p.Steps[t]
		e := power * s.Interval.Length().Hours()
		if !begun {
			ph.first, begun = s.Interval, true
		}
		price := s.Buy
		if sign > 0 && s.Net.Mean <= 0 || sign < 0 && s.Net.Mean < -1 {
			price = s.Sell
		}
		ph.grid += math.Min(e, math.Max(s.Net.Mean*sign, 0))
		ph.price = (ph.price*ph.energy + price*e) / (ph.energy + e)
		ph.last, ph.energy = s.Interval, ph.energy+e
	}
	return ph, len(d.Power)
}

// why is the sentence on a device.
func (p *Plan) why(d *Device, w Words) string {
	clock := func(t time.Time) string { return t.In(w.Zone).Format("15:04") }
	in, end := p.next(d, 0, 1)
	if d.Kind == Waiting {
		if in.energy == 0 {
			return ""
		}
		return fmt.Sprintf("%s runs from %s, when its energy costs least.", d.ID, clock(in.first.Begin()))
	}
	if d.Kind == Vehicle {
		if in.energy == 0 {
			return fmt.Sprintf("%s has what it needs.", d.ID)
		}
		return fmt.Sprintf("%s charges %s from %s to %s%s.", d.ID, energy(in.energy), clock(in.first.Begin()), clock(in.last.End()), w.from(in))
	}
	out, _ := p.next(d, 0, -1)
	switch {
	case in.energy == 0 && out.energy == 0:
		return fmt.Sprintf("%s rests: no hour is so much dearer than another that its losses would pay.", d.ID)
	case in.energy == 0 || out.energy > 0 && out.first.Start < in.first.Start:
		return fmt.Sprintf("%s gives %s from %s to %s%s.", d.ID, energy(out.energy), clock(out.first.Begin()), clock(out.last.End()), w.to(out))
	}
	after, _ := p.next(d, end, -1)
	s := fmt.Sprintf("%s stores %s from %s to %s%s", d.ID, energy(in.energy), clock(in.first.Begin()), clock(in.last.End()), w.from(in))
	if after.energy > 0 {
		s += fmt.Sprintf(" and gives it from %s%s", clock(after.first.Begin()), w.to(after))
	}
	return s + "."
}

func energy(wh float64) string {
	const kilo = 1000
	return fmt.Sprintf("%.1f kWh", wh/kilo)
}

// price says what a kWh costs, in hundredths of the currency where people say prices in them.
func (w Words) price(millionths float64) string {
	const hundredth, unit = 1e4, 1e6
	if minor := grid.Hundredth(w.Currency); minor != "" {
		return fmt.Sprintf("%.2f %s", millionths/hundredth, minor)
	}
	return fmt.Sprintf("%.2f %s", millionths/unit, w.Currency)
}

// from says where energy comes from.
func (w Words) from(ph phase) string {
	if ph.grid > ph.energy/2 { //nolint:mnd // most of it
		return ", when a kWh costs " + w.price(ph.price)
	}
	return " from the home's own surplus"
}

// to says where energy goes.
func (w Words) to(ph phase) string {
	if ph.grid > ph.energy/2 { //nolint:mnd // most of it
		return ", when a kWh brings " + w.price(ph.price)
	}
	return ", when a kWh would cost " + w.price(ph.price)
}
