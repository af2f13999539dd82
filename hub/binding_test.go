package hub

import (
	"errors"
	"path/filepath"
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
	of, err1 := OfBinding(b)
	d, err2 := of.Target("", profiles.Get(b.Profile))
	if err := errors.Join(err1, err2); err != nil {
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

// TestAPairedBatteryIsRatedAndMayBeMoved takes a battery that was paired with what it is
// made for through the configuration to what is moved and pledged.
func TestAPairedBatteryIsRatedAndMayBeMoved(t *testing.T) {
	of := func(kind grid.DeviceKind, profile string, made pairing.Ratings) pairing.Binding {
		return pairing.Binding{
			Device: grid.Device{ID: "ann/" + string(kind), Kind: kind, Member: "ann", MeteringPoint: "mp-ann"}, Unit: 1,
			Target: "tcp://192.0.2.7:502", Profile: profile, How: pairing.How{Ratings: made},
		}
	}
	file := filepath.Join(t.TempDir(), "community.yaml")
	write(t, file, "community: elm\ndata: "+t.TempDir()+"\ntariff: {version: \"1\", currency: EUR, retail: 0.30 EUR/kWh, feed_in: 0.08 EUR/kWh}\n")
	c, err := ReadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	c.Simulation, c.Speed = nil, 1
	for _, b := range []pairing.Binding{
		of(grid.Meter, "sunspec-meter", pairing.Ratings{}),
		of(grid.Battery, "goodwe-et", pairing.Ratings{Rated: new(grid.Power(5000)), Capacity: new(grid.Energy(10_000)), Control: true}),
	} {
		d, err := OfBinding(b)
		if err != nil {
			t.Fatal(err)
		}
		c.Devices = append(c.Devices, d)
	}
	plan, err := Resolve(c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := openSite(t.Context(), plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := s.planned("ann/battery"); !d.Control || d.Rated != 5000 || d.Capacity != 10_000 {
		t.Errorf("planned %+v", d)
	}
	if power, holds := s.storage("ann/battery"); power != 5000 || holds != 10_000 {
		t.Errorf("pledged by %d W, %d Wh", power, holds)
	}
}
