package steer

import (
	"log/slog"
	"math"
	"time"

	"github.com/commonwatt/commonwatt/agent/alone"
	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/control"
	"github.com/commonwatt/commonwatt/meters/modbus"
)

// home is a metering point.
type home struct {
	Home

	of     *Devices
	holder *hold.Holder // of its batteries together; nil: it has none that may be moved
	bank   []*unit
	others []*other
	shown  grid.Reading // the meter's last
	intent *hold.Intent // of the interval that runs, of the goroutine that runs

	moved bool        // a device was moved since the program began
	alone *alone.Home // what the home would do on its own; nil: nothing was moved yet, or its battery's size is not known
}

// mover moves a device: a guard, or somebody elsewhere who asks for orders.
type mover interface {
	Set(p grid.Power)
	Release()
	See() // tells of a reading
}

// elsewhere is a device that the gateway moves which reads it.
type elsewhere struct{ wanted *grid.Power }

func (e *elsewhere) Set(p grid.Power) { e.wanted = &p }
func (e *elsewhere) Release()         { e.wanted = nil }
func (e *elsewhere) See()             {}

// unit is a battery.
type unit struct {
	Battery

	guard *overruled
	shown grid.Reading // its last
	asked *grid.Power  // by a challenge
	told  *grid.Power
}

// other is a device of another kind.
type other struct {
	Device

	guard    *overruled
	throttle *hold.Throttle
	curb     *hold.Curb   // of an inverter
	shown    grid.Reading // its last
}

// mover returns what moves a device, within bounds that it asks for without the lock.
func (d *Devices) mover(gateway string, t meters.Target, s control.Supply, bounds func() (least, most grid.Power)) mover {
	if gateway != "" {
		return &elsewhere{}
	}
	return &control.Guard{
		Target: t, Speed: d.Speed, Every: heartbeat(d.Speed), Supply: s, Log: d.Log, Conn: func() *modbus.Conn { return d.Conn(t.Endpoint) },
		Bounds: func() (grid.Power, grid.Power) {
			d.mu.Lock()
			defer d.mu.Unlock()
			return bounds()
		},
		Moved: func(p grid.Power, on bool) {
			d.told(t.ID, p, on)
			d.Log.Debug("setpoint", slog.String("device", t.ID), slog.Int64("watts", int64(p)), slog.Bool("in_force", on))
		},
	}
}

// moves tells whether the home has devices that may be moved.
func (h *home) moves() bool { return len(h.bank)+len(h.others) > 0 }

// orders adds what is wanted of the devices that a gateway reads. h.of.mu is held.
func (h *home) orders(gateway string, to map[string]grid.Power) {
	add := func(id string, m *overruled, least, most grid.Power) {
		if e, there := m.by.(*elsewhere); there && e.wanted != nil {
			to[id] = min(max(*e.wanted, least), most)
		}
	}
	for _, u := range h.bank {
		if u.Gateway == gateway {
			least, most := h.bounds(u)
			add(u.ID, u.guard, least, most)
		}
	}
	for _, o := range h.others {
		if o.Gateway == gateway {
			least, most := h.span(o)
			add(o.ID, o.guard, least, most)
		}
	}
}

// hear takes a reading of a device of the home.
func (h *home) hear(r grid.Reading) {
	for _, o := range h.others {
		if o.ID == r.Device {
			o.guard.See()
			o.shown = r
			if o.throttle != nil {
				o.throttle.See(r)
			}
		}
	}
	for _, u := range h.bank {
		if u.ID == r.Device {
			u.guard.See()
			u.shown = r
			if sum, whole := h.sum(r.Time); whole {
				h.holder.Battery(sum)
			}
		}
	}
}

// sum is a reading of all batteries together; whole is false where not all were read at about
// that time. Their charge is that of all they hold.
func (h *home) sum(t time.Time) (sum grid.Reading, whole bool) {
	if len(h.bank) == 1 {
		return h.bank[0].shown, true
	}
	sum = grid.Reading{Time: t, Power: new(grid.Power(0))}
	var held, capacity int64
	for _, u := range h.bank {
		if u.shown.Power == nil || t.Sub(u.shown.Time).Abs() > hold.Together {
			return sum, false
		}
		*sum.Power += *u.shown.Power
		if u.shown.Charge != nil {
			size := int64(max(u.Size, 1))
			held, capacity = held+int64(*u.shown.Charge)*size, capacity+size
		}
	}
	if capacity > 0 {
		sum.Charge = new(grid.PerMille(held / capacity))
	}
	return sum, true
}

