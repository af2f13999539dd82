package main

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/agent/alone"
	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/control"
	"github.com/commonwatt/commonwatt/meters/modbus"
)

// batteries holds the homes to what they sold and bought: through a delivery
// interval their batteries make up for what sun and loads do otherwise than
// forecast.
type batteries struct {
	node  *node
	homes []*batteryHome
}

// batteryHome is a home whose battery may be moved.
type batteryHome struct {
	meter            grid.Device
	guard            *control.Guard
	imports, exports grid.Power // of the connection, 0: not limited
	answers                     // of the loop that follows the meters alone

	// mu guards what follows. Whoever holds the lock of the rewards asks for the battery's
	// power, so that nobody who holds this one may ask the rewards anything.
	mu     sync.Mutex
	holder *hold.Holder
	moved  bool        // the battery was moved since the program began
	alone  *alone.Home // what the home would do on its own; nil: the battery was not moved yet, or its size is not known
}

// controlEvery is how often setpoints follow the meter, in wall time: as often as the
// devices are read.
func (n *node) controlEvery() time.Duration { return cmp.Or(n.fleet.Every, time.Second) }

func (n *node) newBatteries() (*batteries, error) {
	b := &batteries{node: n}
	for _, t := range n.targets {
		if t.Kind != grid.Battery || t.Profile.Control == nil || !n.mayControl(t.ID) {
			continue
		}
		rated, _ := n.storage(t.ID)
		h := &batteryHome{
			guard:  &control.Guard{Target: t, Speed: n.config.Speed, Log: n.log, Conn: func() *modbus.Conn { return n.fleet.Conn(t.Endpoint) }},
			holder: hold.New(cmp.Or(t.Rated, rated)),
		}
		for k, d := range n.metering.All() {
			if d.MeteringPoint == t.MeteringPoint {
				h.meter = d
				p := n.point(d, k)
				h.imports, h.exports = p.Import, p.Export
			}
		}
		h.guard.Bounds = func() (grid.Power, grid.Power) { return b.bounds(h) }
		h.guard.Moved = func(p grid.Power, on bool) {
			n.log.Debug("setpoint", slog.String("device", t.ID), slog.Int64("watts", int64(p)), slog.Bool("in_force", on))
		}
		if err := h.guard.Begin(); err != nil {
			return nil, err
		}
		b.homes = append(b.homes, h)
	}
	return b, nil
}

// mayControl tells whether a device may be written to: a simulated one unless the
// configuration says otherwise, a real one only when it says so.
func (n *node) mayControl(id string) bool {
	if s := n.config.Simulation; s != nil {
		return s.Control == nil || *s.Control
	}
	for _, d := range n.config.Devices {
		if d.ID == id {
			return d.Control
		}
	}
	return false
}

// see takes a reading.
func (b *batteries) see(r grid.Reading) {
	for _, h := range b.homes {
		switch r.Device {
		case h.guard.Target.ID:
			h.guard.See()
			h.mu.Lock()
			h.holder.Battery(r)
			h.estimate()
			h.mu.Unlock()
		case h.meter.ID:
			h.mu.Lock()
			h.holder.Meter(r)
			h.estimate()
			h.mu.Unlock()
		}
	}
}

// estimate lets the home go on as it would alone. h.mu is held.
func (h *batteryHome) estimate() {
	if h.alone == nil {
		return
	}
	if rest, at, known := h.holder.Moment(); known {
		h.alone.See(at, rest)
	}
}

// bounds keeps the battery within its rating, and the connection within its
// limits.
func (b *batteries) bounds(h *batteryHome) (least, most grid.Power) {
	rated := h.guard.Target.Rated
	if rated == 0 {
		rated = math.MaxInt32 // the device keeps to its own rating
	}
	least, most = -rated, rated
	h.mu.Lock()
	rest, known := h.holder.Rest(b.node.clock())
	h.mu.Unlock()
	if !known {
		return least, most
	}
	if h.imports > 0 {
		most = max(min(most, h.imports-rest), least)
	}
	if h.exports > 0 {
		least = min(max(least, -h.exports-rest), most)
	}
	return least, most
}

// run follows the meters until ctx ends, and then releases every battery.
func (b *batteries) run(ctx context.Context) error {
	var guards sync.WaitGroup
	defer guards.Wait()
	for _, h := range b.homes {
		guards.Go(func() { h.guard.Run(ctx) })
	}
	ticker := time.NewTicker(b.node.controlEvery())
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			for _, h := range b.homes {
				b.follow(h)
			}
		}
	}
}

// follow sets a battery to what a challenge asks, or else so that its home keeps
// what it promised; a home that promised nothing leaves its battery alone.
func (b *batteries) follow(h *batteryHome) {
	n := b.node
	now := n.clock()
	i := grid.IntervalAt(now, n.config.Interval)
	contracted, traded := n.market.Position(i, h.meter.MeteringPoint)
	p, ok := n.challenged(h.guard.Target.ID, now) // which asks for the battery's power
	if ok {
		n.tellChallenge(h, now)
	}
	h.mu.Lock()
	if ok {
		h.holder.Told(p, now)
	} else {
		p, ok = h.holder.Step(now, i, contracted, traded)
	}
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

// power returns what a battery does now.
func (b *batteries) power(device string) (grid.Power, bool) {
	for _, h := range b.homes {
		if h.guard.Target.ID == device {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.holder.Power()
		}
	}
	return 0, false
}
