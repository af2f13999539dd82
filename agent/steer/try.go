package steer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/control"
	"github.com/commonwatt/commonwatt/meters/modbus"
)

// Tried is what a device did while it was tried.
type Tried struct {
	Before   grid.Power     // what it did before, W
	Held     *grid.Power    // what it was told in the end, within its bounds; nil: nothing could be written, or its gateway tells it
	Readings []grid.Reading // that came while it was told
	Followed bool           // its last reading is what it was told, by 10 % or 50 W; of an inverter: or less
	Released bool           // it was given back to its own logic, or to its home's plan
}

// ErrTried reports a device that is being tried already.
var ErrTried = errors.New("this device is being tried already: wait until that is over")

// ErrUnheard reports a device of which no reading comes.
var ErrUnheard = errors.New("nothing is heard of the device: it is not moved before it answers")

// patience is how long a reading is waited for, before a device is moved and after it was let go.
const patience = 5 * time.Second

// overruled moves a device as its home wants, but for while it is tried. Devices.mu guards it.
type overruled struct {
	by     mover
	stop   func()      // has its guard release the device and end; nil: none runs
	wanted *grid.Power // of its home
	tried  *grid.Power
}

func (o *overruled) Set(p grid.Power) {
	o.wanted = &p
	o.pass()
}

func (o *overruled) Release() {
	o.wanted = nil
	o.pass()
}

func (o *overruled) See() { o.by.See() }

// try has the device take a power, and what its home wants when it is nil.
func (o *overruled) try(p *grid.Power) {
	o.tried = p
	o.pass()
}

func (o *overruled) pass() {
	switch {
	case o.tried != nil:
		o.by.Set(*o.tried)
	case o.wanted != nil:
		o.by.Set(*o.wanted)
	default:
		o.by.Release()
	}
}

// trial is a device that is being tried. Devices.mu guards it.
type trial struct {
	Tried

	told  bool          // the device takes the power now
	heard chan struct{} // has room for one; told of every reading
	guard mover         // of a device that no home moves; nil: its home does
	shown *grid.Power   // last
}

func (t *trial) hear(r grid.Reading) {
	if t.guard != nil {
		t.guard.See()
	}
	if r.Power == nil {
		return
	}
	if t.shown = r.Power; t.told {
		t.Readings = append(t.Readings, r)
	}
	select {
	case t.heard <- struct{}{}:
	default:
	}
}

// told notes what a guard has written to a device.
func (d *Devices) told(device string, p grid.Power, on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.trials[device]
	switch {
	case t == nil:
	case on && t.told:
		t.Held = &p
	default:
		t.Released = true
	}
}

// Try has a device take a power for a while, + is taken by it, and says what it did. Whatever its
// home wants meanwhile is wanted again afterwards. A device that no home moves, as one that was just
// paired, is given back to its own logic as the fail-safe of its profile says. Errors: ErrTried,
// ErrUnheard, control.ErrNoControl.
func (d *Devices) Try(ctx context.Context, target meters.Target, p grid.Power, during time.Duration) (Tried, error) {
	t, err := d.begin(target.ID)
	if err != nil {
		return Tried{}, err
	}
	defer d.forget(target.ID)
	move, stop, err := d.moverOf(ctx, target, p, t)
	if err != nil {
		return Tried{}, err
	}
	defer stop()
	if err := wait(ctx, t.heard, patience); err != nil {
		return Tried{}, err
	}
	d.turn(t, move, &p)
	err = sleep(ctx, during)
	d.turn(t, move, nil)
	if err != nil {
		return Tried{}, err
	}
	stop()
	return d.judge(ctx, t, target.Kind), nil
}

// Tries tells whether a device is being tried.
func (d *Devices) Tries(device string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.trials[device] != nil
}

// begin notes that a device is tried.
func (d *Devices) begin(device string) (*trial, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.trials[device] != nil {
		return nil, fmt.Errorf("%s: %w", device, ErrTried)
	}
	t := &trial{heard: make(chan struct{}, 1)}
	d.trials[device] = t
	return t, nil
}

// forget ends a trial.
func (d *Devices) forget(device string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.trials, device)
}

// moverOf returns what moves a device, and what to call when it is to be let go.
func (d *Devices) moverOf(ctx context.Context, target meters.Target, p grid.Power, t *trial) (move func(*grid.Power), stop func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o := d.overruledOf(target.ID); o != nil {
		return func(p *grid.Power) {
			d.at[target.ID].leave()
			o.try(p)
		}, func() {}, nil
	}
	g := &control.Guard{
		Target: target, Speed: d.Speed, Every: heartbeat(d.Speed), Log: d.Log, Conn: func() *modbus.Conn { return d.Conn(target.Endpoint) },
		Bounds: func() (grid.Power, grid.Power) { return min(p, 0), max(p, 0) },
		Moved:  func(p grid.Power, on bool) { d.told(target.ID, p, on) },
	}
	if err := g.Begin(); err != nil {
		return nil, nil, err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	over := make(chan struct{})
	go func() {
		defer close(over)
		g.Run(running)
	}()
	t.guard = g
	return func(p *grid.Power) {
			if p != nil {
				g.Set(*p)
			} else {
				g.Release()
			}
		}, func() {
			cancel()
			<-over
		}, nil
}

// overruledOf returns how a home moves a device, nil when none does. mu is held.
func (d *Devices) overruledOf(device string) *overruled {
	h := d.at[device]
	if h == nil {
		return nil
	}
	for _, u := range h.bank {
		if u.ID == device {
			return u.guard
		}
	}
	for _, o := range h.others {
		if o.ID == device {
			return o.guard
		}
	}
	return nil
}

// turn begins to move the device, or lets go of it.
func (d *Devices) turn(t *trial, move func(*grid.Power), p *grid.Power) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.told = p != nil; t.told && t.shown != nil {
		t.Before, t.Released = *t.shown, false // a guard that begins gives back what may have been held before
	}
	move(p)
}

// judge says what came of it, once the device was let go, or that was waited for.
func (d *Devices) judge(ctx context.Context, t *trial, kind grid.DeviceKind) Tried {
	for began := time.Now(); time.Since(began) < patience; {
		d.mu.Lock()
		over := t.Released || t.Held == nil
		d.mu.Unlock()
		if over || sleep(ctx, patience/50) != nil { //nolint:mnd // often enough
			break
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	said := t.Tried
	if n := len(said.Readings); n > 0 && said.Held != nil {
		said.Followed = follows(*said.Readings[n-1].Power, *said.Held, kind)
	}
	return said
}

// follows tells whether a power is what a device was told.
func follows(shows, told grid.Power, kind grid.DeviceKind) bool {
	const near, part = 50, 10
	off := shows - told
	if kind == grid.Inverter && off > 0 {
		return true // it gives less than it may
	}
	return max(off, -off) <= max(near, max(told, -told)/part)
}

func wait(ctx context.Context, reading <-chan struct{}, most time.Duration) error {
	select {
	case <-reading:
		return nil
	case <-time.After(most):
		return ErrUnheard
	case <-ctx.Done():
		return ctx.Err()
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
