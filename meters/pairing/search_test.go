package pairing_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/meters/sim"
)

// served is a device that is bent.
func served(t *testing.T, b *sim.Bent) *sim.Bent {
	t.Helper()
	if b.Units == nil {
		b.Units = []uint8{1}
	}
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// aMeter has a SunSpec connection meter.
func aMeter(b *sim.Bent) *sim.Bent {
	b.Chain(40000, sim.CommonModel("Acme", "M1", "", "S7"), sim.MeterModel(1200, 5000, 100))
	return b
}

// probed probes a bent device.
func probed(t *testing.T, b *sim.Bent, w pairing.Wish) (pairing.Probed, error) {
	t.Helper()
	return probedBy(t, b, w, profiles(t))
}

func probedBy(t *testing.T, b *sim.Bent, w pairing.Wish, set *profile.Set) (pairing.Probed, error) {
	t.Helper()
	e, err := modbus.ParseEndpoint(b.Target())
	if err != nil {
		t.Fatal(err)
	}
	search := w.Search(pairing.Access{Profiles: set})
	search.Progress = quiet
	return pairing.Probe(t.Context(), e, search)
}

// power is what was read of a kind.
func power(p pairing.Probed, kind grid.DeviceKind) any {
	for _, r := range p.Readings {
		if r.Kind == kind && r.Power != nil {
			return *r.Power
		}
	}
	return "nothing"
}

func one() *uint8 { return new(uint8(1)) }

// TestASearchKeepsToTheNamedProfile looks for a device that is deaf to what comes right
// after connecting, and one that takes longer for an answer than a search waits for a unit
// that is not known: the profile says both, and so does the installer.
func TestASearchKeepsToTheNamedProfile(t *testing.T) {
	t.Parallel()
	const deaf = 700 * time.Millisecond
	text := `{id: deaf, version: 1, kind: meter, vendor: any, document: d, sunspec: [203], quirks: {connect_delay_ms: 1500}, points: [{name: W, role: power}]}`
	set, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/deaf.yaml"
	write(t, path, text)
	if err := set.AddFile(path); err != nil {
		t.Fatal(err)
	}
	for name, w := range map[string]pairing.Wish{
		"by its profile":    {Unit: one(), Profile: "deaf"},
		"by the installer":  {Unit: one(), Profile: "sunspec-meter", How: pairing.How{Own: pairing.Own{ConnectDelayMS: new(1500)}}},
		"without a profile": {Unit: one(), How: pairing.How{Own: pairing.Own{ConnectDelayMS: new(1500)}}},
		"nobody says it":    {Unit: one(), How: pairing.How{Own: pairing.Own{TimeoutMS: new(700)}}},
		"without a unit":    {Profile: "deaf"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := served(t, aMeter(&sim.Bent{Bend: func(r sim.Request) *sim.Reply {
				if time.Since(r.Since) < deaf {
					return &sim.Reply{Silent: true}
				}
				return nil
			}}))
			p, err := probedBy(t, b, w, set)
			if err != nil || power(p, grid.Meter) != grid.Power(1200) {
				t.Errorf("%v: %+v", err, p.Readings)
			}
			if found := w.Profile == "" && w.ConnectDelayMS == nil; found && (p.ConnectDelayMS == nil || *p.ConnectDelayMS < 1000) {
				t.Errorf("what the search found out is not kept: %+v", p.How)
			}
		})
	}
}

