package control_test

import (
	"context"
	"encoding/binary"
	"fmt"
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
)

// A maker is a device that does what its maker's document says about the registers that
// are written to it. What it does is written here from the document, by address: the
// profile's own control section is what is tried.
type maker struct {
	profile string
	kind    grid.DeviceKind
	unit    uint8
	start   func(m *machine)                        // its registers, with what another controller may have left there
	takes   [][2]uint16                             // the registers that may be written, first and last
	only    byte                                    // the only function by which it is written to; 0: 6 and 16
	does    func(m *machine) (w float64, held bool) // what it takes now, and whether because somebody told it
	silence time.Duration                           // after which it lets go by itself; 0: never
	free    float64                                 // what it does when nobody holds it, or held once all is silent
	falls   float64                                 // of a charger: what it goes on with after silence
	step    float64                                 // by which its power can be set
	phased  bool                                    // a charger that goes from three phases to one
	blind   [2]uint16                               // the registers that cannot be read
	lapses  bool                                    // it is only given back by silence
	stays   bool                                    // given back, it is held to what the connection allows

	rated    grid.Power
	supply   control.Supply // of a charger
	switched bool           // it is on or off, and where it is on nobody can tell whether it was told to be
}

// most is what the devices are rated for, and given as the bound of what they may do.
const most = 3000

// machine is a maker's device that runs.
type machine struct {
	*sim.Bent
	of    maker
	ahead atomic.Int64 // by which its clock was put ahead
	deaf  atomic.Bool

	mu    sync.Mutex
	wrote map[uint16]time.Time // when each register was last written
	heard time.Time            // any request
	wrong []string             // what no such device would have taken
}

func (m *machine) now() time.Time { return time.Now().Add(time.Duration(m.ahead.Load())) }

// age is how long ago a register was written.
func (m *machine) age(addr uint16) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ever := m.wrote[addr]
	if !ever {
		return math.MaxInt64
	}
	return m.now().Sub(at)
}

func (m *machine) i16(a uint16) float64 { return float64(int16(m.Get(a))) }
func (m *machine) u32(a uint16) float64 { return float64(uint32(m.Get(a))<<16 | uint32(m.Get(a+1))) }
func (m *machine) i32(a uint16) float64 {
	return float64(int32(uint32(m.Get(a))<<16 | uint32(m.Get(a+1))))
}

func (m *machine) f32(high, low uint16) float64 {
	return float64(math.Float32frombits(uint32(m.Get(high))<<16 | uint32(m.Get(low))))
}

// idle is how long ago anything was written.
func (m *machine) idle() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := time.Time{}
	for _, at := range m.wrote {
		if at.After(last) {
			last = at
		}
	}
	return m.now().Sub(last)
}

// silent is how long ago anything came.
func (m *machine) silent() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now().Sub(m.heard)
}

func (m *machine) hold(addr uint16, words ...uint16) { m.Put(modbus.Holding, addr, words...) }

