package signwatch_test

import (
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/signwatch"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

func TestCounters(t *testing.T) {
	t.Parallel()
	const wattHour = 3600
	for _, c := range []struct {
		byPower, byCounters int64
		want                signwatch.Evidence
	}{
		{500 * wattHour, 500 * wattHour, signwatch.Right},
		{-500 * wattHour, -400 * wattHour, signwatch.Right},
		{500 * wattHour, -500 * wattHour, signwatch.Wrong},
		{-500 * wattHour, 600 * wattHour, signwatch.Wrong},
		{500 * wattHour, 100 * wattHour, signwatch.Nothing},   // of a counter that steps by 100 Wh
		{-900 * wattHour, 300 * wattHour, signwatch.Unclear},  // what was exported is not counted
		{300 * wattHour, 90000 * wattHour, signwatch.Unclear}, // it was replaced
	} {
		if got := signwatch.Counters(c.byPower, c.byCounters); got != c.want {
			t.Errorf("power %d Wh, counters %d Wh: %d, want %d", c.byPower/wattHour, c.byCounters/wattHour, got, c.want)
		}
	}
}

func TestJump(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		behind, meter grid.Power
		want          signwatch.Evidence
	}{
		{7000, 7200, signwatch.Right},
		{-3000, -2800, signwatch.Right},
		{7000, -7200, signwatch.Wrong},
		{-3000, 2800, signwatch.Wrong},
		{900, -900, signwatch.Nothing},   // as much as a load
		{-2000, 50, signwatch.Nothing},   // a battery that makes up for a load
		{-5000, 6000, signwatch.Unclear}, // the rest of a load that is larger than the battery
	} {
		if got := signwatch.Jump(c.behind, c.meter); got != c.want {
			t.Errorf("behind %d W, meter %d W: %d, want %d", c.behind, c.meter, got, c.want)
		}
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	for meter, want := range map[grid.Power]signwatch.Evidence{
		-100: signwatch.Wrong, -99: signwatch.Nothing, 0: signwatch.Nothing, 99: signwatch.Nothing, 100: signwatch.Right,
	} {
		if got := signwatch.Export(meter); got != want {
			t.Errorf("%d W: %d, want %d", meter, got, want)
		}
	}
}

// street is the simulated neighbourhood, whose meters may be mounted the wrong way
// round.
type street struct {
	spec    world.Spec
	world   *world.World
	devices []grid.Device
	homes   []int // of the devices
	watch   *signwatch.Watch
	wrong   map[string]bool // by home
	doubted map[string]string
	ever    map[string]string // the first warning of a home
}

func newStreet() *street {
	spec := world.Spec{Seed: 1, Start: time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC), Latitude: 50, Homes: world.Neighbourhood(12, 1)}
	s := &street{spec: spec, world: world.New(spec), wrong: map[string]bool{}, doubted: map[string]string{}, ever: map[string]string{}}
	for k, h := range spec.Homes {
		add := func(kind grid.DeviceKind, there bool) {
			if there {
				s.devices = append(s.devices, grid.Device{ID: h.ID + "/" + string(kind), Kind: kind, Member: h.ID, MeteringPoint: h.ID})
				s.homes = append(s.homes, k)
			}
		}
		add(grid.Meter, true)
		add(grid.Inverter, h.PV.Peak > 0)
		add(grid.Battery, h.Battery.Capacity > 0)
		add(grid.Charger, h.Charger > 0)
	}
	s.watch = signwatch.New(s.devices)
	return s
}

// read is what a device says, and from which instant on.
func (s *street) read(d grid.Device, h world.HomeState) grid.Reading {
	r := grid.Reading{Device: d.ID, Time: s.world.Now(), Quality: grid.Good}
	switch d.Kind {
	case grid.Meter:
		power, imported, exported := h.Meter, world.Energy(h.Imported), world.Energy(h.Exported)
		if s.wrong[d.Member] {
			power, imported, exported = -power, exported, imported
		}
		r.Power, r.Import, r.Export = &power, &imported, &exported
	case grid.Inverter:
		r.Power = &h.PV
	case grid.Battery:
		r.Power = &h.Battery
	case grid.Charger, grid.HeatPump, grid.HeatingRod, grid.Appliance:
		r.Power = new(h.Power(d.Kind))
	}
	return r
}

