package agent_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/grid"
)

// emptied is the telemetry of batteries that gave the same in every interval; NaN where they were not read.
type emptied struct {
	agent.Telemetry

	wh    map[string]float64 // by battery
	first grid.Interval      // that was asked for
}

func (e *emptied) Energies(_ context.Context, battery string, first grid.Interval, n int) ([]float64, error) {
	e.first = first
	all := make([]float64, n)
	for k := range all {
		if all[k] = e.wh[battery]; k%2 == 1 && !math.IsNaN(all[k]) {
			all[k] = 300 // charges in between, which counts for nothing
		}
	}
	return all, nil
}

// TestCycles counts by hand: 250 Wh given in each of 48 of the day's 96 quarters of an hour are 12 kWh, which are 2 cycles of
// a battery of 6 kWh and 4 of one of 3. One that was not read and one that nobody rated count for nothing, and of two hours there
// are 4 such quarters, 1 kWh.
func TestCycles(t *testing.T) {
	e := &emptied{wh: map[string]float64{"a/battery": -250, "b/battery": -250, "c/battery": math.NaN(), "d/battery": -250}}
	var devices []grid.Device
	for _, home := range []string{"a", "b", "c", "d"} {
		devices = append(devices,
			grid.Device{ID: home + "/meter", Kind: grid.Meter, Member: home, MeteringPoint: "mp-" + home},
			grid.Device{ID: home + "/battery", Kind: grid.Battery, Member: home, MeteringPoint: "mp-" + home})
	}
	rating := func(device string) agent.Rating {
		return agent.Rating{Capacity: map[string]grid.Energy{"a/battery": 6000, "b/battery": 3000, "c/battery": 6000, "a/meter": 1}[device]}
	}
	traders := agent.NewTraders(agent.Options{Devices: devices, Telemetry: e, Minutes: 15, Rating: rating})
	until := time.Date(2026, 6, 20, 12, 0, 0, 0, time.UTC)
	for _, of := range []struct {
		back time.Duration
		want float64
	}{{7 * 24 * time.Hour, 3}, {24 * time.Hour, 3}, {2 * time.Hour, (1.0/6 + 1.0/3) / 2}} {
		mean, known, err := traders.Cycles(t.Context(), until.Add(-of.back), until)
		if err != nil || !known || math.Abs(mean-of.want) > 1e-9 {
			t.Errorf("in %s: %v cycles, %t, %v, want %v", of.back, mean, known, err, of.want)
		}
		if begin := until.Add(-min(of.back, 24*time.Hour)); !e.first.Begin().Equal(begin) {
			t.Errorf("in %s: counted from %s, want %s", of.back, e.first.Begin(), begin)
		}
	}
	e.wh = map[string]float64{"a/battery": math.NaN(), "b/battery": math.NaN(), "c/battery": math.NaN()}
	if mean, known, err := traders.Cycles(t.Context(), until.Add(-time.Hour), until); known || err != nil {
		t.Errorf("of batteries that nobody read: %v cycles, %v", mean, err)
	}
	if mean, known := traders.Pinball(); known {
		t.Errorf("before any fit the forecasts err by %v", mean)
	}
}

// TestPinballIsOfWhatForecasts compares the mean with the skills that are shown, of the chosen methods.
func TestPinballIsOfWhatForecasts(t *testing.T) {
	l := &lane{now: time.Date(2026, 6, 20, 12, 0, 0, 0, time.UTC)}
	o := laneOptions(l)
	o.FitInPlace = false
	traders := agent.NewTraders(o)
	for {
		did, err := traders.Refit(t.Context(), l.now)
		if err != nil {
			t.Fatal(err)
		}
		if !did {
			break
		}
	}
	var sum float64
	n, others := 0, 0
	for _, point := range []string{"mp-a", "mp-b", "mp-c"} {
		for _, s := range traders.Skill(point) {
			for _, m := range s.Skills {
				if m.Method == s.Chosen {
					sum, n = sum+m.RPinball, n+1
				} else {
					others++
				}
			}
		}
	}
	mean, known := traders.Pinball()
	if n != 6 || others == 0 || !known || math.Abs(mean-sum/6) > 1e-12 {
		t.Errorf("the mean is %v of %d series, want %v; %d other methods were tried", mean, n, sum/6, others)
	}
}