// bounds keeps a battery within its rating, and the connection within its limits. h.of.mu is
// held.
func (h *home) bounds(u *unit) (least, most grid.Power) {
	if h.holder == nil { // it is being let go of
		return -u.Most, u.Most
	}
	l := hold.Limits{Import: h.Imports, Export: h.Exports}
	others := grid.Power(0)
	for _, x := range h.bank {
		if l.Rated += x.Most; x.Most == 0 {
			l.Rated = math.MaxInt32
		}
		if x != u && x.told != nil {
			others += *x.told
		}
	}
	least, most = h.holder.Bounds(l, h.of.Clock())
	if rated := u.Target.Rated; rated > 0 {
		least, most = max(least-others, -rated), min(most-others, rated)
	} else {
		least, most = least-others, most-others
	}
	return min(least, most), most
}

// span is between which powers another device may be set. h.of.mu is held.
func (h *home) span(o *other) (least, most grid.Power) {
	if o.curb != nil {
		return h.gives(o), 0
	}
	return 0, h.leaves(o)
}

// leaves is what the connection leaves a device.
func (h *home) leaves(o *other) grid.Power {
	if h.shown.Power == nil || o.shown.Power == nil {
		return hold.Room(nil, 0, 0) // the plan's and the device's own limits are known alone
	}
	return hold.Room(h.Imports, *h.shown.Power, *o.shown.Power)
}

// ask asks what challenges want of the batteries together, nil where they want nothing: then
// those that nothing is wanted of follow their own logic.
func (h *home) ask(challenge Challenge, now time.Time) (sum *grid.Power) {
	if challenge == nil {
		return nil
	}
	for _, u := range h.bank {
		u.asked = nil
		p, ok := challenge(u.Device, now)
		if !ok {
			continue
		}
		u.asked = &p
		if sum == nil {
			sum = new(grid.Power(0))
		}
		*sum += p
	}
	return sum
}

// tell sets the batteries so that together they come to a setpoint. h.of.mu is held.
func (h *home) tell(s hold.Setpoint) {
	if s.Held {
		h.leave()
	}
	units, asked := make([]hold.Unit, len(h.bank)), false
	for k, u := range h.bank {
		units[k] = hold.Unit{Rated: u.Most, Capacity: u.Size, Charge: u.shown.Charge}
		asked = asked || u.asked != nil
	}
	var parts []grid.Power
	if s.Held && !asked {
		parts = hold.Divide(s.Power, units)
	}
	for k, u := range h.bank {
		switch {
		case u.asked != nil:
			u.told = u.asked
		case parts != nil:
			u.told = &parts[k]
		default:
			u.told = nil
		}
		if u.told == nil {
			u.guard.Release()
		} else {
			u.guard.Set(*u.told)
		}
	}
}

// throttle sets the other devices to what the home's plan wants. h.of.mu is held.
func (h *home) throttle(now time.Time) {
	for _, o := range h.others {
		var p grid.Power
		var held bool
		if o.curb != nil {
			p, held = h.curb(o, now)
		} else {
			var want *grid.Power
			if h.intent != nil {
				if w, planned := h.intent.Powers[o.ID]; planned {
					want = &w
				}
			}
			p, held = o.throttle.Step(now, want, h.leaves(o))
		}
		if !held {
			o.guard.Release()
			continue
		}
		h.leave()
		o.guard.Set(p)
	}
}

// curb holds an inverter back where its home gives more than it may.
func (h *home) curb(o *other, now time.Time) (p grid.Power, held bool) {
	limit := h.Exports
	if h.intent != nil && h.intent.Export != nil && (limit == nil || *h.intent.Export < *limit) {
		limit = h.intent.Export
	}
	if o.Profile.Acts(o.Kind).AtConnection() { // it keeps the limit by itself
		if limit == nil {
			return 0, false
		}
		return -*limit, true
	}
	if h.shown.Power == nil || o.shown.Power == nil {
		return 0, false
	}
	most, held := o.curb.Step(now, limit, *h.shown.Power, -*o.shown.Power)
	return -most, held
}

// gives is the most that an inverter, or its home by it, may give, below zero: what the
// connection takes, or what it is rated for.
func (h *home) gives(o *other) grid.Power {
	switch {
	case o.Profile.Acts(o.Kind).AtConnection() && h.Exports != nil:
		return -*h.Exports
	case o.Rated > 0 && !o.Profile.Acts(o.Kind).AtConnection():
		return -o.Rated
	default:
		return math.MinInt32
	}
}
