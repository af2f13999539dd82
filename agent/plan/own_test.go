package plan

import (
	"testing"

	"github.com/commonwatt/commonwatt/grid"
)

// tank is a day in which energy is cheap in the hours 2 to 5, of a home with a tank that takes 200 Wh an hour.
func tank(cheap float64) *Input {
	in := steady(24, func(hour int) (float64, float64, float64) {
		if hour >= 2 && hour < 6 {
			return 200, cheap, 60_000
		}
		return 200, 300_000, 60_000
	})
	demand := make([]float64, 24)
	for k := range demand {
		demand[k] = 200
	}
	in.Heats = []Heat{{ID: "rod", Room: 4000, Loss: 0.01, Demand: demand, Power: Powers{Most: 3000}}}
	return in
}

// inCheapHours returns what the tank takes in the hours 2 to 5, Wh, by the plan.
func inCheapHours(t *testing.T, in *Input) (wh float64) {
	t.Helper()
	var p Planner
	planned(t, &p, in)
	for k := 2; k < 6; k++ {
		wh += p.stores[0].moves.flow[k]
	}
	return wh
}

// Where an hour is cheap for all and the home pays the same in every hour, its tank takes no more than it needs then, and what
// the plan reacts with is the same. Where the home itself pays less, the tank is warmed.
func TestHeatIsPlannedByWhatTheHomePays(t *testing.T) {
	const needs = 4 * 200.0
	in := tank(150_000)
	if wh := inCheapHours(t, in); wh < 2*needs {
		t.Fatalf("without own prices it takes %.0f Wh in cheap hours", wh)
	}
	x := &in.Scenarios[0]
	for range in.Steps {
		x.OwnBuy, x.OwnSell = append(x.OwnBuy, 300_000), append(x.OwnSell, 60_000)
	}
	if wh := inCheapHours(t, in); wh > needs*1.1 {
		t.Errorf("it takes %.0f Wh while others gain by it, and needs %.0f", wh, needs)
	}
	var p Planner
	planned(t, &p, in)
	if wh := p.React(nil, 2, 200, x.Buy[2], x.Sell[2])[0]; wh > 2*200 {
		t.Errorf("it reacts with %.0f Wh where others gain by it", wh)
	}
	for k := 2; k < 6; k++ {
		x.OwnBuy[k], x.Buy[k] = 150_000, 300_000
	}
	if wh := inCheapHours(t, in); wh < 2*needs {
		t.Errorf("it takes %.0f Wh where the home itself pays less", wh)
	}
}

// Heat is warmed ahead where that saves what is asked beyond what is lost, and not for less.
func TestHeatIsWarmedAheadForWhatIsWorthIt(t *testing.T) {
	const needs = 4 * 200.0
	for _, c := range []struct {
		cheap  float64
		ahead  grid.Price
		warmed bool
	}{
		{285_000, 0, true}, {285_000, 20_000, false}, {250_000, 20_000, true}, {299_000, 0, false},
	} {
		in := tank(c.cheap)
		in.Heats[0].Ahead = c.ahead
		if wh := inCheapHours(t, in); wh > needs*1.2 != c.warmed {
			t.Errorf("at %.0f and ahead for %d it takes %.0f Wh in cheap hours, and needs %.0f: want more %t", c.cheap, c.ahead, wh, needs, c.warmed)
		}
	}
}

// Own prices that are not of all steps are refused.
func TestOwnPricesOfAllSteps(t *testing.T) {
	in := tank(150_000)
	in.Scenarios[0].OwnBuy = []float64{1}
	if err := in.Validate(); err == nil {
		t.Error("a scenario with one own price of 24 steps is taken")
	}
}
