package sim_test

import (
	"math"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/sim"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// TestThePastOfAStreet asks for what the devices of a new street counted before it began. At each
// home the meter counts what the devices and the loads together take, a battery gives back less
// than it took, and the sun does not shine at night. A street that has moved on gets no past, and
// one that has one keeps it.
func TestThePastOfAStreet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n, err := sim.Open(t.Context(), dir, spec(), nil)
	if err != nil {
		t.Fatal(err)
	}
	const days = 3
	if err := n.Recall(t.Context(), days*24*time.Hour, 15); err != nil {
		t.Fatal(err)
	}
	first := grid.IntervalAt(spec().Start.AddDate(0, 0, -days), 15)
	past := func(device string, first grid.Interval, count int) []float64 {
		t.Helper()
		all, err := n.Past(t.Context(), device, first, count)
		if err != nil || len(all) != count {
			t.Fatalf("past of %s: %d of %d, %v", device, len(all), count, err)
		}
		return all
	}
	nets := map[string][]float64{}
	for _, d := range n.Devices() {
		nets[d.ID] = past(d.ID, first, days*96)
	}
	for _, home := range []string{"home-01", "home-02"} {
		stored := 0.0
		for k := range days * 96 {
			net, panels, battery := nets[home+"/meter"][k], nets[home+"/inverter"][k], nets[home+"/battery"][k]
			charger := 0.0
			if of := nets[home+"/charger"]; of != nil {
				charger = of[k]
			}
			if load := net - panels - battery - charger; load < 10 || load > 3000 || panels > 0 {
				t.Errorf("%s, %s: %.0f Wh at the meter, %.0f of the panels, %.0f of the battery, %.0f of the charger: the loads took %.0f", home, first.Shift(k), net, panels, battery, charger, load)
			}
			if at := first.Shift(k).Begin().Hour(); (at < 2 || at > 22) && panels != 0 {
				t.Errorf("%s: the sun shines at %d", home, at)
			}
			stored += battery
		}
		if stored < 300 || stored > 30_000 {
			t.Errorf("%s: its battery took %.0f Wh more than it gave in %d days", home, stored, days)
		}
	}
	hours := past("home-01/meter", grid.IntervalAt(first.Begin(), 60), 2)
	if want := nets["home-01/meter"][0] + nets["home-01/meter"][1] + nets["home-01/meter"][2] + nets["home-01/meter"][3]; hours[0] != want {
		t.Errorf("an hour of four quarters is %.0f Wh, want %.0f", hours[0], want)
	}
	around := past("home-01/meter", first.Shift(-1), days*96+2)
	if !math.IsNaN(around[0]) || math.IsNaN(around[1]) || math.IsNaN(around[days*96]) || !math.IsNaN(around[days*96+1]) {
		t.Errorf("the past does not end where the street begins: %v", around)
	}
	for _, i := range []grid.Interval{{Start: first.Start, Minutes: 5}, {Start: first.Start + 60, Minutes: 15}} {
		if got := past("home-01/meter", i, 1); !math.IsNaN(got[0]) {
			t.Errorf("%s is no whole interval of the past, and has %.0f Wh", i, got[0])
		}
	}
	if got := past("nobody/meter", first, 1); !math.IsNaN(got[0]) {
		t.Errorf("a device that is not there has a past: %v", got)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}

	again, err := sim.Open(t.Context(), dir, spec(), nil)
	if err != nil {
		t.Fatal(err)
	}
	n = again
	if err := n.Recall(t.Context(), 24*time.Hour, 5); err != nil {
		t.Fatal(err)
	}
	if got := past("home-01/meter", first, 1); got[0] != nets["home-01/meter"][0] {
		t.Errorf("the past changed: %v instead of %v", got[0], nets["home-01/meter"][0])
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}

	moved := start(t, t.TempDir(), 3600)
	for moved.Now().Equal(spec().Start) {
		time.Sleep(10 * time.Millisecond)
	}
	if err := moved.Recall(t.Context(), 24*time.Hour, 15); err != nil {
		t.Fatal(err)
	}
	if got, err := moved.Past(t.Context(), "home-01/meter", first.Shift(2*96), 1); err != nil || !math.IsNaN(got[0]) {
		t.Errorf("a street that was begun without a past has one: %v, %v", got, err)
	}
}

// BenchmarkRecall is what a start of a new simulation waits for: fourteen days of twelve homes.
func BenchmarkRecall(b *testing.B) {
	street := spec()
	street.Homes = world.Neighbourhood(12, 1)
	for b.Loop() {
		n, err := sim.Open(b.Context(), b.TempDir(), street, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := n.Recall(b.Context(), 14*24*time.Hour, 15); err != nil {
			b.Fatal(err)
		}
		if err := n.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
