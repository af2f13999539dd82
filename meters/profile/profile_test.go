package profile_test

import (
	"math"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/profile"
)

func set(t testing.TB) profile.Set {
	t.Helper()
	s, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// dump is a register dump with what must come out of it.
type dump struct {
	profile string
	models  map[uint16]uint16 // SunSpec model → address
	words   map[uint16]uint16
	want    grid.Reading
}

// dumps gives one for every embedded profile. The offsets are counted by hand
// in the documents that the profiles name.
func dumps() []dump {
	return []dump{
		{
			profile: "sunspec-meter", models: map[uint16]uint16{203: 40070},
			words: map[uint16]uint16{
				40070 + 18: 0xff38, 40070 + 22: 1, // −200 × 10¹ W
				40070 + 8: 2306, 40070 + 15: 0xffff, // 230.6 V
				40070 + 16: 4998, 40070 + 17: 0xfffe, // 49.98 Hz
				40070 + 38: 0x0001, 40070 + 39: 0x0002, // 65538 Wh exported
				40070 + 46: 0x0000, 40070 + 47: 0x03e8, 40070 + 54: 0, // 1000 Wh imported
			},
			want: grid.Reading{
				Power: new(grid.Power(-2000)), Voltage: new(int64(230_600)), Hertz: new(int64(49_980)),
				Export: new(grid.Energy(65_538)), Import: new(grid.Energy(1000)),
			},
		},
		{
			profile: "sunspec-inverter", models: map[uint16]uint16{103: 40070},
			words: map[uint16]uint16{
				40070 + 14: 4500, 40070 + 15: 0, 40070 + 24: 0, 40070 + 25: 12_345, 40070 + 26: 2,
				40070 + 10: 0xffff, 40070 + 13: 0xffff, // voltage not implemented
			},
			want: grid.Reading{Power: new(grid.Power(-4500)), Export: new(grid.Energy(1_234_500))},
		},
		{
			profile: "sunspec-storage", models: map[uint16]uint16{701: 40070, 713: 40300},
			words: map[uint16]uint16{
				40070 + 10: 0xfa24, 40070 + 116: 0, // −1500 W injected: charging
				40070 + 22: 4321, 40070 + 26: 5000, 40070 + 120: 0,
				40070 + 19: 0, 40070 + 20: 0, 40070 + 21: 0, 40070 + 23: 0, 40070 + 24: 0, 40070 + 25: 0,
				40300 + 4: 512, 40300 + 8: 0xffff, // 51.2 %
			},
			want: grid.Reading{
				Power: new(grid.Power(1500)), Export: new(grid.Energy(4321)), Import: new(grid.Energy(5000)), Charge: new(grid.PerMille(512)),
			},
		},
		{
			profile: "alfen-eve",
			words: map[uint16]uint16{
				344: 0x45ab, 345: 0xe000, // 5500.0 as IEEE float
				374: 0x4132, 375: 0xd687, 376: 0, 377: 0, // 1234567.0 as IEEE double
				306: 0x7fc0, 307: 0, // NaN
			},
			want: grid.Reading{Power: new(grid.Power(5500)), Import: new(grid.Energy(1_234_567))},
		},
	}
}

func TestEveryProfileDecodesItsDump(t *testing.T) {
	profiles := set(t)
	tested := map[string]bool{}
	for _, d := range dumps() {
		tested[d.profile] = true
		points, err := profiles[d.profile].Locate(func(id uint16) (uint16, bool) { addr, ok := d.models[id]; return addr, ok })
		if err != nil {
			t.Errorf("%s: %v", d.profile, err)
			continue
		}
		var got grid.Reading
		if err := profile.Decode(points, func(_ string, a uint16) (uint16, bool) { w, ok := d.words[a]; return w, ok }, &got); err != nil {
			t.Errorf("%s: %v", d.profile, err)
		}
		same(t, d.profile+" power", got.Power, d.want.Power)
		same(t, d.profile+" import", got.Import, d.want.Import)
		same(t, d.profile+" export", got.Export, d.want.Export)
		same(t, d.profile+" charge", got.Charge, d.want.Charge)
		same(t, d.profile+" voltage", got.Voltage, d.want.Voltage)
		same(t, d.profile+" hertz", got.Hertz, d.want.Hertz)
	}
	for id := range profiles {
		if !tested[id] {
			t.Errorf("profile %s has no register dump", id)
		}
	}
}

func same[T comparable](t *testing.T, what string, got, want *T) {
	t.Helper()
	switch {
	case got == nil && want == nil:
	case got == nil || want == nil || *got != *want:
		t.Errorf("%s: got %v, want %v", what, show(got), show(want))
	}
}

func show[T any](v *T) any {
	if v == nil {
		return "missing"
	}
	return *v
}

// TestSentinelsAreMissing reads every "not implemented" value of SunSpec: none
// of them may become a number.
func TestSentinelsAreMissing(t *testing.T) {
	for typ, words := range map[profile.Type][]uint16{
		profile.Int16: {0x8000}, profile.Uint16: {0xffff}, profile.Int32: {0x8000, 0}, profile.Uint32: {0xffff, 0xffff},
		profile.Int64: {0x8000, 0, 0, 0}, profile.Uint64: {0xffff, 0xffff, 0xffff, 0xffff}, profile.Float32: {0x7fc0, 0},
		profile.Float64: {0x7ff8, 0, 0, 0},
	} {
		l := profile.Located{Point: profile.Point{Type: typ, Scale: 1, Sign: 1}}
		if v, err := l.Value(func(_ string, a uint16) (uint16, bool) { return words[a], true }); err == nil {
			t.Errorf("%s: the sentinel was read as %g", typ, v)
		}
	}
	scaled := profile.Located{Point: profile.Point{Type: profile.Int16, Scale: 1, Sign: 1}, Addr: 0, ScaleAddr: 1}
	for _, factor := range []uint16{0x8000, 11, 0xfff5} {
		if v, err := scaled.Value(func(_ string, a uint16) (uint16, bool) { return []uint16{1, factor}[a], true }); err == nil {
			t.Errorf("scale factor %#x gave %g", factor, v)
		}
	}
}

func TestImplausibleValuesAreRefused(t *testing.T) {
	l := profile.Located{Point: profile.Point{Type: profile.Int16, Scale: 1, Sign: 1, Range: []float64{-10, 10}}}
	if v, err := l.Value(func(string, uint16) (uint16, bool) { return 11, true }); err == nil {
		t.Errorf("11 was taken as %g", v)
	}
	if v, err := l.Value(func(string, uint16) (uint16, bool) { return 0xfff6, true }); err != nil || math.Abs(v+10) > 0 {
		t.Errorf("−10 was read as %g, %v", v, err)
	}
}

const good = "id: x\nversion: 1\nkind: meter\ndocument: d\npoints: [{name: p, role: power, addr: 1, type: int16}]\n"

func TestBadProfiles(t *testing.T) {
	for want, text := range map[string]string{
		"field colour not found": good + "colour: red\n",
		"document: missing":      strings.Replace(good, "document: d\n", "", 1),
		`role: "watts"`:          strings.Replace(good, "role: power", "role: watts", 1),
		`type: unknown "int24"`:  strings.Replace(good, "int16", "int24", 1),
		"id: missing":            "",
	} {
		if _, err := profile.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := profile.Parse(b)
		if err == nil && (p.ID == "" || len(p.Points) == 0) {
			t.Errorf("an empty profile was accepted: %q", b)
		}
	})
}