// pass lets time pass. Every device is read once a period, each at its own moment.
func (s *street) pass(d, period time.Duration) {
	for end := s.world.Now().Add(d); s.world.Now().Before(end); {
		s.world.Advance(s.world.Now().Add(world.Step))
		state := s.world.State()
		var readings []grid.Reading
		for k, dev := range s.devices {
			if (state.Time+int64(k*7))%int64(period/time.Second) == 0 {
				readings = append(readings, s.read(dev, state.Homes[s.homes[k]]))
			}
		}
		for _, c := range s.watch.See(readings) {
			home, _, _ := strings.Cut(c.Meter, "/")
			s.doubted[home] = c.Warning
			if c.Warning == "" {
				delete(s.doubted, home)
			} else if s.ever[home] == "" {
				s.ever[home] = s.world.Now().Format("Mon 15:04 ") + c.Warning
			}
		}
	}
}

func periods() []time.Duration { return []time.Duration{time.Second, time.Minute} }

// TestHonestHomes sees no doubt about any meter of twelve homes in two days, also
// where the simulation runs sixty times faster than life.
func TestHonestHomes(t *testing.T) {
	t.Parallel()
	for _, period := range periods() {
		s := newStreet()
		s.pass(48*time.Hour, period)
		for home, warning := range s.ever {
			t.Errorf("read every %s: %s: %s", period, home, warning)
		}
	}
}

// TestWrongSign finds every meter that is mounted the wrong way round, and takes the
// doubt back when it was turned. Where a battery hides what the others do that takes
// days.
func TestWrongSign(t *testing.T) {
	t.Parallel()
	s := newStreet()
	for _, h := range s.spec.Homes {
		s.wrong[h.ID] = true
	}
	for day := 1; len(s.doubted) < len(s.spec.Homes); day++ {
		if day > 7 {
			t.Fatalf("after a week only %d are doubted: %v", len(s.doubted), s.doubted)
		}
		s.pass(24*time.Hour, time.Minute)
	}
	clear(s.wrong)
	for day := 1; len(s.doubted) > 0; day++ {
		if day > 7 {
			t.Fatalf("a week after the meters were turned some are still doubted: %v", s.doubted)
		}
		s.pass(24*time.Hour, time.Minute)
	}
}

// scene is one home's meter, alone or with a device behind it, read once a minute.
type scene struct {
	watch   *signwatch.Watch
	now     time.Time
	warning string
}

