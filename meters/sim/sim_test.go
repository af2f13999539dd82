package sim_test

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/meters/sim"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

func spec() world.Spec {
	return world.Spec{Seed: 1, Start: time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC), Latitude: 50, Homes: world.Neighbourhood(4, 1)}
}

// running is a neighbourhood in motion, at the speed given.
type running struct {
	*sim.Neighbourhood

	stop func()
}

func start(t *testing.T, dir string, speed float64) running {
	t.Helper()
	return startWith(t, dir, speed, spec(), nil)
}

func startWith(t *testing.T, dir string, speed float64, spec world.Spec, faults map[string][]sim.Fault) running {
	t.Helper()
	n, err := sim.Open(t.Context(), dir, spec, faults)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	origin, began := n.Now(), time.Now()
	done := make(chan error, 1)
	go func() {
		done <- n.Run(ctx, func() time.Time { return origin.Add(time.Duration(float64(time.Since(began)) * speed)) })
	}()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, n.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return running{n, stop}
}

// sink collects batches.
type sink struct {
	mu       sync.Mutex
	readings []grid.Reading
	arrived  chan struct{}
}

func newSink() *sink { return &sink{arrived: make(chan struct{}, 1)} }

func (s *sink) PublishBatch(_ context.Context, _ string, b meters.Batch) error {
	s.mu.Lock()
	s.readings = append(s.readings, b.Readings...)
	s.mu.Unlock()
	select {
	case s.arrived <- struct{}{}:
	default:
	}
	return nil
}

// patience is how long a test waits on a busy machine for what comes within seconds on
// a quiet one.
const patience = 3 * time.Minute

// wait returns when the readings are enough.
func (s *sink) wait(t *testing.T, enough func([]grid.Reading) bool) []grid.Reading {
	t.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		readings := append([]grid.Reading(nil), s.readings...)
		s.mu.Unlock()
		if enough(readings) {
			return readings
		}
		select {
		case <-s.arrived:
		case <-deadline:
			t.Fatalf("not enough readings within %s: %d", patience, len(readings))
		}
	}
}

// noMemory knows of no earlier readings.
type noMemory struct{}

func (noMemory) Totals(context.Context, string) (*grid.Reading, error) { return nil, nil }

// embedded is read once: all tests share it, and none changes it.
var embedded = sync.OnceValues(profile.Embedded)

func target(t *testing.T, d *sim.Device, profiles *profile.Set) meters.Target {
	t.Helper()
	e, err := modbus.ParseEndpoint(d.Address())
	if err != nil {
		t.Fatal(err)
	}
	return meters.Target{Device: d.Device, Endpoint: e, Unit: 1, Profile: profiles.Get(d.Profile)}
}

