package plan

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// day returns 96 quarter-hours with 14 scenarios of a home with sun, on a time-of-use tariff.
func exampleDay(steps, scenarios int) *Input {
	r := rand.New(rand.NewPCG(1, 2))
	first := grid.IntervalAt(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), 15)
	in := &Input{
		Batteries: []Battery{{
			ID: "battery", Capacity: 6400, Held: 2000, Into: 0.95, OutOf: 0.95, Wear: 10_000,
			Charge: Powers{Most: 5000}, Out: Powers{Most: 5000},
		}},
		Cars: []Car{{
			ID: "car", Capacity: 60_000, Held: 20_000, Most: 900, Power: Powers{Least: 1380, Most: 11_040}, Into: 0.9,
			Trips: []Trip{{Leave: first.Begin().Add(7 * time.Hour), Return: first.Begin().Add(17 * time.Hour), Ready: 600, Use: 8000}},
		}},
	}
	for t := range steps {
		in.Steps = append(in.Steps, first.Shift(t))
	}
	for range scenarios {
		s := Scenario{Weight: 1}
		bright, busy := r.Float64(), r.Float64()
		for t := range steps {
			hour := float64(t%96) / 4
			load := 80 + 100*busy*math.Exp(-(hour-19)*(hour-19)/8) + 60*r.Float64()
			sun := 1200 * bright * math.Max(math.Sin((hour-6)/12*math.Pi), 0)
			buy := 220_000.0
			if hour >= 16 && hour < 21 {
				buy = 540_000
			}
			s.Net, s.Buy, s.Sell = append(s.Net, load-sun), append(s.Buy, buy), append(s.Sell, 80_000)
		}
		in.Scenarios = append(in.Scenarios, s)
	}
	return in
}

// BenchmarkPlan is the bar of a plan: a battery and a car that has room at its price, 96 steps, 14 scenarios.
func BenchmarkPlan(b *testing.B) {
	in := exampleDay(96, 14)
	for s := range in.Scenarios {
		x := &in.Scenarios[s]
		for t := range in.Steps {
			x.Room, x.Beyond = append(x.Room, float64(100*(t%20))), append(x.Beyond, x.Buy[t]+100_000)
		}
	}
	var p Planner
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Plan(in); err != nil {
			b.Fatal(err)
		}
	}
}
