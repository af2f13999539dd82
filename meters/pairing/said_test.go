package pairing_test

import (
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/pairing"
)

// TestWhatIsNotSaidIsProposed names a device after its member, unless it was named before
// or is named otherwise.
func TestWhatIsNotSaidIsProposed(t *testing.T) {
	s := &pairing.Session{Kind: grid.Meter}
	for _, c := range []struct{ before, said, want grid.Device }{
		{grid.Device{}, grid.Device{Member: "ann"}, grid.Device{ID: "ann/meter", Member: "ann", MeteringPoint: "mp-ann"}},
		{grid.Device{}, grid.Device{ID: "x", Member: "ann", MeteringPoint: "y"}, grid.Device{ID: "x", Member: "ann", MeteringPoint: "y"}},
		{grid.Device{ID: "a", Member: "ann", MeteringPoint: "b"}, grid.Device{}, grid.Device{ID: "a", Member: "ann", MeteringPoint: "b"}},
		{grid.Device{ID: "a", Member: "ann", MeteringPoint: "b"}, grid.Device{Member: "bob"}, grid.Device{ID: "a", Member: "bob", MeteringPoint: "b"}},
	} {
		s.Device = nil
		if c.before != (grid.Device{}) {
			s.Device = &c.before
		}
		if got := s.Proposed(s.Said(c.said)); got != c.want {
			t.Errorf("%+v is said of %+v: %+v, want %+v", c.said, c.before, got, c.want)
		}
	}
}

// TestAnInterruptedPairingIsNotAnother names the flag that does not go with what was begun.
func TestAnInterruptedPairingIsNotAnother(t *testing.T) {
	begun := &pairing.Session{Profile: "p", Kind: grid.Meter}
	bound := &pairing.Session{Profile: "p", Kind: grid.Meter, Device: &grid.Device{ID: "a", Member: "ann", MeteringPoint: "b"}}
	limited := &pairing.Session{Profile: "p", Kind: grid.Meter, Finding: pairing.Finding{How: pairing.How{Part: 2, Own: pairing.Own{GapMS: new(0)}}}}
	for _, c := range []struct {
		of        *pairing.Session
		profile   string
		kind      grid.DeviceKind
		device    grid.Device
		how       pairing.How
		what, has string
	}{
		{begun, "", "", grid.Device{ID: "x", Member: "bob", MeteringPoint: "y"}, pairing.How{}, "", ""},
		{begun, "p", grid.Meter, grid.Device{}, pairing.How{}, "", ""},
		{begun, "q", "", grid.Device{}, pairing.How{}, "profile", "p"},
		{begun, "q", grid.Battery, grid.Device{}, pairing.How{}, "kind", "meter"},
		{bound, "", "", grid.Device{ID: "a", Member: "ann", MeteringPoint: "b"}, pairing.How{}, "", ""},
		{bound, "q", "", grid.Device{Member: "bob", MeteringPoint: "y"}, pairing.How{}, "member", "ann"},
		{bound, "", "", grid.Device{MeteringPoint: "y"}, pairing.How{}, "metering-point", "b"},
		{bound, "", grid.Battery, grid.Device{ID: "x"}, pairing.How{}, "id", "a"},
		{limited, "", "", grid.Device{}, pairing.How{Part: 2, Own: pairing.Own{GapMS: new(0)}}, "", ""},
		{limited, "", "", grid.Device{}, pairing.How{Part: 1}, "part", "2"},
		{limited, "", "", grid.Device{}, pairing.How{Own: pairing.Own{GapMS: new(9)}}, "gap-ms", "0"},
		{begun, "", "", grid.Device{}, pairing.How{Own: pairing.Own{GapMS: new(0)}}, "gap-ms", ""},
	} {
		if what, has := c.of.Differs(pairing.Wish{Profile: c.profile, Kind: c.kind, How: c.how}, c.device); what != c.what || has != c.has {
			t.Errorf("%q, %q, %+v: %s has %q, want %s with %q", c.profile, c.kind, c.device, what, has, c.what, c.has)
		}
	}
}
