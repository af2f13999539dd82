package control_test

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/control"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/meters/sim"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// house is a home in motion: its battery under a guard, its meter read.
type house struct {
	t       *testing.T
	battery *sim.Device
	meter   *sim.Device
	conns   map[string]*modbus.Conn
	set     *profile.Set
	guard   *control.Guard
	end     func() // ends the guard

	now   func() time.Time // what the devices show
	ahead *atomic.Int64    // by which the devices' clock was put ahead, ns

	mu    sync.Mutex
	moved []grid.Power
	on    bool
}

func newHouse(t *testing.T, least, most grid.Power) *house {
	t.Helper()
	spec := world.Spec{Seed: 1, Start: time.Date(2026, 6, 1, 11, 0, 0, 0, time.UTC), Latitude: 50, Homes: world.Neighbourhood(1, 1)}
	n, err := sim.Open(t.Context(), t.TempDir(), spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	began, ahead := time.Now(), &atomic.Int64{}
	go func() {
		done <- n.Run(ctx, func() time.Time { return spec.Start.Add(time.Since(began) + time.Duration(ahead.Load())) })
	}()
	t.Cleanup(func() {
		stop()
		<-done
		_ = n.Close()
	})
	h := &house{t: t, conns: map[string]*modbus.Conn{}, now: n.Now, ahead: ahead}
	if h.set, err = profile.Embedded(); err != nil {
		t.Fatal(err)
	}
	for _, d := range n.Devices() {
		switch d.Kind {
		case grid.Battery:
			h.battery = d
		case grid.Meter:
			h.meter = d
		case grid.Inverter, grid.Charger, grid.HeatPump, grid.HeatingRod, grid.Appliance:
		}
	}
	target := meters.Target{Device: h.battery.Device, Unit: 1, Profile: h.set.Get("sunspec-storage")}
	h.guard = &control.Guard{
		Target: target, Speed: 1, Log: slog.New(slog.DiscardHandler), Conn: func() *modbus.Conn { return h.conn(h.battery) },
		Bounds: func() (grid.Power, grid.Power) { return least, most },
		Moved: func(p grid.Power, on bool) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.moved, h.on = append(h.moved, p), on
		},
	}
	if err := h.guard.Begin(); err != nil {
		t.Fatal(err)
	}
	running, end := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.guard.Run(running)
	}()
	h.end = sync.OnceFunc(func() { end(); <-ended })
	t.Cleanup(h.end)
	return h
}

func (h *house) conn(d *sim.Device) *modbus.Conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conns[d.ID] == nil {
		e, err := modbus.ParseEndpoint(d.Address())
		if err != nil {
			h.t.Fatal(err)
		}
		c := modbus.Open(e, modbus.Options{Timeout: time.Second})
		h.conns[d.ID] = c
		h.t.Cleanup(c.Close)
	}
	return h.conns[d.ID]
}

// shows reads a device's power and the battery's setpoint register.
func (h *house) shows(d *sim.Device, id string) grid.Power {
	h.t.Helper()
	models, err := modbus.WalkSunSpec(h.t.Context(), h.conn(d), 1)
	if err != nil {
		h.t.Fatal(err)
	}
	var found []profile.Model
	for _, m := range models {
		found = append(found, profile.Model(m))
	}
	points, err := h.set.Get(id).Locate(d.Kind, found)
	if err != nil {
		h.t.Fatal(err)
	}
	limits := modbus.Limits{MaxRegs: 125}
	words, err := modbus.NewReader(meters.Ranges(points, limits), limits).Read(h.t.Context(), h.conn(d), 1)
	if err != nil {
		h.t.Fatal(err)
	}
	var r grid.Reading
	if err := profile.Fill(&r, profile.Measure(points, words.At)); err != nil {
		h.t.Fatal(err)
	}
	return *r.Power
}