// TestSilenceAndBusyAreNoAbsence finds a device that is silent to what it does not have,
// and one that is busy at first.
func TestSilenceAndBusyAreNoAbsence(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	for name, bend := range map[string]func(b *sim.Bent) func(r sim.Request) *sim.Reply{
		"silent where others refuse": func(*sim.Bent) func(r sim.Request) *sim.Reply {
			return func(r sim.Request) *sim.Reply {
				if at, reads := r.Read(); !reads || at.Addr < 40000 || at.Table != modbus.Holding || at.Addr > 40180 {
					return &sim.Reply{Silent: true}
				}
				return nil
			}
		},
		"busy": func(*sim.Bent) func(r sim.Request) *sim.Reply {
			return func(sim.Request) *sim.Reply {
				if n.Add(1)%2 == 1 {
					return &sim.Reply{Code: 6}
				}
				return nil
			}
		},
	} {
		b := aMeter(&sim.Bent{})
		b.Bend = bend(b)
		served(t, b)
		p, err := probed(t, b, pairing.Wish{Unit: one(), Profile: "sunspec-meter", How: pairing.How{Own: pairing.Own{TimeoutMS: new(700)}}})
		if err != nil || power(p, grid.Meter) != grid.Power(1200) {
			t.Errorf("%s: %v: %+v", name, err, p.Readings)
		}
	}
}

// TestUnitZero asks unit 0 when it is named, and finds a device there when none is.
func TestUnitZero(t *testing.T) {
	t.Parallel()
	b := served(t, aMeter(&sim.Bent{Units: []uint8{0}}))
	p, err := probed(t, b, pairing.Wish{Unit: new(uint8(0))})
	if err != nil || p.Unit != 0 || power(p, grid.Meter) != grid.Power(1200) {
		t.Errorf("named: unit %d, %v", p.Unit, err)
	}
	for _, r := range b.Asked() {
		if r.Unit != 0 {
			t.Fatalf("unit %d was asked", r.Unit)
		}
	}
	if !slices.Contains(pairing.Units(), 0) {
		t.Error("unit 0 is not among those that are looked for")
	}
	line := served(t, aMeter(&sim.Bent{Units: []uint8{0}, RTU: true}))
	if _, err := probed(t, line, pairing.Wish{Unit: new(uint8(0))}); err == nil || !strings.Contains(err.Error(), "all devices") {
		t.Errorf("unit 0 of a line: %v", err)
	}
	bench := pairing.Open(t.TempDir(), profiles(t), nil)
	s, err := bench.Begin(t.Context(), pairing.Wish{Target: b.Target(), Unit: new(uint8(0))}, quiet)
	if err != nil || s.Unit != 0 {
		t.Fatalf("a pairing: %+v, %v", s, err)
	}
	if kept, err := bench.Resume(b.Target(), new(uint8(0))); err != nil || kept == nil || kept.ID != s.ID {
		t.Errorf("resumed: %+v, %v", kept, err)
	}
}

// TestAnotherUnitAnswers names the unit in whose name a server answers.
func TestAnotherUnitAnswers(t *testing.T) {
	t.Parallel()
	b := served(t, aMeter(&sim.Bent{Units: []uint8{3}, Frame: func(_ sim.Request, f []byte) []byte { f[6] = 1; return f }}))
	for _, by := range []string{"", "sunspec-meter", "eastron-sdm120"} {
		other := (*modbus.OtherUnitError)(nil)
		if _, err := probed(t, b, pairing.Wish{Unit: new(uint8(3)), Profile: by}); !errors.As(err, &other) || other.Answered != 1 || errors.Is(err, pairing.ErrSilent) {
			t.Errorf("profile %q: %v", by, err)
		}
	}
}

