package hub

import (
	"testing"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/pairing"
)

// TestAPairedDeviceIsReadAsItWasPaired takes a paired meter at unit 0, with limits and a
// connection of its own, through the configuration to what is polled.
func TestAPairedDeviceIsReadAsItWasPaired(t *testing.T) {
	b := pairing.Binding{
		Device: grid.Device{ID: "ann/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "mp-ann", Serial: "M2"}, Target: "tcp://192.0.2.7:502", Profile: "sunspec-meter",
		How: pairing.How{
			Part: 2, Own: pairing.Own{MaxRegs: new(uint16(40)), GapMS: new(0)},
			Ratings: pairing.Ratings{Rated: new(grid.Power(16_000)), ExportLimit: new(grid.Power(0))},
		},
	}
	profiles, err := config.Profiles(nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := OfBinding(b).Target("", profiles.Get(b.Profile))
	if err != nil {
		t.Fatal(err)
	}
	target, err := Target(d)
	if err != nil {
		t.Fatal(err)
	}
	if target.Unit != 0 || target.Part != 2 || target.Serial != "M2" || target.Quirks().MaxRegs != 40 || target.Own.GapMS == nil || target.Most != 18_000 {
		t.Errorf("polled as %+v", target)
	}
	if d.Rated != 16_000 || d.Exports == nil || *d.Exports != 0 || d.Imports != nil {
		t.Errorf("rated %d W, imports %v, exports %v", d.Rated, d.Imports, d.Exports)
	}
}