// read polls the neighbourhood until the test ends.
func read(t *testing.T, n running) *sink {
	t.Helper()
	profiles, err := embedded()
	if err != nil {
		t.Fatal(err)
	}
	var targets []meters.Target
	for _, d := range n.Devices() {
		targets = append(targets, target(t, d, profiles))
	}
	s := newSink()
	fleet := &meters.Fleet{Clock: n.Now, Sink: s, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- fleet.Run(ctx, targets, noMemory{}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

func of(readings []grid.Reading, device string) (own []grid.Reading) {
	for _, r := range readings {
		if r.Device == device {
			own = append(own, r)
		}
	}
	return own
}

// TestEveryDeviceIsRead polls all devices over their sockets and checks what
// they say against each other: the powers of a home balance, and registers
// move by about power × time.
func TestEveryDeviceIsRead(t *testing.T) {
	t.Parallel()
	n := start(t, t.TempDir(), 60)
	devices := n.Devices()
	s := read(t, n)
	readings := s.wait(t, func(all []grid.Reading) bool {
		for _, d := range devices {
			if len(of(all, d.ID)) < 4 {
				return false
			}
		}
		return true
	})
	for _, d := range devices {
		own := of(readings, d.ID)
		for i, r := range own {
			if r.Power == nil || r.Import == nil && r.Export == nil {
				t.Fatalf("%s: a value is missing: %+v", d.ID, r)
			}
			if d.Kind == grid.Battery && (r.Charge == nil || *r.Charge < 0 || *r.Charge > 1000) {
				t.Errorf("%s: charge %v", d.ID, r.Charge)
			}
			if d.Kind == grid.Inverter && *r.Power > 0 {
				t.Errorf("%s: an inverter takes %d W", d.ID, *r.Power)
			}
			if i > 0 {
				monotone(t, own[i-1], r)
			}
		}
	}
}

func monotone(t *testing.T, before, after grid.Reading) {
	t.Helper()
	if after.Time.Before(before.Time) {
		t.Errorf("%s: time runs back from %s to %s", after.Device, before.Time, after.Time)
	}
	for _, pair := range [][2]*grid.Energy{{before.Import, after.Import}, {before.Export, after.Export}} {
		if pair[0] != nil && pair[1] != nil && *pair[1] < *pair[0] {
			t.Errorf("%s: a register runs back from %d to %d Wh", after.Device, *pair[0], *pair[1])
		}
	}
}

// TestOutage stops a device's server: no reading comes, none is made up, and
// reading goes on by itself when the device is back.
func TestOutage(t *testing.T) {
	t.Parallel()
	n := start(t, t.TempDir(), 1)
	d := n.Devices()[0]
	s := read(t, n)
	s.wait(t, func(all []grid.Reading) bool { return len(of(all, d.ID)) >= 2 })
	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	other := n.Devices()[1].ID
	count := len(of(s.wait(t, func([]grid.Reading) bool { return true }), other))
	during := s.wait(t, func(all []grid.Reading) bool { return len(of(all, other)) >= count+4 })
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	silent := of(during, d.ID)
	last := silent[len(silent)-1].Time
	after := s.wait(t, func(all []grid.Reading) bool { return len(of(all, d.ID)) > len(silent)+1 })
	back := of(after, d.ID)[len(silent)+1].Time
	if gap := back.Sub(last); gap < 3*time.Second {
		t.Errorf("the gap is only %s: something was read while the device was away", gap)
	}
}

// TestRestartGoesOnWhereItStopped stops a neighbourhood and opens it again:
// time and registers go on.
func TestRestartGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := start(t, dir, 600)
	s := read(t, first)
	before := s.wait(t, func(all []grid.Reading) bool { return len(all) > 60 })
	first.stop()
	second := start(t, dir, 600)
	if second.Now().Before(before[len(before)-1].Time) {
		t.Errorf("the world went back to %s after %s was read", second.Now(), before[len(before)-1].Time)
	}
	again := read(t, second)
	after := again.wait(t, func(all []grid.Reading) bool { return len(all) > 30 })
	for _, d := range second.Devices() {
		old, young := of(before, d.ID), of(after, d.ID)
		if len(old) > 0 && len(young) > 0 {
			monotone(t, old[len(old)-1], young[0])
		}
	}
}

func TestAnotherNeighbourhoodIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, dir, 1).stop()
	other := spec()
	other.Seed = 2
	var refused *sim.OtherSpecError
	if _, err := sim.Open(t.Context(), dir, other, nil); !errors.As(err, &refused) || refused.Homes != 4 || refused.Seed != 1 {
		t.Errorf("error %v", err)
	}
}

// TestSetpointsAct writes a battery's setpoint registers (SunSpec model 704) and
// the charger's current limit, and sees both in what the devices do.
func TestSetpointsAct(t *testing.T) {
	t.Parallel()
	n := start(t, t.TempDir(), 60)
	s := read(t, n)
	battery := n.Devices()[2]
	c := connect(t, battery)
	defer c.Close()
	models, err := modbus.WalkSunSpec(t.Context(), c, 1)
	if err != nil {
		t.Fatal(err)
	}
	var control uint16
	for _, m := range models {
		if m.ID == 704 {
			control = m.Addr
		}
	}
	if battery.Kind != grid.Battery || control == 0 {
		t.Fatalf("%s has the models %v", battery.ID, models)
	}
	// WSet, int32 at offset 24, + injects; then WSetEna at offset 22.
	watts := int32(700)
	if err := c.Write(t.Context(), 1, control+24, []uint16{uint16(watts >> 16), uint16(watts)}); err != nil {
		t.Fatal(err)
	}
	if err := c.Write(t.Context(), 1, control+22, []uint16{1}); err != nil {
		t.Fatal(err)
	}
	s.wait(t, func(all []grid.Reading) bool {
		own := of(all, battery.ID)
		return len(own) > 0 && *own[len(own)-1].Power == -700
	})
	words, err := c.Read(t.Context(), 1, modbus.Holding, control+22, 4)
	if err != nil || words[0] != 1 || words[3] != 700 {
		t.Errorf("the setpoint reads back as %v, %v", words, err)
	}
	var refused *modbus.ExceptionError
	if err := c.Write(t.Context(), 1, 40000, []uint16{0}); !errors.As(err, &refused) {
		t.Errorf("writing the SunSpec marker: %v", err)
	}

	charger := connect(t, n.Devices()[3])
	defer charger.Close()
	var limit [4]byte
	binary.BigEndian.PutUint32(limit[:], math.Float32bits(8))
	if err := charger.Write(t.Context(), 1, 1210, []uint16{binary.BigEndian.Uint16(limit[:]), binary.BigEndian.Uint16(limit[2:])}); err != nil {
		t.Fatal(err)
	}
	words, err = charger.Read(t.Context(), 1, modbus.Holding, 1210, 2)
	if got := math.Float32frombits(uint32(words[0])<<16 | uint32(words[1])); err != nil || got != 8 {
		t.Errorf("the charger's limit reads back as %g A, %v", got, err)
	}
}

