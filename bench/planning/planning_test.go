package planning

import (
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/optimum"
)

// recorded reads the year where it is, and skips the test where it is not.
func recorded(t *testing.T) *Year {
	t.Helper()
	const dir = "../../../shared/data/citylearn2022"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the CityLearn year is not beside this repository: homes are not measured")
	}
	y, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return &y
}

// drawn is a year of homes that are drawn at random, for what needs no real ones.
func drawn(homes int) *Year {
	r := rand.New(rand.NewPCG(1, 1))
	y := &Year{First: grid.IntervalAt(time.Date(2016, 8, 1, 0, 0, 0, 0, time.UTC), 60)}
	for range homes {
		h := Home{Name: "drawn", Capacity: 6400, Power: 5000, OneWay: 0.95}
		bright := 0.5
		for t := range Hours {
			if t%day == 0 {
				bright = r.Float64()
			}
			hour := float64(t % day)
			h.Load = append(h.Load, 300+1500*math.Exp(-(hour-19)*(hour-19)/6)*r.Float64()+300*r.Float64())
			h.Sun = append(h.Sun, 3500*bright*math.Max(math.Sin((hour-6)/12*math.Pi), 0))
		}
		y.Homes = append(y.Homes, h)
	}
	for t := range Hours {
		price := 220_000.0
		if t%day >= 16 && t%day < 21 {
			price = 540_000
		}
		y.Price, y.Carbon = append(y.Price, price), append(y.Carbon, 0.15+0.05*math.Sin(float64(t%day)))
	}
	return y
}

// The exact programme of one battery comes to the same as the linear programme of the joint
// optimum, which shares nothing with it.
func TestForesightAgainstOptimum(t *testing.T) {
	y := drawn(3)
	for k := range y.Homes {
		h, tariff := &y.Homes[k], y.Tariffs()[0]
		const from, to = 2000, 2000 + 20*day
		net := h.Net()
		c := optimum.Case{Minutes: 60, Worth: 200_000}
		home := optimum.Home{ID: "home", Batteries: []optimum.Battery{{
			Capacity: grid.Energy(h.Capacity), Held: 3200, Power: grid.Power(h.Power), In: h.OneWay, Out: h.OneWay,
		}}}
		for i := from; i < to; i++ {
			net[i] = math.Round(net[i])
			c.Retail, c.FeedIn = append(c.Retail, grid.Price(tariff.Buy[i])), append(c.FeedIn, grid.Price(tariff.Sell[i]))
			home.Net = append(home.Net, grid.Energy(net[i]))
		}
		c.Homes = []optimum.Home{home}
		r, err := optimum.Solve(c)
		if err != nil {
			t.Fatal(err)
		}
		got, want := Foresight(h, net[from:to], tariff.Buy[from:to], tariff.Sell[from:to], 3200, 0, 200), -float64(r.Bound)
		if math.Abs(got-want) > 1e-4*math.Abs(want) {
			t.Errorf("home %d: %.0f, and the linear programme says %.0f", k, got, want)
		}
	}
}

// A plan knows nothing of what comes: with another future it is the same.
func TestNoLookAhead(t *testing.T) {
	const now = 100*day + 13
	inputs := make([]plan.Input, 2)
	var nets [2][]plan.Step
	for k := range inputs {
		y := drawn(1)
		h := &y.Homes[0]
		if k == 1 {
			for t := now; t < Hours; t++ {
				h.Load[t], h.Sun[t] = 9999, 1
			}
		}
		view := newView(y, h, y.Tariffs()[0])
		if err := view.fill(&inputs[k], now); err != nil {
			t.Fatal(err)
		}
		inputs[k].Batteries = []plan.Battery{batteryOf(h)}
		var p plan.Planner
		out, err := p.Plan(&inputs[k])
		if err != nil {
			t.Fatal(err)
		}
		nets[k] = out.Steps
	}
	if !reflect.DeepEqual(inputs[0].Scenarios, inputs[1].Scenarios) || !reflect.DeepEqual(nets[0], nets[1]) {
		t.Error("the plan changes with a future that nobody knows yet")
	}
	if len(inputs[0].Scenarios) != scenarios {
		t.Errorf("%d scenarios", len(inputs[0].Scenarios))
	}
}

// A home of the year lives better by its plan than by the rule, and never better than was
// possible; its car is always ready. The bars over all homes and all test days are printed by
// commonwatt bench plan.
func TestSingle(t *testing.T) {
	y := recorded(t)
	all, err := Single(t.Context(), y, 0, y.Tariffs(), Hours-40*day, Hours-36*day)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 4 || !all[3].Car {
		t.Fatalf("outcomes: %+v", all)
	}
	for _, o := range all {
		if o.Plan < o.Foresight-1e-6*o.Gross || o.Rule < o.Foresight-1e-6*o.Gross {
			t.Errorf("%+v: less than was possible", o)
		}
		if o.Excess() > 0 || o.Missed > 0 {
			t.Errorf("%+v: worse than the rule by %.0f beyond what is allowed", o, o.Excess())
		}
	}
	if s := all[0].Share(); s < 0.9 {
		t.Errorf("time of use: %.1f %% of the gain of perfect foresight", s*100)
	}
	if s := all[3].Share(); s < 0.9 {
		t.Errorf("with a car: %.1f %% of the gain of perfect foresight", s*100)
	}
}

// Homes that clear their price curves against each other come near to what was possible
// together, and each by itself does not.
func TestCommunity(t *testing.T) {
	y := drawn(4)
	s, err := Community(t.Context(), y, y.Tariffs()[0], 100*day, 103*day)
	if err != nil {
		t.Fatal(err)
	}
	if s.Agents < s.Foresight-1e-6*s.Shared {
		t.Errorf("the agents pay %.0f, and %.0f was the least possible", s.Agents, s.Foresight)
	}
	if s.Share() < 0.9 || s.Agents > s.Together {
		t.Errorf("the agents reach %.1f %% of what was possible, %+v", s.Share()*100, s)
	}
}
