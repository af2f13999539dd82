package steer

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/control"
)

// Set has a home be as it is given, by its metering point: new, with another connection meter, with other
// limits, or with other devices that may be moved. A device that is as before goes on as it is. One that is
// not there any more is released before Set returns; one that is otherwise is released, and then moved as it
// is now. A home whose meter is gone is given without devices. Errors: a device's profile does not say how
// it is written to, and ErrTried; then nothing has changed.
func (d *Devices) Set(of Home) error {
	gone, err := d.change(of)
	if err != nil {
		return err
	}
	for _, o := range gone {
		o.stop()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.guard(d.find(of.Meter.MeteringPoint))
	return nil
}

// change makes a home as it is given, and returns the guards of devices that are to be released.
func (d *Devices) change(of Home) (gone []*overruled, err error) {
	d.stepping.Lock()
	defer d.stepping.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.find(of.Meter.MeteringPoint)
	if h == nil {
		h = &home{of: d}
	}
	next := &home{Home: of}
	if err := d.equip(h, next); err != nil {
		return nil, err
	}
	for _, o := range h.overruled() {
		if slices.Contains(next.overruled(), o) {
			continue
		}
		if o.stop != nil {
			gone = append(gone, o)
		}
	}
	d.take(h, next)
	return gone, nil
}

// find returns the home of a metering point, nil when there is none. mu is held.
func (d *Devices) find(point string) *home {
	k := slices.IndexFunc(d.homes, func(h *home) bool { return h.Meter.MeteringPoint == point })
	if k < 0 {
		return nil
	}
	return d.homes[k]
}

// equip gives a home its devices, those of before that are the same among them. mu is held.
func (d *Devices) equip(h, next *home) error {
	for _, b := range next.Batteries {
		if b.Most == 0 {
			b.Most = b.Rated
		}
		k := slices.IndexFunc(h.bank, func(u *unit) bool { return reflect.DeepEqual(u.Battery, b) })
		if k >= 0 {
			next.bank = append(next.bank, h.bank[k])
			continue
		}
		u := &unit{Battery: b}
		u.guard = &overruled{by: d.mover(b.Gateway, b.Target, control.Supply{}, func() (grid.Power, grid.Power) { return h.bounds(u) })}
		next.bank = append(next.bank, u)
		if err := d.ready(b.ID, u.guard); err != nil {
			return err
		}
	}
	for _, x := range next.Others {
		k := slices.IndexFunc(h.others, func(o *other) bool { return reflect.DeepEqual(o.Device, x) })
		if k >= 0 {
			next.others = append(next.others, h.others[k])
			continue
		}
		o := &other{Device: x}
		if x.Kind == grid.Inverter {
			o.curb = hold.NewCurb(x.Rated)
		} else {
			o.throttle = hold.NewThrottle(x.Made)
		}
		o.guard = &overruled{by: d.mover(x.Gateway, x.Target, x.Supply, func() (grid.Power, grid.Power) { return h.span(o) })}
		next.others = append(next.others, o)
		if err := d.ready(x.ID, o.guard); err != nil {
			return err
		}
	}
	return nil
}

// ready makes the guard of a device ready, if it has one here. mu is held.
func (d *Devices) ready(device string, o *overruled) error {
	if d.trials[device] != nil {
		return fmt.Errorf("%s: %w", device, ErrTried)
	}
	if g, here := o.by.(*control.Guard); here {
		return g.Begin()
	}
	return nil
}

// take has a home be as the next one. mu is held.
func (d *Devices) take(h, next *home) {
	if h.Meter.ID == "" {
		d.homes = append(d.homes, h)
	}
	for id, at := range d.at {
		if at == h {
			delete(d.at, id)
		}
	}
	same := slices.Equal(h.bank, next.bank)
	if h.alone != nil && !slices.Equal(h.others, next.others) {
		h.alone.Rewire()
	}
	h.Home, h.bank, h.others = next.Home, next.bank, next.others
	for _, id := range h.ids() {
		d.at[id] = h
	}
	limits := hold.Limits{Import: h.Imports, Export: h.Exports}
	for _, u := range h.bank {
		limits.Rated, limits.Capacity = limits.Rated+u.Most, limits.Capacity+u.Size
	}
	if !same {
		h.rebank(limits.Rated)
	}
	d.street.Join(h.Meter.MeteringPoint, h.holder, limits)
}

// rebank has a home hold the batteries that it has now. h.of.mu is held.
func (h *home) rebank(rated grid.Power) {
	h.holder, h.moved = nil, false
	if len(h.bank) > 0 {
		h.holder = hold.New(rated)
	} else if h.alone != nil {
		h.alone.Own(0, 0, 0)
	}
}

// ids are those of the devices of a home.
func (h *home) ids() []string {
	all := []string{h.Meter.ID}
	for _, u := range h.bank {
		all = append(all, u.ID)
	}
	for _, o := range h.others {
		all = append(all, o.ID)
	}
	return all
}

// overruled are what moves the devices of a home.
func (h *home) overruled() (all []*overruled) {
	for _, u := range h.bank {
		all = append(all, u.guard)
	}
	for _, o := range h.others {
		all = append(all, o.guard)
	}
	return all
}

// start runs the guards of all homes, and those that come later.
func (d *Devices) start(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ctx = ctx
	for _, h := range d.homes {
		d.guard(h)
	}
}

// guard runs the guards of a home that do not run. mu is held.
func (d *Devices) guard(h *home) {
	if d.ctx == nil {
		return
	}
	for _, o := range h.overruled() {
		g, here := o.by.(*control.Guard)
		if !here || o.stop != nil {
			continue
		}
		ctx, cancel := context.WithCancel(d.ctx)
		over := make(chan struct{})
		o.stop = func() { cancel(); <-over }
		d.guards.Go(func() {
			defer close(over)
			g.Run(ctx)
		})
	}
}

// end waits until every guard has released its device; none is started any more.
func (d *Devices) end() {
	d.mu.Lock()
	d.ctx = nil
	d.mu.Unlock()
	d.guards.Wait()
}