func newScene(behind ...grid.DeviceKind) *scene {
	s := &scene{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	devices := []grid.Device{{ID: "meter", Kind: grid.Meter, MeteringPoint: "mp"}}
	for _, kind := range behind {
		devices = append(devices, grid.Device{ID: string(kind), Kind: kind, MeteringPoint: "mp"})
	}
	s.watch = signwatch.New(devices)
	return s
}

// pass lets devices say the same for a while.
func (s *scene) pass(d time.Duration, says map[string]grid.Power) {
	for range int(d / time.Minute) {
		s.now = s.now.Add(time.Minute)
		for id, power := range says {
			for _, c := range s.watch.See([]grid.Reading{{Device: id, Time: s.now, Power: &power}}) {
				s.warning = c.Warning
			}
		}
	}
}

// see has a device say something now.
func (s *scene) see(id string, r grid.Reading) {
	r.Device, r.Time = id, s.now
	for _, c := range s.watch.See([]grid.Reading{r}) {
		s.warning = c.Warning
	}
}

// TestExportWhereNothingProduces doubts a meter that shows export alone, until panels
// are paired: then they are what feeds in, unless they have been dark for an hour.
func TestExportWhereNothingProduces(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.pass(5*time.Minute, map[string]grid.Power{"meter": -900})
	if s.warning != "" {
		t.Errorf("after five minutes: %s", s.warning)
	}
	s.pass(10*time.Minute, map[string]grid.Power{"meter": -900})
	if !strings.Contains(s.warning, "nothing here can produce") {
		t.Errorf("after a quarter of an hour: %q", s.warning)
	}
	if c, changed := s.watch.Add(grid.Device{ID: "inverter", Kind: grid.Inverter, MeteringPoint: "mp"}); !changed || c.Meter != "meter" || c.Warning != "" {
		t.Errorf("with panels: %+v, %t", c, changed)
	}
	s.warning = ""
	s.pass(3*time.Hour, map[string]grid.Power{"meter": -900})
	s.pass(3*time.Hour, map[string]grid.Power{"meter": -900, "inverter": -1000})
	s.pass(time.Hour, map[string]grid.Power{"meter": -900, "inverter": 0})
	if s.warning != "" {
		t.Errorf("with panels that produce, that say nothing, or have just gone dark: %s", s.warning)
	}
	s.pass(time.Hour, map[string]grid.Power{"meter": -900, "inverter": 0})
	if s.warning == "" {
		t.Error("no doubt at night")
	}
}

// TestPowerAgainstCounters doubts a meter whose counters are right while its power is
// turned, and trusts it again when both agree.
func TestPowerAgainstCounters(t *testing.T) {
	t.Parallel()
	s := newScene(grid.Battery) // so that it may export
	imported, exported := grid.Energy(1000), grid.Energy(0)
	pass := func(d time.Duration, power grid.Power) {
		for range int(d / time.Minute) {
			s.now = s.now.Add(time.Minute)
			imported += 100 // 6 kW
			in := imported
			for _, c := range s.watch.See([]grid.Reading{{Device: "meter", Time: s.now, Power: &power, Import: &in, Export: &exported}}) {
				s.warning = c.Warning
			}
		}
	}
	pass(time.Hour, -6000)
	if !strings.Contains(s.warning, "its own counters") {
		t.Errorf("turned power: %q", s.warning)
	}
	pass(time.Hour, 6000)
	if s.warning != "" {
		t.Errorf("power and counters agree: %s", s.warning)
	}
}

// TestCountersAloneAreTheWrongWayRound has a meter whose power follows the car behind it,
// and whose counters count the opposite, with an export counter and without one; the clock
// is put back by a day meanwhile. When the counters change places the doubt is gone.
func TestCountersAloneAreTheWrongWayRound(t *testing.T) {
	t.Parallel()
	for _, both := range []bool{true, false} {
		s := newScene(grid.Charger, grid.Battery)
		right, wrong := grid.Energy(1000), grid.Energy(0)
		charge := func(times int, turned bool) {
			for k := range times * 20 {
				s.now = s.now.Add(time.Minute)
				power, car := grid.Power(-300), grid.Power(0) // exports
				if k%20 >= 10 {
					power, car = 6900, 7200
				}
				s.see("charger", grid.Reading{Power: &car})
				s.see("battery", grid.Reading{Power: new(grid.Power)})
				r := grid.Reading{Power: &power}
				if power > 0 {
					right += grid.Energy(power / 60)
				}
				in, out := right, wrong
				if turned {
					in, out = out, in
				}
				r.Import = &in
				if r.Export = &out; !both {
					r.Import = nil
				}
				s.see("meter", r)
			}
		}
		charge(4, true)
		s.now = s.now.Add(-24 * time.Hour)
		charge(4, true)
		if !strings.Contains(s.warning, "inverted_counters") || !strings.Contains(s.warning, "counters may be") {
			t.Errorf("with both counters %t: %q", both, s.warning)
		}
		if charge(12, false); both && s.warning != "" {
			t.Errorf("when they changed places: %q", s.warning)
		}
	}
}

// TestJumps doubts a meter that moves the other way than its charger, five times.
func TestJumps(t *testing.T) {
	t.Parallel()
	s := newScene(grid.Charger, grid.Battery)
	charge := func(times int, sign grid.Power) {
		for range times {
			s.pass(10*time.Minute, map[string]grid.Power{"meter": sign * 300, "charger": 0, "battery": 0})
			s.pass(10*time.Minute, map[string]grid.Power{"meter": sign * 7400, "charger": 7200, "battery": 0})
		}
	}
	charge(2, -1)
	if s.warning != "" {
		t.Errorf("after three jumps: %s", s.warning)
	}
	charge(2, -1)
	if !strings.Contains(s.warning, "moves the other way") {
		t.Errorf("after seven jumps: %q", s.warning)
	}
	charge(5, 1)
	if s.warning != "" {
		t.Errorf("after the meter was turned: %s", s.warning)
	}
}
