package steer

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
)

// TestTry tells a battery of a village 600 W, over real sockets, whose home wants something else: it
// takes them and is given back. A meter cannot be told anything, and nothing is told to what is silent.
func TestTry(t *testing.T) {
	t.Parallel()
	v, _ := inMotion(t, func(_ string, i grid.Interval) (hold.Intent, bool) {
		return hold.Intent{Interval: i, TakeTo: 1000}, true
	}, nil)
	v.until(t, time.Date(2026, 6, 1, 20, 15, 0, 0, time.UTC))
	targets, _ := v.parts(t)
	of := func(id string) meters.Target {
		return targets[slices.IndexFunc(targets, func(t meters.Target) bool { return t.ID == id })]
	}
	said, err := v.devices.Try(t.Context(), of("home-02/battery"), -600, time.Second)
	if err != nil || !said.Followed || !said.Released || said.Held == nil || *said.Held != -600 || len(said.Readings) < 3 {
		t.Errorf("%+v, %v", said, err)
	}
	if _, err := v.devices.Try(t.Context(), of("home-02/meter"), 600, time.Second); err == nil {
		t.Error("a meter was told a power")
	}
	silent := of("home-02/battery")
	silent.ID = "home-02/another"
	if said, err := v.devices.Try(t.Context(), silent, 600, time.Second); !errors.Is(err, ErrUnheard) {
		t.Errorf("what is silent: %+v, %v", said, err)
	}
}

// TestFollows compares what a device does with what it was told.
func TestFollows(t *testing.T) {
	for _, c := range []struct {
		shows, told grid.Power
		kind        grid.DeviceKind
		want        bool
	}{
		{960, 1000, grid.Battery, true},
		{-880, -1000, grid.Battery, false},
		{40, 0, grid.Battery, true},
		{-1000, 1000, grid.Battery, false},
		{-300, -2000, grid.Inverter, true},
		{-2190, -2000, grid.Inverter, true},
		{-2300, -2000, grid.Inverter, false},
	} {
		if got := follows(c.shows, c.told, c.kind); got != c.want {
			t.Errorf("%s shows %d W, told %d W: %t", c.kind, c.shows, c.told, got)
		}
	}
}
