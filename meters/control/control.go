// Package control is the only writer of registers. A Guard holds one device to a
// setpoint: it clamps what is asked for, writes it with the device's revert timer
// where there is one, refreshes it by a heartbeat, and gives the device back to
// its own logic when it is started, when it is stopped, when its readings are stale, or
// when nothing is asked for any more. Reading never depends on writing.
//
// Power is in W, + is taken from the home: a battery charges, a charger delivers to its
// car. The setpoint of an inverter is a limit: −2000 W lets it give at most 2000 W.
//
// Fail-safe. What the device does by itself once nobody tells it anything is written
// before it is asked for anything (profile.Control.Ahead), with the timer after which it
// does so. A device without a timer is given back by writing its fallback
// (profile.Control.Undone), with everything else that releases it: when the guard stops,
// after contact was lost, and at the next start, for whoever held it before may have died.
package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// Heartbeat is how often a setpoint is refreshed where the guard says nothing else; wall
// time.
const Heartbeat = 5 * time.Second

const (
	beats  = 3 // missed heartbeats after which the device's revert timer acts, and readings are stale
	volts  = 230
	phases = 3 // of a charger of which nothing else is known
)

// Guard holds one device to a setpoint.
type Guard struct {
	Target meters.Target
	Conn   func() *modbus.Conn             // the connection that reads the device; nil while there is none
	Bounds func() (least, most grid.Power) // what device and feeder allow now
	Speed  float64                         // of the device's clock, against wall time; 1 for real devices
	Every  time.Duration                   // between refreshes, wall time; 0: Heartbeat. Readings are stale after three of them
	Supply Supply                          // of a charger
	Log    *slog.Logger
	Moved  func(setpoint grid.Power, on bool) // told of every setpoint written and every release; may be nil

	mu     sync.Mutex
	wanted *grid.Power
	heard  time.Time // last reading, wall

	poked chan struct{}
	state // of the goroutine that runs
}

// state is what a guard knows of its device.
type state struct {
	chain   *meters.Chain
	checked profile.Model // that was seen at its place in this beat
	holds   bool          // a setpoint may be in force on the device
	secured bool          // the last setpoint was written with all that lets the device go without us
	written grid.Power    // the last setpoint, while secured
	at      time.Time     // when that was
	untimed bool          // it has no timer, and is given back by its fallback
	three   *bool         // a charger that switches phases was set to three; nil: it was not set
	since   time.Time     // when that was
	fixed   bool          // it cannot switch them
}

// Supply is what a charger's car is charged from; what is 0 is as the profile says.
type Supply struct {
	Volts  int // of a phase; 0: 230
	Phases int // on which the car charges: 1 or 3
	Amps   int // that a phase may carry
}

// ErrNoControl reports a profile that does not say how to control the device.
var ErrNoControl = errors.New("the profile does not say how to control the device")

// errTooLittle reports a setpoint below the least that the device can be asked for.
var errTooLittle = errors.New("less than the device can be held to")

// Begin makes the guard ready to Run. Errors: ErrNoControl.
func (g *Guard) Begin() error {
	if g.section() == nil {
		return fmt.Errorf("%s: %w", g.Target.ID, ErrNoControl)
	}
	if g.Every == 0 {
		g.Every = Heartbeat
	}
	g.poked = make(chan struct{}, 1)
	g.holds = true // perhaps, from before a crash
	return nil
}

// section is how the device is told what to do.
func (g *Guard) section() *profile.Control { return g.Target.Profile.Acts(g.Target.Kind) }

// stale is after how long without a reading the device is given back.
func (g *Guard) stale() time.Duration { return beats * g.Every }

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

// Run releases the device from what may have held it before, writes until ctx ends, and
// then releases it again.
func (g *Guard) Run(ctx context.Context) {
	ticker := time.NewTicker(g.Every)
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
	wanted, fresh := g.wanted, time.Since(g.heard) < g.stale()
	g.mu.Unlock()
	if wanted == nil || !fresh {
		g.release(ctx)
		return
	}
	least, most := g.Bounds()
	power := min(max(*wanted, least), most)
	if g.mayWait(power) {
		return
	}
	err := g.hold(ctx, power)
	if errors.Is(err, errTooLittle) {
		g.release(ctx)
		return
	}
	if err != nil {
		g.Log.WarnContext(ctx, "setpoint not written", slog.String("device", g.Target.ID), slog.String("error", err.Error()))
		return
	}
	g.written, g.at = power, time.Now()
	g.tell(power, true)
}