// open starts the device.
func (of maker) open(t *testing.T) *machine {
	t.Helper()
	m := &machine{Bent: &sim.Bent{Units: []uint8{of.unit}}, of: of, wrote: map[uint16]time.Time{}}
	of.start(m)
	m.Bend = func(r sim.Request) *sim.Reply {
		if m.deaf.Load() {
			return &sim.Reply{HangUp: true}
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.heard = m.now()
		if at, reads := r.Read(); reads {
			if blind := of.blind; blind[1] > 0 && at.Addr <= blind[1] && at.Addr+at.Count > blind[0] {
				m.wrong = append(m.wrong, "read")
				return &sim.Reply{Code: modbus.IllegalAddress}
			}
			return nil
		}
		first := binary.BigEndian.Uint16(r.PDU[1:])
		count := uint16(1)
		if r.PDU[0] == 16 {
			count = binary.BigEndian.Uint16(r.PDU[3:])
		}
		if of.only != 0 && r.PDU[0] != of.only {
			m.wrong = append(m.wrong, "function")
			return &sim.Reply{Code: modbus.IllegalFunction}
		}
		inside := false
		for _, span := range of.takes {
			inside = inside || first >= span[0] && first+count-1 <= span[1]
		}
		if !inside {
			m.wrong = append(m.wrong, "register")
			return &sim.Reply{Code: modbus.IllegalAddress}
		}
		for k := range count {
			m.wrote[first+k] = m.now()
		}
		return nil
	}
	if err := m.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// keeper holds a machine by a guard.
type keeper struct {
	t      *testing.T
	m      *machine
	guard  *control.Guard
	cut    atomic.Bool // the guard has no connection any more
	unread atomic.Bool // nobody reads the device
	on     atomic.Bool // a setpoint is in force, as the guard tells
	failed atomic.Bool // the guard could not write
	end    func()
}

// beat is the period of the guards here.
const beat = 10 * time.Millisecond

func (m *machine) keep(t *testing.T, by *profile.Profile) *keeper {
	t.Helper()
	e, err := modbus.ParseEndpoint(m.Target())
	if err != nil {
		t.Fatal(err)
	}
	conn := modbus.Open(e, modbus.Options{Timeout: time.Second})
	k := &keeper{t: t, m: m}
	bound := grid.Power(most)
	if m.of.kind == grid.Charger {
		bound = 11_000
	}
	k.guard = &control.Guard{
		Target: meters.Target{Device: grid.Device{ID: m.of.profile, Kind: m.of.kind}, Unit: m.of.unit, Profile: by, Rated: m.of.rated}, Supply: m.of.supply, Speed: 1, Every: beat,
		Log: slog.New(slog.NewTextHandler(k, nil)), Moved: func(_ grid.Power, on bool) { k.on.Store(on) }, Bounds: func() (grid.Power, grid.Power) { return -bound, bound },
		Conn: func() *modbus.Conn {
			if k.cut.Load() {
				return nil
			}
			return conn
		},
	}
	if err := k.guard.Begin(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { k.guard.Run(ctx) })
	running.Go(func() {
		reading := time.NewTicker(beat / 2)
		defer reading.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-reading.C:
				if !k.unread.Load() {
					k.guard.See()
				}
			}
		}
	})
	k.end = sync.OnceFunc(func() {
		stop()
		running.Wait()
		conn.Close()
	})
	t.Cleanup(k.end)
	return k
}

// Write takes what the guard logs: it only does where it fails.
func (k *keeper) Write(b []byte) (int, error) {
	k.failed.Store(true)
	return len(b), nil
}

// until waits for what the device does.
func (k *keeper) until(what string, ok func(w float64, held bool) bool) {
	k.t.Helper()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(patience / 6); ; <-again.C {
		w, held := k.m.of.does(k.m)
		if ok(w, held) {
			return
		}
		if time.Now().After(deadline) {
			k.t.Fatalf("never: %s; it does %g W, held %t; written %v; refused %v", what, w, held, k.m.Writes(), k.m.wrong)
		}
	}
}

// asked waits until the device does what was asked for, and no more.
func (k *keeper) asked(p, want grid.Power) {
	k.t.Helper()
	k.guard.Set(p)
	near := func(w float64) bool {
		off := w - float64(want)
		switch k.m.of.kind {
		case grid.Charger:
			return off <= 0 && off > -k.m.of.step
		case grid.Inverter:
			return off >= 0 && off < k.m.of.step
		default:
			return math.Abs(off) <= k.m.of.step/2
		}
	}
	k.until(fmt.Sprintf("%d W are asked for", p), func(w float64, held bool) bool { return (held || k.m.of.switched && w > 0) && near(w) })
}

func (k *keeper) free(when string) {
	k.t.Helper()
	k.until(when+" the guard lets it go", func(float64, bool) bool { return !k.on.Load() })
	if k.m.of.lapses {
		k.m.ahead.Add(int64(k.m.of.silence + time.Second))
	}
	k.until(when+" it is free", func(w float64, held bool) bool { return (!held || k.m.of.stays) && w == k.m.of.free })
}

// TestEveryMakersDevice has each device that can be told what to do find what another
// controller left, do what it is asked within its bounds, be released, go back by itself
// when all is silent, or by the next start where it has no timer, and be released when
// contact is lost or the program stops.
func TestEveryMakersDevice(t *testing.T) {
	t.Parallel()
	set, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	tried := map[string]bool{}
	for _, of := range makers() {
		tried[of.profile+" "+string(of.kind)] = true
		t.Run(of.profile+"/"+string(of.kind), func(t *testing.T) {
			t.Parallel()
			of.try(t, set.Get(of.profile))
		})
	}
	for _, id := range set.IDs() {
		p := set.Get(id)
		for _, kind := range []grid.DeviceKind{p.Kind, grid.Battery, grid.Inverter} {
			acts := p.Acts(kind) != nil && (kind == p.Kind || p.Shows(kind, profile.RolePower))
			if acts && !tried[id+" "+string(kind)] {
				t.Errorf("%s: nobody tries what a %s of it is told", id, kind)
			}
			if acts && !p.Acts(kind).LetsGo() {
				t.Errorf("%s: a %s of it would stay where it is held", id, kind)
			}
		}
	}
}

