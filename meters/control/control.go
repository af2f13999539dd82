// Package control is the only writer of registers. A Guard holds one device to a
// setpoint: it clamps what is asked for, writes it with the device's revert timer
// where there is one, refreshes it by a heartbeat, and gives the device back to
// its own logic when it is stopped, when its readings are stale, or when nothing
// is asked for any more. Reading never depends on writing.
//
// Power is in W, + is charging (taken from the home).
package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// Heartbeat is how often a setpoint is refreshed, and Stale after how long without
// a reading the device is given back; wall time.
const (
	Heartbeat = 5 * time.Second
	Stale     = 3 * Heartbeat
	beats     = 3 // missed heartbeats after which the device's revert timer acts

	volts, phases = 230, 3 // of a charger whose setpoint is a current
)

// Guard holds one device to a setpoint.
type Guard struct {
	Target meters.Target
	Conn   func() *modbus.Conn             // the connection that reads the device; nil while there is none
	Bounds func() (least, most grid.Power) // what device and feeder allow now
	Speed  float64                         // of the device's clock, against wall time; 1 for real devices
	Log    *slog.Logger
	Moved  func(setpoint grid.Power, on bool) // told of every setpoint written and every release; may be nil

	mu     sync.Mutex
	wanted *grid.Power
	heard  time.Time // last reading, wall

	chain   *meters.Chain
	checked profile.Model // that was seen at its place in this beat
	holds   bool          // a setpoint may be in force on the device
	secured bool          // the last setpoint was written with all that lets the device go without us
	poked   chan struct{}
}

// ErrNoControl reports a profile that does not say how to control the device.
var ErrNoControl = errors.New("the profile does not say how to control the device")

// errTooLittle reports a setpoint below the least that the device can be asked for.
var errTooLittle = errors.New("less than the device can be held to")

// Begin makes the guard ready to Run. Errors: ErrNoControl.
func (g *Guard) Begin() error {
	if g.Target.Profile.Control == nil {
		return fmt.Errorf("%s: %w", g.Target.ID, ErrNoControl)
	}
	g.poked = make(chan struct{}, 1)
	g.holds = true // perhaps, from before a crash
	return nil
}

// worthWriting is the change of a setpoint that does not wait for the heartbeat:
// registers of some devices wear out.
const worthWriting grid.Power = 100

// Set asks for a power until the next Set or Release.
func (g *Guard) Set(p grid.Power) {
	g.mu.Lock()
	changed := g.wanted == nil || p-*g.wanted >= worthWriting || *g.wanted-p >= worthWriting
	g.wanted = &p
	g.mu.Unlock()
	if changed {
		g.poke()
	}
}

// Release asks for nothing: the device goes back to its own logic.
func (g *Guard) Release() {
	g.mu.Lock()
	changed := g.wanted != nil
	g.wanted = nil
	g.mu.Unlock()
	if changed {
		g.poke()
	}
}

func (g *Guard) poke() {
	select {
	case g.poked <- struct{}{}:
	default:
	}
}

// See tells of a reading of the device.
func (g *Guard) See() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.heard = time.Now()
}

// Run writes until ctx ends, and then releases the device.
func (g *Guard) Run(ctx context.Context) {
	ticker := time.NewTicker(Heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), Heartbeat)
			defer cancel()
			g.release(last)
			return
		case <-ticker.C:
		case <-g.poked:
		}
		g.beat(ctx)
	}
}

// beat brings the device to what is asked for.
func (g *Guard) beat(ctx context.Context) {
	g.checked = profile.Model{}
	g.mu.Lock()
	wanted, fresh := g.wanted, time.Since(g.heard) < Stale
	g.mu.Unlock()
	if wanted == nil || !fresh {
		g.release(ctx)
		return
	}
	least, most := g.Bounds()
	power := min(max(*wanted, least), most)
	err := g.hold(ctx, power)
	if errors.Is(err, errTooLittle) {
		g.release(ctx)
		return
	}
	if err != nil {
		g.Log.WarnContext(ctx, "setpoint not written", slog.String("device", g.Target.ID), slog.String("error", err.Error()))
		return
	}
	g.tell(power, true)
}

func (g *Guard) tell(power grid.Power, on bool) {
	if g.Moved != nil {
		g.Moved(power, on)
	}
}

// hold writes a setpoint with everything that belongs to it, and enables it last.
func (g *Guard) hold(ctx context.Context, power grid.Power) (err error) {
	c := g.Target.Profile.Control
	g.holds = true // from the first register on
	defer func() { g.secured = err == nil }()
	if err := g.fallBack(ctx, c.Fallback); err != nil {
		return err
	}
	if err := g.writeAll(ctx, c.Before); err != nil {
		return err
	}
	if err := g.write(ctx, c.Setpoint, func(l profile.Located) float64 { return value(l, power) }); err != nil {
		return err
	}
	if err := g.setTimer(ctx, c.Revert); err != nil {
		return err
	}
	return g.writeAll(ctx, c.Enable)
}

// value is a power in the setpoint's unit and sign. A current is rounded down: it
// must not be exceeded.
func value(l profile.Located, power grid.Power) float64 {
	if l.Unit == "A" {
		return math.Max(math.Floor(float64(power)/(volts*phases)), 0)
	}
	return float64(power) * float64(l.Sign)
}

// release gives the device back, if a setpoint may be in force; what cannot be
// written now is tried at the next beat, and the revert timer acts meanwhile.
func (g *Guard) release(ctx context.Context) {
	if !g.holds {
		return
	}
	g.secured = false
	c := g.Target.Profile.Control
	err := g.writeAll(ctx, c.Release)
	if errors.Is(err, profile.ErrNotImplemented) {
		g.Log.WarnContext(ctx, "the device cannot be moved", slog.String("device", g.Target.ID), slog.String("reason", err.Error()))
		err = nil // nobody can have moved it either
	}
	if err != nil {
		g.Log.WarnContext(ctx, "device not released yet", slog.String("device", g.Target.ID), slog.String("error", err.Error()))
		return
	}
	g.holds = false
	g.tell(0, false)
}
