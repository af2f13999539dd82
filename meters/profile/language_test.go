package profile_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/meters/profile"
)

// described reads one point of a profile whose points are given, from holding registers.
func described(t *testing.T, points, name string, registers map[uint16]uint16) (profile.Measured, error) {
	t.Helper()
	p, err := set(t).Parse([]byte("{id: x, version: 1, kind: battery, document: d, points: [" + points + "]}"))
	if err != nil {
		t.Fatalf("%s: %v", points, err)
	}
	located, err := p.Locate("", nil)
	if err != nil {
		t.Fatal(err)
	}
	all := profile.Measure(located, func(_ string, addr uint16) (uint16, bool) {
		w, there := registers[addr]
		return w, there
	})
	k := slices.IndexFunc(all, func(m profile.Measured) bool { return m.Name == name })
	if role := all[k].Role; role != "" { // as it is polled
		if located, err = p.Locate(p.Kind, nil); err != nil {
			t.Fatal(err)
		}
		polled := profile.Measure(located, func(_ string, addr uint16) (uint16, bool) {
			w, there := registers[addr]
			return w, there
		})
		if j := slices.IndexFunc(polled, func(m profile.Measured) bool { return m.Name == name }); j < 0 || polled[j].Value != all[k].Value {
			t.Errorf("%s is polled as %+v, and probed as %v", name, polled, all[k].Value)
		}
	}
	return all[k], all[k].Err
}

// TestASignInAnotherRegister reads a power whose direction is in bits elsewhere, in both
// ways in which it can be described.
func TestASignInAnotherRegister(t *testing.T) {
	const flagged = "{name: state, addr: 0, type: uint16, bits: [1, 2]}, {name: p, role: power, addr: 1, type: uint16, unit: W, negative_if: {of: state, values: [2]}}"
	const two = `{name: state, addr: 0, type: uint16, bits: [1, 2]},
{name: charging, addr: 1, type: uint16, unit: W, optional: true, present_if: {of: state, values: [1]}},
{name: discharging, addr: 1, type: uint16, unit: W, optional: true, present_if: {of: state, values: [2]}},
{name: p, role: power, unit: W, sum: {charging: 1, discharging: -1}}`
	const same = "{name: bit, addr: 1, type: uint16, bits: [15, 15]}, {name: p, role: power, addr: 1, type: uint16, bits: [0, 14], unit: W, negative_if: {of: bit, values: [1]}}"
	for _, c := range []struct {
		points    string
		registers map[uint16]uint16
		want      float64 // NaN: no value
	}{
		{flagged, map[uint16]uint16{0: 1 << 1, 1: 1500}, 1500},
		{flagged, map[uint16]uint16{0: 2 << 1, 1: 1500}, -1500},
		{flagged, map[uint16]uint16{0: 0, 1: 0}, 0},
		{flagged, map[uint16]uint16{1: 1500}, math.NaN()}, // the direction is not known
		{two, map[uint16]uint16{0: 1 << 1, 1: 1500}, 1500},
		{two, map[uint16]uint16{0: 2 << 1, 1: 1500}, -1500},
		{two, map[uint16]uint16{0: 0, 1: 1500}, math.NaN()}, // neither direction
		{flagged + ", {name: r, addr: 7, type: uint16}", map[uint16]uint16{0: 2 << 1, 1: 1500, 7: 1}, -1500},
		{same, map[uint16]uint16{1: 700}, 700},
		{same, map[uint16]uint16{1: 1<<15 | 700}, -700},
	} {
		m, err := described(t, c.points, "p", c.registers)
		if math.IsNaN(c.want) != (err != nil) || err == nil && m.Number != c.want {
			t.Errorf("%s from %v: %v, %v, want %v", c.points, c.registers, m.Value, err, c.want)
		}
	}
}

// TestAMeterThatIsNotFittedCountsInNoSum sums what a part that is not fitted would say with
// something else: that it is absent is no direction.
func TestAMeterThatIsNotFittedCountsInNoSum(t *testing.T) {
	const points = `{name: fitted, addr: 0, type: uint16}, {name: pv, addr: 1, type: uint16, unit: W},
{name: grid, addr: 2, type: uint16, unit: W, optional: true, present_if: {of: fitted, values: [1]}}, {name: p, unit: W, sum: {pv: 1, grid: -1}}`
	if m, err := described(t, points, "p", map[uint16]uint16{0: 0, 1: 500, 2: 9}); err == nil {
		t.Errorf("without its meter the home takes %v", m.Value)
	}
}

