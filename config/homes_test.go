package config_test

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
)

// TestMembersAndWhatTheyWant reads what the fixture says, to the last field.
func TestMembersAndWhatTheyWant(t *testing.T) {
	c, err := config.Read("testdata/good/members.yaml")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := c.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	if plan.Strategy("ann") != agent.ByPriceCurve || plan.Strategy("bob") != agent.BySelfConsumption {
		t.Errorf("ann trades by %s, bob by %s", plan.Strategy("ann"), plan.Strategy("bob"))
	}
	want := limits.Limits{
		Reserve: 200, Floor: new(grid.Price(80_000)), Ceiling: new(grid.Price(255_000)), Prefer: limits.PreferNeighbours, ZeroExport: true,
		AwayUntil: new(time.Date(2026, 8, 16, 18, 0, 0, 0, time.UTC)), Cars: map[string]limits.Car{"ann/charger": {ReadyBy: 420, Target: 725}},
	}
	if got := plan.Limits["ann"]; len(plan.Limits) != 1 || !got.Equal(want) {
		t.Errorf("%+v", plan.Limits)
	}
	battery, charger := plan.Devices[1], plan.Devices[2]
	if battery.Planning != (config.Planning{Wear: 30_000, Efficiency: 900}) || charger.Planning != (config.Planning{Phases: 3, Arrives: 500}) || charger.Capacity != 60_000 {
		t.Errorf("%+v, %+v", battery.Planning, charger)
	}
}

// TestLimitsOfASimulation gives a simulated home limits: what it has is known later.
func TestLimitsOfASimulation(t *testing.T) {
	c := config.Defaults()
	c.Simulation = config.DefaultSimulation()
	c.Members = map[string]config.MemberText{"home-01": {Limits: config.LimitsText{Reserve: config.Quantity{Text: "15.5 %"}}}, "home-02": {}}
	plan, err := c.Resolve()
	if err != nil || len(plan.Limits) != 1 || plan.Limits["home-01"].Reserve != 155 {
		t.Errorf("%+v, %v", plan.Limits, err)
	}
}
