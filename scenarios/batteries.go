package scenarios

import (
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// held are the homes' batteries and other devices, held to what the homes traded and plan as
// in a community at work.
type held struct {
	meters    []*recorded
	street    *hold.Street
	batteries []*battery // in the order of the street's homes
	others    []*other

	interval grid.Interval // of which the wishes tell
	wishes   []hold.Wish
}

// battery is that of a home.
type battery struct {
	*recorded

	meter   *recorded
	holder  *hold.Holder
	limits  hold.Limits
	asked   *grid.Power     // what a challenge asks for, nil when none does
	written *world.Setpoint // at the last look; the battery follows from the next one on
}

// other is a charger, a heat pump, a heating rod or an appliance.
type other struct {
	*recorded

	throttle *hold.Throttle
	limit    grid.Power  // of the connection's import
	written  *grid.Power // as a battery's
}

// newHeld returns what is held of the homes.
func newHeld(r *recorder) *held {
	h := &held{street: hold.NewStreet()}
	batteries := map[int]*battery{} // by home
	for k := range r.devices {
		d := &r.devices[k]
		imports, exports := d.spec.Connection()
		switch d.Kind {
		case grid.Meter:
			h.meters = append(h.meters, d)
		case grid.Battery:
			of := d.claimed()
			b := &battery{recorded: d, holder: hold.New(of.Power)}
			b.limits = hold.Limits{Rated: of.Power, Capacity: of.Capacity, Import: &imports, Export: &exports}
			batteries[d.home] = b
		case grid.Charger, grid.HeatPump, grid.HeatingRod:
			of := r.rating(d.ID)
			made := hold.Made{Least: of.Least, Most: of.Power, On: hold.UsualOn, Off: hold.UsualOff}
			h.others = append(h.others, &other{recorded: d, throttle: hold.NewThrottle(made), limit: imports})
		case grid.Appliance:
			h.others = append(h.others, &other{recorded: d, throttle: hold.NewThrottle(r.rating(d.ID).Started()), limit: imports})
		case grid.Inverter:
		}
	}
	for _, m := range h.meters {
		b := batteries[m.home]
		if b == nil {
			h.street.Join(m.MeteringPoint, nil, hold.Limits{})
			continue
		}
		b.meter = m
		h.batteries = append(h.batteries, b)
		h.street.Join(m.MeteringPoint, b.holder, b.limits)
	}
	h.wishes = make([]hold.Wish, len(h.batteries))
	return h
}

// claimed is a battery as its owner says it is.
func (d *recorded) claimed() world.Storage {
	if d.cheat != nil {
		return d.cheat.Cheat.Claimed(d.spec.Battery)
	}
	return d.spec.Battery
}

// hold reads the meters, the batteries and the other devices, and sets each battery to what a
// challenge asks for, or else so that its home keeps what it traded and its plan is followed.
func (r *replay) hold(now time.Time) {
	h := r.held
	for _, b := range h.batteries {
		b.set(r.world, b.written)
	}
	for _, o := range h.others {
		o.set(r.world)
	}
	for _, m := range h.meters {
		home := r.world.Home(m.home)
		h.street.Meter(m.MeteringPoint, m.show(&home, now))
	}
	for _, b := range h.batteries {
		home := r.world.Home(b.home)
		b.holder.Battery(b.show(&home, now))
	}
	i := grid.IntervalAt(now, r.result.Scenario.Interval)
	r.wish(i)
	for k, told := range h.street.Step(now, i, h.wishes) {
		b := h.batteries[k]
		if b.written = nil; told.Held {
			least, most := b.holder.Bounds(b.limits, now)
			b.written = &world.Setpoint{Power: min(max(told.Power, least), most)}
		}
	}
	for _, o := range h.others {
		r.throttle(o, i, now)
	}
}

// wish finds what is wanted of the batteries. The gate of an interval closed before it began.
func (r *replay) wish(i grid.Interval) {
	h := r.held
	for k, b := range h.batteries {
		w := &h.wishes[k]
		if w.Asked = b.asked; i != h.interval {
			w.Contracted, w.Traded = r.market.Position(i, b.MeteringPoint)
		}
		w.Intent = r.intent(b.MeteringPoint, i)
	}
	h.interval = i
}

// intent returns what the plan of a home wants, nil where there is none, and in intervals before
// the first that is traded and settled: what was moved then would be compared with nothing.
func (r *replay) intent(point string, i grid.Interval) *hold.Intent {
	if i.Begin().Before(r.begin) {
		return nil
	}
	in, planned := r.desk.Intent(point, i)
	if !planned {
		return nil
	}
	return &in
}

// throttle decides what another device takes by its home's plan.
func (r *replay) throttle(o *other, i grid.Interval, now time.Time) {
	home := r.world.Home(o.home)
	shown := o.show(&home, now)
	o.throttle.See(shown)
	var want *grid.Power
	if in := r.intent(o.MeteringPoint, i); in != nil {
		if p, planned := in.Powers[o.ID]; planned {
			want = &p
		}
	}
	o.written = nil
	if p, told := o.throttle.Step(now, want, hold.Room(&o.limit, home.Meter, *shown.Power)); told {
		o.written = &p
	}
}

// set asks the device for what was written at the last look; nil gives it back to its own
// logic. A heat pump is blocked where that is less than it runs at.
func (o *other) set(w *world.World) {
	var s *world.Setpoint
	if o.written != nil {
		s = &world.Setpoint{Power: *o.written}
	}
	switch o.Kind {
	case grid.Charger:
		w.LimitCar(o.home, s)
	case grid.HeatingRod:
		w.AskRod(o.home, s)
	case grid.Appliance:
		w.StartAppliance(o.home, s)
	case grid.HeatPump:
		switch {
		case s == nil:
			w.AskPump(o.home, nil)
		case s.Power < o.spec.House.Least():
			w.AskPump(o.home, &world.ReadyAsk{State: world.Blocked})
		default:
			w.AskPump(o.home, &world.ReadyAsk{State: world.Forced, Power: s.Power})
		}
	case grid.Meter, grid.Inverter, grid.Battery:
	}
}

// set asks the battery for a power; nil gives it back to its own logic. One that cheats
// stands still.
func (b *battery) set(w *world.World, s *world.Setpoint) {
	if b.cheat != nil {
		b.cheat.Asked = s
		s = world.Idle()
	}
	w.SetBattery(b.home, s)
}
