package agent_test

import (
	"context"
	"encoding/json"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/grid"
)

// lane is the telemetry of a street of homes with a roof, a battery and a car each. What it
// says of a time follows from the time alone. The future is what nobody may ask for: there it
// says what future makes of it, nil: that it is not known.
type lane struct {
	now    time.Time
	future func(wh float64) float64
}

func noise(device string, i int64) float64 {
	h := uint64(i) * 0x9e3779b97f4a7c15
	for _, c := range device {
		h = (h ^ uint64(c)) * 0xbf58476d1ce4e5b9
	}
	return float64(h>>40) / (1 << 24)
}

// counted is what a device counts in an interval.
func (lane) counted(device string, i grid.Interval) float64 {
	home, kind := device[:1], device[2:]
	hour := float64(i.Start%86400) / 3600
	sun := math.Max(0, math.Sin((hour-5)/14*math.Pi)) * 1200 * (0.3 + 0.7*noise("sky", i.Start/86400))
	if hour < 5 || hour > 19 {
		sun = 0
	}
	load := 90 + 160*math.Max(0, math.Sin((hour-15)/8*math.Pi)) + 80*noise(home, i.Start)
	switch kind {
	case "inverter":
		return -sun
	case "battery":
		return math.Min(sun/3, 400) - math.Min(load/2, 100)
	case "charger":
		return 0
	}
	return load - sun + math.Min(sun/3, 400) - math.Min(load/2, 100)
}

func (l *lane) Energies(_ context.Context, device string, first grid.Interval, n int) ([]float64, error) {
	all := make([]float64, n)
	for k := range all {
		i := first.Shift(k)
		all[k] = l.counted(device, i)
		if i.End().After(l.now) {
			if l.future == nil {
				all[k] = math.NaN()
			} else {
				all[k] = l.future(all[k])
			}
		}
		if l.now.Sub(i.Begin()) > 15*24*time.Hour {
			all[k] = math.NaN()
		}
	}
	return all, nil
}

func (l *lane) MeanPower(_ context.Context, device string, from, to time.Time) (*grid.Power, error) {
	power := 4 * l.counted(device, grid.IntervalAt(from, 15))
	if to.After(l.now.Add(time.Second)) && l.future != nil {
		power = l.future(power)
	}
	return new(grid.Power(power)), nil
}

// Charges has the batteries hold what their energies of the last days make of them, by a capacity and losses that
// are not the rated ones.
func (l *lane) Charges(ctx context.Context, device string, first grid.Interval, n int) ([]float64, error) {
	energies, err := l.Energies(ctx, device, first, n)
	held := 3000.0
	for k, wh := range energies {
		moved := wh * 0.9
		if wh < 0 {
			moved = wh / 0.9
		}
		energies[k] = (held + moved/2) / 6000 * 1000
		if held += moved; math.IsNaN(held) || held < 0 || held > 6000 {
			held = 3000
		}
	}
	return energies, err
}

// Plugged has the cars leave at seven and come home at six in the evening. Of the future it says the
// opposite, where it says anything.
func (l *lane) Plugged(_ context.Context, _ string, first grid.Interval, n int) ([]grid.Presence, error) {
	all := make([]grid.Presence, n)
	for k := range all {
		i := first.Shift(k)
		hour, told := i.Begin().Hour(), !i.End().After(l.now)
		switch here := hour >= 18 || hour < 7; {
		case l.now.Sub(i.Begin()) > 15*24*time.Hour || !told && l.future == nil:
		case here == told:
			all[k] = grid.CarHere
		default:
			all[k] = grid.CarAway
		}
	}
	return all, nil
}

func (l *lane) Last(_ context.Context, device string) (*grid.Reading, error) {
	r := &grid.Reading{Device: device, Time: l.now}
	switch device[2:] {
	case "battery":
		r.Charge = new(grid.PerMille(200 + 600*noise(device, l.now.Unix()/3600)))
	case "charger":
		if h := l.now.Hour(); h >= 18 || h < 7 {
			r.Charge = new(grid.PerMille(700))
		}
	}
	return r, nil
}

// laneTraders are the agents of three such homes.
func laneTraders(l *lane) *agent.Traders { return agent.NewTraders(laneOptions(l)) }

func laneOptions(l agent.Telemetry) agent.Options {
	var devices []grid.Device
	for _, home := range []string{"a", "b", "c"} {
		for _, kind := range []grid.DeviceKind{grid.Meter, grid.Inverter, grid.Battery, grid.Charger} {
			devices = append(devices, grid.Device{ID: home + "/" + string(kind), Kind: kind, Member: home, MeteringPoint: "mp-" + home})
		}
	}
	return agent.Options{
		Devices: devices, Prices: prices(), Telemetry: l, Minutes: 15, FitInPlace: true, Ahead: true,
		Rating: func(device string) agent.Rating {
			return map[string]agent.Rating{
				"battery": {Power: 4000, Capacity: 8000, Controlled: true},
				"charger": {Power: 11000, Least: 1380, Capacity: 50_000, Controlled: true},
			}[device[2:]]
		},
	}
}

// decided is all that a day of quotes comes to.
func decided(t *testing.T, future func(float64) float64) string {
	t.Helper()
	l := &lane{future: future}
	traders := laneTraders(l)
	var all []any
	for at := range 24 {
		l.now = time.Date(2026, 6, 20, 14, 7, 0, 0, time.UTC).Add(time.Duration(at) * 15 * time.Minute)
		if err := traders.Replan(t.Context(), l.now); err != nil {
			t.Fatal(err)
		}
		next := grid.IntervalAt(l.now, 15).Shift(1)
		for _, point := range []string{"mp-a", "mp-b", "mp-c"} {
			p, err := traders.Quote(t.Context(), point, next, l.now)
			if err != nil {
				t.Fatal(err)
			}
			kept, known := traders.Planned(point)
			if !known {
				t.Fatalf("%s has no plan", point)
			}
			all = append(all, p, kept)
		}
	}
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestNoLookAhead lets three homes plan and bid through an afternoon and a night twice, with a
// future that is not known and with one that is nonsense: whoever asked for it would decide
// otherwise.
func TestNoLookAhead(t *testing.T) {
	honest := decided(t, nil)
	if nonsense := decided(t, func(wh float64) float64 { return 1e5 - 7*wh }); honest != nonsense {
		t.Error("the homes decide by what has not happened yet")
	}
}

// TestTheSameDecisions holds two runs to the same bytes, whatever runs beside.
func TestTheSameDecisions(t *testing.T) {
	before := runtime.GOMAXPROCS(1)
	one := decided(t, nil)
	runtime.GOMAXPROCS(max(before, 4))
	many := decided(t, nil)
	runtime.GOMAXPROCS(before)
	if one != many {
		t.Error("the same homes decided otherwise")
	}
}
