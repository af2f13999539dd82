package grid

import (
	"errors"
	"fmt"
	"math/bits"
	"time"
)

// DeviceKind says what a device is.
type DeviceKind string

// The kinds of device that the project reads.
const (
	Meter      DeviceKind = "meter"    // the connection meter of a metering point: it bills
	Inverter   DeviceKind = "inverter" // PV
	Battery    DeviceKind = "battery"
	Charger    DeviceKind = "charger"     // EV
	Appliance  DeviceKind = "appliance"   // waits until it is started and then runs a programme, such as a dishwasher or a pool pump
	HeatPump   DeviceKind = "heat-pump"   // heats a house
	HeatingRod DeviceKind = "heating-rod" // heats the water of a tank
)

// Device is a physical device bound to a metering point.
type Device struct {
	ID            string     `json:"id"`
	Kind          DeviceKind `json:"kind"`
	Member        string     `json:"member"`
	MeteringPoint string     `json:"metering_point"`
	Serial        string     `json:"serial,omitempty"`
}

// Turned says what of a meter is the wrong way round. Power and counters are told apart:
// of a meter that is mounted the wrong way round its maker's counters may be right.
type Turned struct {
	Power    bool // it has the wrong sign
	Counters bool // import and export change places
}

// Quality says how far a number can be trusted.
type Quality string

// The qualities of a reading and of an interval's energy.
const (
	Good      Quality = "good"
	Suspect   Quality = "suspect"    // a reading of which something was not believed, and is left out
	Estimated Quality = "estimated"  // substituted by rule: part of it was not read
	Final     Quality = "final"      // substituted by rule, for good: no reading came in time
	Official1 Quality = "official-1" // the grid operator's value, which it measured
	Official2 Quality = "official-2" // the grid operator's value, which stands in the place of one that was measured
	Official3 Quality = "official-3" // the grid operator's value, which it estimated
)

// Measured tells whether the energy of an interval was measured: here, or by the grid
// operator, who vouches for what it put in the place of a measurement too.
func (q Quality) Measured() bool { return q == Good || q == Official1 || q == Official2 }

// Shares tells whether a metering point with such a value takes part in own energy and pool:
// its value is a measurement, or the last word.
func (q Quality) Shares() bool { return q.Measured() || q == Final }

// IsOfficial tells whether the value is the grid operator's.
func (q Quality) IsOfficial() bool { return q == Official1 || q == Official2 || q == Official3 }

// Reading is what one device said at one instant. A nil field was not read or
// not valid: missing is missing, never zero.
type Reading struct {
	Device string    `json:"device"`
	Time   time.Time `json:"time"` // when the answer came, world time, UTC

	Power   *Power    `json:"power,omitempty"`   // W, + taken from the grid or the home
	Import  *Energy   `json:"import,omitempty"`  // Wh, cumulative register, ≥ 0
	Export  *Energy   `json:"export,omitempty"`  // Wh, cumulative register, ≥ 0
	Charge  *PerMille `json:"charge,omitempty"`  // state of charge
	Voltage *int64    `json:"voltage,omitempty"` // mV, phase to neutral
	Hertz   *int64    `json:"hertz,omitempty"`   // mHz

	Took    time.Duration `json:"took,omitempty"` // from request to answer
	Quality Quality       `json:"quality"`
}

// Registers returns the reading's registers, nil where one of them is missing or was
// substituted. Of a suspect reading what was not believed is missing; the rest counts.
func (r Reading) Registers() *Registers {
	if r.Import == nil || r.Export == nil || r.Quality == Estimated {
		return nil
	}
	return &Registers{Time: r.Time, Import: *r.Import, Export: *r.Export, Quality: r.Quality}
}

// Only names the one energy register of a meter that has no other; empty: it has both.
type Only string

// The registers that a meter may have alone.
const (
	ImportOnly Only = "import"
	ExportOnly Only = "export"
)

// RegistersOf is Registers of a meter that may have one register only: what it does not
// count is 0. It is nil where the reading shows a register that the meter is said not to
// have.
func (r Reading) RegistersOf(only Only) *Registers {
	switch {
	case only == ImportOnly && r.Export == nil:
		r.Export = new(Energy)
	case only == ExportOnly && r.Import == nil:
		r.Import = new(Energy)
	case only != "":
		return nil
	}
	return r.Registers()
}

// Registers is a pair of cumulative energy registers at one instant.
type Registers struct {
	Time    time.Time
	Import  Energy  // Wh, ≥ 0
	Export  Energy  // Wh, ≥ 0
	Quality Quality // of the reading; empty between two
}

// Flow is the energy of an interval at a metering point; the two directions
// are kept apart, both ≥ 0.
type Flow struct {
	Import Energy `json:"import"` // Wh
	Export Energy `json:"export"` // Wh
}

// Net returns import − export.
func (f Flow) Net() Energy { return f.Import - f.Export }

// ErrBackwards reports cumulative registers that lost value: the meter was
// replaced, reset, or wrapped.
var ErrBackwards = errors.New("registers run backwards")

// At interpolates the registers linearly at the instant t between a and b,
// rounded once, half up. Intervals that meet at t share the value. a.Time ≤ t
// ≤ b.Time is required, and registers may not run backwards.
func At(a, b Registers, t time.Time) (Registers, error) {
	if t.Before(a.Time) || t.After(b.Time) {
		return Registers{}, fmt.Errorf("registers at %s: outside of what was read, %s to %s",
			t.Format(time.RFC3339), a.Time.Format(time.RFC3339), b.Time.Format(time.RFC3339))
	}
	if b.Import < a.Import || b.Export < a.Export {
		return Registers{}, fmt.Errorf("registers at %s: between %s and %s: %w",
			t.Format(time.RFC3339), a.Time.Format(time.RFC3339), b.Time.Format(time.RFC3339), ErrBackwards)
	}
	span := b.Time.Sub(a.Time).Milliseconds()
	if span == 0 {
		return Registers{Time: t, Import: b.Import, Export: b.Export}, nil
	}
	part := t.Sub(a.Time).Milliseconds()
	return Registers{Time: t, Import: between(a.Import, b.Import, part, span), Export: between(a.Export, b.Export, part, span)}, nil
}

// between returns from + (to − from) × part / span, rounded once, half up. It wants
// from ≤ to and 0 ≤ part ≤ span, and does not overflow.
func between(from, to Energy, part, span int64) Energy {
	hi, lo := bits.Mul64(uint64(to)-uint64(from), uint64(part))
	lo, carry := bits.Add64(lo, uint64(span)/2, 0)
	quotient, _ := bits.Div64(hi+carry, lo, uint64(span))
	return Energy(uint64(from) + quotient)
}
