package profile_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/profile"
)

func set(t testing.TB) *profile.Set {
	t.Helper()
	s, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// dump is a register dump with what must come out of it; testdata/ID.yaml holds
// one for every embedded profile and says where it comes from.
type dump struct {
	Origin    string
	Unit      int
	Models    []profile.Model
	Registers struct{ Holding, Input, Coil map[uint16][]uint16 }
	Expect    map[string]any
	Missing   []string
	Readings  map[grid.DeviceKind]struct {
		Power          *grid.Power
		Import, Export *grid.Energy
		Charge         *grid.PerMille
		Voltage, Hertz *int64
		Current        *int64
	}
}

func load(t testing.TB, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func (d dump) words(fc string, addr uint16) (uint16, bool) {
	table := d.Registers.Holding
	switch fc {
	case "input":
		table = d.Registers.Input
	case "coil":
		table = d.Registers.Coil
	}
	for from, words := range table {
		if addr >= from && int(addr-from) < len(words) {
			return words[addr-from], true
		}
	}
	return 0, false
}

func TestEveryProfileDecodesItsDump(t *testing.T) {
	profiles := set(t)
	for _, id := range profiles.IDs() {
		t.Run(id, func(t *testing.T) {
			var d dump
			load(t, id+".yaml", &d)
			if d.Origin == "" || len(d.Readings) == 0 || len(d.Expect) == 0 {
				t.Fatal("the dump says nothing")
			}
			p := profiles.Get(id)
			points, err := p.Locate("", d.Models)
			if err != nil {
				t.Fatal(err)
			}
			decoded := map[string]bool{}
			for _, m := range profile.Measure(points, d.words) {
				check(t, m, d)
				decoded[m.Name] = true
			}
			for name := range d.Expect {
				if !decoded[name] {
					t.Errorf("there is no point %s", name)
				}
			}
			for kind, want := range d.Readings {
				points, err := p.Locate(kind, d.Models)
				if err != nil {
					t.Fatal(err)
				}
				var got grid.Reading
				if err := profile.Fill(&got, profile.Measure(points, d.words)); err != nil {
					t.Logf("%s: left out: %v", kind, err)
				}
				same(t, string(kind)+" power", got.Power, want.Power)
				same(t, string(kind)+" import", got.Import, want.Import)
				same(t, string(kind)+" export", got.Export, want.Export)
				same(t, string(kind)+" charge", got.Charge, want.Charge)
				same(t, string(kind)+" voltage", got.Voltage, want.Voltage)
				same(t, string(kind)+" hertz", got.Hertz, want.Hertz)
			}
			for i, r := range p.Identify {
				if !r.Holds(d.words) {
					t.Errorf("identify[%d] does not hold for the profile's own dump", i)
				}
			}
		})
	}
}

// check compares a measured point with what the dump expects of it.
func check(t *testing.T, m profile.Measured, d dump) {
	t.Helper()
	want, expected := d.Expect[m.Name]
	switch {
	case slices.Contains(d.Missing, m.Name):
		if !errors.Is(m.Err, profile.ErrNotImplemented) {
			t.Errorf("%s: %v, %v, want it missing", m.Name, m.Value, m.Err)
		}
	case !expected:
		if m.Err == nil {
			t.Errorf("%s: %v, and the dump expects nothing", m.Name, m.Value)
		}
	case m.Err != nil:
		t.Errorf("%s: %v, want %v", m.Name, m.Err, want)
	default:
		agree(t, m, want)
	}
}

func agree(t *testing.T, m profile.Measured, want any) {
	t.Helper()
	number := 0.0
	switch want := want.(type) {
	case string:
		if m.Text != want {
			t.Errorf("%s: %q, want %q", m.Name, m.Text, want)
		}
		return
	case int:
		number = float64(want)
	case float64:
		number = want
	default:
		t.Errorf("%s: the expectation %v is of type %T", m.Name, want, want)
	}
	if m.Text != "" || math.Abs(m.Number-number) > 1e-6*max(1, math.Abs(number)) {
		t.Errorf("%s: %v %s, want %v", m.Name, m.Value, m.Unit, want)
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

// TestSentinelsAreMissing reads every "not implemented" value of SunSpec in a
// real model: none of them may become a number.
func TestSentinelsAreMissing(t *testing.T) {
	points, err := set(t).Get("sunspec-meter").Locate("", []profile.Model{{ID: 203, Addr: 100, Length: 105}})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range profile.Measure(points, func(_ string, addr uint16) (uint16, bool) {
		switch addr {
		case 100 + 38, 100 + 39, 100 + 46, 100 + 47: // accumulators
			return 0xffff, true
		case 100 + 15, 100 + 54: // scale factors that are there
			return 0, true
		default:
			return 0x8000, true
		}
	}) {
		if m.Err == nil {
			t.Errorf("%s: the sentinel was read as %v", m.Name, m.Value)
		}
	}
	for _, factor := range []uint16{0x8000, 11, 0xfff5} {
		for _, m := range profile.Measure(points, func(_ string, addr uint16) (uint16, bool) { return map[uint16]uint16{118: 1, 122: factor}[addr], true }) {
			if m.Name == "W" && m.Err == nil {
				t.Errorf("scale factor %#x gave %v", factor, m.Value)
			}
		}
	}
}

// TestCaptures decodes what real devices showed; the expectations were worked out
// from the SunSpec tables by another program.
func TestCaptures(t *testing.T) {
	names, err := filepath.Glob("testdata/captures/*.yaml")
	if err != nil || len(names) < 3 {
		t.Fatalf("captures %v, %v", names, err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			var c struct {
				Base      uint16
				Registers []uint16
				Chain     [][3]uint16
				Decoded   []struct {
					Model, At uint16
					Points    map[string]any
				}
			}
			load(t, "captures/"+filepath.Base(name), &c)
			compared := 0
			for _, model := range c.Decoded {
				i := slices.IndexFunc(c.Chain, func(m [3]uint16) bool { return m[0] == model.At })
				found := map[string]profile.Measured{}
				for _, m := range profile.Measure(set(t).All([]profile.Model{{Addr: c.Chain[i][0], ID: c.Chain[i][1], Length: c.Chain[i][2]}}), func(_ string, addr uint16) (uint16, bool) {
					k := int(addr) - int(c.Base)
					if k < 0 || k >= len(c.Registers) {
						return 0, false
					}
					return c.Registers[k], true
				}) {
					_, name, _ := strings.Cut(m.Name, ".")
					found[name] = m
				}
				points := flat(model.Points)
				for name, want := range points {
					m, there := found[name]
					if !there || m.Err != nil {
						t.Errorf("model %d %s: %v, want %v", model.Model, name, m.Err, want)
						continue
					}
					agree(t, m, want)
					compared++
					delete(found, name)
				}
				for name, m := range found {
					if _, expected := points[name]; !expected && m.Err == nil {
						t.Errorf("model %d %s: %v, and the capture's table has no value", model.Model, name, m.Value)
					}
				}
			}
			if compared < 10 {
				t.Errorf("only %d values compared", compared)
			}
		})
	}
}

// flat writes a list of modules as module.1.DCA and so on.
func flat(points map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range points {
		modules, repeated := v.([]any)
		if !repeated {
			out[name] = v
		}
		for i, m := range modules {
			for k, v := range m.(map[string]any) {
				out[fmt.Sprintf("%s.%d.%s", name, i+1, k)] = v
			}
		}
	}
	return out
}

const good = "id: x\nversion: 1\nkind: meter\ndocument: d\npoints: [{name: p, role: power, unit: W, addr: 1, type: int16, range: [-10, 10]}]\n"

func TestImplausibleValuesAreRefused(t *testing.T) {
	p, err := set(t).Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	points, err := p.Locate(grid.Meter, nil)
	if err != nil {
		t.Fatal(err)
	}
	read := func(w uint16) (grid.Reading, error) {
		var r grid.Reading
		err := profile.Fill(&r, profile.Measure(points, func(string, uint16) (uint16, bool) { return w, true }))
		return r, err
	}
	if r, err := read(11); err == nil || r.Power != nil {
		t.Errorf("11 was taken as %v", show(r.Power))
	}
	if r, err := read(0xfff6); err != nil || r.Power == nil || *r.Power != -10 {
		t.Errorf("−10 was read as %v, %v", show(r.Power), err)
	}
}

// TestWithoutARangeTheBoundsOfANeighbourhoodHold reads points whose profile gives no
// range: what no device of a neighbourhood can show is refused all the same, in the
// point's own unit, and so is a register that was never set.
func TestWithoutARangeTheBoundsOfANeighbourhoodHold(t *testing.T) {
	for point, c := range map[string]struct{ most, beyond uint32 }{
		"role: power, unit: W, type: int32":                                                           {2_000_000, 2_000_001},
		"role: power, unit: kW, type: uint32":                                                         {2_000, 2_001},
		"role: charge, unit: \"%\", type: uint32":                                                     {100, 101},
		"role: import, unit: Wh, type: uint32, counter: {kind: lifetime, width: 32, zero_is: valid}":  {4_000_000_000, 1<<32 - 1},
		"role: import, unit: kWh, type: uint32, counter: {kind: lifetime, width: 64, zero_is: valid}": {10_000_000, 10_000_001},
	} {
		p, err := set(t).Parse([]byte("id: x\nversion: 1\nkind: battery\ndocument: d\npoints: [{name: p, addr: 1, " + point + "}]\n"))
		if err != nil {
			t.Fatalf("%s: %v", point, err)
		}
		points, err := p.Locate(grid.Battery, nil)
		if err != nil {
			t.Fatal(err)
		}
		for value, want := range map[uint32]bool{c.most: true, c.beyond: false} {
			m := profile.Measure(points, func(_ string, addr uint16) (uint16, bool) { return uint16(value >> (16 * (2 - addr))), true })[0]
			if taken := m.Err == nil; taken != want {
				t.Errorf("%s: %d taken: %t, want %t", point, value, taken, want)
			}
		}
	}
}

// TestASumOfWhatWasNotReadIsNone leaves out each part of each sum of the profiles in
// turn, as a device that refuses its register: the sum is refused as well, and with
// a value out of range too.
func TestASumOfWhatWasNotReadIsNone(t *testing.T) {
	all, sums := set(t), 0
	for _, id := range all.IDs() {
		p := all.Get(id)
		points, err := p.Locate("", nil)
		if err != nil {
			continue // SunSpec has no sums
		}
		for _, sum := range points {
			for part := range sum.Sum {
				sums++
				at := slices.IndexFunc(points, func(l profile.Located) bool { return l.Name == part })
				span := points[at].Spans(125)[0]
				for _, m := range profile.Measure(points, func(_ string, addr uint16) (uint16, bool) {
					return 1, addr < span.Addr || addr >= span.Addr+span.Count
				}) {
					if m.Name == sum.Name && (m.Err == nil || errors.Is(m.Err, profile.ErrNotImplemented)) {
						t.Errorf("%s: %s without %s is %v, %v", id, sum.Name, part, m.Value, m.Err)
					}
				}
			}
		}
	}
	if sums < 20 {
		t.Errorf("only %d parts of sums", sums)
	}
	points, err := all.Get("sma").Locate(grid.Meter, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range profile.Measure(points, func(_ string, addr uint16) (uint16, bool) { // import unknown, export 0
		return map[uint16]uint16{30865: 0x8000}[addr], true
	}) {
		if m.Name == "grid_power" && !errors.Is(m.Err, profile.ErrNotImplemented) {
			t.Errorf("export without import makes %v, %v", m.Value, m.Err)
		}
	}
}

// TestAMeterThatIsNotFitted reads GoodWe's DT with and without its meter, and
// where the inverter does not tell.
func TestAMeterThatIsNotFitted(t *testing.T) {
	points, err := set(t).Get("goodwe-dt").Locate(grid.Meter, nil)
	if err != nil {
		t.Fatal(err)
	}
	for status, there := range map[int]bool{0: false, 1: true, 2: false, -1: true} {
		var r grid.Reading
		if err := profile.Fill(&r, profile.Measure(points, func(_ string, addr uint16) (uint16, bool) {
			if addr == 30209 {
				return uint16(status), status >= 0
			}
			return 0, addr >= 30195 && addr <= 30200
		})); err != nil {
			t.Errorf("status %d: %v", status, err)
		}
		if (r.Power != nil) != there || (r.Import != nil) != there || (r.Export != nil) != there {
			t.Errorf("status %d: power %v, import %v, export %v", status, show(r.Power), show(r.Import), show(r.Export))
		}
	}
}

func TestBadProfiles(t *testing.T) {
	point := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	for want, text := range map[string]string{
		"field colour not found":       good + "colour: red\n",
		"document: missing":            point("document: d\n", ""),
		`role: unknown "watts"`:        point("role: power", "role: watts"),
		`type: unknown "int24"`:        point("int16", "int24"),
		"id: missing":                  "",
		`unit: "V" does not fit`:       point("unit: W", "unit: V"),
		"kind: \"toaster\"":            point("kind: meter", "kind: toaster"),
		"wants a lifetime counter":     strings.NewReplacer("role: power", "role: import", "unit: W", "unit: Wh").Replace(good),
		"there twice":                  point("}]", "}, {name: q, role: power, unit: W, addr: 2, type: int16}]"),
		"past the end":                 point("addr: 1, type: int16", "addr: 65535, type: int32"),
		`no point "other"`:             point("}]", "}, {name: s, sum: {other: 1}}]"),
		`no point "status"`:            point("range:", "present_if: {of: status, values: [1]}, range:"),
		"p: addr: missing":             point("addr: 1, ", ""),
		"scale: 0 would make":          point("addr: 1,", "addr: 1, scale: 0,"),
		"at once":                      strings.Replace(good, "int16", "int32", 1) + "quirks: {max_regs: 1}\n",
		"max_regs: 126":                good + "quirks: {max_regs: 126}\n",
		"is not writable":              good + "control: {setpoint: p}\n",
		"matches: error parsing":       good + "identify: [{addr: 1, type: text, words: 1, matches: '('}]\n",
		"a charger that does not tell": good + "cars: {here: {of: p, is: [B2]}}\n",
		"nobody knows what a car took": strings.NewReplacer("kind: meter", "kind: charger", "role: power, ", "").Replace(good) + "cars: {here: {of: p, is: [B2]}}\n",
		"say by which point":           strings.Replace(good, "kind: meter", "kind: charger", 1) + "cars: {here: {is: [B2]}}\n",
		`cars: there is no point "s"`:  strings.Replace(good, "kind: meter", "kind: charger", 1) + "cars: {here: {of: s, is: [B2]}}\n",
		"point p is a quantity":        strings.Replace(good, "kind: meter", "kind: charger", 1) + "cars: {here: {of: p, is: [B2]}}\n",
		"model 999 is not known":       point("points:", "sunspec: [999]\npoints:"),
	} {
		if _, err := set(t).Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// TestEncode writes values and reads them back.
func TestEncode(t *testing.T) {
	for typ, values := range map[profile.Type][]float64{
		profile.Int16: {-300, 0, 12}, profile.Uint32: {70_000}, profile.Int32: {-70_000}, profile.Float32: {6.5}, profile.Float64: {-1e9},
	} {
		for _, order := range []string{"big", "little"} {
			for _, v := range values {
				l := &profile.Located{Point: profile.Point{Name: "p", Register: profile.Register{Type: typ, WordOrder: order}, Scaling: profile.Scaling{Scale: 0.5, Unit: "A"}}}
				words, err := l.Encode(v, 0)
				if err != nil {
					t.Errorf("%s %s %g: %v", typ, order, v, err)
					continue
				}
				got, err := l.Value(func(_ string, a uint16) (uint16, bool) { return words[a], true })
				if err != nil || math.Abs(got.Number-v) > 0 {
					t.Errorf("%s %s: %g came back as %v, %v", typ, order, v, got, err)
				}
			}
		}
	}
	narrow := profile.Located{Point: profile.Point{Name: "p", Register: profile.Register{Type: profile.Uint16}, Scaling: profile.Scaling{Scale: 1}}}
	for _, v := range []float64{-1, 65536} {
		if words, err := narrow.Encode(v, 0); err == nil {
			t.Errorf("%g became %v", v, words)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	s := set(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := s.Parse(b)
		if err == nil && (p.ID == "" || len(p.Points) == 0) {
			t.Errorf("an empty profile was accepted: %q", b)
		}
	})
}
