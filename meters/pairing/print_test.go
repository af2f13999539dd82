package pairing_test

import (
	"bytes"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// TestPrinted prints what was found, looked at and paired as people read it.
func TestPrinted(t *testing.T) {
	found := pairing.Finding{Target: "tcp://192.0.2.1:502", Unit: 3, Profiles: []string{"a-meter", "b-meter"}, SunSpec: []profile.Model{{ID: 1}, {ID: 203}}, Device: pairing.Identity{Vendor: "Acme", Model: "M1"}}
	probed := pairing.Probed{Finding: found, Profile: "a-meter", Live: pairing.Live{
		Identity: pairing.Identity{Vendor: "Acme", Serial: "77"}, Warnings: []string{"the voltage is odd"},
		Points: []pairing.LivePoint{
			{Name: "w", Kind: "meter", Role: "power", Value: 230.5, Unit: "W", Quality: pairing.Good},
			{Name: "203.w", Value: 230.5, Unit: "W", Quality: pairing.Good}, // shown already
			{Name: "note", Value: "hello", Quality: pairing.Good},
			{Name: "none", Quality: pairing.Missing},
			{Name: "gone", Role: "import", Kind: "meter", Quality: pairing.Missing},
		},
	}}
	none := pairing.Probed{Finding: pairing.Finding{Target: "tcp://192.0.2.1:502", Unit: 1}}
	bound := pairing.Binding{Device: grid.Device{ID: "ann/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "mp-ann", Serial: "77"}, Target: "t", Unit: 3, Profile: "p"}
	turned, power, counters, later := bound, bound, bound, bound
	turned.Inverted, power.Inverted, later.Unchecked = true, true, true
	power.Counters, counters.Counters = new(false), new(true)
	for want, print := range map[string]func(out *bytes.Buffer) error{
		`tcp://192.0.2.1:502 unit 3
  vendor         Acme
  serial number  77
  profile        a-meter
  would fit too  b-meter

POINT  VALUE    QUALITY  READ AS
w      230.5 W  good     meter power
note   hello    good     
gone   –        missing  meter import
(the device does not have 1 further points; --json lists them)
! the voltage is odd
`: func(out *bytes.Buffer) error { return probed.Print(out) },
		`tcp://192.0.2.1:502 unit 1
  profile        none fits

The unit answers, but no profile fits it: name one with --profile, or give one of your own with --profile-file (docs/profiles.md).
`: func(out *bytes.Buffer) error { return none.Print(out) },
		`TARGET               UNIT  DEVICE   SUNSPEC MODELS  PROFILES
tcp://192.0.2.1:502  3     Acme M1  1 203           a-meter, b-meter
tcp://192.0.2.1:502  1     –        –               –
`: func(out *bytes.Buffer) error {
			return pairing.PrintFindings(out, 4, []pairing.Finding{found, none.Finding})
		},
		`no Modbus device answered at 4 addresses: is Modbus TCP switched on in the device?
`: func(out *bytes.Buffer) error { return pairing.PrintFindings(out, 4, nil) },
		`DEVICE                           KIND   MEMBER  METERING POINT  SERIAL  TARGET  UNIT  PROFILE  MOUNTED
ann/meter                        meter  ann     mp-ann          77      t       3     p        right
ann/meter                        meter  ann     mp-ann          77      t       3     p        turned round
ann/meter                        meter  ann     mp-ann          77      t       3     p        power turned round
ann/meter                        meter  ann     mp-ann          77      t       3     p        counters turned round
ann/meter                        meter  ann     mp-ann          77      t       3     p        not checked
(measured, not finished)         meter                          77      t       3     p        
ann/meter (bound, not finished)  meter  ann     mp-ann          77      t       3     p        
`: func(out *bytes.Buffer) error {
			s := pairing.Session{Target: "t", Unit: 3, Step: pairing.Measured, Profile: "p", Kind: grid.Meter, Identity: pairing.Identity{Serial: "77"}}
			again := s
			again.Step, again.Device = pairing.Bound, &bound.Device
			return pairing.PrintPaired(out, []pairing.Binding{bound, turned, power, counters, later}, nil, []*pairing.Session{&s, &again})
		},
	} {
		out := &bytes.Buffer{}
		if err := print(out); err != nil || out.String() != want {
			t.Errorf("%v, got\n%s\nwant\n%s", err, out, want)
		}
	}
}
