package main

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/control"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/store"
)

// batteries holds the homes to what they sold and bought: through a delivery
// interval their batteries make up for what sun and loads do otherwise than
// forecast.
type batteries struct {
	node  *node
	homes []batteryHome
	last  sync.Map // device id → heardReading
}

// batteryHome is a home whose battery may be moved.
type batteryHome struct {
	meter            grid.Device
	guard            *control.Guard
	imports, exports grid.Power // of the connection, 0: not limited
}

// controlEvery is how often setpoints follow the meter, in wall time.
const controlEvery = time.Second

func (n *node) newBatteries() (*batteries, error) {
	b := &batteries{node: n}
	for _, t := range n.targets {
		if t.Kind != grid.Battery || t.Profile.Control == nil || !n.mayControl(t.ID) {
			continue
		}
		h := batteryHome{guard: &control.Guard{Target: t, Speed: n.config.Speed, Log: n.log, Conn: func() *modbus.Conn { return n.fleet.Conn(t.Endpoint) }}}
		for k, d := range n.settle.meters {
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

// see keeps the last readings.
func (b *batteries) see(readings []grid.Reading) {
	now := time.Now()
	for _, r := range readings {
		if old, ok := b.heard(r.Device); ok && old.Time.After(r.Time) {
			continue // it came late
		}
		b.last.Store(r.Device, heardReading{r, now})
		for _, h := range b.homes {
			if h.guard.Target.ID == r.Device {
				h.guard.See()
			}
		}
	}
}

func (b *batteries) heard(device string) (r heardReading, ok bool) {
	last, _ := b.last.Load(device)
	r, ok = last.(heardReading)
	return r, ok
}

func (b *batteries) power(device string) (grid.Power, bool) {
	reading, ok := b.heard(device)
	if !ok || reading.Power == nil || time.Since(reading.heard) > control.Stale {
		return 0, false
	}
	return *reading.Power, true
}

// heardReading is a reading and when it came, wall time.
type heardReading struct {
	grid.Reading

	heard time.Time
}

// rest is what a home takes without its battery.
func (b *batteries) rest(h batteryHome) (grid.Power, bool) {
	meter, ok1 := b.power(h.meter.ID)
	battery, ok2 := b.power(h.guard.Target.ID)
	return meter - battery, ok1 && ok2
}

// bounds keeps the battery within its rating, and the connection within its
// limits.
func (b *batteries) bounds(h batteryHome) (least, most grid.Power) {
	rated := h.guard.Target.Rated
	if rated == 0 {
		rated = math.MaxInt32 // the device keeps to its own rating
	}
	least, most = -rated, rated
	rest, known := b.rest(h)
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
	ticker := time.NewTicker(controlEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			for _, h := range b.homes {
				b.follow(ctx, h)
			}
		}
	}
}

// follow sets a battery to what a challenge asks, or else so that its home keeps
// what it promised; a home that promised nothing leaves its battery alone.
func (b *batteries) follow(ctx context.Context, h batteryHome) {
	n := b.node
	now := n.clock()
	if p, asked := n.challenged(h.guard.Target.ID, now); asked {
		h.guard.Set(p)
		return
	}
	i := grid.IntervalAt(now, n.config.Interval)
	n.market.mu.Lock()
	contracted, traded := n.market.market.Position(i, h.meter.MeteringPoint)
	n.market.mu.Unlock()
	rest, known := b.rest(h)
	if !traded || !known {
		h.guard.Release()
		return
	}
	flow, err := store.Known(ctx, n.recent.over(n.store), h.meter.ID, i)
	if err != nil {
		n.log.WarnContext(ctx, "no setpoint", slog.String("device", h.guard.Target.ID), slog.String("error", err.Error()))
		h.guard.Release()
		return
	}
	d := agent.Delivery{Contracted: contracted, Metered: flow.Net(), Left: i.End().Sub(now), Rest: rest}
	if p, ok := d.Setpoint(); ok {
		h.guard.Set(p)
	}
}
