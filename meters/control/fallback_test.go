package control_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/control"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/meters/sim"
)

// TestWhatAnotherControllerLeftIsNotFallenBackTo finds 3 kW of discharge in the registers
// that the battery applies when its timer runs out; then it holds the battery and is cut
// off. The battery goes back to its own logic.
func TestWhatAnotherControllerLeftIsNotFallenBackTo(t *testing.T) {
	t.Parallel()
	h := newHouse(t, -3000, 3000)
	conn, at := h.conn(h.battery), controls(t, h.conn(h.battery))
	for offset, words := range map[uint16][]uint16{26: {0, 3000}, 30: {1}} {
		if err := conn.Write(t.Context(), 1, at+offset, words); err != nil {
			t.Fatal(err)
		}
	}
	h.guard.See()
	h.guard.Set(-650)
	h.eventually("−650 W", func() bool { return h.shows(h.battery, "sunspec-storage") == -650 })
	if err := h.battery.Stop(); err != nil {
		t.Fatal(err)
	}
	back := h.now().Add(17 * time.Second)
	h.ahead.Add(int64(17 * time.Second))
	h.until("the timer has run out", func() bool { return !h.now().Before(back) })
	if err := h.battery.Start(); err != nil {
		t.Fatal(err)
	}
	if got := h.shows(h.battery, "sunspec-storage"); got == -3000 || got == -650 {
		t.Errorf("cut off, the battery goes on with %d W", got)
	}
}

// TestTheSimulatedBatteryFallsBack shows that a battery of the simulation does what is in
// those registers: else the test above would show nothing.
func TestTheSimulatedBatteryFallsBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t, -3000, 3000)
	h.end()
	conn := h.conn(h.battery)
	at := controls(t, conn)
	write := func(offset uint16, words ...uint16) {
		t.Helper()
		if err := conn.Write(t.Context(), 1, at+offset, words); err != nil {
			t.Fatal(err)
		}
	}
	write(26, 0, 2500)
	write(30, 1)
	write(24, 0, 500)
	write(31, 0, 10)
	write(22, 1)
	h.ahead.Add(int64(12 * time.Second))
	h.until("what was left there is in force", func() bool { return h.shows(h.battery, "sunspec-storage") == -2500 })
}

// controls returns where model 704 begins.
func controls(t *testing.T, conn *modbus.Conn) uint16 {
	t.Helper()
	models, err := modbus.WalkSunSpec(t.Context(), conn, 1)
	k := slices.IndexFunc(models, func(m modbus.Model) bool { return m.ID == 704 })
	if err != nil || k < 0 {
		t.Fatalf("%+v, %v", models, err)
	}
	return models[k].Addr
}

// bentBattery is a battery that is bent, under a guard that is asked to hold it once, and
// once more after between. It returns what the guard logged.
func bentBattery(t *testing.T, bend func(b *sim.Bent, at uint16), between func(b *sim.Bent)) (b *sim.Bent, at uint16, logged string) {
	t.Helper()
	b = &sim.Bent{Units: []uint8{1}}
	measured, controls, holds := sim.BatteryModels(0, 650)
	at = b.Chain(40000, sim.CommonModel("Acme", "B", "", "S1"), measured, controls, holds)[2]
	bend(b, at)
	set, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return b, at, guarded(t, b, set.Get("sunspec-storage"), between)
}

