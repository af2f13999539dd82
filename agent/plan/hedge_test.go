package plan

import "testing"

// night returns a day that begins with cheap hours, then four in which energy is dear and
// needed, and six in which the sun leaves something over; a battery holds so much.
func night(cheap int, price, dear, sun, held float64, scenarios int) *Input {
	in := steady(24, func(hour int) (net, buy, sell float64) {
		switch {
		case hour < cheap:
			return 400, price, 80_000
		case hour >= cheap+4 && hour < cheap+10 && sun > 0:
			return -sun, dear, 80_000
		}
		return 400, dear, 80_000
	})
	for len(in.Scenarios) < scenarios {
		in.Scenarios = append(in.Scenarios, in.Scenarios[0])
	}
	in.Batteries = []Battery{{ID: "battery", Capacity: 6400, Held: held, Charge: Powers{Most: 5000}, Out: Powers{Most: 5000}, Into: 0.95, OutOf: 0.95}}
	return in
}

// Where the sun will fill the battery, energy is bought ahead only for what saves far more than
// it costs: what is not needed after all takes the room of the sun.
func TestBuyingAheadOfTheSun(t *testing.T) {
	for _, c := range []struct {
		dear, sun float64
		scenarios int
		bought    bool
	}{
		{300_000, 2000, 2, false},
		{300_000, 0, 2, true},
		{500_000, 2000, 2, true},
		{300_000, 2000, 1, true}, // the future is known
	} {
		var p Planner
		planned(t, &p, night(1, 230_000, c.dear, c.sun, 0, c.scenarios))
		if got := p.React(nil, 0, 400, 230_000, 80_000)[0]; got > 0 != c.bought {
			t.Errorf("at 0.23 before %.2f with %.0f W of sun and %d scenarios the battery takes %.0f Wh: want some %t", c.dear/1e6, c.sun, c.scenarios, got, c.bought)
		}
	}
}

// What the home needs now is kept for a dearer hour only for what saves enough, where the sun
// will fill the battery.
func TestKeepingAheadOfTheSun(t *testing.T) {
	for _, c := range []struct {
		dear, sun float64
		kept      bool
	}{
		{265_000, 2000, false},
		{265_000, 0, true},
		{400_000, 2000, true},
	} {
		var p Planner
		planned(t, &p, night(1, 230_000, c.dear, c.sun, 1000, 2))
		if got := p.React(nil, 0, 400, 230_000, 80_000)[0]; got >= 0 != c.kept {
			t.Errorf("at 0.23 before %.3f with %.0f W of sun the battery takes %.0f Wh: want none given %t", c.dear/1e6, c.sun, got, c.kept)
		}
	}
}

// Where several hours are equally cheap a battery waits as long as those that are left are
// enough: until then it becomes known whether it will be needed.
func TestABatteryWaitsWhereItCostsNothing(t *testing.T) {
	var p Planner
	in := night(4, 200_000, 400_000, 0, 0, 2)
	planned(t, &p, in)
	if got := p.React(nil, 0, 400, 200_000, 80_000)[0]; got > 0 {
		t.Errorf("in the first of four hours that are equally cheap it takes %.0f Wh: want 0", got)
	}
	in.Batteries[0].Charge.Most = 300
	planned(t, &p, in)
	if got := p.React(nil, 0, 400, 200_000, 80_000)[0]; got < 299 {
		t.Errorf("where four hours hardly fill it it takes %.0f Wh in the first: want 300", got)
	}
}
