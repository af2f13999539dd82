package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/meters/pairing"
)

// TestAPairedBatteryIsMovedLikeAConfiguredOne pairs a meter and a battery from the command
// line, with what the battery is made for and that it may be moved: the community's plan has
// all of it. What cannot be moved is refused.
func TestAPairedBatteryIsMovedLikeAConfiguredOne(t *testing.T) {
	t.Parallel()
	devices := field(t, nil)
	meter, battery := devices["home-04/meter"], devices["home-01/battery"]
	dir := filepath.Join(t.TempDir(), "data")
	add := func(address string, more ...string) (int, string) {
		code, _, errs := execute(t, append([]string{"pair", "add", "tcp://" + address, "--data", dir, "--member", "ann", "--watch", "1s"}, more...)...)
		return code, errs
	}
	if code, errs := add(meter.Address(), "--load", "exporting", "--control"); code != exitUsage || !strings.Contains(errs, "control: profile sunspec-meter does not say how a meter is moved") {
		t.Fatalf("a meter that may be moved: exit code %d\n%s", code, errs)
	}
	if code, errs := add(meter.Address(), "--load", "exporting", "--fresh"); code != 0 {
		t.Fatalf("the meter: exit code %d\n%s", code, errs)
	}
	if code, errs := add(battery.Address(), "--load", "later", "--rated", "3kW", "--capacity", "6kWh", "--control"); code != 0 {
		t.Fatalf("the battery: exit code %d\n%s", code, errs)
	}
	paired, err := pairing.Open(dir, nil, nil).Paired()
	if err != nil || len(paired) != 2 || !paired[1].Control {
		t.Fatalf("paired %+v, %v", paired, err)
	}
	named := filepath.Join(t.TempDir(), "named.yaml")
	write(t, named, ownTerms+"data: "+dir+"\n")
	c, err := hub.ReadConfig(named)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = hub.WithPaired(c, false); err != nil {
		t.Fatal(err)
	}
	plan, err := hub.Resolve(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range plan.Devices {
		if d.ID == "ann/battery" && d.Control && d.Rated == 3000 && d.Capacity == 6000 {
			return
		}
	}
	t.Errorf("planned %+v", plan.Devices)
}
