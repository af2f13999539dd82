package steer

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/clock"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/meters/sim"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// nowhere takes batches and has no memory.
type nowhere struct{}

func (nowhere) PublishBatch(context.Context, string, meters.Batch) error { return nil }

func (nowhere) Totals(context.Context, string) (*grid.Reading, error) { return nil, nil }

// village is a simulated street behind Modbus sockets that is read and moved.
type village struct {
	*sim.Neighbourhood

	devices *Devices
	mu      sync.Mutex
	heard   map[string][]grid.Reading
}

// speed is that of the villages' world: its devices are read, and setpoints made, every 10 s
// of world time.
const speed, every = 100, 100 * time.Millisecond

// inMotion runs a village from a summer's evening on, when cars need energy and batteries are
// nearly full, and returns how to stop it.
func inMotion(t *testing.T, intent func(point string, i grid.Interval) (hold.Intent, bool), challenge Challenge) (v *village, stop func()) {
	t.Helper()
	spec := world.Spec{Seed: 1, Start: time.Date(2026, 6, 1, 20, 13, 0, 0, time.UTC), Latitude: 50, Homes: world.Neighbourhood(4, 1)}
	n, err := sim.Open(t.Context(), t.TempDir(), spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	v = &village{Neighbourhood: n, heard: map[string][]grid.Reading{}}
	fleet := &meters.Fleet{Clock: n.Now, Sink: nowhere{}, Log: slog.New(slog.DiscardHandler), Every: every, Heard: v.hear}
	targets, homes := v.parts(t)
	v.devices, err = Open(Options{
		Homes: homes, Speed: speed, Minutes: 15, Every: every, Clock: n.Now, Log: slog.New(slog.DiscardHandler), Conn: fleet.Conn,
		Position: func(grid.Interval, string) (grid.Energy, bool) { return 0, false }, Intent: intent,
	})
	if err != nil {
		t.Fatal(err)
	}
	run := func(what func(context.Context) error) (stop func()) {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- what(ctx) }()
		return func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	reads := run(func(ctx context.Context) error { return fleet.Run(ctx, targets, nowhere{}) })
	moves := run(func(ctx context.Context) error { return v.devices.Run(ctx, challenge) })
	goes := run(func(ctx context.Context) error { return n.Run(ctx, clock.Fast(n.Now(), speed)) })
	stop = sync.OnceFunc(moves)
	t.Cleanup(func() {
		stop()
		goes()
		reads()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return v, stop
}

// parts are the devices of the village, and its homes.
func (v *village) parts(t *testing.T) (targets []meters.Target, homes []Home) {
	t.Helper()
	profiles, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for _, d := range v.Devices() {
		e, err := modbus.ParseEndpoint(d.Address())
		if err != nil {
			t.Fatal(err)
		}
		target := meters.Target{Device: d.Device, Endpoint: e, Unit: 1, Profile: profiles.Get(d.Profile)}
		targets = append(targets, target)
		switch d.Kind {
		case grid.Meter:
			at[d.MeteringPoint] = len(homes)
			imports, exports := v.Connection(d.Member)
			homes = append(homes, Home{Meter: d.Device, Imports: &imports, Exports: &exports})
		case grid.Battery:
			h := &homes[at[d.MeteringPoint]]
			most, size := v.Storage(d.ID)
			h.Batteries = append(h.Batteries, Battery{Target: target, Most: most, Size: size})
		case grid.Charger:
			h := &homes[at[d.MeteringPoint]]
			h.Others = append(h.Others, Device{Target: target, Made: hold.Made{Least: 4140, Most: v.Home(d.Member).Charger}})
		default:
		}
	}
	return targets, homes
}

func (v *village) hear(r grid.Reading) {
	v.devices.Hear(r)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.heard[r.Device] = append(v.heard[r.Device], r)
}

// until waits until the world's time.
func (v *village) until(t *testing.T, at time.Time) {
	t.Helper()
	for give := time.Now().Add(time.Minute); v.Now().Before(at); time.Sleep(every) {
		if time.Now().After(give) {
			t.Fatalf("it is %s, and does not become %s", v.Now(), at)
		}
	}
}

// last returns the last power of a device.
func (v *village) last(device string) grid.Power {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := v.heard[device]
	return *all[len(all)-1].Power
}

// net is what all meters counted between the first readings after two times, Wh.
func (v *village) net(from, to time.Time) (sum grid.Energy) {
	v.mu.Lock()
	defer v.mu.Unlock()
	counted := func(all []grid.Reading, at time.Time) grid.Energy {
		for _, r := range all {
			if !r.Time.Before(at) {
				return *r.Import - *r.Export
			}
		}
		return 0
	}
	for _, d := range v.Devices() {
		if d.Kind == grid.Meter {
			sum += counted(v.heard[d.ID], to) - counted(v.heard[d.ID], from)
		}
	}
	return sum
}

// TestAVillage has batteries cover what a village takes, whose plans pause one car and let
// another charge with 4.2 kW, over real sockets: what the meters count together over an
// interval comes to nothing, while another of its cars would have taken kilowatt-hours. When
// it stops, everything is released: the paused car charges.
func TestAVillage(t *testing.T) {
	t.Parallel()
	v, stop := inMotion(t, func(_ string, i grid.Interval) (hold.Intent, bool) {
		return hold.Intent{Interval: i, TakeTo: 1000, Powers: map[string]grid.Power{"home-01/charger": 0, "home-04/charger": 4200}}, true
	}, nil)
	from := time.Date(2026, 6, 1, 20, 15, 0, 0, time.UTC)
	v.until(t, from.Add(15*time.Minute+30*time.Second))
	if one, four := v.last("home-01/charger"), v.last("home-04/charger"); one != 0 || four < 4100 || four > 4200 {
		t.Errorf("the cars take %d and %d W, want 0 and 4200", one, four)
	}
	if net := v.net(from, from.Add(15*time.Minute)); net < -120 || net > 120 {
		t.Errorf("the village has taken %d Wh in a quarter of an hour, want none: its batteries hold enough", net)
	}
	stop()
	stopped := v.Now()
	v.until(t, stopped.Add(5*time.Minute))
	if one := v.last("home-01/charger"); one != 11_000 {
		t.Errorf("five minutes after the stop the car that was paused takes %d W, want 11000", one)
	}
	if two := v.last("home-02/battery"); two < -2500 {
		t.Errorf("five minutes after the stop a battery gives %d W, want no more than its home takes", -two)
	}
}

// TestAChallengeInAVillage asks one battery to charge with 1.2 kW, whatever the village lacks.
func TestAChallengeInAVillage(t *testing.T) {
	t.Parallel()
	v, _ := inMotion(t, func(_ string, i grid.Interval) (hold.Intent, bool) {
		return hold.Intent{Interval: i, TakeTo: 1000}, true
	},
		func(battery grid.Device, _ time.Time) (grid.Power, bool) {
			return -1200, battery.ID == "home-02/battery"
		})
	v.until(t, time.Date(2026, 6, 1, 20, 17, 0, 0, time.UTC))
	if p, known := v.devices.Power("home-02/battery"); !known || p != -1200 {
		t.Errorf("the battery does %d W, %t, want 1200 W given", p, known)
	}
	if p := v.last("home-01/battery"); p > -4000 {
		t.Errorf("the other battery does %d W, want 5000 W given: two cars charge", p)
	}
}
