package config_test

import (
	"slices"
	"testing"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
)

// TestZeroIsAQuantity reads a connection that may give nothing, and one that is not limited.
func TestZeroIsAQuantity(t *testing.T) {
	set, err := config.Profiles(nil)
	if err != nil {
		t.Fatal(err)
	}
	d := config.Device{ExportLimit: config.Quantity{Text: "0 kW"}}
	target, err := d.Target("", set.Get("sunspec-meter"))
	if err != nil || target.Exports == nil || *target.Exports != 0 || target.Imports != nil || !slices.Equal(target.Ratings(), []grid.Power{0, 0}) {
		t.Errorf("%+v, %v", target, err)
	}
	c := config.Defaults()
	c.Feeder = &config.Feeder{Nodes: []config.FeederNode{{ID: "root"}, {ID: "a", Parent: "root", ExportLimit: config.Quantity{Text: "0 W"}}}}
	plan, err := c.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	if n := plan.Market.Feeder.Nodes[1]; n.ExportLimit == nil || *n.ExportLimit != 0 || n.ImportLimit != nil {
		t.Errorf("%+v", n)
	}
}