func connect(t *testing.T, d *sim.Device) *modbus.Conn {
	t.Helper()
	e, err := modbus.ParseEndpoint(d.Address())
	if err != nil {
		t.Fatal(err)
	}
	return modbus.Open(e, modbus.Options{Timeout: time.Second})
}

// TestFaultsOfTheField reads devices that misbehave: no fault stops the others, and
// none makes a wrong number.
func TestFaultsOfTheField(t *testing.T) {
	t.Parallel()
	n := startWith(t, t.TempDir(), 1, spec(), map[string][]sim.Fault{
		"home-01/meter":    {sim.Dropouts},
		"home-01/inverter": {sim.SlowGateway},
		"home-02/meter":    {sim.SingleConnection},
		"home-03/meter":    {sim.WrongUnit},
	})
	s := read(t, n)
	all := s.wait(t, func(all []grid.Reading) bool {
		return len(of(all, "home-01/meter")) >= 8 && len(of(all, "home-01/inverter")) >= 2 && len(of(all, "home-02/meter")) >= 3
	})
	if strays := of(all, "home-03/meter"); len(strays) > 0 {
		t.Errorf("unit 1 answered for a meter that is unit 3: %v", strays)
	}
	for _, r := range of(all, "home-01/inverter") {
		if r.Took < 700*time.Millisecond {
			t.Errorf("a slow gateway answered in %s", r.Took)
		}
	}
	last := grid.Reading{}
	for _, r := range of(all, "home-01/meter") {
		if r.Import == nil || last.Import != nil && *r.Import < *last.Import || r.Quality != grid.Good {
			t.Errorf("dropouts made %+v", r)
		}
		last = r
	}
	// One connection is taken by the reader: another is closed at once.
	for _, d := range n.Devices() {
		if d.ID != "home-02/meter" {
			continue
		}
		c := connect(t, d)
		defer c.Close()
		if words, err := c.Read(t.Context(), 1, modbus.Holding, 40000, 2); err == nil {
			t.Errorf("a second connection was served: %x", words)
		}
	}
	if before, after := len(of(all, "home-02/meter")), len(of(s.wait(t, func(now []grid.Reading) bool { return len(now) > len(all)+20 }), "home-02/meter")); after <= before {
		t.Error("the second connection ended the first")
	}
}

// TestZeroOnWakeUp starts before sunrise: the inverter's counter shows 0 for the
// first minute of light, and no reading may say so.
func TestZeroOnWakeUp(t *testing.T) {
	t.Parallel()
	early := spec()
	early.Start = time.Date(2026, 6, 1, 3, 30, 0, 0, time.UTC)
	n := startWith(t, t.TempDir(), 600, early, map[string][]sim.Fault{"home-01/inverter": {sim.ZeroOnWakeUp}})
	s := read(t, n)
	all := s.wait(t, func(all []grid.Reading) bool {
		own := of(all, "home-01/inverter")
		return len(own) > 0 && own[len(own)-1].Export != nil && *own[len(own)-1].Export > 50
	})
	held := 0
	for _, r := range of(all, "home-01/inverter") {
		switch {
		case r.Export == nil:
			held++
			if r.Quality != grid.Suspect {
				t.Errorf("a reading without its counter says %s", r.Quality)
			}
		case *r.Export == 0:
			t.Errorf("a zero of the wake-up came through at %s", r.Time)
		}
	}
	if held == 0 {
		t.Error("nothing was held back: nothing was tested")
	}
}

// The device that is nobody's shows what the first home's connection meter does, under a serial
// number of its own, and goes with the neighbourhood.
func TestSpare(t *testing.T) {
	t.Parallel()
	n := start(t, t.TempDir(), 600)
	spare, first := n.Spare(), n.Devices()[0]
	for _, d := range n.Devices() {
		if d == spare || d.Address() == spare.Address() || d.Serial == spare.Serial {
			t.Errorf("%s is the device that is nobody's", d.ID)
		}
	}
	if first.Kind != grid.Meter {
		t.Fatalf("the first device is a %s", first.Kind)
	}
	values := func(d *sim.Device) []uint16 {
		t.Helper()
		c := connect(t, d)
		defer c.Close()
		words, err := c.Read(t.Context(), 1, modbus.Holding, 40_070, 60) // behind model 1, which has the serial number
		if err != nil {
			t.Fatal(err)
		}
		return words
	}
	begun, alike, moved := values(spare), false, false
	for end := time.Now().Add(10 * time.Second); (!alike || !moved) && time.Now().Before(end); { // the world may move between two reads
		own := values(spare)
		alike, moved = alike || slices.Equal(own, values(first)), moved || !slices.Equal(own, begun)
	}
	if !alike || !moved {
		t.Errorf("it shows what the first home's meter does: %t, and moves with the world: %t", alike, moved)
	}
	address := spare.Address()
	n.stop()
	if c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address); err == nil {
		t.Error("it answers after the neighbourhood is closed", c.Close())
	}
}
