package plan

import (
	"fmt"
	"math"
	"slices"
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

// phase is a time in which a device does one thing, by and large.
type phase struct {
	first, last grid.Interval
	energy      float64 // Wh
	price       float64 // mean, millionths/kWh
	grid        float64 // Wh of it that the meter imports or exports
}

// worth is what a phase moves in money, in millionths times Wh/kWh.
func (ph phase) worth() float64 { return ph.energy * math.Abs(ph.price) }

// greatest returns the phase that most money goes with; without any it has no energy.
func greatest(all []phase) (best phase) {
	for _, ph := range all {
		if ph.worth() > best.worth() || best.energy == 0 {
			best = ph
		}
	}
	return best
}

// phases returns the times with power of a sign in the coming hours that are worth telling, one
// after the other. What pauses for a short while is one.
func (p *Plan) phases(d *Device, sign float64) (all []phase) {
	const (
		told  = 50.0 // Wh that are worth telling
		pause = time.Hour
	)
	for _, ph := range p.unbroken(d, sign) {
		if ph.energy >= told {
			all = joined(all, ph, pause)
		}
	}
	return all
}

// unbroken returns the times with power of a sign in the coming hours, without a pause in one.
func (p *Plan) unbroken(d *Device, sign float64) (all []phase) {
	const (
		little = 50.0 // W that a device does by the way
		coming = 24 * time.Hour
	)
	for t := range d.Power {
		s := &p.Steps[t]
		power := d.Power[t] * sign
		if power < little || s.Interval.Begin().Sub(p.Steps[0].Interval.Begin()) >= coming {
			continue
		}
		price, e := s.Buy, power*s.Interval.Length().Hours()
		if sign > 0 && s.Net.Mean <= 0 || sign < 0 && s.Net.Mean < -1 {
			price = s.Sell
		}
		all = joined(all, phase{first: s.Interval, last: s.Interval, energy: e, price: price, grid: math.Min(e, math.Max(s.Net.Mean*sign, 0))}, 0)
	}
	return all
}

// joined puts a phase behind others; it goes on with the last of them where the pause between is
// not longer.
func joined(all []phase, ph phase, pause time.Duration) []phase {
	n := len(all)
	if n == 0 || ph.first.Begin().Sub(all[n-1].last.End()) > pause {
		return append(all, ph)
	}
	last := &all[n-1]
	e := last.energy + ph.energy
	*last = phase{first: last.first, last: ph.last, energy: e, price: (last.price*last.energy + ph.price*ph.energy) / e, grid: last.grid + ph.grid}
	return all
}

// why is the sentence on a device.
func (p *Plan) why(d *Device, w Words) string {
	clock := func(t time.Time) string { return t.In(w.Zone).Format("15:04") }
	taken := p.phases(d, 1)
	in := greatest(taken)
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
	in, out := stored(taken, p.phases(d, -1))
	switch {
	case in.energy == 0 && out.energy == 0:
		return fmt.Sprintf("%s rests: no hour is so much dearer than another that its losses would pay.", d.ID)
	case in.energy == 0:
		return fmt.Sprintf("%s gives %s from %s to %s%s.", d.ID, energy(out.energy), clock(out.first.Begin()), clock(out.last.End()), w.to(out))
	}
	s := fmt.Sprintf("%s stores %s from %s to %s%s", d.ID, energy(in.energy), clock(in.first.Begin()), clock(in.last.End()), w.from(in))
	if out.energy > 0 {
		s += fmt.Sprintf(" and gives it from %s%s", clock(out.first.Begin()), w.to(out))
	}
	return s + "."
}

// stored returns what matters most of what a battery takes and gives: a store with what it is
// for, or what is given of what is there already. What is not told has no energy.
func stored(taken, given []phase) (in, out phase) {
	in, out = greatest(taken), greatest(given)
	if out.worth() <= in.worth() {
		return in, greatest(slices.DeleteFunc(given, func(ph phase) bool { return ph.first.Start < in.last.Start }))
	}
	before := slices.DeleteFunc(taken, func(ph phase) bool { return ph.last.Start > out.first.Start || ph.energy < out.energy/2 })
	if len(before) == 0 {
		return phase{}, out
	}
	return before[len(before)-1], out
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
