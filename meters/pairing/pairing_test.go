package pairing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/meters/sim"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// embedded is read once: all tests share it, and none changes it.
var embedded = sync.OnceValues(profile.Embedded)

func profiles(t *testing.T) *profile.Set {
	t.Helper()
	set, err := embedded()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// neighbourhood stands still at eleven in June: panels produce.
func neighbourhood(t *testing.T, faults map[string][]sim.Fault) map[string]*sim.Device {
	t.Helper()
	spec := world.Spec{Seed: 1, Start: time.Date(2026, 6, 1, 11, 0, 0, 0, time.UTC), Latitude: 50, Homes: world.Neighbourhood(4, 1)}
	n, err := sim.Open(t.Context(), t.TempDir(), spec, faults)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	once, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Run(once, func() time.Time { return spec.Start.Add(10 * time.Minute) }); err != nil {
		t.Fatal(err)
	}
	devices := map[string]*sim.Device{}
	for _, d := range n.Devices() {
		devices[d.ID] = d
	}
	return devices
}

func quiet(uint8) {}

func begin(t *testing.T, bench *pairing.Bench, d *sim.Device) *pairing.Session {
	t.Helper()
	s, err := bench.Begin(t.Context(), pairing.Wish{Target: "tcp://" + d.Address(), Kind: d.Kind}, quiet)
	if err != nil {
		t.Fatalf("%s: %v", d.ID, err)
	}
	return s
}

// checked goes through live values and sign check; the panels feed in.
func checked(t *testing.T, bench *pairing.Bench, id string) *pairing.Session {
	t.Helper()
	if _, live, err := bench.Measure(t.Context(), id); err != nil || len(live.Warnings) > 0 || live.Identity.Serial == "" {
		t.Fatalf("live values: %+v, %v", live, err)
	}
	s, err := bench.CheckSign(t.Context(), id, pairing.Exporting)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPairingIsResumable goes through every step with a new bench each, as other
// processes would, and ends with a device that can be read.
func TestPairingIsResumable(t *testing.T) {
	t.Parallel()
	d := neighbourhood(t, map[string][]sim.Fault{"home-04/meter": {sim.WrongUnit}})["home-04/meter"]
	dir := t.TempDir()
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	bench := func() *pairing.Bench {
		opened := pairing.Open(dir, profiles(t), nil)
		opened.Clock = func() time.Time { return noon }
		return opened
	}
	s := begin(t, bench(), d)
	if s.Unit != 3 || s.Profile != "sunspec-meter" || s.Kind != grid.Meter || s.Step != pairing.Identified {
		t.Fatalf("identified as %+v", s)
	}
	if _, err := bench().CheckSign(t.Context(), s.ID, pairing.Exporting); !conflict(err, "live values") {
		t.Errorf("sign check before the live values: %v", err)
	}
	resumed, err := bench().Resume("tcp://"+d.Address(), nil)
	if err != nil || resumed == nil || resumed.ID != s.ID {
		t.Fatalf("resume: %+v, %v", resumed, err)
	}
	if _, err := bench().Bind(s.ID, d.Device); !conflict(err, "check the sign") {
		t.Errorf("bound before the sign check: %v", err)
	}
	s = checked(t, bench(), s.ID)
	if s.Inverted || s.Power == nil || *s.Power > -100 {
		t.Fatalf("sign check %+v", s)
	}
	bound, err := bench().Bind(s.ID, grid.Device{ID: "ann/meter", Member: "ann", MeteringPoint: "mp-ann"})
	if err != nil || bound.Device.Serial != d.Serial {
		t.Fatalf("bound %+v, %v", bound, err)
	}
	watched, err := bench().Watch(t.Context(), s.ID, 4*time.Second, func(int) {})
	if err != nil || watched.Watch.Readings < 3 || watched.Watch.Suspect > 0 {
		t.Fatalf("watch %+v, %v", watched, err)
	}
	paired, err := bench().Paired()
	want := pairing.Binding{
		Device: grid.Device{ID: "ann/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "mp-ann", Serial: d.Serial},
		Target: "tcp://" + d.Address(), Unit: 3, Profile: "sunspec-meter", Since: noon,
	}
	if err != nil || len(paired) != 1 || paired[0].Paired == nil {
		t.Fatalf("paired %+v, %v", paired, err)
	}
	how := paired[0].Paired
	paired[0].Paired = nil
	if how.At != noon || how.Load != pairing.Exporting || how.Identity.Serial != d.Serial || how.Watch.Readings < 3 || how.Began == nil || how.Began.Import == nil {
		t.Errorf("it was noted that it was paired so: %+v", how)
	}
	if !reflect.DeepEqual(paired[0], want) {
		t.Errorf("paired %+v, %v, want %+v", paired, err, want)
	}
	if left, err := bench().Sessions(); err != nil || len(left) != 0 {
		t.Errorf("sessions left: %v, %v", left, err)
	}
}

// TestAdopt takes one of two meters that were bound to one metering point at the same
// time: what it begins, it begins once the meter is kept, and what the community
// refuses is not kept.
func TestAdopt(t *testing.T) {
	t.Parallel()
	devices := neighbourhood(t, nil)
	bench := pairing.Open(t.TempDir(), profiles(t), nil)
	second := begin(t, bench, devices["home-04/meter"])
	checked(t, bench, second.ID)
	first := begin(t, bench, devices["home-04/meter"])
	checked(t, bench, first.ID)
	ann := grid.Device{ID: "ann/meter", Member: "ann", MeteringPoint: "mp-ann"}
	for _, id := range []string{second.ID, first.ID} {
		if _, err := bench.Bind(id, ann); err != nil {
			t.Fatal(err)
		}
		ann.ID = "ann/other"
	}
	bench.Adopt = func(context.Context, pairing.Binding) (func(), error) {
		return nil, &pairing.ConflictError{Reason: "not here"}
	}
	watch := func(id string) error {
		_, err := bench.Watch(t.Context(), id, 2*time.Second, func(int) {})
		return err
	}
	if err := watch(first.ID); !conflict(err, "not here") {
		t.Errorf("a device that the community refuses: %v", err)
	}
	begun := 0
	bench.Adopt = func(context.Context, pairing.Binding) (func(), error) {
		return func() {
			if paired, err := bench.Paired(); err != nil || len(paired) != 1 || paired[0].ID != "ann/other" {
				t.Errorf("begun before it is kept: %+v, %v", paired, err)
			}
			begun++
		}, nil
	}
	if err := watch(first.ID); err != nil || begun != 1 {
		t.Fatalf("begun %d times, %v", begun, err)
	}
	if err := watch(second.ID); !conflict(err, "bound already") {
		t.Errorf("the metering point was taken meanwhile: %v", err)
	}
}

func conflict(err error, text string) bool {
	var c *pairing.ConflictError
	return errors.As(err, &c) && strings.Contains(c.Reason, text)
}

func TestSignCheck(t *testing.T) {
	t.Parallel()
	devices := neighbourhood(t, map[string][]sim.Fault{"home-04/meter": {sim.WrongSign}})
	bench := pairing.Open(t.TempDir(), profiles(t), nil)
	s := begin(t, bench, devices["home-04/meter"])
	if s = checked(t, bench, s.ID); !s.Inverted {
		t.Errorf("a meter that shows %d W while the panels feed in passed as mounted right", *s.Power)
	}
	s = begin(t, bench, devices["home-04/inverter"])
	if s = checked(t, bench, s.ID); s.Inverted || *s.Power >= 0 {
		t.Errorf("an inverter that produces: %+v", s)
	}
	if _, err := bench.CheckSign(t.Context(), s.ID, pairing.Importing); !conflict(err, "does not fit") {
		t.Errorf("an inverter said to take power: %v", err)
	}
	if _, err := bench.CheckSign(t.Context(), s.ID, "perhaps"); !conflict(err, "neither") {
		t.Errorf("a load %q: %v", "perhaps", err)
	}
}

// TestSignCheckLater leaves the sign of panels open, which the binding tells, but
// not that of the meter that bills.
func TestSignCheckLater(t *testing.T) {
	t.Parallel()
	devices := neighbourhood(t, nil)
	bench := pairing.Open(t.TempDir(), profiles(t), []pairing.Binding{{Device: grid.Device{ID: "ann/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "mp-ann"}}})
	later := func(d *sim.Device) (*pairing.Session, error) {
		s := begin(t, bench, d)
		if _, _, err := bench.Measure(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		return bench.CheckSign(t.Context(), s.ID, pairing.Later)
	}
	if s, err := later(devices["home-04/meter"]); !conflict(err, "bills") || s.Step != pairing.Measured {
		t.Errorf("a connection meter: %v, %s", err, s.Step)
	}
	s, err := later(devices["home-04/inverter"])
	if err != nil || s.Step != pairing.Checked {
		t.Fatalf("panels: %v, %s", err, s.Step)
	}
	if s, err = bench.Bind(s.ID, grid.Device{ID: "ann/pv", Member: "ann", MeteringPoint: "mp-ann"}); err != nil || !s.Binding().Unchecked {
		t.Errorf("bound as %+v, %v", s.Binding(), err)
	}
	if s, err = bench.CheckSign(t.Context(), s.ID, pairing.Exporting); err != nil || s.Unchecked {
		t.Errorf("checked after all: %+v, %v", s, err)
	}
}

// TestRemove lets go of devices; the connection meter goes last.
func TestRemove(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	devices := `[{"id": "ann/meter", "kind": "meter", "metering_point": "mp-ann"}, {"id": "ann/pv", "kind": "inverter", "metering_point": "mp-ann"}]`
	if err := os.WriteFile(filepath.Join(dir, "devices.json"), []byte(devices), 0o600); err != nil {
		t.Fatal(err)
	}
	bench := pairing.Open(dir, profiles(t), nil)
	if err := bench.Remove(t.Context(), "ann/meter", pairing.Removal{Sure: true}); !conflict(err, "ann/pv is behind") {
		t.Errorf("the meter first: %v", err)
	}
	if err := errors.Join(bench.Remove(t.Context(), "ann/pv", pairing.Removal{Sure: true}), bench.Remove(t.Context(), "ann/meter", pairing.Removal{Sure: true})); err != nil {
		t.Error(err)
	}
	missing := (*pairing.NotFoundError)(nil)
	if err := bench.Remove(t.Context(), "ann/meter", pairing.Removal{Sure: true}); !errors.As(err, &missing) {
		t.Errorf("once more: %v", err)
	}
	if left, err := bench.Paired(); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestWhatTheLedgerKnows refuses the id of a removed device for another one, and a
// meter that was read the other way round so far; localhost is no other host.
func TestWhatTheLedgerKnows(t *testing.T) {
	t.Parallel()
	devices := neighbourhood(t, nil)
	meter, inverter := devices["home-04/meter"], devices["home-04/inverter"]
	dir := t.TempDir()
	write := func(bound ...pairing.Binding) {
		t.Helper()
		b, err := json.Marshal(bound)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "devices.json"), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	bench := pairing.Open(dir, profiles(t), nil)
	at := func(id string, kind grid.DeviceKind, serial, target string, inverted bool) pairing.Binding {
		return pairing.Binding{Device: grid.Device{ID: id, Kind: kind, Member: "ann", MeteringPoint: "mp-ann", Serial: serial}, Target: target, Unit: 1, Profile: "sunspec-meter", Inverted: inverted}
	}
	ann := at("ann/meter", grid.Meter, meter.Serial, "tcp://"+meter.Address(), true)
	write(ann, at("ann/pv", grid.Inverter, "OLD", "tcp://192.0.2.1:502", false))
	if err := bench.Remove(t.Context(), "ann/pv", pairing.Removal{Sure: true}); err != nil {
		t.Fatal(err)
	}
	pv := begin(t, bench, inverter)
	checked(t, bench, pv.ID)
	if _, err := bench.Bind(pv.ID, grid.Device{ID: "ann/pv", Member: "ann", MeteringPoint: "mp-ann"}); !conflict(err, "needs another id") {
		t.Errorf("the id of a removed device: %v", err)
	}
	if _, err := bench.Bind(pv.ID, grid.Device{ID: "ann/pv2", Member: "ann", MeteringPoint: "mp-ann"}); err != nil {
		t.Error(err)
	}
	s := begin(t, bench, meter)
	checked(t, bench, s.ID)
	same := grid.Device{ID: "ann/meter", Member: "ann", MeteringPoint: "mp-ann"}
	if _, err := bench.Bind(s.ID, same); err != nil {
		t.Errorf("turned round before anything was read: %v", err)
	}
	bench.HasRead = true
	if _, err := bench.Watch(t.Context(), s.ID, 3*time.Second, func(int) {}); !conflict(err, "the other way round") {
		t.Errorf("turned round: %v", err)
	}
	_, port, err := net.SplitHostPort(meter.Address())
	if err != nil {
		t.Fatal(err)
	}
	write(at("bob/meter", grid.Meter, "", "tcp://localhost:"+port, false))
	if _, err := bench.Bind(s.ID, grid.Device{ID: "cy/meter", Member: "cy", MeteringPoint: "mp-cy"}); !conflict(err, "is bound already, as bob/meter") {
		t.Errorf("by another name of its host: %v", err)
	}
}

// sink counts the readings of a community that runs.
type sink struct {
	readings atomic.Int64
	arrived  chan struct{}
}

func (s *sink) PublishBatch(_ context.Context, _ string, b meters.Batch) error {
	for _, r := range b.Readings {
		if r.Power != nil {
			s.readings.Add(1)
		}
	}
	select {
	case s.arrived <- struct{}{}:
	default: // nobody has looked since the last
	}
	return nil
}

func (*sink) Totals(context.Context, string) (*grid.Reading, error) { return nil, nil }

// TestPairingSharesTheConnection pairs at a device with a single connection while
// the community reads it: over the community's connection it goes, and no reading
// is lost; over one of its own it does not.
func TestPairingSharesTheConnection(t *testing.T) {
	t.Parallel()
	d := neighbourhood(t, map[string][]sim.Fault{"home-04/meter": {sim.SingleConnection}})["home-04/meter"]
	e, err := modbus.ParseEndpoint("tcp://" + d.Address())
	if err != nil {
		t.Fatal(err)
	}
	seen := &sink{arrived: make(chan struct{}, 1)}
	fleet := &meters.Fleet{Clock: time.Now, Sink: seen, Log: slog.New(slog.DiscardHandler)}
	ctx, stop := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() {
		target := meters.Target{Device: d.Device, Endpoint: e, Unit: 1, Profile: profiles(t).Get("sunspec-meter")}
		if err := fleet.Run(ctx, []meters.Target{target}, seen); err != nil {
			t.Error(err)
		}
	})
	defer run.Wait()
	defer stop()
	until := func(n int64) {
		t.Helper()
		for seen.readings.Load() < n {
			select {
			case <-seen.arrived:
			case <-time.After(time.Minute):
				t.Fatalf("%d readings, want %d", seen.readings.Load(), n)
			}
		}
	}
	until(2)
	bench := pairing.Open(t.TempDir(), profiles(t), nil)
	if s, err := bench.Begin(t.Context(), pairing.Wish{Target: e.String(), Unit: new(uint8(1))}, quiet); err == nil {
		t.Errorf("over a second connection: %+v", s)
	}
	bench.Shared = fleet.Conn
	s, err := bench.Begin(t.Context(), pairing.Wish{Target: e.String(), Unit: new(uint8(1))}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	checked(t, bench, s.ID)
	if _, err := bench.Bind(s.ID, grid.Device{ID: "ann/meter", Member: "ann", MeteringPoint: "mp-ann"}); err != nil {
		t.Fatal(err)
	}
	before := seen.readings.Load()
	if s, err := bench.Watch(t.Context(), s.ID, 4*time.Second, func(int) {}); err != nil || s.Watch.Readings < 3 {
		t.Errorf("watch %+v, %v", s.Watch, err)
	}
	until(before + 5)
	if fleet.Conn(e) == nil {
		t.Error("the community's connection was closed")
	}
}

// TestWhatMustNotBeBound tries duplicates, swaps, a taken metering point and a
// second protocol on one port.
func TestWhatMustNotBeBound(t *testing.T) {
	t.Parallel()
	devices := neighbourhood(t, nil)
	meter := devices["home-04/meter"]
	binding := func(id, point, serial, target string) pairing.Binding {
		return pairing.Binding{Device: grid.Device{ID: id, Kind: grid.Meter, Member: "ann", MeteringPoint: point, Serial: serial}, Target: target, Unit: 1, Profile: "sunspec-meter", Configured: true}
	}
	here := "tcp://" + meter.Address()
	for _, c := range []struct {
		name  string
		bound pairing.Binding
		want  string
	}{
		{"the same device at another address", binding("ann/old", "mp-old", meter.Serial, "tcp://192.0.2.1:502"), "bound already, as ann/old"},
		{"another device was there", binding("ann/old", "mp-old", "S-2", here), "swapped"},
		{"the address without a serial number", binding("ann/old", "mp-old", "", here), "is bound already, as ann/old"},
		{"a taken id", binding("ann/meter", "mp-old", "S-3", "tcp://192.0.2.1:502"), "is in the configuration of the community"},
		{"a metering point with a meter", binding("ann/old", "mp-ann", "S-4", "tcp://192.0.2.1:502"), "has the connection meter ann/old already"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bench := pairing.Open(t.TempDir(), profiles(t), []pairing.Binding{c.bound})
			s := begin(t, bench, meter)
			checked(t, bench, s.ID)
			if _, err := bench.Bind(s.ID, grid.Device{ID: "ann/meter", Member: "ann", MeteringPoint: "mp-ann"}); !conflict(err, c.want) {
				t.Errorf("error %v, want a conflict with %q", err, c.want)
			}
		})
	}
	bench := pairing.Open(t.TempDir(), profiles(t), []pairing.Binding{binding("ann/old", "mp-old", "", "rtuovertcp://"+meter.Address())})
	if _, err := bench.Begin(t.Context(), pairing.Wish{Target: here}, quiet); !conflict(err, "one port speaks one protocol") {
		t.Errorf("TCP where RTU is spoken: %v", err)
	}
	bench = pairing.Open(t.TempDir(), profiles(t), nil)
	s := begin(t, bench, devices["home-04/inverter"])
	checked(t, bench, s.ID)
	if _, err := bench.Bind(s.ID, grid.Device{ID: "ann/pv", Member: "ann", MeteringPoint: "mp-ann"}); !conflict(err, "no connection meter yet") {
		t.Errorf("an inverter without a meter: %v", err)
	}
}

// TestADeviceThatDropsOutIsNotTaken watches one that answers too late now and
// then.
func TestADeviceThatDropsOutIsNotTaken(t *testing.T) {
	t.Parallel()
	d := neighbourhood(t, map[string][]sim.Fault{"home-04/meter": {sim.Dropouts}})["home-04/meter"]
	bench := pairing.Open(t.TempDir(), profiles(t), nil)
	var s *pairing.Session
	for range 5 { // until no answer is dropped on the way
		var err error
		if s, err = bench.Begin(t.Context(), pairing.Wish{Target: "tcp://" + d.Address(), Unit: new(uint8(1)), Profile: "sunspec-meter", Kind: grid.Meter}, quiet); err != nil {
			continue
		}
		if _, _, err = bench.Measure(t.Context(), s.ID); err != nil {
			continue
		}
		if _, err = bench.CheckSign(t.Context(), s.ID, pairing.Exporting); err == nil {
			break
		}
	}
	if _, err := bench.Bind(s.ID, grid.Device{ID: "ann/meter", Member: "ann", MeteringPoint: "mp-ann"}); err != nil {
		t.Fatal(err)
	}
	kept, err := bench.Watch(t.Context(), s.ID, 12*time.Second, func(int) {})
	if !conflict(err, "readings came") || kept.Watch.Gap < 3 {
		t.Errorf("watch %+v, %v", kept.Watch, err)
	}
	if again, err := bench.Session(s.ID); err != nil || again.Step != pairing.Bound {
		t.Errorf("the session is gone or further: %+v, %v", again, err)
	}
}

// TestNothingThere looks where nobody listens, and where something else does.
func TestNothingThere(t *testing.T) {
	t.Parallel()
	bench := pairing.Open(t.TempDir(), profiles(t), nil)
	if _, err := bench.Begin(t.Context(), pairing.Wish{Target: "tcp://127.0.0.1:1"}, quiet); !errors.Is(err, modbus.ErrConnect) {
		t.Errorf("error %v, want ErrConnect", err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("220 mail.example ESMTP\r\n"))
			defer c.Close()
		}
	}()
	if _, err := bench.Begin(t.Context(), pairing.Wish{Target: "tcp://" + l.Addr().String(), Unit: new(uint8(1))}, quiet); !errors.Is(err, pairing.ErrSilent) {
		t.Errorf("a mail server: %v, want ErrSilent", err)
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"192.0.2.0/30":             {"192.0.2.1:502", "192.0.2.1:1502", "192.0.2.2:502", "192.0.2.2:1502"},
		"192.0.2.9:1503, meter":    {"192.0.2.9:1503", "meter:502", "meter:1502"},
		"rtuovertcp://gateway:100": {"gateway:100"},
	} {
		got, err := pairing.Places(text)
		var addresses []string
		for _, e := range got {
			addresses = append(addresses, e.Address)
		}
		if err != nil || !slices.Equal(addresses, want) {
			t.Errorf("%s: %v, %v, want %v", text, addresses, err, want)
		}
	}
	for _, text := range []string{"10.0.0.0/8", "rtu:///dev/ttyUSB0", ""} {
		if got, err := pairing.Places(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestResolve names a host that there is not.
func TestResolve(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"127.0.0.1,localhost:502": "", "127.0.0.1,nosuch.host.invalid": "nosuch.host.invalid: there is no such host"} {
		places, err := pairing.Places(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := pairing.Resolve(t.Context(), places); fmt.Sprint(err) != want && (err != nil || want != "") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// TestListening leaves out what must not be disturbed.
func TestListening(t *testing.T) {
	t.Parallel()
	d := neighbourhood(t, nil)["home-04/meter"]
	places, err := pairing.Places(d.Address() + ",127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	var mu sync.Mutex
	found := pairing.Listening(context.Background(), places, func(modbus.Endpoint) bool { return false }, func() {
		mu.Lock()
		defer mu.Unlock()
		tried++
	})
	if len(found) != 1 || found[0].Address != d.Address() || tried != 2 {
		t.Errorf("found %v after %d", found, tried)
	}
	if found := pairing.Listening(context.Background(), places, func(modbus.Endpoint) bool { return true }, func() {}); len(found) != 0 {
		t.Errorf("what was to be skipped was tried: %v", found)
	}
}

// TestABrokenFileIsNamed opens the pairings of a directory that was damaged.
func TestABrokenFileIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "devices.json"), []byte("[{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := pairing.Open(dir, profiles(t), nil).Paired(); err == nil || !strings.Contains(err.Error(), "devices.json") {
		t.Errorf("error %v", err)
	}
}

// TestManyNetworksAtOnceAreRefused bounds what is searched in all, however many networks the
// text lists.
func TestManyNetworksAtOnceAreRefused(t *testing.T) {
	t.Parallel()
	var networks []string
	for k := range 200 {
		networks = append(networks, fmt.Sprintf("10.0.%d.0/24", k))
	}
	if all, err := pairing.Places(strings.Join(networks, ",")); err == nil || !strings.Contains(err.Error(), "more than 1024 hosts in all") {
		t.Errorf("%d places, %v", len(all), err)
	}
	if all, err := pairing.Places(strings.Join(networks[:4], ",")); err != nil || len(all) != 4*254*len(pairing.Ports()) {
		t.Errorf("four networks: %d places, %v", len(all), err)
	}
}