// guarded has a guard hold a device at −700 W, and at −1400 W after between.
func guarded(t *testing.T, b *sim.Bent, by *profile.Profile, between func(b *sim.Bent)) (logged string) {
	t.Helper()
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	e, err := modbus.ParseEndpoint(b.Target())
	if err != nil {
		t.Fatal(err)
	}
	conn := modbus.Open(e, modbus.Options{Timeout: time.Second})
	t.Cleanup(conn.Close)
	log := &lines{more: make(chan string, 100)}
	var held sync.Once
	done := make(chan struct{})
	g := &control.Guard{
		Target: meters.Target{Unit: 1, Profile: by}, Speed: 1, Log: slog.New(slog.NewTextHandler(log, nil)),
		Conn: func() *modbus.Conn { return conn }, Bounds: func() (grid.Power, grid.Power) { return -3000, 3000 },
		Moved: func(_ grid.Power, on bool) {
			if on {
				held.Do(func() { close(done) })
			}
		},
	}
	if err := g.Begin(); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { g.Run(ctx) })
	defer func() { end(); running.Wait() }()
	g.See()
	g.Set(-700)
	select {
	case <-done:
	case logged = <-log.more:
	case <-time.After(patience):
		t.Fatal("the guard neither held the battery nor said why not")
	}
	if between != nil {
		between(b)
		g.See()
		g.Set(-1400)
		writes := len(b.Writes())
		log.until(func() bool { return len(b.Writes()) >= writes+4 })
	}
	return logged
}

type lines struct{ more chan string }

func (l *lines) Write(b []byte) (int, error) {
	l.more <- string(b)
	return len(b), nil
}

func (*lines) until(ok func() bool) {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(10 * time.Second); !ok() && time.Now().Before(end); <-again.C {
	}
}

// TestTheFallbackIsWrittenFirst holds a battery: what it falls back to is written before
// anything else, and enabling it comes last.
func TestTheFallbackIsWrittenFirst(t *testing.T) {
	t.Parallel()
	b, at, logged := bentBattery(t, func(b *sim.Bent, at uint16) {
		b.Put(modbus.Holding, at+26, 0, 3000)
		b.Put(modbus.Holding, at+30, 1)
	}, nil)
	var offsets []int
	for _, w := range b.Writes() {
		offsets = append(offsets, int(w.Addr-at))
	}
	if want := []int{30, 26, 23, 24, 31, 22}; logged != "" || len(offsets) < len(want) || !slices.Equal(offsets[:len(want)], want) {
		t.Errorf("%q: written were the registers %v of model 704, want %v first", logged, offsets, want)
	}
}

// TestABatteryThatWouldStayIsNotMoved has batteries without a timer, and with fallback
// registers that do not keep what is written: neither is enabled, and the log says why.
func TestABatteryThatWouldStayIsNotMoved(t *testing.T) {
	t.Parallel()
	for want, keeps := range map[string]map[uint16][]uint16{
		"no timer":      {31: {0xffff, 0xffff}},
		"does not keep": {30: {1}},
	} {
		b, at, logged := bentBattery(t, func(b *sim.Bent, at uint16) {
			for offset, words := range keeps {
				b.Put(modbus.Holding, at+offset, words...)
			}
			b.Bend = func(sim.Request) *sim.Reply {
				for offset, words := range keeps {
					b.Put(modbus.Holding, at+offset, words...) // whatever was written
				}
				return nil
			}
		}, nil)
		if b.Get(at+22) != 0 || !strings.Contains(logged, want) {
			t.Errorf("%s: enabled %d, log %q", want, b.Get(at+22), logged)
		}
	}
}

// TestNothingIsWrittenWhereTheModelWas moves model 704 while the battery is held: the next
// setpoint goes to its new place, and none to the old one.
func TestNothingIsWrittenWhereTheModelWas(t *testing.T) {
	t.Parallel()
	var moved uint16
	b, at, logged := bentBattery(t, func(*sim.Bent, uint16) {}, func(b *sim.Bent) {
		measured, controls, holds := sim.BatteryModels(0, 650)
		moved = b.Chain(40000, sim.CommonModel("Acme", "B", "", "S1"), sim.InverterModel(0, 0), measured, controls, holds)[3]
	})
	writes := b.Writes()
	k := slices.IndexFunc(writes, func(w modbus.Range) bool { return w.Addr >= moved })
	if k < 0 {
		t.Fatalf("nothing was written where the model is now: %v", writes)
	}
	after := writes[k:]
	for _, w := range after {
		if w.Addr < moved {
			t.Errorf("register %d was written after model 704 moved from %d to %d", w.Addr, at, moved)
		}
	}
	if logged != "" {
		t.Errorf("%q: written %v", logged, writes)
	}
}

