package pairing

import (
	"cmp"

	"github.com/commonwatt/commonwatt/grid"
)

// Said fills in what is not said of the device to bind from how it was bound before.
func (s *Session) Said(d grid.Device) grid.Device {
	var before grid.Device
	if s.Device != nil {
		before = *s.Device
	}
	return grid.Device{ID: cmp.Or(d.ID, before.ID), Member: cmp.Or(d.Member, before.Member), MeteringPoint: cmp.Or(d.MeteringPoint, before.MeteringPoint)}
}

// Proposed names a device of a member that has no id or metering point yet after them.
func (s *Session) Proposed(d grid.Device) grid.Device {
	d.ID, d.MeteringPoint = cmp.Or(d.ID, d.Member+"/"+string(s.Kind)), cmp.Or(d.MeteringPoint, "mp-"+d.Member)
	return d
}

// Differs returns the first thing that is said otherwise than an interrupted session has
// it, by the name of its flag, and what the session has; empty when nothing is.
func (s *Session) Differs(profile string, kind grid.DeviceKind, d grid.Device) (what, has string) {
	before := s.Said(grid.Device{})
	said := [][3]string{{"kind", string(kind), string(s.Kind)}, {"profile", profile, s.Profile}}
	if s.Device != nil {
		said = [][3]string{{"id", d.ID, before.ID}, said[0], {"member", d.Member, before.Member}, {"metering-point", d.MeteringPoint, before.MeteringPoint}, said[1]}
	}
	for _, one := range said {
		if one[1] != "" && one[1] != one[2] {
			return one[0], one[2]
		}
	}
	return "", ""
}
