package profile

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

// Type is the encoding of a value in registers. Beside plain numbers and text
// there are SunSpec's names for encodings with a meaning.
type Type string

// The encodings.
const (
	Int16   Type = "int16"
	Uint16  Type = "uint16"
	Int32   Type = "int32"
	Uint32  Type = "uint32"
	Int64   Type = "int64"
	Uint64  Type = "uint64"
	Float32 Type = "float32"
	Float64 Type = "float64"
	BCD16   Type = "bcd16" // a decimal digit in each four bits
	BCD32   Type = "bcd32"
	Text    Type = "text"

	// Of SunSpec. A text there is called string; an accumulator says 0 for "not
	// accumulated".
	Acc32      Type = "acc32"
	Acc64      Type = "acc64"
	Enum16     Type = "enum16"
	Bitfield16 Type = "bitfield16"
	Bitfield32 Type = "bitfield32"
	Count      Type = "count"
	SunSSF     Type = "sunssf"
	Pad        Type = "pad"
	String     Type = "string"
)

// words returns how many registers the encoding takes, 0 for an unknown one;
// text takes as many as are given.
func (t Type) words(given uint16) uint16 {
	switch t {
	case Int16, Uint16, BCD16, Enum16, Bitfield16, Count, SunSSF, Pad:
		return 1
	case Int32, Uint32, BCD32, Acc32, Float32, Bitfield32:
		return 2
	case Int64, Uint64, Acc64, Float64:
		return 4
	case Text, String:
		return given
	default:
		return 0
	}
}

// shown tells whether a point of this type says anything by itself.
func (t Type) shown() bool { return t != Pad && t != SunSSF }

// ErrNotImplemented marks the sentinel by which a device says that it has no
// such value.
var ErrNotImplemented = errors.New("the device has no such value")

// ErrImplausible marks a value that a device of the family cannot have.
var ErrImplausible = errors.New("outside of the plausible")

// Value is what a point says: a number in the point's unit, with the maker's
// sign, or a text.
type Value struct {
	Number float64
	Text   string
	Step   float64 // what one count of the register is, in the point's unit
}

// String returns the text, or the number as written for people.
func (v Value) String() string {
	if v.Text != "" {
		return v.Text
	}
	if v.Number == math.Trunc(v.Number) {
		return strconv.FormatFloat(v.Number, 'f', -1, 64)
	}
	return strconv.FormatFloat(v.Number, 'g', significant, 64)
}

// significant digits are what a float of 32 bits holds.
const significant = 7

// number interprets the raw bits of a value.
func (t Type) number(raw uint64) float64 {
	switch t {
	case Int16, SunSSF:
		return float64(int16(raw))
	case Int32:
		return float64(int32(raw))
	case Int64:
		return float64(int64(raw))
	case Float32:
		return float64(math.Float32frombits(uint32(raw)))
	case Float64:
		return math.Float64frombits(raw)
	case BCD16, BCD32:
		n, err := strconv.ParseUint(strconv.FormatUint(raw, 16), 10, 64)
		if err != nil {
			return math.NaN() // a digit above nine
		}
		return float64(n)
	case Uint16, Uint32, Uint64, Acc32, Acc64, Enum16, Bitfield16, Bitfield32, Count, Pad, Text, String:
		return float64(raw)
	default:
		return math.NaN()
	}
}

// field picks bits of a raw value; of a signed type the highest one has the sign.
func (t Type) field(raw uint64, low, high int) uint64 {
	n := high - low + 1
	raw = raw >> low & (1<<n - 1)
	signed := t == Int16 || t == Int32 || t == Int64
	if signed && raw>>(n-1)&1 == 1 {
		raw |= math.MaxUint64 << n
	}
	return raw
}

// notImplemented is SunSpec's sentinel of a type.
func (t Type) notImplemented(raw uint64) bool {
	switch t {
	case Int16, SunSSF, Pad:
		return raw == 0x8000
	case Int32:
		return raw == 0x8000_0000
	case Int64:
		return raw == 1<<63
	case Uint16, Enum16, Bitfield16, Count:
		return raw == math.MaxUint16
	case Uint32, Acc32, Bitfield32:
		return raw == math.MaxUint32
	case Uint64, Acc64:
		return raw == math.MaxUint64
	case Float32, Float64, BCD16, BCD32, Text, String:
		return false // NaN is never a value; text is judged by itself
	default:
		return true
	}
}