func (h *house) eventually(what string, ok func() bool) {
	h.t.Helper()
	h.until(what, func() bool {
		h.guard.See()
		return ok()
	})
}

// until asks again and again: a device tells nobody what it has come to.
func (h *house) until(what string, ok func() bool) {
	h.t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-again.C {
		if time.Now().After(deadline) {
			h.t.Fatalf("never: %s; moved %v, on %t", what, h.moved, h.on)
		}
	}
}

// patience is how long a test waits on a busy machine for what comes within seconds on
// a quiet one.
const patience = 3 * time.Minute

func (h *house) inForce() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.on
}

// TestASetpointMovesTheBatteryAndTheMeterShowsIt also stops the guard: the battery
// goes back to its own logic at once.
func TestASetpointMovesTheBatteryAndTheMeterShowsIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t, -3000, 3000)
	h.guard.See()
	h.guard.Set(0)
	h.eventually("the battery rests", func() bool { return h.inForce() && h.shows(h.battery, "sunspec-storage") == 0 })
	h.eventually("what the battery took goes to the grid", func() bool { return h.shows(h.meter, "sunspec-meter") < -1000 })
	before := h.shows(h.meter, "sunspec-meter")
	h.guard.Set(-700)
	h.eventually("the battery gives 700 W", func() bool { return h.shows(h.battery, "sunspec-storage") == -700 })
	if after := h.shows(h.meter, "sunspec-meter"); math.Abs(float64(after-before+700)) > 300 {
		t.Errorf("the meter went from %d to %d W, not by 700 W", before, after)
	}
	h.end()
	if h.inForce() {
		t.Error("the guard stopped, and the setpoint is still in force")
	}
}

func TestSetpointsAreClamped(t *testing.T) {
	t.Parallel()
	h := newHouse(t, -400, 250)
	h.guard.See()
	h.guard.Set(-5000)
	h.eventually("−400 W", func() bool { return h.shows(h.battery, "sunspec-storage") == -400 })
	h.guard.Set(5000)
	h.eventually("250 W", func() bool { return h.shows(h.battery, "sunspec-storage") == 250 })
	h.guard.Release()
	h.eventually("released", func() bool { return !h.inForce() })
}

// TestStaleReadingsReleaseTheDevice stops telling the guard of readings.
func TestStaleReadingsReleaseTheDevice(t *testing.T) {
	t.Parallel()
	h := newHouse(t, -3000, 3000)
	h.guard.See()
	h.guard.Set(-600)
	h.eventually("−600 W", func() bool { return h.inForce() && h.shows(h.battery, "sunspec-storage") == -600 })
	h.until("released because nobody reads the device", func() bool { return !h.inForce() })
}

// TestLostContactLetsTheTimerAct cuts the guard off: the device returns to its own
// logic by its revert timer.
func TestLostContactLetsTheTimerAct(t *testing.T) {
	t.Parallel()
	h := newHouse(t, -3000, 3000)
	h.guard.See()
	h.guard.Set(-650)
	h.eventually("−650 W", func() bool { return h.shows(h.battery, "sunspec-storage") == -650 })
	if err := h.battery.Stop(); err != nil {
		t.Fatal(err)
	}
	h.guard.Set(-650)
	// The timer is three heartbeats, 15 s of the device's clock.
	back := h.now().Add(17 * time.Second)
	h.ahead.Add(int64(17 * time.Second))
	h.until("the timer has run out", func() bool { return !h.now().Before(back) })
	if err := h.battery.Start(); err != nil {
		t.Fatal(err)
	}
	h.guard.Release()
	h.eventually("the battery is on its own logic", func() bool { return !h.inForce() && h.shows(h.battery, "sunspec-storage") != -650 })
}

func TestNoControl(t *testing.T) {
	set, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	g := &control.Guard{Target: meters.Target{Profile: set.Get("eastron-sdm630")}}
	if err := g.Begin(); err == nil {
		t.Error("a meter can be controlled")
	}
}
