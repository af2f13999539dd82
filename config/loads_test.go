package config_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// TestLoadsAreResolved reads the sizes of appliances, heat pumps and rods as the fixture says them, and what
// follows from them by hand: 300 l hold 348.9 Wh/K, from 48 to 65 °C 5931 Wh, and lose 1.8 W/K; the house
// holds 18 kWh of heat, which are 5143 Wh of electricity.
func TestLoadsAreResolved(t *testing.T) {
	c, err := config.Read("testdata/good/loads.yaml")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := c.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	pump, dishes, heat, rod := plan.Devices[1], plan.Devices[2], plan.Devices[3], plan.Devices[4]
	if want := (agent.Programme{Power: 750, Runs: 5 * time.Hour, Daily: true, From: 480, By: 1200}); pump.Programme != want || pump.Kind != grid.Appliance {
		t.Errorf("pump: %+v, want %+v", pump.Programme, want)
	}
	if want := (agent.Programme{Power: 440, Runs: 150 * time.Minute, By: 420}); dishes.Programme != want {
		t.Errorf("dishwasher: %+v, want %+v", dishes.Programme, want)
	}
	if h := heat.Heat; h.Capacity != 5143 || math.Abs(h.Loss-150.0/12_000) > 1e-9 || h.Least != 800 || h.Low != 20.5 || h.High != 22 {
		t.Errorf("house: %+v", h)
	}
	if h := rod.Heat; h.Capacity != 5931 || math.Abs(h.Loss-1.8/348.9) > 1e-9 || h.Low != 48 || h.High != 65 {
		t.Errorf("tank: %+v", h)
	}
	if says := plan.Falls(); strings.Contains(says, "No plan moves") {
		t.Errorf("all sizes are known: %s", says)
	}
	plan.Devices[4].Heat = config.Heat{}
	if says := plan.Falls(); strings.Count(says, "No plan moves it: nobody says what it can store") != 1 || !strings.Contains(says, `"pump" may be started; it has no timer`) || !strings.Contains(says, `"dishes" may be started; if this program is gone it goes back by itself after 15 s`) {
		t.Errorf("what becomes of the appliances: %s", says)
	}
}

// TestSteppedHeatPumpsAreRated has a profile whose device is moved in steps: without what it is rated for
// the steps mean nothing.
func TestSteppedHeatPumpsAreRated(t *testing.T) {
	dir := t.TempDir()
	profile := filepath.Join(dir, "sg.yaml")
	const text = `{id: sg, version: 1, kind: heat-pump, document: d, points: [{name: room, role: temperature, addr: 1, type: int16, scale: 0.1, unit: C},
{name: sg, addr: 2, type: uint16, writable: {min: 1, max: 4}}], control: {steps: [{from: 0, set: {sg: 1}}, {from: 30, set: {sg: 2}}], fallback: {sg: 2}}}`
	if err := os.WriteFile(profile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for fields, want := range map[string]string{
		"":                                     `devices[1].control: profile sg moves "p" in steps of what it is rated for: give it rated, as in rated: 2.5 kW`,
		", rated: 2 kW":                        "",
		`, rated: 2 kW, temperatures: "20-22"`: "devices[1].tank: missing",
	} {
		file := filepath.Join(dir, "c.yaml")
		err := os.WriteFile(file, []byte("profiles: ["+profile+"]\ndevices:\n  - {id: a, member: a, metering_point: mp-a, address: '192.0.2.1', profile: sunspec-meter}\n  - {id: p, member: a, metering_point: mp-a, address: '192.0.2.2', profile: sg, control: true"+fields+"}\n"), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		c, err := config.Read(file)
		if err == nil {
			_, err = c.Resolve()
		}
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("with %q: %v, want %q", fields, err, want)
		}
	}
}

// TestCarsThatNoPlanHas says at the start of which charger the car is left alone, and why.
func TestCarsThatNoPlanHas(t *testing.T) {
	profiles, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	silent, err := profiles.Parse([]byte(`{id: mute, version: 1, kind: charger, document: d, points: [{name: p, role: power, addr: 1, type: int16, unit: W}, {name: a, addr: 2, type: uint16, writable: {min: 0, max: 32}, unit: A}], control: {setpoint: a, expires_s: 60}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		of   config.Target
		want string
	}{
		{config.Target{Profile: silent, Rated: 11_000, Capacity: 60_000}, "No plan has its car: profile mute tells neither the charge of the car nor that one is there."},
		{config.Target{Profile: profiles.Get("keba-p40"), Rated: 11_000}, "No plan has its car: nobody says what the car holds: write capacity, as in capacity: 60 kWh."},
		{config.Target{Profile: profiles.Get("keba-p40"), Capacity: 60_000}, "No plan has its car: nobody says what it gives at most: write rated, as in rated: 11 kW."},
		{config.Target{Profile: profiles.Get("keba-p30"), Rated: 3_700, Capacity: 60_000}, "it gives 3700 W at most, and a car takes no less than 6 A, which are 4140 W on 3 phases: write phases: 1 if it has one"},
		{config.Target{Profile: profiles.Get("keba-p30"), Rated: 3_700, Capacity: 60_000, Planning: config.Planning{Phases: 1}}, ""},
		{config.Target{Profile: profiles.Get("alfen-eve"), Rated: 3_700, Capacity: 60_000}, ""}, // it may go down to one phase
		{config.Target{Profile: profiles.Get("alfen-eve"), Rated: 500, Capacity: 60_000}, "which are 1380 W on 1 phase"},
		{config.Target{Profile: profiles.Get("go-e"), Rated: 11_000, Capacity: 60_000}, ""},
		{config.Target{Profile: profiles.Get("commonwatt-charger"), Rated: 11_000, Capacity: 60_000}, ""},
	} {
		c.of.ID, c.of.Kind, c.of.Control = "c", grid.Charger, true
		says := config.Plan{Devices: []config.Target{c.of}}.Falls()
		if c.want == "" && strings.Contains(says, "No plan") || !strings.Contains(says, c.want) || !strings.Contains(says, `"c" may be moved`) {
			t.Errorf("%s: %s, want %q", c.of.Profile.ID, says, c.want)
		}
	}
}