const (
	minScaleFactor = -10
	maxScaleFactor = 10
)

// Words answers with the register at an address of a table, holding or input.
type Words func(fc string, addr uint16) (word uint16, read bool)

// Value decodes a point that is not derived. Errors: ErrNotImplemented, a
// register that was not read, a value outside of the plausible range.
func (l *Located) Value(word Words) (Value, error) {
	var few [4]uint16
	words := few[:0]
	for i := range int(l.Type.words(l.Words)) {
		w, read := word(l.FC, l.Addr+uint16(i))
		if !read {
			return Value{}, fmt.Errorf("register %d was not read", l.Addr+uint16(i))
		}
		words = append(words, w)
	}
	if l.Type == Text || l.Type == String {
		return decodeText(words, l.ByteOrder)
	}
	raw := joined(words, l.WordOrder)
	if l.ByteOrder == little {
		raw = turned(raw, len(words))
	}
	if slices.Contains(l.NaN, raw) || l.sentinels && l.Type.notImplemented(raw) {
		return Value{}, ErrNotImplemented
	}
	if len(l.Bits) == 2 {
		raw = l.Type.field(raw, l.Bits[0], l.Bits[1])
	}
	value := l.Type.number(raw)
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return Value{}, ErrNotImplemented
	}
	step := l.Scale
	if l.ScaleAddr != 0 {
		w, read := word(l.FC, l.ScaleAddr)
		exponent := int(int16(w))
		if !read || exponent < minScaleFactor || exponent > maxScaleFactor {
			return Value{}, fmt.Errorf("scale factor in register %d: %w", l.ScaleAddr, ErrNotImplemented)
		}
		value = scaled(value, math.Pow10(exponent))
		step *= math.Pow10(exponent)
	}
	value = scaled(value, l.Scale) + l.Offset
	if l.Decimals != nil {
		shift := math.Pow10(*l.Decimals)
		value = math.Round(value*shift) / shift
	}
	if l.Times != "" || l.NegativeIf != nil {
		return Value{Number: value, Step: step}, nil // it is not whole yet
	}
	return l.plausible(Value{Number: value, Step: step})
}

func (l *Located) plausible(v Value) (Value, error) {
	if len(l.Range) == 2 && (v.Number < l.Range[0] || v.Number > l.Range[1]) {
		return Value{}, fmt.Errorf("%g %s: %w %g to %g", v.Number, l.Unit, ErrImplausible, l.Range[0], l.Range[1])
	}
	return v, nil
}

// joined puts the words of a number together.
func joined(words []uint16, order string) (raw uint64) {
	for i := range words {
		w := words[i]
		if order == little {
			w = words[len(words)-1-i]
		}
		raw = raw<<16 | uint64(w)
	}
	return raw
}

// decodeText takes two characters a register, up to the first NUL. Text that is
// empty or holds what cannot be printed is no value.
func decodeText(words []uint16, order string) (Value, error) {
	var b strings.Builder
	for _, w := range words {
		if order == little {
			w = bits.ReverseBytes16(w)
		}
		b.WriteByte(byte(w >> 8))
		b.WriteByte(byte(w))
	}
	text, _, _ := strings.Cut(b.String(), "\x00")
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return Value{}, ErrNotImplemented
	}
	return Value{Text: text}, nil
}

// scaled multiplies; by the inverse of a whole number it divides, which keeps
// 2306 × 0.1 exact.
func scaled(value, by float64) float64 {
	if inverse := math.Round(1 / by); math.Abs(by) < 1 && math.Abs(by*inverse-1) < 1e-9 {
		return value / inverse
	}
	return value * by
}

// Measured is a point with what was decoded of it.
type Measured struct {
	*Located
	Value
	Err error // why there is no value
}

// Measure decodes points, derived ones last where they come last. It keeps the
// order.
func Measure(points []Located, word Words) []Measured {
	all := make([]Measured, len(points))
	for i := range points {
		all[i].Located = &points[i]
		if !points[i].derived() {
			all[i].Value, all[i].Err = points[i].Value(word)
		}
	}
	for i := range points {
		if all[i].Err == nil {
			all[i].multiply(all)
		}
		if all[i].Err == nil {
			all[i].sign(all)
		}
	}
	for i := range points {
		if points[i].absent(all) {
			all[i].Value, all[i].Err = Value{}, errAbsent
		}
	}
	for i := range points {
		if points[i].derived() {
			all[i].Value, all[i].Err = points[i].derive(all)
		}
	}
	return all
}

