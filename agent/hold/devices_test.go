package hold_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
)

// TestThrottle holds a charger of 4.1 to 11 kW to a plan that changes each minute.
func TestThrottle(t *testing.T) {
	none := (*grid.Power)(nil)
	w := func(p grid.Power) *grid.Power { return &p }
	const all = 1 << 30
	made := hold.Made{Least: 4140, Most: 11_000, On: 5 * time.Minute, Off: 3 * time.Minute}
	type step struct {
		want *grid.Power
		room grid.Power
		told grid.Power
		held bool
	}
	for name, steps := range map[string][]step{
		"without a plan it follows its own logic":        {{none, all, 0, false}, {none, all, 0, false}},
		"the plan, within what it is made for":           {{w(6000), all, 6000, true}, {w(20_000), all, 11_000, true}, {w(10_950), all, 10_950, true}},
		"below the least it is paused":                   {{w(4000), all, 0, true}, {w(0), all, 0, true}},
		"it runs for five minutes":                       {{w(6000), all, 6000, true}, {w(0), all, 4140, true}, {w(0), all, 4140, true}, {w(0), all, 4140, true}, {w(0), all, 4140, true}, {w(0), all, 0, true}},
		"it rests for three":                             {{w(0), all, 0, true}, {w(6000), all, 0, true}, {w(6000), all, 0, true}, {w(6000), all, 6000, true}},
		"the connection goes before the plan":            {{w(9000), 5000, 5000, true}, {w(9000), 3000, 0, true}},
		"and before the five minutes":                    {{w(6000), all, 6000, true}, {w(6000), 0, 0, true}},
		"little more is not worth a change, less is":     {{w(6000), all, 6000, true}, {w(6050), all, 6000, true}, {w(5950), all, 5950, true}},
		"the plan is gone":                               {{w(6000), all, 6000, true}, {none, all, 0, false}},
		"the plan that paused it is gone":                {{w(0), all, 0, true}, {none, all, 0, false}},
		"on its own it must not overload the connection": {{none, 6000, 6000, true}, {none, all, 0, false}},
	} {
		x, now := hold.NewThrottle(made), noon
		for k, s := range steps {
			x.See(grid.Reading{Time: now, Power: new(grid.Power(11_000))})
			if p, held := x.Step(now, s.want, s.room); p != s.told || held != s.held {
				t.Errorf("%s: step %d: %d W, %t, want %d, %t", name, k, p, held, s.told, s.held)
			}
			now = now.Add(time.Minute)
		}
	}
	if got := hold.Room(new(grid.Power(9000)), 7000, 4000); got != 6000 {
		t.Errorf("a connection of 9 kW leaves %d W to a charger that takes 4 of the meter's 7 kW, want 6000", got)
	}
}

// TestCurb drives an inverter of 8 kW whose home may give 1 kW through a day of sun and cloud:
// once the curb has acted the home gives what it may and hardly less, and under clouds and
// where the home needs it the inverter is let go.
func TestCurb(t *testing.T) {
	c, limit := hold.NewCurb(8000), grid.Power(1000)
	allowed, now := grid.Power(8000), noon
	var produced, load grid.Power
	run := func(sun, takes grid.Power, seconds int) (over, lost int64, held bool) {
		load = takes
		for k := range seconds {
			produced = min(sun, allowed)
			gives := produced - load
			if k > 40 {
				over += int64(max(gives-limit, 0))
				lost += int64(max(min(sun-load, limit)-gives, 0))
			}
			var most grid.Power
			if most, held = c.Step(now, &limit, -gives, produced); held {
				allowed = most
			} else {
				allowed = 8000
			}
			now = now.Add(time.Second)
		}
		return over / 3600, lost / 3600, held
	}
	for name, x := range map[string]struct {
		sun, load grid.Power
		held      bool
	}{"sun": {6000, 500, true}, "cloud": {800, 500, false}, "the home takes it": {6000, 5500, false}} {
		over, lost, held := run(x.sun, x.load, 600)
		if over > 1 || lost > 20 || held != x.held {
			t.Errorf("%s: %d Wh too much are given, %d Wh are lost, held %t, want held %t", name, over, lost, held, x.held)
		}
		run(x.sun, x.load, 60)
	}
	if _, held := c.Step(now, nil, -5000, 6000); held {
		t.Error("an inverter is held back where nothing limits its home")
	}
}

// TestDivide gives parts of random powers to random batteries: they come to the whole where
// the batteries can do it, none exceeds its rating, and an empty one gives nothing while
// others can.
func TestDivide(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		units, able := make([]hold.Unit, 1+draw.IntN(4)), grid.Power(0)
		for k := range units {
			units[k] = hold.Unit{Rated: grid.Power(500 + draw.IntN(5000)), Capacity: grid.Energy(draw.IntN(3) * 5000), Charge: new(grid.PerMille(draw.IntN(1001)))}
			able += units[k].Rated
		}
		p := grid.Power(draw.IntN(20_000) - 10_000)
		sum := grid.Power(0)
		for k, part := range hold.Divide(p, units) {
			sum += part
			if part > units[k].Rated || -part > units[k].Rated || part != 0 && (part > 0) != (p > 0) {
				t.Fatalf("%d W over %+v: battery %d gets %d", p, units, k, part)
			}
		}
		if want := min(max(p, -able), able); sum != want {
			t.Fatalf("%d W over %+v come to %d, want %d", p, units, sum, want)
		}
	}
	full, half := grid.PerMille(1000), grid.PerMille(500)
	parts := hold.Divide(2000, []hold.Unit{{Rated: 3000, Capacity: 5000, Charge: &full}, {Rated: 3000, Capacity: 5000, Charge: &half}})
	if parts[0] != 0 || parts[1] != 2000 {
		t.Errorf("a full and a half full battery take %d and %d W, want 0 and 2000", parts[0], parts[1])
	}
	parts = hold.Divide(-1500, []hold.Unit{{Rated: 3000, Capacity: 5000, Charge: &full}, {Rated: 3000, Capacity: 5000, Charge: &half}})
	if parts[0] != -1000 || parts[1] != -500 {
		t.Errorf("a full and a half full battery give %d and %d W, want 1000 and 500", -parts[0], -parts[1])
	}
}
