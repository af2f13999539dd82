package steer

import (
	"reflect"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/control"
)

// TestOrdersOfAGateway has a gateway read ann's two batteries, while bob lacks 3 kW: it is told
// to have them give that, in proportion to what they hold, within what they are rated for. When
// her plan is gone it is told nothing, and other gateways never are.
func TestOrdersOfAGateway(t *testing.T) {
	ann, bob := ofMember(t, "ann", 2), ofMember(t, "bob", 0)
	for k := range ann.Batteries {
		ann.Batteries[k].Gateway = "gw-1"
	}
	now := time.Date(2026, 6, 10, 18, 0, 0, 0, time.UTC)
	planned := true
	d := opened(t, Options{
		Homes: []Home{ann, bob}, Speed: 1, Clock: func() time.Time { return now },
		Position: func(grid.Interval, string) (grid.Energy, bool) { return 0, false },
		Intent: func(_ string, i grid.Interval) (hold.Intent, bool) {
			return hold.Intent{Interval: i, TakeTo: 1000}, planned
		},
	})
	hear := func(device string, p grid.Power, charge *grid.PerMille) {
		d.Hear(grid.Reading{Device: device, Time: now, Power: &p, Import: new(grid.Energy(0)), Export: new(grid.Energy(0)), Charge: charge, Quality: grid.Good})
	}
	step := func() control.Orders {
		for range 3 {
			hear("ann/battery-a", 0, new(grid.PerMille(800)))
			hear("ann/battery-b", 0, new(grid.PerMille(400)))
			hear("ann/meter", 0, nil)
			hear("bob/meter", 3000, nil)
			d.follow(nil)
			now = now.Add(time.Second)
		}
		return d.Orders("gw-1")
	}
	if got, want := step(), (control.Orders{Hold: 15 * time.Second, Devices: map[string]grid.Power{"ann/battery-a": -2000, "ann/battery-b": -1000}}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := d.Orders("gw-2"); len(got.Devices) > 0 {
		t.Errorf("another gateway is told %+v", got)
	}
	planned, now = false, now.Add(time.Minute)
	if got := step(); len(got.Devices) > 0 {
		t.Errorf("without a plan: %+v", got)
	}
}

// TestHeartbeat refreshes setpoints often enough for devices of a world that goes faster: a
// charger of the simulation holds a limit for a minute of its own time.
func TestHeartbeat(t *testing.T) {
	for speed, want := range map[float64]time.Duration{0: 5 * time.Second, 1: 5 * time.Second, 10: 4 * time.Second, 50: 800 * time.Millisecond, 600: 100 * time.Millisecond} {
		if got := heartbeat(speed); got != want || speed > 0 && speed <= 500 && float64(got)*speed > float64(time.Minute) {
			t.Errorf("at speed %g every %s, want %s", speed, got, want)
		}
	}
}
