package pairing

import (
	"context"
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
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

// Probe looks at the first unit that answers a search, and reads it by a profile; by the
// closest one that fits when none is named. Nothing is kept. Errors: those of Identify.
func Probe(ctx context.Context, e modbus.Endpoint, s Search, profileID string) (Probed, error) {
	s.First = true
	found, err := Identify(ctx, e, s)
	if err != nil {
		return Probed{}, err
	}
	p := Probed{Finding: found[0], Profile: profileID, Readings: []ProbeReading{}}
	if p.Profile == "" && len(p.Profiles) > 0 {
		p.Profile = p.Profiles[0]
	}
	by := s.Profiles.Get(p.Profile)
	var quirks profile.Quirks
	if by != nil {
		quirks = by.Quirks
	}
	conn, done := s.open(e, meters.Careful(modbus.Options{}, quirks))
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