// TestABatteryWithoutControlsIsNotWrittenTo has a battery without model 704: the log
// says that it cannot be moved, and nothing is written.
func TestABatteryWithoutControlsIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	b, _, logged := bentBattery(t, func(b *sim.Bent, _ uint16) {
		measured, _, holds := sim.BatteryModels(0, 650)
		b.Chain(40000, sim.CommonModel("Acme", "B", "", "S1"), measured, holds)
	}, nil)
	if len(b.Writes()) > 0 || !strings.Contains(logged, "has no such value") {
		t.Errorf("written %v, log %q", b.Writes(), logged)
	}
}

// TestADeviceWithoutATimerFallsBackAsItIsTold holds a battery that has no timer, and a
// register for what it does when contact is lost, which another controller left at "stay":
// that is put right first, and not written again while it stands.
func TestADeviceWithoutATimerFallsBackAsItIsTold(t *testing.T) {
	t.Parallel()
	set, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	by, err := set.Parse([]byte(`{id: x, version: 1, kind: battery, document: d, quirks: {write_single: true}, points: [
{name: power, role: power, addr: 1, type: int16, unit: W}, {name: set, addr: 10, type: int16, unit: W, writable: {min: -5000, max: 5000}},
{name: on, addr: 11, type: uint16, writable: {min: 0, max: 1}}, {name: when_lost, addr: 12, type: uint16, writable: {min: 0, max: 2}}],
control: {setpoint: set, fallback: {when_lost: 1}, enable: {on: 1}, release: {on: 0}}}`))
	if err != nil {
		t.Fatal(err)
	}
	b := &sim.Bent{Units: []uint8{1}}
	b.Put(modbus.Holding, 1, 0)
	b.Put(modbus.Holding, 10, 0, 0, 2)
	logged := guarded(t, b, by, func(*sim.Bent) {})
	var written []uint16
	for _, w := range b.Writes() {
		written = append(written, w.Addr)
	}
	if want := []uint16{12, 10, 11, 10, 11}; logged != "" || len(written) < len(want) || !slices.Equal(written[:len(want)], want) || b.Get(12) != 1 {
		t.Errorf("%q: written were %v, want %v first; register 12 is %d", logged, written, want, b.Get(12))
	}
}

// TestWhatAFamilyMayLack has a battery that knows function 6 alone, and lacks a register that
// others of its family have: it is held, and given back, all the same.
func TestWhatAFamilyMayLack(t *testing.T) {
	t.Parallel()
	set, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	by, err := set.Parse([]byte(`{id: x, version: 1, kind: battery, document: d, points: [{name: power, role: power, addr: 1, type: int16, unit: W},
{name: set, addr: 10, type: int16, unit: W, writable: {min: -5000, max: 5000}}, {name: on, addr: 11, type: uint16, writable: {min: 0, max: 1}},
{name: newer, addr: 12, type: uint16, optional: true, writable: {min: 0, max: 2}}],
control: {setpoint: set, fallback: {on: 0, newer: 1}, enable: {on: 1}, release: {newer: 2}}}`))
	if err != nil {
		t.Fatal(err)
	}
	m := maker{
		kind: grid.Battery, unit: 1, free: own, step: 1, takes: [][2]uint16{{10, 11}}, start: func(m *machine) { m.hold(10, 3000, 1) },
		does: func(m *machine) (float64, bool) {
			if m.Get(11) == 0 {
				return own, false
			}
			return m.i16(10), true
		},
	}.open(t)
	bend := m.Bend
	m.Bend = func(r sim.Request) *sim.Reply {
		if r.PDU[0] == 16 {
			return &sim.Reply{Code: modbus.IllegalFunction}
		}
		return bend(r)
	}
	k := m.keep(t, by)
	k.free("at the start")
	k.asked(-700, -700)
	k.end()
	k.free("stopped")
}
