package config_test

import (
	"testing"

	"github.com/commonwatt/commonwatt/config"
)

// TestIsMember knows the simulated homes by their names alone, and members by their devices.
func TestIsMember(t *testing.T) {
	simulated := config.Config{Simulation: &config.Simulation{Homes: 12}}
	devices := config.Config{Devices: []config.Device{{Member: "ann"}}}
	for _, c := range []struct {
		of   config.Config
		name string
		want bool
	}{
		{simulated, "home-01", true},
		{simulated, "home-12", true},
		{simulated, "home-13", false},
		{simulated, "home-0", false},
		{simulated, "home-1", false},
		{simulated, "home-01x", false},
		{simulated, "ann", false},
		{devices, "ann", true},
		{devices, "home-01", false},
	} {
		if got := c.of.IsMember(c.name); got != c.want {
			t.Errorf("%s is a member: %t, want %t", c.name, got, c.want)
		}
	}
}