func (of maker) try(t *testing.T, by *profile.Profile) {
	if by == nil {
		t.Fatal("there is no such profile")
	}
	m := of.open(t)
	k := m.keep(t, by)
	of.follow(k)
	k.guard.Release()
	k.free("released")

	first := of.some()
	k.asked(first, first)
	k.cut.Store(true) // as if the program had been killed
	k.end()
	if of.silence > 0 {
		m.ahead.Add(int64(of.silence + time.Second))
		if w, held := of.does(m); held && w != of.falls || !held && w != of.free {
			t.Errorf("after silence it does %g W, held %t", w, held)
		}
	} else if _, held := of.does(m); !held {
		t.Error("it let go by itself: then the document knows a timer")
	}
	k = m.keep(t, by)
	k.free("at the next start")

	k.asked(first, first)
	k.unread.Store(true)
	m.deaf.Store(true)
	k.failed.Store(false)
	k.until("the guard finds no device", func(float64, bool) bool { return k.failed.Load() || of.lapses })
	m.deaf.Store(false)
	k.free("when contact is lost, and back,")
	k.unread.Store(false)
	k.asked(first, first)
	k.end()
	k.free("stopped")
	if wrong := m.wrongs(); len(wrong) > 0 {
		t.Errorf("it was asked for what no such device has: %v", wrong)
	}
}

func (m *machine) wrongs() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wrong
}

// some is a power by which every device of the kind can be held.
func (of maker) some() grid.Power {
	switch of.kind {
	case grid.Charger:
		return 6900
	case grid.HeatPump, grid.HeatingRod:
		return 1500
	case grid.Appliance:
		return 0
	case grid.Inverter:
		return -1500
	default:
		return -1500
	}
}

// follow asks for this and that.
func (of maker) follow(k *keeper) {
	switch of.kind {
	case grid.Charger:
		k.asked(9000, 9000)
		k.asked(50_000, 11_000)
		k.asked(4200, 4200)
		if of.phased {
			k.asked(2990, 2990)
		} else {
			k.asked(2990, 0)
		}
		k.asked(1000, 0)
		k.asked(6900, 6900)
	case grid.Inverter:
		k.asked(-2000, -2000)
		k.asked(-9000, -most)
		k.asked(0, 0)
		k.asked(-750, -750)
	case grid.Appliance:
		k.asked(0, 0)
		k.asked(1500, 1500)
		k.asked(2, 1500)
		k.asked(0, 0)
		k.asked(-1000, 0)
	case grid.HeatPump, grid.HeatingRod:
		k.asked(1500, 1500)
		k.asked(0, 0)
		k.asked(9000, most)
		k.asked(-1000, 0)
	default:
		k.asked(1500, 1500)
		k.asked(-1200, -1200)
		k.asked(0, 0)
		k.asked(9000, most)
		k.asked(-9000, -most)
	}
}

// TestADeviceIsSwitchedOnAndOff has a heat pump that takes no power but the two inputs of SG
// Ready: 1 and 0 wants it to run, 0 and 1 keeps it off, and 0 and 0 leaves it alone.
func TestADeviceIsSwitchedOnAndOff(t *testing.T) {
	t.Parallel()
	set, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	by, err := set.Parse([]byte(`{id: x, version: 1, kind: heat-pump, document: d, points: [{name: power, role: power, addr: 1, type: int16, unit: W},
{name: sg_1, addr: 4001, type: uint16, writable: {min: 0, max: 1}}, {name: sg_2, addr: 4002, type: uint16, writable: {min: 0, max: 1}}],
control: {charging: {sg_1: 1, sg_2: 0}, resting: {sg_1: 0, sg_2: 1}, fallback: {sg_1: 0, sg_2: 0}}}`))
	if err != nil {
		t.Fatal(err)
	}
	const runs, alone = 2500, 900
	of := maker{
		kind: grid.HeatPump, unit: 1, free: alone, step: 1, takes: [][2]uint16{{4001, 4002}}, start: func(m *machine) { m.hold(4001, 0, 1) },
		does: func(m *machine) (float64, bool) {
			switch one, two := m.Get(4001), m.Get(4002); {
			case one == 1 && two == 0:
				return runs, true
			case one == 0 && two == 1:
				return 0, true
			case one == 1:
				return 2 * runs, true
			default:
				return alone, false
			}
		},
	}
	k := of.open(t).keep(t, by)
	k.free("at the start")
	k.asked(1800, runs)
	k.asked(0, 0)
	k.end()
	k.free("stopped")
}
