package main

import (
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/clock"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/web/api"
)

// rewarded waits until the storage rewards are as wanted.
func (p *inProcess) rewarded(what string, wanted func(api.Rewards) bool) {
	p.t.Helper()
	var r api.Rewards
	if !eventually(func() bool { r = api.Rewards{}; return p.shown("/api/v1/rewards", &r) && wanted(r) }) {
		p.t.Fatalf("no %s within %s: %+v", what, patience, r)
	}
}

// TestAPairedBatteryEarns pairs a meter and its battery on a community of real devices that runs, in the last hour of
// an epoch: the battery is pledged at once, with what was said of it, is challenged in the next interval, is moved, proves
// it and is paid when the epoch closes. When it is let go of it takes part no more; what it earned stays.
func TestAPairedBatteryEarns(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: runs the program for two minutes; make test runs it")
	}
	const speed = 30
	start := time.Date(2026, 6, 1, 23, 12, 0, 0, time.UTC)
	now := clock.Fast(start, speed)
	devices := fieldOf(t, world.Spec{Seed: 1, Start: start.Add(-10 * time.Minute), Latitude: 50, Homes: world.Neighbourhood(2, 1)}, nil, now)
	dir := filepath.Join(t.TempDir(), "data")
	p := runs(t, dir, ownTerms+`devices: []
interval: 5
gate_closure: 1m
deadline: 2m
rewards: {challenges: 1000, smoothing: 500, grant: 100, stake: 1, corrections: 2m}
`, now, speed)
	p.rewarded("programme without batteries", func(r api.Rewards) bool { return len(r.Batteries) == 0 && now().After(start.Add(4*time.Minute)) })
	p.pairMade(devices["home-01/meter"], "")
	p.pairMade(devices["home-01/battery"], `, "control": true, "rated": 5000, "capacity": 10000`)
	p.rewarded("pledge of the battery", func(r api.Rewards) bool {
		return len(r.Batteries) == 1 && r.Batteries[0].Device == "ann/battery" && r.Batteries[0].Power == 2500 && r.Batteries[0].Energy == 1250 && r.Batteries[0].Stake == 100
	})
	p.rewarded("challenge", func(r api.Rewards) bool { return r.Batteries[0].Challenged })
	earned := func(r api.Rewards) bool {
		return len(r.Epochs) == 1 && len(r.Epochs[0].Rewards) == 1 && r.Epochs[0].Rewards[0].Device == "ann/battery" && r.Epochs[0].Rewards[0].Met > 0 && r.Epochs[0].Rewards[0].Tokens > 0
	}
	p.rewarded("payment", earned)
	p.ask(http.MethodDelete, "/api/v1/devices/ann%2Fbattery", "", nil)
	p.rewarded("end of it", func(r api.Rewards) bool { return len(r.Batteries) == 0 && earned(r) })
	p.stop()
	verified(t, dir)

	again := runs(t, dir, ownTerms+"devices: []\ninterval: 5\ngate_closure: 1m\n", now, speed)
	again.rewarded("earnings of the battery that is gone, by its name, after a new start", func(r api.Rewards) bool { return len(r.Batteries) == 0 && earned(r) })
}

// TestPairedDevicesAreMoved pairs the devices of an all-electric home one after the other on a community of real devices
// that runs, on a winter's evening: each that may be moved is told what to do, without a new start. What heats water may
// wait for a better hour: it is enough that it is planned when.
func TestPairedDevicesAreMoved(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: runs the program for minutes; make test runs it")
	}
	const speed = 60
	start := time.Date(2027, 1, 11, 17, 0, 0, 0, time.UTC)
	now := clock.Fast(start, speed)
	devices := fieldOf(t, world.AllElectric.Of(world.Spec{Seed: 1, Start: start.Add(-10 * time.Minute), Latitude: 50}, 1).WithAppliances(true), nil, now)
	p := runsSaying(t, slog.LevelDebug, filepath.Join(t.TempDir(), "data"), ownTerms+"devices: []\ninterval: 5\ngate_closure: 1m\ndeadline: 2m\n", now, speed)
	p.state("empty community", func(s api.State) bool { return s.Status.IntervalsCleared > 0 })
	p.pairMade(devices["home-01/meter"], "")
	for kind, made := range map[grid.DeviceKind]string{
		grid.Battery:    `, "rated": 5000, "capacity": 10000`,
		grid.Charger:    `, "rated": 11000, "capacity": 40000, "planning": {"arrives": "30 %"}`, // as an Eve, which does not tell the charge
		grid.HeatPump:   `, "rated": 7000, "planning": {"heat_capacity": "8 kWh/K", "heat_loss": "200 W/K", "temperatures": "20-22 C"}`,
		grid.HeatingRod: `, "rated": 3000, "planning": {"tank": "280 l", "temperatures": "48-65 C"}`,
		grid.Appliance:  `, "rated": 1000, "planning": {"runs": "2h30m", "ready_by": "07:00"}`,
	} {
		p.pairMade(devices["home-01/"+string(kind)], `, "control": true`+made)
	}
	for _, kind := range []grid.DeviceKind{grid.Battery, grid.Charger, grid.HeatPump, grid.HeatingRod, grid.Appliance} {
		told := regexp.MustCompile(`msg=setpoint device=ann/` + string(kind) + ` watts=-?\d+ in_force=true`)
		if !eventually(func() bool {
			return told.MatchString(p.said.String()) || kind == grid.HeatingRod && p.planned("ann", "ann/heating-rod")
		}) {
			t.Errorf("no setpoint of the %s within %s", kind, patience)
		}
	}
}

// planned tells whether the plan of a home has a device take something.
func (p *inProcess) planned(home, device string) bool {
	var plan api.HomePlan
	if !p.shown("/api/v1/homes/"+home+"/plan", &plan) {
		return false
	}
	for _, point := range plan.Points {
		for _, s := range point.Steps {
			if slices.ContainsFunc(s.Devices, func(d api.PlannedDevice) bool { return d.Device == device && d.Energy > 0 }) {
				return true
			}
		}
	}
	return false
}