// TestOrders reads one value in the four orders in which its bytes may come, the names
// being those of the bytes from the most significant one on.
func TestOrders(t *testing.T) {
	const a, b, c, d = 0x44, 0x9a, 0x50, 0x01 // 1234.50012…
	want := float64(math.Float32frombits(a<<24 | b<<16 | c<<8 | d))
	for fields, words := range map[string][2]uint16{
		"":                     {a<<8 | b, c<<8 | d},
		", word_order: little": {c<<8 | d, a<<8 | b},
		", byte_order: little": {d<<8 | c, b<<8 | a},
		", word_order: little, byte_order: little": {b<<8 | a, d<<8 | c},
	} {
		m, err := described(t, "{name: p, role: power, addr: 0, type: float32, unit: W"+fields+"}", "p", map[uint16]uint16{0: words[0], 1: words[1]})
		if err != nil || m.Number != want {
			t.Errorf("%q: %v, %v, want %v", fields, m.Value, err, want)
			continue
		}
		if again, err := m.Encode(want, 0); err != nil || !slices.Equal(again, words[:]) {
			t.Errorf("%q: written as %#x, %v, want %#x", fields, again, err, words)
		}
	}
	if m, err := described(t, "{name: s, role: serial, addr: 0, type: text, words: 2, byte_order: little}", "s", map[uint16]uint16{0: 'B'<<8 | 'A', 1: 'C'}); err != nil || m.Text != "ABC" {
		t.Errorf("a text of swapped bytes: %q, %v", m.Text, err)
	}
	p, err := set(t).Parse([]byte("{id: x, version: 1, kind: meter, document: d, identify: [{addr: 0, type: text, words: 1, byte_order: little, matches: ^AB$}], points: [{name: p, role: power, unit: W, addr: 1, type: int16}]}"))
	if err != nil || !p.Identify[0].Holds(func(string, uint16) (uint16, bool) { return 'B'<<8 | 'A', true }) {
		t.Errorf("a rule over swapped bytes does not hold: %v", err)
	}
}

// TestOffsetsAndDecimalDigits reads and writes what is neither a plain nor a scaled number.
func TestOffsetsAndDecimalDigits(t *testing.T) {
	for _, c := range []struct {
		fields string
		words  []uint16
		want   float64 // NaN: no value
	}{
		{"type: uint16, scale: 0.1, offset: -100", []uint16{1234}, 23.4},
		{"type: bcd16", []uint16{0x1234}, 1234},
		{"type: bcd32, word_order: little", []uint16{0x5678, 0x1234}, 12345678},
		{"type: bcd16", []uint16{0x12a4}, math.NaN()},
		{"type: int16", []uint16{0xff38}, -200},
	} {
		m, err := described(t, "{name: p, addr: 0, "+c.fields+"}", "p", map[uint16]uint16{0: c.words[0], 1: c.words[len(c.words)-1]})
		if math.IsNaN(c.want) != (err != nil) || err == nil && math.Abs(m.Number-c.want) > 1e-9 {
			t.Errorf("%s of %#x: %v, %v, want %v", c.fields, c.words, m.Value, err, c.want)
			continue
		}
		if again, err := m.Encode(c.want, 0); !math.IsNaN(c.want) && (err != nil || !slices.Equal(again, c.words)) {
			t.Errorf("%s: %v is written as %#x, %v, want %#x", c.fields, c.want, again, err, c.words)
		}
	}
	m, err := described(t, "{name: p, addr: 0, type: bcd16}", "p", map[uint16]uint16{0: 0x9999})
	if words, wrong := m.Encode(10_000, 0); err != nil || wrong == nil {
		t.Errorf("five digits became %#x", words)
	}
}

// TestAPartOfARegisterHasASignToo reads a field of a signed register, whose highest bit has
// the sign, and one of an unsigned register, which has none.
func TestAPartOfARegisterHasASignToo(t *testing.T) {
	for typ, want := range map[string]float64{"int16": -2, "uint16": 4094} {
		if m, err := described(t, "{name: p, addr: 0, bits: [4, 15], type: "+typ+"}", "p", map[uint16]uint16{0: 0xffe7}); err != nil || m.Number != want {
			t.Errorf("%s: %v, %v, want %v", typ, m.Value, err, want)
		}
	}
}

// TestAValueTimesAnother reads a power behind transformers whose ratio is in a register of
// its own, within the bounds of the product.
func TestAValueTimesAnother(t *testing.T) {
	const points = "{name: ratio, addr: 0, type: uint16, scale: 0.1}, {name: p, role: power, addr: 1, type: int16, unit: W, times: ratio, range: [-9000, 9000]}"
	for power, want := range map[uint16]float64{100: 2000, 0xff9c: -2000, 600: math.NaN()} {
		if m, err := described(t, points, "p", map[uint16]uint16{0: 200, 1: power}); math.IsNaN(want) != (err != nil) || err == nil && m.Number != want {
			t.Errorf("%d: %v, %v, want %v", power, m.Value, err, want)
		}
	}
	if m, err := described(t, points, "p", map[uint16]uint16{1: 100}); err == nil {
		t.Errorf("without the ratio %v", m.Value)
	}
}