// TestOneOfTwoMeters pairs one of two meters behind an inverter: the one that says that it
// is the connection meter, with its own serial number, or the one that is named. Where
// nothing tells the installer is asked.
func TestOneOfTwoMeters(t *testing.T) {
	t.Parallel()
	two := func(second string) *sim.Bent {
		b := &sim.Bent{}
		b.Chain(40000, sim.CommonModel("SolarEdge", "SE10K", "", "INV"), sim.InverterModel(5000, 9),
			sim.CommonModel("SolarEdge", "MTR", "Production", "M1"), sim.MeterModel(5000, 100, 20_000),
			sim.CommonModel("SolarEdge", "MTR", second, "M2"), sim.MeterModel(-1200, 777, 3000))
		return served(t, b)
	}
	bench := pairing.Open(t.TempDir(), profiles(t), nil)
	pair := func(b *sim.Bent, part int, load pairing.Load, id, point string) pairing.Binding {
		t.Helper()
		s, err := bench.Begin(t.Context(), pairing.Wish{Target: b.Target(), Unit: one(), Profile: "sunspec-meter", How: pairing.How{Part: part}}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bench.Rate(s.ID, pairing.Ratings{ExportLimit: new(grid.Power(0))}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := bench.Measure(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := bench.CheckSign(t.Context(), s.ID, load); err != nil {
			t.Fatal(err)
		}
		if _, err := bench.Bind(s.ID, grid.Device{ID: id, Member: "ann", MeteringPoint: point}); err != nil {
			t.Fatal(err)
		}
		if s, err = bench.Watch(t.Context(), s.ID, 3*time.Second, func(int) {}); err != nil {
			t.Fatal(err)
		}
		return s.Binding()
	}
	b := two("Export+Import")
	if got := pair(b, 0, pairing.Exporting, "ann/meter", "mp-ann"); got.Serial != "M2" || got.Part != 2 || got.Inverted || got.ExportLimit == nil || *got.ExportLimit != 0 || got.ImportLimit != nil {
		t.Errorf("the connection meter: %+v", got)
	}
	if got := pair(b, 1, pairing.Importing, "ann/roof", "mp-roof"); got.Serial != "M1" || got.Part != 1 || got.Inverted {
		t.Errorf("the other one: %+v", got)
	}
	_, err := bench.Begin(t.Context(), pairing.Wish{Target: two("Consumption").Target(), Unit: one(), Profile: "sunspec-meter"}, quiet)
	if !conflict(err, "say which is meant, with --part N, or part: N in a configuration (1: SolarEdge MTR Production, serial number M1; 2: SolarEdge MTR Consumption, serial number M2)") {
		t.Errorf("nothing tells: %v", err)
	}
	p, err := probed(t, two("Consumption"), pairing.Wish{Unit: one(), Profile: "sunspec-meter"})
	if err != nil || p.Part != 1 || !strings.Contains(strings.Join(p.Warnings, "\n"), "shows 2 of the kind") {
		t.Errorf("probed where nothing tells: part %d, %q, %v", p.Part, p.Warnings, err)
	}
}

// TestWhatHasNoEffectIsRefused gives limits that no device keeps to, and a part where
// there is none to choose.
func TestWhatHasNoEffectIsRefused(t *testing.T) {
	t.Parallel()
	b := served(t, aMeter(&sim.Bent{}))
	for want, w := range map[string]pairing.Wish{
		"fixed addresses":         {Profile: "eastron-sdm120", How: pairing.How{Part: 2}},
		"has no part 2":           {Profile: "sunspec-meter", How: pairing.How{Part: 2}},
		"timeout_ms: 0":           {Profile: "sunspec-meter", How: pairing.How{Own: pairing.Own{TimeoutMS: new(0)}}},
		"no profile \"nobody's\"": {Profile: "nobody's"},
		"max_regs: 0":             {Profile: "sunspec-meter", How: pairing.How{Own: pairing.Own{MaxRegs: new(uint16(0))}}},
		"has 16 registers":        {Profile: "sunspec-meter", How: pairing.How{Own: pairing.Own{MaxRegs: new(uint16(9))}}},
		"only a battery has":      {Profile: "sunspec-meter", How: pairing.How{Ratings: pairing.Ratings{Capacity: new(grid.Energy(5))}}},
		"must be above 0":         {Profile: "sunspec-meter", How: pairing.How{Ratings: pairing.Ratings{Rated: new(grid.Power(0))}}},
		"timeout_ms: 3600000 ":    {Profile: "sunspec-meter", How: pairing.How{Own: pairing.Own{TimeoutMS: new(3_600_000)}}},
	} {
		w.Target, w.Unit = b.Target(), one()
		if _, err := pairing.Open(t.TempDir(), profiles(t), nil).Begin(t.Context(), w, quiet); !conflict(err, want) {
			t.Errorf("%v, want a refusal with %q", err, want)
		}
	}
}

// TestWhatThereIsIsShown probes a battery that has model 713 alone, by the profile that
// wants 701 as well, and by none: what it holds is shown.
func TestWhatThereIsIsShown(t *testing.T) {
	t.Parallel()
	_, _, holds := sim.BatteryModels(0, 650)
	b := &sim.Bent{}
	b.Chain(40000, sim.CommonModel("Acme", "B", "", "S1"), holds)
	served(t, b)
	p, err := probed(t, b, pairing.Wish{Unit: one()})
	if err != nil || !slices.Equal(p.Profiles, []string{"sunspec-storage-state"}) || len(p.Readings) != 1 || p.Readings[0].Charge == nil || *p.Readings[0].Charge != 650 {
		t.Errorf("%v: fits %v, read %+v", err, p.Profiles, p.Readings)
	}
	p, err = probed(t, b, pairing.Wish{Unit: one(), Profile: "sunspec-storage"})
	shown := slices.IndexFunc(p.Points, func(lp pairing.LivePoint) bool { return lp.Name == "713.SoC" && lp.Value == 65.0 })
	if err != nil || shown < 0 || !strings.Contains(strings.Join(p.Warnings, "\n"), "no SunSpec model") {
		t.Errorf("%v: shown %+v, warnings %q", err, p.Points, p.Warnings)
	}
	bench := pairing.Open(t.TempDir(), profiles(t), []pairing.Binding{{Device: grid.Device{ID: "ann/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "mp-ann"}}})
	s, err := bench.Begin(t.Context(), pairing.Wish{Target: b.Target(), Unit: one()}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := bench.Measure(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	if s, err = bench.CheckSign(t.Context(), s.ID, pairing.Later); err != nil || s.Step != pairing.Checked || s.Unchecked || !strings.Contains(s.Signed(), "shows no power") {
		t.Errorf("a sign where there is no power: %+v, %v", s, err)
	}
}

// TestProfilesFitTheClosest names for each device what reads it, the closest first.
func TestProfilesFitTheClosest(t *testing.T) {
	t.Parallel()
	common := sim.CommonModel("Acme", "X", "", "S1")
	measured, controls, holds := sim.BatteryModels(-900, 650)
	for name, c := range map[string]struct {
		models [][]uint16
		want   []string
	}{
		"an inverter with the newer models only": {[][]uint16{common, measured}, []string{"sunspec-der-inverter"}},
		"an inverter with both":                  {[][]uint16{common, sim.InverterModel(10, 1), measured}, []string{"sunspec-inverter"}},
		"a battery":                              {[][]uint16{common, measured, controls, holds}, []string{"sunspec-storage"}},
		"a meter":                                {[][]uint16{common, sim.MeterModel(1, 1, 1)}, []string{"sunspec-meter"}},
	} {
		b := &sim.Bent{}
		b.Chain(40000, c.models...)
		p, err := probed(t, served(t, b), pairing.Wish{Unit: one()})
		if err != nil || !slices.Equal(p.Profiles, c.want) {
			t.Errorf("%s: %v, %v, want %v", name, p.Profiles, err, c.want)
		}
	}
}

// TestADeviceBehindASingleConnection takes one connection at a time, and refuses a second
// one while the first is open.
func TestADeviceBehindASingleConnection(t *testing.T) {
	t.Parallel()
	d := neighbourhood(t, map[string][]sim.Fault{"home-04/meter": {sim.SingleConnection}})["home-04/meter"]
	e, err := modbus.ParseEndpoint(d.Address())
	if err != nil {
		t.Fatal(err)
	}
	search := pairing.Wish{Profile: "sunspec-meter", Unit: one()}.Search(pairing.Access{Profiles: profiles(t)})
	search.Progress = quiet
	for range 3 {
		if _, err := pairing.Probe(context.WithoutCancel(t.Context()), e, search); err != nil {
			t.Fatal(err)
		}
	}
}