// absent tells whether the point that says so says that there is no such value.
func (l *Located) absent(all []Measured) bool {
	if l.PresentIf == nil {
		return false
	}
	of := named(all, l.PresentIf.Of)
	return of != nil && of.Err == nil && !slices.Contains(l.PresentIf.Values, of.Number)
}

func named(all []Measured, name string) *Measured {
	for i := range all {
		if all[i].Name == name {
			return &all[i]
		}
	}
	return nil
}

func (l *Located) derive(all []Measured) (Value, error) {
	if c := l.Classify; c != nil {
		of := named(all, c.Of)
		if of == nil || of.Err != nil {
			return Value{}, fmt.Errorf("there is no %s, by which it is told", c.Of)
		}
		k := 0
		for k < len(c.Bounds) && of.Number >= c.Bounds[k] {
			k++
		}
		return Value{Number: c.Values[k]}, nil
	}
	sum, found := 0.0, map[bool]bool{} // by whether the weight is above zero
	for _, name := range sortedNames(l.Sum) {
		part := named(all, name)
		switch {
		case part != nil && errors.Is(part.Err, errAbsent) && l.otherWay(part, all):
			found[l.Sum[name] > 0] = true
			continue
		case part == nil || errors.Is(part.Err, ErrNotImplemented):
			continue
		case part.Err != nil:
			return Value{}, fmt.Errorf("%s, which is part of it: %w", name, part.Err)
		case part.derived():
			return Value{}, fmt.Errorf("%s, which is part of it, is derived itself", name)
		}
		sum += part.Number * l.Sum[name]
		found[l.Sum[name] > 0] = true
	}
	for _, weight := range l.Sum {
		if !found[weight > 0] { // of two directions one says nothing
			return Value{}, ErrNotImplemented
		}
	}
	return l.plausible(Value{Number: sum})
}

// errAbsent marks a point that another one says does not count now.
var errAbsent = fmt.Errorf("%w now", ErrNotImplemented)

// multiply takes a value times that of another point, as of a meter whose transformers'
// ratio is in a register. Without that there is no value.
func (m *Measured) multiply(all []Measured) {
	if m.Times == "" {
		return
	}
	of := named(all, m.Times)
	if of == nil || of.Err != nil {
		m.Value, m.Err = Value{}, fmt.Errorf("there is no %s, by which it is multiplied", m.Times)
		return
	}
	m.Number, m.Step = m.Number*of.Number, m.Step*of.Number
	if m.NegativeIf == nil {
		m.Value, m.Err = m.plausible(m.Value)
	}
}

// sign turns a value below zero when another point says so. Without that the direction is
// not known, and neither is the value.
func (m *Measured) sign(all []Measured) {
	if m.NegativeIf == nil {
		return
	}
	of := named(all, m.NegativeIf.Of)
	switch {
	case of == nil:
		m.Value, m.Err = Value{}, fmt.Errorf("there is no %s, which has its sign", m.NegativeIf.Of)
	case of.Err != nil:
		m.Value, m.Err = Value{}, fmt.Errorf("%s, which has its sign: %w", m.NegativeIf.Of, of.Err)
	default:
		if slices.Contains(m.NegativeIf.Values, of.Number) {
			m.Number = -m.Number
		}
		m.Value, m.Err = m.plausible(m.Value)
	}
}

// otherWay tells whether a part of a sum that does not count now is one of two directions,
// of which the other one counts by the same point: then nothing flows its way.
func (l *Located) otherWay(part *Measured, all []Measured) bool {
	for name, weight := range l.Sum {
		other := named(all, name)
		opposite := weight > 0 != (l.Sum[part.Name] > 0)
		if opposite && other != nil && other.Err == nil && other.PresentIf != nil && part.PresentIf != nil && other.PresentIf.Of == part.PresentIf.Of {
			return true
		}
	}
	return false
}

// turned has the bytes of a value of some words in the opposite order.
func turned(raw uint64, words int) uint64 { return bits.ReverseBytes64(raw) >> (64 - 16*words) }

// decimal writes a whole number with a digit in each four bits; what has none is left as
// it is, which does not read back.
func decimal(n float64) uint64 {
	bits, err := strconv.ParseUint(strconv.FormatFloat(math.Round(n), 'f', 0, 64), 16, 64)
	if err != nil {
		return math.MaxUint64
	}
	return bits
}

