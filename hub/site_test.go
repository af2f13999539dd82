package hub

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
)

// planned resolves a configuration with two members: ann has a meter with limits at a node,
// a battery that may be moved, and one that may not; bob's meter is read by a gateway.
func planned(t *testing.T) config.Plan {
	t.Helper()
	file := filepath.Join(t.TempDir(), "community.yaml")
	write(t, file, `community: elm
data: `+t.TempDir()+`
tariff: {version: "1", currency: EUR, retail: 0.30 EUR/kWh, feed_in: 0.08 EUR/kWh}
feeder: {nodes: [{id: root}, {id: street, parent: root}]}
gateways: [{id: gw-1, key: MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==}]
devices:
  - {id: ann/meter, member: ann, metering_point: mp-ann, address: "192.0.2.1", profile: sunspec-meter, node: street, import_limit: 11 kW, export_limit: 5.5 kW}
  - {id: ann/battery, member: ann, metering_point: mp-ann, address: "192.0.2.2", profile: sunspec-storage, rated: 3 kW, capacity: 10 kWh, control: true}
  - {id: ann/other, member: ann, metering_point: mp-ann, address: "192.0.2.3", profile: sunspec-storage, rated: 3 kW}
  - {id: bob/meter, member: bob, metering_point: mp-bob, profile: sunspec-meter, gateway: gw-1}
  - {id: bob/battery, member: bob, metering_point: mp-bob, profile: sunspec-storage, gateway: gw-1, rated: 2 kW, capacity: 5 kWh, control: true}
`)
	c, err := ReadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := Resolve(c)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// TestASiteOfRealDevices takes limits, nodes, ratings and what may be moved from the plan,
// and polls what no gateway reads.
func TestASiteOfRealDevices(t *testing.T) {
	s, err := openSite(t.Context(), planned(t), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var polled []string
	for _, target := range s.targets {
		polled = append(polled, target.ID)
	}
	if got := strings.Join(polled, " "); got != "ann/meter ann/battery ann/other" || len(s.devices) != 5 {
		t.Errorf("%s are polled, of %d devices", got, len(s.devices))
	}
	points := s.points()
	if len(points) != 2 || points[0].Node != "street" || *points[0].Import != 11_000 || *points[0].Export != 5500 || points[1].Member != "bob" || points[1].Import != nil {
		t.Errorf("points %+v", points)
	}
	homes := s.homes()
	if len(homes) != 2 || len(homes[0].Batteries) != 1 || len(homes[0].Others)+len(homes[1].Others) > 0 {
		t.Fatalf("homes whose devices may be moved: %+v", homes)
	}
	if b := homes[1].Batteries; len(b) != 1 || b[0].ID != "bob/battery" || b[0].Gateway != "gw-1" || b[0].Most != 2000 || b[0].Size != 5000 {
		t.Errorf("what a gateway moves: %+v", b)
	}
	battery := homes[0].Batteries[0]
	if battery.ID != "ann/battery" || homes[0].Meter.ID != "ann/meter" || battery.Most != 3000 || battery.Size != 10_000 || *homes[0].Imports != 11_000 || *homes[0].Exports != 5500 {
		t.Errorf("homes whose batteries may be moved: %+v", homes)
	}
	if power, capacity := s.storage("ann/other"); power != 0 || capacity != 0 {
		t.Errorf("a battery whose capacity is not known is rated %d W, %d Wh", power, capacity)
	}
	if s.period() != time.Second || s.deadline() != s.plan.Market.Deadline || s.close() != nil {
		t.Errorf("read every %s, deadline %s", s.period(), s.deadline())
	}
}

// TestWhatGatewaysMayAsk lets each ask for the time, its receipts and its own orders, and
// store its own readings.
func TestWhatGatewaysMayAsk(t *testing.T) {
	plan := planned(t)
	plan.Bus.Gateways.Listen = "127.0.0.1:0"
	l := leafs(plan)
	if len(l.Users) != 1 {
		t.Fatalf("%+v", l.Users)
	}
	if got := strings.Join(append(l.Users[0].Ask, l.Users[0].Store...), " "); got != "clock.elm receipts.elm.gw-1 setpoints.elm.gw-1 readings.elm.gw-1.*" {
		t.Errorf("a gateway may: %s", got)
	}
}

// TestASimulatedSite waits for readings as long as a busy machine needs, and refuses what
// would break devices that do not exist.
func TestASimulatedSite(t *testing.T) {
	plan := func(more string) config.Plan {
		file := filepath.Join(t.TempDir(), "community.yaml")
		write(t, file, "data: "+t.TempDir()+"\nspeed: 600\nsimulation: {homes: 2, "+more+"}\n")
		c, err := ReadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Resolve(c)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	s, err := openSite(t.Context(), plan("faults: [{device: home-01/battery, fault: claims-capacity}]"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if s.deadline() != 50*time.Minute || s.period() != 100*time.Millisecond {
		t.Errorf("at speed 600: deadline %s, read every %s", s.deadline(), s.period())
	}
	if power, capacity := s.storage("home-01/battery"); power < 20_000 || capacity == 0 {
		t.Errorf("a battery that claims ten times its size is rated %d W and holds %d Wh", power, capacity)
	}
	for _, point := range s.points() {
		if *point.Import != 22_000 || *point.Export < 0 || *point.Export > 22_000 {
			t.Errorf("%+v", point)
		}
	}
	for more, want := range map[string]string{
		"outages: [{device: home-09/meter, after: 1s, lasts: 1s}]":   `simulation.outages[0].device: there is no simulated device "home-09/meter"`,
		"faults: [{device: home-09/meter, fault: wrong-sign}]":       `simulation.faults[0].device: there is no simulated device "home-09/meter"`,
		"faults: [{device: home-01/meter, fault: replays-readings}]": `simulation.faults[0].device: "home-01/meter" is not a battery: only batteries cheat`,
	} {
		if _, err := openSite(t.Context(), plan(more), nil); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", more, err, want)
		}
	}
}

// TestAnAddressIsNeeded names the device whose address is none.
func TestAnAddressIsNeeded(t *testing.T) {
	if _, err := Target(config.Target{Device: grid.Device{ID: "a"}, Address: "udp://nowhere:1"}); err == nil || !strings.HasPrefix(err.Error(), "address: ") {
		t.Errorf("%v", err)
	}
	d, err := Target(config.Target{Device: grid.Device{ID: "a"}, Address: "192.0.2.1", Unit: 3, Turned: grid.Turned{Power: true}, Rated: 16})
	if want, _ := modbus.ParseEndpoint("192.0.2.1"); err != nil || d.Endpoint != want || d.Unit != 3 || !d.Turned.Power || d.Turned.Counters || d.Most != 18 {
		t.Errorf("%+v, %v", d, err)
	}
}
