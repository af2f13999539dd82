package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/steer"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/sim"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// street is a simulated one whose devices a community reads as real ones, at a world that goes fast.
type street struct {
	devices map[string]*sim.Device
	clock   func() time.Time
	dir     string
	text    string // of the community's file
}

const streetSpeed = 60

func streetOf(t *testing.T) *street {
	t.Helper()
	begin, began := time.Date(2026, 6, 1, 18, 0, 0, 0, time.UTC), time.Now()
	s := &street{devices: map[string]*sim.Device{}, dir: filepath.Join(t.TempDir(), "data"), clock: func() time.Time { return begin.Add(streetSpeed * time.Since(began)) }}
	n, err := sim.Open(t.Context(), t.TempDir(), world.Spec{Seed: 1, Start: begin, Latitude: 50, Homes: world.Neighbourhood(4, 1)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx, s.clock) }()
	t.Cleanup(func() { stop(); _ = errors.Join(<-done, n.Close()) })
	for _, d := range n.Devices() {
		s.devices[d.ID] = d
	}
	return s
}

// running is the community's process with the desk of its installer.
type running struct {
	*Hub

	desk *pairing.Bench
	a    *adoption
	stop func()
}

func (s *street) run(t *testing.T) *running {
	t.Helper()
	file := filepath.Join(t.TempDir(), "community.yaml")
	write(t, file, "data: "+s.dir+"\nlisten: 127.0.0.1:0\n"+s.text)
	c, err := ReadConfig(file)
	if err == nil {
		c, err = WithPaired(c, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	plan, err := Resolve(c)
	if err != nil {
		t.Fatal(err)
	}
	plan.Speed = streetSpeed
	r := &running{}
	if r.Hub, err = Open(t.Context(), Options{Plan: plan, Clock: s.clock, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	r.a = &adoption{site: r.site, records: r.records, market: r.market, moved: r.moved, rewards: r.rewards, fleet: r.fleet, live: r.pages.live, signs: r.signs, log: r.Log}
	installer, err := r.a.installer(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	r.desk = installer.Desk
	ctx, cancel := context.WithCancel(context.Background())
	done, began := make(chan error, 1), make(chan struct{})
	go func() { done <- r.Run(ctx, 0, func(State) { close(began) }, func(State) {}) }()
	select {
	case <-began:
	case err := <-done:
		t.Fatal(err)
	}
	r.stop = func() {
		cancel()
		if err := errors.Join(<-done, r.Close()); err != nil {
			t.Error(err)
		}
		r.stop = func() {}
	}
	t.Cleanup(func() { r.stop() })
	return r
}

// pair pairs a device in the place of another one, if one is named.
func (r *running) pair(t *testing.T, d *sim.Device, to grid.Device, replaces string, of pairing.Ratings) {
	t.Helper()
	s, err := r.desk.Begin(t.Context(), pairing.Wish{Target: "tcp://" + d.Address(), Unit: new(uint8(1)), How: pairing.How{Ratings: of}}, func(uint8) {})
	if err != nil {
		t.Fatal(err)
	}
	_, live, err := r.desk.Measure(t.Context(), s.ID)
	load := pairing.Later
	if reading, _ := live.Reading(grid.Meter); d.Kind == grid.Meter && reading.Power != nil {
		if load = pairing.Importing; *reading.Power < 0 {
			load = pairing.Exporting
		}
	}
	_, err2 := r.desk.CheckSign(t.Context(), s.ID, load)
	err3 := r.desk.Replace(s.ID, replaces)
	_, err4 := r.desk.Bind(s.ID, to)
	_, err5 := r.desk.Watch(t.Context(), s.ID, 3*time.Second, func(int) {})
	if err := errors.Join(err, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
}

// is are the devices of ann in every room that has to know: who reads, shows, plans, bills and moves.
func (r *running) is() string {
	var planned, metered, moved []string
	for _, d := range r.market.traders.Devices("ann") {
		planned = append(planned, d.ID)
	}
	for _, d := range r.records.metering.All() {
		metered = append(metered, d.ID)
	}
	r.moved.Batteries(func(b steer.Battery, _ grid.Device) { moved = append(moved, b.ID) })
	slices.Sort(planned)
	return fmt.Sprintf("planned %v, metered %v, moved %v, shown %d", planned, metered, moved, r.pages.live.Devices())
}

func (r *running) want(t *testing.T, when, want string) {
	t.Helper()
	if got := r.is(); got != want {
		t.Errorf("%s: %s, want %s", when, got, want)
	}
}

// connection is what ann's connection takes at most, and where it is.
func (r *running) connection() string {
	for _, p := range r.site.points() {
		if p.MeteringPoint == "mp-ann" && p.Import != nil {
			return fmt.Sprintf("%d W at %s", *p.Import, p.Node)
		}
	}
	return ""
}

// TestConfiguredDevicesWhileItRunsAndAfter lets go of a configured battery, replaces a configured meter and gives the new
// one's connection another limit, on a community that runs; starts it anew, where all of that still counts and the meter
// that was replaced still bills what it counted; and takes both back. At last the home is let go of, with its orders.
func TestConfiguredDevicesWhileItRunsAndAfter(t *testing.T) {
	t.Parallel()
	s := streetOf(t)
	s.text = fmt.Sprintf(`community: elm
interval: 5
gate_closure: 1m
tariff: {version: "1", currency: EUR, retail: 0.30 EUR/kWh, feed_in: 0.08 EUR/kWh}
feeder: {nodes: [{id: root}, {id: street, parent: root}]}
members: {ann: {limits: {reserve: 20 %%}}}
devices:
  - {id: ann/meter, member: ann, metering_point: mp-ann, address: %q, profile: sunspec-meter, node: street, import_limit: 11 kW}
  - {id: ann/battery, member: ann, metering_point: mp-ann, address: %q, profile: sunspec-storage, control: true, rated: 5 kW, capacity: 10 kWh}
`, s.devices["home-02/meter"].Address(), s.devices["home-02/battery"].Address())
	r := s.run(t)
	r.want(t, "at first", "planned [ann/battery ann/meter], metered [ann/meter], moved [ann/battery], shown 2")
	if err := r.desk.Remove(t.Context(), "ann/battery", pairing.Removal{By: "eve", Reason: "sold"}); err != nil {
		t.Fatal(err)
	}
	r.want(t, "without the battery", "planned [ann/meter], metered [ann/meter], moved [], shown 1")
	r.pair(t, s.devices["home-04/meter"], grid.Device{ID: "ann/meter-2", Member: "ann", MeteringPoint: "mp-ann"}, "ann/meter", pairing.Ratings{})
	r.want(t, "with another meter", "planned [ann/meter-2], metered [ann/meter-2], moved [], shown 1")
	if got := r.connection(); got != "11000 W at street" {
		t.Errorf("the connection takes %s", got)
	}
	changed := grid.IntervalAt(s.clock(), 5)
	if err := r.desk.Change(t.Context(), "ann/meter-2", func(of *pairing.Ratings) { of.ImportLimit = new(grid.Power(7000)) }); err != nil || r.connection() != "7000 W at street" {
		t.Errorf("the connection takes %s, %v", r.connection(), err)
	}
	r.stop()

	r = s.run(t)
	r.want(t, "after a new start", "planned [ann/meter-2], metered [ann/meter-2], moved [], shown 1")
	if got := r.connection(); got != "7000 W at street" || len(r.Plan.Gone) != 2 {
		t.Errorf("after a new start the connection takes %s, and %d entries count no more", got, len(r.Plan.Gone))
	}
	if metered, _, err := r.records.metering.Energies(t.Context(), changed, false); err != nil || len(metered) != 1 || metered[0].MeteringPoint != "mp-ann" {
		t.Errorf("in the interval of the change was metered %+v, %v", metered, err)
	}
	if err := r.desk.TakeBack(t.Context(), "ann/meter", "eve"); err != nil {
		t.Fatal(err)
	}
	if err := r.desk.TakeBack(t.Context(), "ann/battery", "eve"); err != nil {
		t.Fatal(err)
	}
	r.want(t, "taken back", "planned [ann/battery ann/meter], metered [ann/meter], moved [ann/battery], shown 2")
	if got := r.connection(); got != "11000 W at street" || !r.a.movable(pairing.Binding{Device: grid.Device{ID: "ann/battery"}}) {
		t.Errorf("taken back: the connection takes %s", got)
	}
	r.stop()

	r = s.run(t)
	r.want(t, "after another start", "planned [ann/battery ann/meter], metered [ann/meter], moved [ann/battery], shown 2")
	for _, id := range []string{"ann/battery", "ann/meter"} {
		if err := r.desk.Remove(t.Context(), id, pairing.Removal{Sure: true}); err != nil {
			t.Fatal(err)
		}
	}
	r.want(t, "without the home", "planned [], metered [], moved [], shown 0")
	if waiting := r.market.host.Waiting("ann"); len(waiting) > 0 {
		t.Errorf("a home without a meter still orders %+v", waiting)
	}
}

// TestOverriddenEntriesAreTold says at the start which entries of the file count no more, since when, by whom and why, and
// how that is taken back. What the file says beside of those devices is still read.
func TestOverriddenEntriesAreTold(t *testing.T) {
	dir := t.TempDir()
	bench := pairing.Open(dir, nil, []pairing.Binding{{Device: grid.Device{ID: "ann/pv", Kind: grid.Inverter, Member: "ann", MeteringPoint: "mp-ann"}, Configured: true}})
	bench.Clock = func() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }
	if err := bench.Remove(t.Context(), "ann/pv", pairing.Removal{By: "eve", Reason: "burnt"}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "community.yaml")
	write(t, file, "data: "+dir+`
community: elm
tariff: {version: "1", currency: EUR, retail: 0.30 EUR/kWh, feed_in: 0.08 EUR/kWh}
devices:
  - {id: ann/meter, member: ann, metering_point: mp-ann, address: 192.0.2.1, profile: sunspec-meter}
  - {id: ann/pv, member: ann, metering_point: mp-ann, address: 192.0.2.2, profile: sunspec-inverter}
`)
	c, err := ReadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = WithPaired(c, false); err != nil {
		t.Fatal(err)
	}
	const want = `devices[1]: "ann/pv" is not read as the file says: it was removed at 2026-06-01 12:00 UTC, by eve (burnt). "commonwatt pair restore ann/pv"`
	if got := c.Notes(true); !strings.Contains(got, want) {
		t.Errorf("told is %q, want %q", got, want)
	}
	var plan config.Plan
	if plan, err = Resolve(c); err != nil || len(plan.Devices) != 1 || len(plan.Gone) != 1 {
		t.Errorf("planned %+v, gone %+v, %v", plan.Devices, plan.Gone, err)
	}
}
