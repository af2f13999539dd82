package hub

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/agent/steer"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/meters"
)

// siteOf opens the site of a configuration.
func siteOf(t *testing.T, text string) *site {
	t.Helper()
	file := filepath.Join(t.TempDir(), "community.yaml")
	write(t, file, "data: "+t.TempDir()+"\n"+text)
	c, err := ReadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	var plan config.Plan
	if plan, err = Resolve(c); err != nil {
		t.Fatal(err)
	}
	s, err := openSite(t.Context(), plan, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	return s
}

// TestLoadsOfASite takes from the configuration what agents plan by and what moves the devices: the phases of
// a charger, the sizes of what heats, and the programme of an appliance, which is let run once it was started.
func TestLoadsOfASite(t *testing.T) {
	s := siteOf(t, `community: elm
tariff: {version: "1", currency: EUR, retail: 0.30 EUR/kWh, feed_in: 0.08 EUR/kWh}
devices:
  - {id: meter, member: a, metering_point: mp-a, address: "192.0.2.1", profile: sunspec-meter}
  - {id: one, member: a, metering_point: mp-a, address: "192.0.2.2", profile: keba-p30, control: true, rated: 3.7 kW, phases: 1}
  - {id: three, member: a, metering_point: mp-a, address: "192.0.2.3", profile: keba-p30, control: true, rated: 11 kW, capacity: 60 kWh, arrives: 30 %}
  - {id: rod, member: a, metering_point: mp-a, address: "192.0.2.4", profile: my-pv-elwa, control: true, rated: 3.5 kW, tank: 300 l, temperatures: "48-65 C"}
  - {id: heat, member: a, metering_point: mp-a, address: "192.0.2.5", profile: commonwatt-heat-pump, control: true, rated: 2.5 kW, least: 800 W, heat_capacity: 12 kWh/K, heat_loss: 150 W/K, temperatures: "20.5-22 C"}
  - {id: pump, member: a, metering_point: mp-a, address: "192.0.2.6", profile: relay, control: true, rated: 750 W, runs: 5h, daily: "08:00-20:00"}
`)
	others := map[string]steer.Device{}
	for _, o := range s.homes()[0].Others {
		others[o.ID] = o
	}
	if len(others) != 5 {
		t.Fatalf("%d devices may be moved, not 5: %v", len(others), others)
	}
	if one, three := others["one"], others["three"]; one.Supply.Phases != 1 || one.Made.Least != 1380 || three.Supply.Phases != 0 || three.Made.Least != 4140 {
		t.Errorf("on one phase: %+v %+v; on three: %+v %+v", one.Supply, one.Made, three.Supply, three.Made)
	}
	if got := others["pump"].Made; got != (hold.Made{Least: 750, Most: 750, On: 5 * time.Hour}) {
		t.Errorf("the pump can be told %+v", got)
	}
	if got, want := s.rating("pump"), (agent.Programme{Power: 750, Runs: 5 * time.Hour, Daily: true, From: 480, By: 1200}); got.Programme != want || !got.Controlled || got.Power != 750 {
		t.Errorf("the pump is rated %+v", got)
	}
	if got := s.rating("rod"); got.Capacity != 5931 || got.Loss <= 0 || got.Power != 3500 {
		t.Errorf("the rod is rated %+v", got)
	}
	if got := s.rating("heat"); got.Capacity != 6000 || got.Least != 800 || others["heat"].Made.Least != 800 { // 12 kWh/K by 1.5 K, three units of heat for one
		t.Errorf("the heat pump is rated %+v, and can be told %+v", got, others["heat"].Made)
	}
	for _, target := range s.targets {
		if target.ID == "rod" && target.Warm != (meters.Warm{Low: 48, High: 65}) {
			t.Errorf("the water of the rod is read as %+v", target.Warm)
		}
		if target.ID == "three" && target.Car != (meters.Car{Capacity: 60_000, Arrives: 300}) {
			t.Errorf("the car is read as %+v", target.Car)
		}
	}
}

// TestAppliancesOfASimulatedSite has a simulated street with appliances: they may be started, and are known
// for what they are.
func TestAppliancesOfASimulatedSite(t *testing.T) {
	s := siteOf(t, "simulation: {homes: 2, appliances: true, history: 0}\n")
	if got := s.rating("home-02/appliance"); got.Programme.Runs != 150*time.Minute || got.Programme.By != 420 || got.Programme.Power != got.Power || got.Power < 300 || !got.Controlled {
		t.Errorf("the dishwasher is rated %+v", got)
	}
	n := 0
	for _, h := range s.homes() {
		for _, o := range h.Others {
			if o.Kind == "appliance" && o.Made.On == s.rating(o.ID).Programme.Runs {
				n++
			}
		}
	}
	if n != 2 {
		t.Errorf("%d appliances may be started, not 2", n)
	}
}