// Wraps returns the Wh after which a counter begins again at zero, 0 for what
// does not wrap within reach.
func (m Measured) Wraps() grid.Energy {
	factor, _ := m.Role.factor(m.Unit)
	if m.Counter == nil || factor == 0 {
		return 0
	}
	span := math.Pow(2, float64(m.Counter.Width)) * m.Step * factor
	if span > 1<<53 {
		return 0
	}
	return grid.Energy(math.Round(span))
}

func sortedNames(m map[string]float64) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Fill sets the reading's fields from what was measured, in the units and signs
// of package grid. A field whose value is missing stays nil; the error joins what
// went wrong with points that have a role and are not optional.
func Fill(into *grid.Reading, measured []Measured) error {
	var problems []error
	for _, m := range measured {
		if m.Err != nil {
			if !m.Optional && m.Role != "" {
				problems = append(problems, fmt.Errorf("%s: %w", m.Name, m.Err))
			}
			continue
		}
		factor, _ := m.Role.factor(m.Unit)
		value := math.Round(m.Number * factor * float64(m.Sign))
		if math.Abs(value) > 1<<53 {
			problems = append(problems, fmt.Errorf("%s: %g %s is no quantity of a home", m.Name, m.Number, m.Unit))
			continue
		}
		assign(into, m.Role, int64(value))
	}
	return errors.Join(problems...)
}

func assign(r *grid.Reading, role Role, value int64) {
	switch role {
	case RolePower:
		r.Power = new(grid.Power(value))
	case RoleImport:
		r.Import = new(grid.Energy(value))
	case RoleExport:
		r.Export = new(grid.Energy(value))
	case RoleCharge:
		r.Charge = new(grid.PerMille(value))
	case RoleVoltage:
		r.Voltage = new(value)
	case RoleHertz:
		r.Hertz = new(value)
	case RoleCurrent, RolePowerL1, RolePowerL2, RolePowerL3, RoleSerial, RoleModel, RoleFirmware:
		// shown when pairing, no part of a reading
	case RoleTemperature, RoleRunning:
		// what they mean depends on the single device
	}
}

// Encode returns the words that write a value, in the point's unit, to the
// point. exponent is the scale factor that the device shows, 0 without one.
func (l Located) Encode(value float64, exponent int) ([]uint16, error) {
	raw := (value - l.Offset) / l.Scale / math.Pow10(exponent)
	var bits uint64
	switch l.Type {
	case Float32:
		bits = uint64(math.Float32bits(float32(raw)))
	case Float64:
		bits = math.Float64bits(raw)
	default:
		bits = uint64(int64(math.Round(raw)))
		if l.Type == BCD16 || l.Type == BCD32 {
			bits = decimal(raw)
		}
		n := 16 * uint(l.Type.words(0))
		if n == 0 {
			return nil, fmt.Errorf("%s: a %s cannot be written", l.Name, l.Type)
		}
		if n < 64 {
			bits &= 1<<n - 1
		}
		if l.Type.number(bits) != math.Round(raw) {
			return nil, fmt.Errorf("%s: %g %s does not fit a %s", l.Name, value, l.Unit, l.Type)
		}
	}
	words := make([]uint16, l.Type.words(0))
	if l.ByteOrder == little {
		bits = turned(bits, len(words))
	}
	for i := range words {
		k := len(words) - 1 - i
		if l.WordOrder == little {
			k = i
		}
		words[k] = uint16(bits >> (16 * i))
	}
	return words, nil
}

// Holds tells whether the registers are as the rule says.
func (r Rule) Holds(word Words) bool {
	l := Located{Point: Point{Register: Register{FC: r.FC, Addr: r.Addr, Type: r.Type, Words: r.Words, WordOrder: r.WordOrder, ByteOrder: r.ByteOrder}, Scaling: Scaling{Scale: 1}}, Addr: r.Addr}
	v, err := l.Value(word)
	if err != nil {
		return false
	}
	if r.Type == Text || r.Type == String {
		return r.pattern.MatchString(v.Text)
	}
	if len(r.Equals) > 0 && !slices.ContainsFunc(r.Equals, func(e uint64) bool { return float64(e) == v.Number }) {
		return false
	}
	return len(r.Range) == 0 || v.Number >= float64(r.Range[0]) && v.Number <= float64(r.Range[1])
}

// Span returns the registers that the rule looks at.
func (r Rule) Span() (fc string, addr, count uint16) { return r.FC, r.Addr, r.Type.words(r.Words) }