// TestFieldsWithoutEffectAreRefused writes what would be read and then do nothing.
func TestFieldsWithoutEffectAreRefused(t *testing.T) {
	const plain = "{name: q, addr: 9, type: uint16}"
	for points, want := range map[string]string{
		"{name: p, sum: {q: 1}, scale: 0.1}, " + plain:                                               "scale: it has no effect",
		"{name: p, sum: {q: 1}, addr: 3}, " + plain:                                                  "addr: it has no effect",
		"{name: p, addr: 1, type: text, words: 2, scale: 0.1}":                                       "the point is a text",
		"{name: p, addr: 1, type: uint32, words: 2}":                                                 "words: it has no effect",
		"{name: p, addr: 1, type: float32, bits: [0, 3]}":                                            "bits: it has no effect",
		"{name: p, addr: 1, type: uint16, write_only: true, poll: slow, writable: {min: 0, max: 1}}": "poll: it has no effect",
		"{name: p, addr: 1, type: uint16, model: 704}":                                               "model: it has no effect",
		"{name: p, addr: 1, type: uint16, byte_order: middle}":                                       "byte_order:",
		"{name: p, addr: 1, type: uint16, negative_if: {of: r, values: [1]}}":                        `no point "r"`,
		"{name: p, addr: 1, type: uint16}], quirks: {forbidden_ranges: [[0, 1]]}, x: [":              "would never be read",
		"{name: p, addr: 1, type: uint16}], quirks: {forbidden_ranges: [[5, 4]]}, x: [":              "want [first, last]",
		"{name: p, addr: 1, type: uint16}], sunspec_with: [701], x: [":                               "no effect without sunspec",
		"{name: p, addr: 1, type: uint16}], variants: [{id: y}], x: [":                               "is no other than x",
		"{name: p, addr: 1, type: uint16}], variants: [{id: y, shift: -2}], x: [":                    "out of the table",
	} {
		text := strings.Replace("{id: x, version: 1, kind: meter, document: d, points: ["+points+"]}", ", x: []}", "}", 1)
		if _, err := set(t).Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", points, err, want)
		}
	}
	text := "{id: x, version: 1, kind: meter, document: d, sunspec: [203], points: [{name: W, role: power, addr: 40084}]}"
	if _, err := set(t).Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), "the SunSpec table says it") {
		t.Errorf("an address of a SunSpec point: %v", err)
	}
}

// TestASetTimerNeedsItsFallback describes a control that sets a reversion timer of SunSpec
// without what the device does when it runs out.
func TestASetTimerNeedsItsFallback(t *testing.T) {
	const text = `{id: x, version: 1, kind: battery, document: d, sunspec: [713], points: [{name: WSet, model: 704, optional: true, writable: {min: -9, max: 9}},
{name: WSetRvrtTms, model: 704, optional: true, writable: {min: 1, max: 99}}, {name: WSetRvrt, model: 704, optional: true, writable: {min: 0, max: 0}},
{name: WSetEnaRvrt, model: 704, optional: true, writable: {min: 0, max: 1}}], control: {setpoint: WSet, revert: WSetRvrtTms%s}}`
	for fallback, want := range map[string]string{
		"": "WSetEnaRvrt is missing", ", fallback: {WSetEnaRvrt: 0}": "WSetRvrt is missing", ", fallback: {WSetEnaRvrt: 0, WSetRvrt: 0}": "", ", fallback: {W: 0}": `no point "W"`,
	} {
		if _, err := set(t).Parse(fmt.Appendf(nil, text, fallback)); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", fallback, err, want)
		}
	}
	for control, lets := range map[string]bool{"setpoint: s": false, "setpoint: s, revert: r": true, "setpoint: s, expires_s: 60": true, "setpoint: s, fallback: {r: 1}": true} {
		p, err := set(t).Parse([]byte("{id: x, version: 1, kind: battery, document: d, points: [{name: s, addr: 1, type: int16, writable: {min: 0, max: 1}}, {name: r, addr: 2, type: int16, writable: {min: 0, max: 1}}], control: {" + control + "}}"))
		if err != nil || p.Control.LetsGo() != lets {
			t.Errorf("%s: %v, lets go %t, want %t", control, err, !lets, lets)
		}
	}
}

// TestEveryBatteryThatIsMovedLetsGo holds that for what is built in.
func TestEveryBatteryThatIsMovedLetsGo(t *testing.T) {
	all := set(t)
	for _, id := range all.IDs() {
		if p := all.Get(id); p.Control != nil && slices.Contains(p.Kinds(), "battery") && !p.Control.LetsGo() {
			t.Errorf("%s: a battery would stay at its last setpoint", id)
		}
	}
}
