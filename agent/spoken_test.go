package agent

import (
	"testing"

	"github.com/commonwatt/commonwatt/agent/plan"
)

// TestDevicesAreCalledAsPeopleDo has one car and two batteries, of which one is called as the other
// one begins.
func TestDevicesAreCalledAsPeopleDo(t *testing.T) {
	devices := []plan.Device{{ID: "a/battery", Kind: plan.Stationary}, {ID: "a/battery-2", Kind: plan.Stationary}, {ID: "a/charger", Kind: plan.Vehicle}}
	const text = "a/charger has what it needs. a/battery-2 rests. a/battery gives 1.0 kWh."
	if got, want := spoken(text, devices), "The car has what it needs. The battery a/battery-2 rests. The battery a/battery gives 1.0 kWh."; got != want {
		t.Errorf("%q", got)
	}
	runs := []plan.Device{{ID: "a/pump", Kind: plan.Waiting}, {ID: "a/pump", Kind: plan.Waiting}} // today and tomorrow
	if got, want := spoken("a/pump runs from 10:30.", runs), "The appliance runs from 10:30."; got != want {
		t.Errorf("%q", got)
	}
	if got, want := spoken("a/battery rests.", devices[:1]), "The battery rests."; got != want {
		t.Errorf("%q", got)
	}
}
