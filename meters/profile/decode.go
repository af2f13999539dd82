package profile

import (
	"errors"
	"fmt"
	"math"

	"github.com/commonwatt/commonwatt/grid"
)

// Type is the encoding of a value in registers, most significant word first.
type Type string

// The encodings that profiles may name. acc is an unsigned accumulator whose
// value 0 SunSpec uses for "not accumulated".
const (
	Int16   Type = "int16"
	Uint16  Type = "uint16"
	Int32   Type = "int32"
	Uint32  Type = "uint32"
	Acc32   Type = "acc32"
	Int64   Type = "int64"
	Uint64  Type = "uint64"
	Float32 Type = "float32"
	Float64 Type = "float64"
)

// Words returns how many registers the encoding takes, 0 for an unknown one.
func (t Type) Words() uint16 {
	switch t {
	case Int16, Uint16:
		return 1
	case Int32, Uint32, Acc32, Float32:
		return 2
	case Int64, Uint64, Float64:
		return 4
	default:
		return 0
	}
}

// ErrNotImplemented marks the sentinel by which a device says that it has no
// such value.
var ErrNotImplemented = errors.New("not implemented by the device")

// number decodes the words of one value.
func (t Type) number(words []uint16) (float64, error) {
	var raw uint64
	for _, w := range words {
		raw = raw<<16 | uint64(w)
	}
	value, missing := 0.0, false
	switch t {
	case Int16:
		value, missing = float64(int16(raw)), raw == 0x8000
	case Uint16:
		value, missing = float64(raw), raw == math.MaxUint16
	case Int32:
		value, missing = float64(int32(raw)), raw == 0x8000_0000
	case Uint32, Acc32:
		value, missing = float64(raw), raw == math.MaxUint32
	case Int64:
		value, missing = float64(int64(raw)), raw == 1<<63
	case Uint64:
		value, missing = float64(raw), raw == math.MaxUint64
	case Float32:
		value = float64(math.Float32frombits(uint32(raw)))
	case Float64:
		value = math.Float64frombits(raw)
	}
	if missing || math.IsNaN(value) || math.IsInf(value, 0) {
		return 0, ErrNotImplemented
	}
	return value, nil
}

const (
	minScaleFactor = -10
	maxScaleFactor = 10
)

// Value decodes the point from the registers that word returns and gives it in
// the point's unit, sign turned. Errors: ErrNotImplemented, a register that was
// not read, a value outside of the plausible range.
func (l Located) Value(word func(fc string, addr uint16) (uint16, bool)) (float64, error) {
	words := make([]uint16, l.Type.Words())
	for i := range words {
		w, read := word(l.FC, l.Addr+uint16(i))
		if !read {
			return 0, fmt.Errorf("%s: register %d was not read", l.Name, l.Addr+uint16(i))
		}
		words[i] = w
	}
	value, err := l.Type.number(words)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", l.Name, err)
	}
	if l.ScaleAddr != 0 {
		w, read := word(l.FC, l.ScaleAddr)
		exponent := int(int16(w))
		if !read || exponent < minScaleFactor || exponent > maxScaleFactor {
			return 0, fmt.Errorf("%s: scale factor in register %d: %w", l.Name, l.ScaleAddr, ErrNotImplemented)
		}
		value = scale(value, exponent)
	}
	value *= l.Scale * float64(l.Sign)
	if len(l.Range) == 2 && (value < l.Range[0] || value > l.Range[1]) {
		return 0, fmt.Errorf("%s: %g %s is outside of the plausible %g to %g", l.Name, value, l.Unit, l.Range[0], l.Range[1])
	}
	return value, nil
}

// scale multiplies by a power of ten; dividing keeps 2306 × 10⁻¹ exact.
func scale(value float64, exponent int) float64 {
	if exponent < 0 {
		return value / math.Pow10(-exponent)
	}
	return value * math.Pow10(exponent)
}

// Decode fills the reading's fields from the registers that word returns. A
// field whose value is missing stays nil; the error joins what went wrong with
// points that are not optional.
func Decode(points []Located, word func(fc string, addr uint16) (uint16, bool), into *grid.Reading) error {
	var problems []error
	for _, l := range points {
		value, err := l.Value(word)
		if err != nil {
			if !l.Optional {
				problems = append(problems, err)
			}
			continue
		}
		assign(into, l.Role, int64(math.Round(value)))
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
	}
}
