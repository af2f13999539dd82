package config

import (
	"strings"
	"testing"
)

// TestWhatIsSaidOfADeviceIsReadAsInTheFile says of devices by name what the file could say, and has it refused alike.
func TestWhatIsSaidOfADeviceIsReadAsInTheFile(t *testing.T) {
	profiles, err := Profiles(nil)
	if err != nil {
		t.Fatal(err)
	}
	rod := Device{ID: "rod", Profile: "my-pv-elwa", Kind: "heating-rod", Control: true, Rated: Quantity{Text: "3.5 kW"}}
	pump := Device{ID: "pump", Profile: "relay", Kind: "appliance", Control: true, Rated: Quantity{Text: "750 W"}}
	for _, c := range []struct {
		of   Device
		said map[string]string
		want string // of the error
	}{
		{rod, map[string]string{"tank": "300 l", "temperatures": "48-65 C", "heat_loss": "2 W/K"}, ""},
		{rod, map[string]string{"tank": "300 l"}, "temperatures: missing"},
		{rod, map[string]string{"tank": "much", "temperatures": "48-65 C"}, `tank: "much": want a number with its unit`},
		{rod, map[string]string{"cop": "three"}, `cop: "three": want it as in cop: 3.5`},
		{rod, map[string]string{"wear": "0.03 EUR/kWh"}, "wear: \"rod\" is a heating-rod"},
		{rod, map[string]string{"colour": "red"}, `no field "colour"`},
		{pump, map[string]string{"runs": "5h", "daily": "08:00-20:00"}, ""},
		{pump, map[string]string{"runs": "5h"}, "ready_by, daily: one is missing"},
		{pump, map[string]string{"runs": "long", "daily": "08:00-20:00"}, `runs: "long": want it as in runs: 2h30m`},
		{Device{ID: "b", Profile: "sunspec-storage", Kind: "battery"}, map[string]string{"wear": "-0.01 EUR/kWh", "efficiency": "90 %"}, "wear: must not be negative"},
	} {
		d, err := c.of.Said(c.said)
		var target Target
		if err == nil {
			target, err = d.Sized(profiles.Get(d.Profile), "EUR")
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: %v, want %q", c.said, err, c.want)
		}
		if c.want == "" && target.Heat.Capacity == 0 && target.Programme.Runs == 0 {
			t.Errorf("%v: planned by %+v", c.said, target.Planning)
		}
	}
	if all := PlanningFields(); len(all) != 14 || all[0].Name != "wear" || all[4] != (PlanningField{"runs", "2h30m", all[4].Doc}) {
		t.Errorf("%d fields: %+v", len(all), all)
	}
}
