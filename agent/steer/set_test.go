package steer

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
)

// TestDevicesComeAndGo has a village run without the battery and the charger of one home, over real
// sockets, gives it both, and takes them away again: they are moved as soon as they are there, and are
// released when they are not, while the other homes go on.
func TestDevicesComeAndGo(t *testing.T) {
	t.Parallel()
	paused := func(_ string, i grid.Interval) (hold.Intent, bool) {
		return hold.Intent{Interval: i, TakeTo: 1000, Powers: map[string]grid.Power{"home-01/charger": 0}}, true
	}
	v, _ := inMotion(t, paused, nil)
	_, homes := v.parts(t)
	one := homes[slices.IndexFunc(homes, func(h Home) bool { return h.Meter.ID == "home-01/meter" })]
	set := func(h Home) {
		t.Helper()
		if err := v.devices.Set(h); err != nil {
			t.Fatal(err)
		}
	}
	after := func(d time.Duration) { v.until(t, v.Now().Add(d)) }
	set(Home{Meter: one.Meter})
	after(5 * time.Minute)
	if _, moved := v.devices.Power("home-01/battery"); moved || v.last("home-01/charger") != 11_000 {
		t.Errorf("moved %t; the car takes %d W, want 11000: nobody moves it", moved, v.last("home-01/charger"))
	}
	if two := v.last("home-02/battery"); two > -2000 {
		t.Errorf("the battery of another home does %d W, want more given: the car takes 11 kW", two)
	}
	set(one)
	after(5 * time.Minute)
	if p, moved := v.devices.Power("home-01/battery"); !moved || p > -100 || v.last("home-01/charger") != 0 {
		t.Errorf("moved %t, the battery does %d W, and the car takes %d W, want 0", moved, p, v.last("home-01/charger"))
	}
	before := slices.Clone(v.devices.find("mp-home-01").overruled())
	one.Imports = new(grid.Power(7000))
	if set(one); !slices.Equal(before, v.devices.find("mp-home-01").overruled()) {
		t.Error("another limit of the connection had a device be released")
	}
	one.Others = nil
	set(one)
	after(5 * time.Minute)
	if p := v.last("home-01/charger"); p != 11_000 {
		t.Errorf("the car that is not moved any more takes %d W, want 11000", p)
	}
	if _, moved := v.devices.Power("home-01/battery"); !moved {
		t.Error("the battery is not moved any more although it is there")
	}
}

// TestSetKeepsWhatTheMeterSaid gives a home a battery in the middle of an interval: what its meter has
// counted of it is known still. Another meter of the same metering point goes on in its place, and a
// device that is being tried is not set.
func TestSetKeepsWhatTheMeterSaid(t *testing.T) {
	now := time.Date(2026, 6, 10, 18, 0, 0, 0, time.UTC)
	d := opened(t, Options{Homes: []Home{ofMember(t, "ann", 0)}, Speed: 1, Clock: func() time.Time { return now }, Position: func(grid.Interval, string) (grid.Energy, bool) { return -500, true }})
	say := func(meter string, total grid.Energy) {
		for _, id := range []string{meter, "ann/battery-a"} {
			d.Hear(grid.Reading{Device: id, Time: now, Power: new(grid.Power(0)), Import: &total, Export: new(grid.Energy(0)), Charge: new(grid.PerMille(800)), Quality: grid.Good})
		}
		d.follow(nil)
		now = now.Add(time.Second)
	}
	for k := range 3 {
		say("ann/meter", grid.Energy(k))
	}
	with := ofMember(t, "ann", 1)
	if err := d.Set(with); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		say("ann/meter", 3)
	}
	if h := d.find("mp-ann"); h.bank[0].told == nil || *h.bank[0].told >= 0 {
		t.Errorf("the battery is told %v, want to give: the home sold 500 Wh of the interval that runs", h.bank[0].told)
	}
	with.Meter.ID = "ann/meter-2"
	if err := d.Set(with); err != nil {
		t.Fatal(err)
	}
	say("ann/meter-2", 7)
	if h := d.find("mp-ann"); len(d.homes) != 1 || h.shown.Device != "ann/meter-2" || d.at["ann/meter"] != nil {
		t.Errorf("of %d homes the meter is %q", len(d.homes), h.shown.Device)
	}
	d.trials["ann/battery-b"] = &trial{}
	if err := d.Set(ofMember(t, "ann", 2)); !errors.Is(err, ErrTried) || len(d.find("mp-ann").bank) != 1 {
		t.Errorf("a device that is being tried was set: %v", err)
	}
}
