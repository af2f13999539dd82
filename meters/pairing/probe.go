package pairing

import (
	"context"
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
)

// Probed is all that a device says, and what the program would take from it.
type Probed struct {
	Finding
	Live

	Profile  string         `json:"profile"` // by which the points were read; empty: SunSpec's names alone
	Readings []ProbeReading `json:"readings"`
}

// ProbeReading is what the program would take from the device as one of a kind.
type ProbeReading struct {
	Kind grid.DeviceKind `json:"kind"`

	grid.Reading
}

// Probe looks at the first unit that answers a search, and reads it by the profile that the
// search names; by the closest one that fits when none is named. Nothing is kept. Errors:
// those of Identify.
func Probe(ctx context.Context, e modbus.Endpoint, s Search) (Probed, error) {
	s.First = true
	if by := s.Profiles.Get(s.Profile); by != nil {
		if err := s.check(by); err != nil {
			return Probed{}, err
		}
	}
	found, err := Identify(ctx, e, s)
	if err != nil {
		return Probed{}, err
	}
	p := Probed{Finding: found[0], Profile: s.Profile, Readings: []ProbeReading{}}
	if p.Profile == "" && len(p.Profiles) > 0 {
		p.Profile = p.Profiles[0]
	}
	by := s.Profiles.Get(p.Profile)
	conn, done := s.open(e, p.options(by))
	defer done()
	if p.Live, err = Measure(ctx, conn, p.Finding, by, s.Profiles); err != nil || by == nil {
		return p, err
	}
	for _, kind := range by.Kinds() {
		reading, doubt := p.Reading(kind)
		if doubt != nil {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s: %v", kind, doubt))
		}
		p.Readings = append(p.Readings, ProbeReading{kind, reading})
	}
	return p, nil
}