// mayWait tells whether a setpoint need not be written now: the device holds it already,
// or takes no other one yet.
func (g *Guard) mayWait(power grid.Power) bool {
	if !g.secured {
		return false
	}
	c, ago := g.section(), time.Since(g.at)
	changed := power-g.written >= worthWriting || g.written-power >= worthWriting
	return ago < g.lasts(c.ApartS) || !changed && ago < g.lasts(c.EveryS)
}

// lasts is the wall time of seconds that a profile names: those of a guard that beats
// faster than usual, as in a simulation, are shorter as well.
func (g *Guard) lasts(seconds int) time.Duration {
	return time.Duration(float64(seconds) * float64(time.Second) * float64(g.Every) / float64(Heartbeat))
}

func (g *Guard) tell(power grid.Power, on bool) {
	if g.Moved != nil {
		g.Moved(power, on)
	}
}

// hold writes a setpoint with everything that belongs to it, and enables it last.
func (g *Guard) hold(ctx context.Context, power grid.Power) (err error) {
	c := g.section()
	g.holds = true // from the first register on
	defer func() { g.secured = err == nil }()
	if err := g.fallBack(ctx, c.Ahead()); err != nil {
		return err
	}
	if g.Target.Kind == grid.Charger {
		return g.charge(ctx, power)
	}
	if err := g.writeAll(ctx, c.Before); err != nil {
		return err
	}
	for _, name := range c.Setpoint {
		if err := g.write(ctx, name, func(l profile.Located) (float64, error) { return g.value(ctx, l, power) }); err != nil {
			return err
		}
	}
	return g.enable(ctx, power)
}

// enable sets the timer, and then has the device take the setpoint.
func (g *Guard) enable(ctx context.Context, power grid.Power) error {
	c := g.section()
	if err := g.setTimer(ctx, c.Revert); err != nil {
		return err
	}
	way := c.Resting
	switch {
	case len(c.Steps) > 0 && g.Target.Rated <= 0:
		return errUnrated
	case len(c.Steps) > 0:
		way = c.StepFor(power, g.Target.Rated)
	case power > 0:
		way = c.Charging
	case power < 0:
		way = c.Discharging
	}
	return errors.Join(g.writeAll(ctx, way), g.writeAll(ctx, c.Enable))
}

// release gives the device back, if a setpoint may be in force; what cannot be
// written now is tried at the next beat, and the revert timer acts meanwhile.
func (g *Guard) release(ctx context.Context) {
	if !g.holds {
		return
	}
	g.secured = false
	err := g.letGo(ctx)
	if errors.Is(err, profile.ErrNotImplemented) {
		g.Log.WarnContext(ctx, "the device cannot be moved", slog.String("device", g.Target.ID), slog.String("reason", err.Error()))
		err = nil // nobody can have moved it either
	}
	if err != nil {
		g.Log.WarnContext(ctx, "device not released yet", slog.String("device", g.Target.ID), slog.String("error", err.Error()))
		return
	}
	g.holds, g.three = false, nil
	g.tell(0, false)
}

// letGo writes what gives the device back. A limit at the home's connection goes back to
// what the connection allows: without any the home might give more than it may.
func (g *Guard) letGo(ctx context.Context) error {
	c := g.section()
	if least, _ := g.Bounds(); c.AtConnection() && least > unlimited {
		return g.hold(ctx, least)
	}
	if g.three != nil && !*g.three {
		if err := g.write(ctx, c.Phases.Switch, constant(c.Phases.Three)); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Release)) {
		if err := g.unlessLacking(name, g.write(ctx, name, constant(c.Release[name]))); err != nil {
			return fmt.Errorf("release %s: %w", name, err)
		}
	}
	return g.fallBack(ctx, c.Undone())
}

// unlimited is further than any home gives.
const unlimited grid.Power = -1_000_000
