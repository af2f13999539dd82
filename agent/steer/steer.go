// Package steer holds homes to what they sold and bought: through a delivery interval
// their batteries make up for what sun and loads do otherwise than forecast. It is the
// running half of agent/hold: readings come in, setpoints go out over the connection by
// which the battery is read.
//
// Who makes Batteries hands them every reading (Hear) and runs them (Run) until it stops;
// then every battery is released. Power is in W, + charging.
package steer

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/agent/alone"
	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/control"
	"github.com/commonwatt/commonwatt/meters/modbus"
)

// Home is a home whose battery may be moved.
type Home struct {
	Battery          meters.Target
	Meter            grid.Device // its connection meter
	Rated            grid.Power  // of the battery, 0: not known
	Capacity         grid.Energy // of the battery, 0: not known
	Imports, Exports *grid.Power // of the connection, nil: not limited
}

// Options are what Batteries work with.
type Options struct {
	Homes   []Home
	Speed   float64          // world seconds a second
	Minutes int              // of a delivery interval
	Every   time.Duration    // between setpoints, wall time: as often as the devices are read
	Clock   func() time.Time // world time
	Log     *slog.Logger
	// Conn returns the connection by which an endpoint is read, nil while there is none.
	Conn func(modbus.Endpoint) *modbus.Conn
	// Position returns what a metering point has sold and bought of an interval.
	Position func(i grid.Interval, point string) (net grid.Energy, traded bool)
	// Intent returns what a home's plan wants of its devices in an interval, nil where there is
	// no plan for it; Intent itself may be nil.
	Intent func(i grid.Interval, point string) *hold.Intent
	// Known returns exactly what a member's home would have done alone in an interval, as a
	// simulation does, which goes on beside as if nobody had moved anything; nil: it is
	// estimated.
	Known func(ctx context.Context, member string, i grid.Interval) (f grid.Flow, known bool, err error)
	// Owner returns whose metering point it is.
	Owner func(point string) string
}

// Challenge returns what a storage challenge wants of a home's battery; ok is false when
// nothing is. It may ask for the battery's power.
type Challenge func(h Home, now time.Time) (p grid.Power, ok bool)

// Batteries are moved. They are safe for concurrent use.
type Batteries struct {
	Options

	homes []*home
}

type home struct {
	Home

	guard *control.Guard

	// mu guards what follows. Whoever holds the lock of the rewards asks for the battery's
	// power, so that nobody who holds this one may ask the rewards anything.
	mu     sync.Mutex
	holder *hold.Holder
	moved  bool        // the battery was moved since the program began
	alone  *alone.Home // what the home would do on its own; nil: the battery was not moved yet, or its size is not known
}

// Open takes the batteries. Errors: a battery's profile does not say how it is written to.
func Open(o Options) (*Batteries, error) {
	b := &Batteries{Options: o}
	for _, of := range o.Homes {
		h := b.home(of)
		if err := h.guard.Begin(); err != nil {
			return nil, err
		}
		b.homes = append(b.homes, h)
	}
	return b, nil
}

func (b *Batteries) home(of Home) *home {
	t, rated := of.Battery, of.Battery.Rated
	if rated == 0 {
		rated = of.Rated
	}
	h := &home{
		Home: of, holder: hold.New(rated),
		guard: &control.Guard{Target: t, Speed: b.Speed, Log: b.Log, Conn: func() *modbus.Conn { return b.Conn(t.Endpoint) }},
	}
	h.guard.Bounds = func() (grid.Power, grid.Power) { return b.bounds(h) }
	h.guard.Moved = func(p grid.Power, on bool) {
		b.Log.Debug("setpoint", slog.String("device", t.ID), slog.Int64("watts", int64(p)), slog.Bool("in_force", on))
	}
	return h
}

// Hear takes a reading.
func (b *Batteries) Hear(r grid.Reading) {
	for _, h := range b.homes {
		switch r.Device {
		case h.Battery.ID:
			h.guard.See()
			h.mu.Lock()
			h.holder.Battery(r)
			h.estimate()
			h.mu.Unlock()
		case h.Meter.ID:
			h.mu.Lock()
			h.holder.Meter(r)
			h.estimate()
			h.mu.Unlock()
		}
	}
}

// estimate lets the home go on as it would alone. h.mu is held.
func (h *home) estimate() {
	if h.alone == nil {
		return
	}
	if rest, at, known := h.holder.Moment(); known {
		h.alone.See(at, rest)
	}
}

// bounds keeps the battery within its rating, and the connection within its
// limits.
func (b *Batteries) bounds(h *home) (least, most grid.Power) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.holder.Bounds(hold.Limits{Rated: h.Battery.Rated, Import: h.Imports, Export: h.Exports}, b.Clock())
}

// Run follows the meters until ctx ends, and then releases every battery. challenge may be
// nil.
func (b *Batteries) Run(ctx context.Context, challenge Challenge) error {
	var guards sync.WaitGroup
	defer guards.Wait()
	for _, h := range b.homes {
		guards.Go(func() { h.guard.Run(ctx) })
	}
	ticker := time.NewTicker(b.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			for _, h := range b.homes {
				b.follow(h, challenge)
			}
		}
	}
}

// follow sets a battery to what a challenge asks, or else so that its home keeps
// what it promised; a home that promised nothing leaves its battery alone.
func (b *Batteries) follow(h *home, challenge Challenge) {
	now := b.Clock()
	i := grid.IntervalAt(now, b.Minutes)
	contracted, traded := b.Position(i, h.Meter.MeteringPoint)
	var asked *grid.Power
	if challenge != nil {
		if p, ok := challenge(h.Home, now); ok {
			asked = &p
		}
	}
	h.mu.Lock()
	p, ok := h.holder.Follow(now, asked, i, contracted, traded)
	if ok {
		b.leave(h)
	}
	h.mu.Unlock()
	if !ok {
		h.guard.Release()
		return
	}
	h.guard.Set(p)
}

// leave begins to estimate what the home would do on its own, when its battery is moved
// for the first time. h.mu is held.
func (b *Batteries) leave(h *home) {
	if h.moved || b.Known != nil {
		return
	}
	h.moved = true
	charge, known := h.holder.Charge()
	if h.Rated == 0 || h.Capacity == 0 || !known {
		return // its size is not known: the metered energy alone is compared
	}
	h.alone = alone.New(h.Capacity, h.Rated, charge, b.Minutes)
	b.Log.Info("a battery is moved for the first time: from now on it is estimated what its home would have done alone", slog.String("device", h.Battery.ID))
}

// Power returns what a battery does now.
func (b *Batteries) Power(device string) (grid.Power, bool) {
	for _, h := range b.homes {
		if h.Battery.ID == device {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.holder.Power()
		}
	}
	return 0, false
}

// Alone returns what a metering point would have drawn and given in an interval if nobody
// had moved its battery, exactly or by an estimate. known is false where nobody did, and
// where it cannot be told: then it counts as if nobody had. With a battery that may be
// moved either is an estimate. It implements drive.Alone.
func (b *Batteries) Alone(ctx context.Context, point string, i grid.Interval) (f grid.Flow, estimated, known bool, err error) {
	if b.Known != nil {
		f, known, err = b.Known(ctx, b.Owner(point), i)
		return f, false, known, err
	}
	for _, h := range b.homes {
		if h.Meter.MeteringPoint != point {
			continue
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.alone != nil {
			f, known = h.alone.Flow(i)
		}
		return f, true, known, nil // it may have been moved before this program was started too
	}
	return f, false, false, nil
}
