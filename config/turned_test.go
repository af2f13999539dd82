package config_test

import (
	"testing"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
)

// TestPowerAndCountersTurnSeparately holds what an older configuration says, that has
// inverted alone, beside what a newer one can say.
func TestPowerAndCountersTurnSeparately(t *testing.T) {
	profiles, err := config.Profiles(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		inverted bool
		counters *bool
		want     grid.Turned
	}{
		{false, nil, grid.Turned{}},
		{true, nil, grid.Turned{Power: true, Counters: true}},
		{true, new(false), grid.Turned{Power: true}},
		{false, new(true), grid.Turned{Counters: true}},
	} {
		d := config.Device{ID: "ann/meter", Profile: "sunspec-meter", Inverted: c.inverted, Counters: c.counters}
		if got, err := d.Target("", profiles.Get("sunspec-meter")); err != nil || got.Turned != c.want {
			t.Errorf("inverted %t: %+v, %v, want %+v", c.inverted, got.Turned, err, c.want)
		}
	}
}
