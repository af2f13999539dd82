package plan

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

func planned(t *testing.T, p *Planner, in *Input) *Plan {
	t.Helper()
	out, err := p.Plan(in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// steady returns a home whose hours are all alike but for what f says.
func steady(hours int, f func(hour int) (net, buy, sell float64)) *Input {
	first := grid.IntervalAt(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), 60)
	in := &Input{Scenarios: []Scenario{{Weight: 1}}}
	for t := range hours {
		in.Steps = append(in.Steps, first.Shift(t))
		net, buy, sell := f(t)
		s := &in.Scenarios[0]
		s.Net, s.Buy, s.Sell = append(s.Net, net), append(s.Buy, buy), append(s.Sell, sell)
	}
	return in
}

func storage(held float64) Battery {
	return Battery{ID: "battery", Capacity: 8000, Held: held, Into: 0.95, OutOf: 0.95, Charge: Powers{Most: 4000}, Out: Powers{Most: 4000}}
}

// What cannot be met is said before, with what there is: 11 kW for 3 h on a car with 55 kWh
// that holds 6.6 kWh come to 39.6 kWh of 55, which is 72 %.
func TestUnmetIsSaid(t *testing.T) {
	in := steady(24, func(int) (float64, float64, float64) { return 300, 300_000, 80_000 })
	in.Cars = []Car{{
		ID: "car", Capacity: 55_000, Held: 6600, Into: 1, Power: Powers{Least: Amperes(3, 6), Most: 11_000},
		Trips: []Trip{{Leave: in.Steps[3].Begin(), Return: in.Steps[10].Begin(), Ready: 800, Use: 5000}},
	}}
	var p Planner
	out := planned(t, &p, in)
	const want = "car will have 72 % by 03:00, not 80 %: 11 kW for 3 h is all there is."
	if len(out.Unmet) != 1 || out.Unmet[0].String() != want {
		t.Fatalf("said is %v, want %q", out.Unmet, want)
	}
	if why := p.Why(Words{time.UTC, "EUR"}); !strings.HasPrefix(why, want) {
		t.Errorf("why: %q", why)
	}
	if held := p.stores[0].moves.held[2]; math.Abs(held-39_600) > 1 {
		t.Errorf("the car leaves with %.0f Wh, and 39600 are possible", held)
	}
	// The connection allows 6.3 kW, of which the home takes 0.3: 6.6 + 18 kWh are 45 %.
	in.Limits.Import = 6300
	if out := planned(t, &p, in); len(out.Unmet) != 1 || math.Abs(out.Unmet[0].Get-24_600.0/55) > 1 {
		t.Errorf("behind a connection of 6.3 kW said is %v", out.Unmet)
	}
	in.Limits.Import = 0
	in.Cars[0].Trips[0].Ready = 700
	if out := planned(t, &p, in); len(out.Unmet) != 0 {
		t.Errorf("70 %% can be had, and said is %v", out.Unmet)
	}
}

// A car charges where it is cheapest, and is ready.
func TestCarChargesWhenItIsCheap(t *testing.T) {
	in := steady(12, func(hour int) (float64, float64, float64) {
		if hour == 4 || hour == 5 {
			return 200, 150_000, 50_000
		}
		return 200, 350_000, 50_000
	})
	in.Cars = []Car{{
		ID: "car", Capacity: 50_000, Held: 20_000, Into: 0.9, Power: Powers{Least: Amperes(1, 6), Most: 11_000},
		Trips: []Trip{{Leave: in.Steps[8].Begin(), Return: in.Steps[11].Begin(), Ready: 700, Use: 5000}},
	}}
	var p Planner
	planned(t, &p, in)
	if left := p.stores[0].moves.held[7] - p.stores[0].moves.held[8]; math.Abs(left-5000) > 1 {
		t.Errorf("the trip takes %.0f Wh, want 5000", left)
	}
	flow := p.stores[0].moves.flow
	if cheap := flow[4] + flow[5]; math.Abs(cheap-15_000/0.9) > 1 || p.stores[0].moves.held[7] < 35_000-1 {
		t.Errorf("the car takes %.0f Wh in the cheap hours and leaves with %.0f: %v", cheap, p.stores[0].moves.held[7], flow)
	}
}

// The reserve is kept whatever energy is worth, and filled when it is not there.
func TestReserve(t *testing.T) {
	in := steady(24, func(hour int) (float64, float64, float64) { return 900, 200_000 + 10_000*float64(hour), 60_000 })
	in.Batteries = []Battery{storage(8000)}
	in.Batteries[0].Reserve = 400
	var p Planner
	planned(t, &p, in)
	least := math.Inf(1)
	for _, held := range p.stores[0].moves.held {
		least = math.Min(least, held)
	}
	if math.Abs(least-3200) > 1 {
		t.Errorf("the battery goes down to %.0f Wh, and its reserve is 3200", least)
	}
	in.Batteries[0].Held = 1000
	planned(t, &p, in)
	if held := p.stores[0].moves.held[0]; held < 3200-1 {
		t.Errorf("after an hour %.0f Wh are held, and the reserve is 3200", held)
	}
}

// Floor, ceiling and zero export bind the battery, one after the other.
func TestBoundsOfPrices(t *testing.T) {
	market := func(hour int) (float64, float64, float64) {
		if hour < 6 {
			return 200, 120_000, 60_000
		}
		return 200, 400_000, 300_000
	}
	sold := func(limits Limits) (bought, given float64, p *Planner) {
		in := steady(12, market)
		in.Batteries, in.Limits = []Battery{storage(0)}, limits
		p = &Planner{}
		planned(t, p, in)
		for k, e := range p.world.net {
			bought += math.Max(e-p.own[k], 0)
			given += math.Max(-e, 0)
		}
		return bought, given, p
	}
	price := func(x grid.Price) *grid.Price { return &x }
	bought, given, _ := sold(Limits{})
	if bought < 8000 || given < 5000 {
		t.Fatalf("without limits %.0f Wh are bought and %.0f given: there is nothing to limit", bought, given)
	}
	if _, given, _ := sold(Limits{Floor: price(310_000)}); given > 1 {
		t.Errorf("%.0f Wh are given below the floor", given)
	}
	if _, free, _ := sold(Limits{Floor: price(290_000)}); math.Abs(free-given) > 1 {
		t.Errorf("a floor below the price changes what is given from %.0f to %.0f Wh", given, free)
	}
	if bought, _, _ := sold(Limits{Ceiling: price(110_000)}); bought > 1 {
		t.Errorf("%.0f Wh are stored above the ceiling", bought)
	}
	if _, given, _ := sold(Limits{ZeroExport: true}); given > 1 {
		t.Errorf("%.0f Wh are exported", given)
	}
	if _, given, p := sold(Limits{Export: 1000}); given < 1000 || p.plan.Steps[6].Net.Mean < -1000.5 {
		t.Errorf("%.0f Wh are given, %.0f of it in one hour, and 1000 are allowed", given, -p.plan.Steps[6].Net.Mean)
	}
	bought, _, p := sold(Limits{Import: 1500})
	for t2, s := range p.plan.Steps {
		if s.Net.Mean > 1500.5 {
			t.Errorf("hour %d: %.0f W are imported, and 1500 is the limit", t2, s.Net.Mean)
		}
	}
	if bought < 5000 {
		t.Errorf("within the limit 7800 Wh could be stored, and only %.0f are", bought)
	}
}

// A demand charge flattens the peak: 8 kWh stored against a peak of 5 kW for two hours.
func TestDemandCharge(t *testing.T) {
	in := steady(24, func(hour int) (float64, float64, float64) {
		if hour == 18 || hour == 19 {
			return 5000, 300_000, 80_000
		}
		return 500, 300_000, 80_000
	})
	in.Batteries = []Battery{storage(0)}
	var p Planner
	peak := func() (watts float64) {
		for _, s := range planned(t, &p, in).Steps {
			watts = math.Max(watts, s.Net.Mean)
		}
		return watts
	}
	if got := peak(); got < 4999 {
		t.Fatalf("without a charge the peak is %.0f W: there is nothing to flatten", got)
	}
	in.Demand = Demand{Price: 10_000_000, Peak: 1000}
	// Two hours of 5 kW less 7.6 kWh of the battery leave 1.2 kW.
	if got := peak(); got > 1300 {
		t.Errorf("with a charge the peak is %.0f W, and 1200 W is possible", got)
	}
	in.Demand.Peak = 6000
	if got := peak(); got < 4999 {
		t.Errorf("where 6 kW were already reached the peak is %.0f W: shaving it is for nothing", got)
	}
}

// A load that can wait runs when its energy costs least, in time, and in one piece.
func TestLoadWaits(t *testing.T) {
	in := steady(24, func(hour int) (float64, float64, float64) {
		if hour >= 11 && hour < 14 {
			return -1500, 300_000, 80_000
		}
		return 300, 300_000, 80_000
	})
	in.Loads = []Load{{ID: "dishes", Power: 1200, Runs: 2 * time.Hour, Ready: in.Steps[20].Begin()}}
	var p Planner
	out := planned(t, &p, in)
	if d := out.Devices[0]; d.Power[11] != 1200 || d.Power[12] != 1200 || p.loads[0].first != 11 {
		t.Errorf("the load runs from hour %d: %v", p.loads[0].first, d.Power)
	}
	in.Loads[0].Ready = in.Steps[6].Begin()
	if planned(t, &p, in); p.loads[0].first > 4 {
		t.Errorf("ready by six it begins in hour %d", p.loads[0].first)
	}
	in.Loads[0].Ready = in.Steps[1].Begin()
	if out := planned(t, &p, in); len(out.Unmet) != 1 || p.loads[0].first != 0 {
		t.Errorf("it cannot be ready in an hour: begins in %d, said is %v", p.loads[0].first, out.Unmet)
	}
	in.Loads[0].Ready, in.Limits.Away = time.Time{}, in.Steps[15].Begin()
	if planned(t, &p, in); p.loads[0].first < 15 {
		t.Errorf("it begins in hour %d, when nobody is at home", p.loads[0].first)
	}
}

// A heat pump warms ahead where energy is cheap, within the band; while nobody is at home it
// may get colder, and is warm again when they come.
func TestHeat(t *testing.T) {
	in := steady(24, func(hour int) (float64, float64, float64) {
		if hour >= 2 && hour < 6 {
			return 200, 150_000, 80_000
		}
		return 200, 350_000, 80_000
	})
	demand, cop := make([]float64, 24), make([]float64, 24)
	for k := range demand {
		demand[k], cop[k] = 1200, 3
	}
	in.Heats = []Heat{{ID: "heat pump", Room: 9000, Held: 1500, Loss: 0.01, Demand: demand, COP: cop, Power: Powers{Most: 2500}, Away: 20_000}}
	var p Planner
	out := planned(t, &p, in)
	st := &p.stores[0]
	if len(out.Unmet) != 0 {
		t.Fatalf("it can be warm, and said is %v", out.Unmet)
	}
	cheap, least := 0.0, math.Inf(1)
	for k, held := range st.moves.held {
		least = math.Min(least, held)
		if k >= 2 && k < 6 {
			cheap += st.moves.flow[k]
		}
	}
	if least < -1 || cheap < 3500 {
		t.Errorf("the least heat is %.0f Wh, and %.0f Wh are taken in the cheap hours", least, cheap)
	}
	for k := range 24 {
		in.Scenarios[0].Buy[k] = 350_000
	}
	in.Heats[0].Loss = 0.03
	in.Limits.Away = in.Steps[12].Begin()
	planned(t, &p, in)
	var away float64
	for k := range 12 {
		away = math.Min(away, st.moves.held[k])
	}
	if away > -2000 || p.stores[0].moves.held[11] < -1 {
		t.Errorf("while nobody is at home the heat falls to %.0f Wh, and is %.0f when they come", away, p.stores[0].moves.held[11])
	}
}

// The sentences are whole.
func TestWhy(t *testing.T) {
	in := steady(24, func(hour int) (float64, float64, float64) {
		switch {
		case hour >= 10 && hour < 15:
			return -1800, 220_000, 80_000
		case hour >= 17 && hour < 21:
			return 1500, 540_000, 80_000
		}
		return 250, 220_000, 80_000
	})
	in.Batteries = []Battery{storage(0)}
	in.Batteries[0].ID = "The battery"
	var p Planner
	planned(t, &p, in)
	const want = "The battery stores 8.4 kWh from 10:00 to 15:00 from the home's own surplus and gives it from 15:00, when a kWh would cost 48.48 ct."
	if got := p.Why(Words{time.UTC, "EUR"}); got != want {
		t.Errorf("why:\n%s\nwant:\n%s", got, want)
	}
}

// Two batteries share what one cannot do.
func TestTwoBatteries(t *testing.T) {
	in := steady(24, func(hour int) (float64, float64, float64) {
		if hour >= 17 && hour < 21 {
			return 3500, 540_000, 80_000
		}
		return 250, 220_000, 80_000
	})
	in.Batteries = []Battery{storage(0)}
	var p Planner
	one := planned(t, &p, in).Cost
	in.Batteries = append(in.Batteries, storage(0))
	in.Batteries[1].ID = "second"
	two := planned(t, &p, in).Cost
	// 14 kWh are dear, and a battery gives 7.6: the second saves nearly as much as the first.
	in.Batteries = nil
	none := planned(t, &p, in).Cost
	if first, second := none-one, one-two; second < 0.7*first {
		t.Errorf("the first battery saves %.0f, and the second %.0f", first, second)
	}
}

// Levels, GiveTo and TakeTo follow the price.
func TestLevelsFollowThePrice(t *testing.T) {
	in := exampleDay(96, 14)
	in.Cars = nil
	var p Planner
	planned(t, &p, in)
	give, take := grid.PerMille(0), grid.PerMille(1000)
	for price := 80_000.0; price <= 540_000; price += 20_000 {
		g, k := p.GiveTo(40, price), p.TakeTo(40, price)
		if k > take {
			t.Errorf("at %.0f it takes up to %d, and at a lower price up to %d", price, k, take)
		}
		if price > 80_000 && g > give {
			t.Errorf("at %.0f it gives down to %d, and at a lower price down to %d", price, g, give)
		}
		give, take = g, k
	}
	if give == 1000 || p.GiveTo(40, 80_000) <= give {
		t.Errorf("the price changes nothing: it gives down to %d", give)
	}
}

// What is too little to be told is not told: a battery that is full but for 10 Wh.
func TestLittleIsNotTold(t *testing.T) {
	in := steady(24, func(hour int) (float64, float64, float64) {
		switch {
		case hour < 10:
			return -1800, 220_000, 80_000
		case hour >= 17 && hour < 21:
			return 1500, 540_000, 80_000
		}
		return 250, 220_000, 80_000
	})
	in.Batteries = []Battery{storage(0)}
	in.Batteries[0].ID, in.Batteries[0].Held = "The battery", in.Batteries[0].Capacity-10
	var p Planner
	planned(t, &p, in)
	if got := p.Why(Words{time.UTC, "EUR"}); !strings.HasPrefix(got, "The battery gives ") {
		t.Errorf("why: %s", got)
	}
}

// TestACarWaitsForWhatIsWorthIt lets a car charge now or in a cheaper hour: it waits where that
// saves more than it is told to wait for, and not for less.
func TestACarWaitsForWhatIsWorthIt(t *testing.T) {
	for _, c := range []struct {
		later float64 // price from the fourth hour on
		waits grid.Price
		now   bool
	}{{180_000, 0, false}, {180_000, 30_000, true}, {150_000, 30_000, false}} {
		in := steady(12, func(hour int) (float64, float64, float64) {
			if hour < 3 {
				return 200, 200_000, 200_000
			}
			return 200, c.later, c.later
		})
		in.Cars = []Car{{
			ID: "car", Capacity: 20_000, Held: 15_000, Into: 1, Power: Powers{Most: 11_000}, Waits: c.waits,
			Trips: []Trip{{Leave: in.Steps[10].Begin(), Return: in.Steps[11].End(), Ready: 1000}},
		}}
		var p Planner
		planned(t, &p, in)
		if now := p.stores[0].moves.held[2] > 19_999; now != c.now {
			t.Errorf("at %.0f later and waiting for %d the car holds %.0f Wh after three hours", c.later, c.waits, p.stores[0].moves.held[2])
		}
	}
}

// What a battery does is told by what it is worth, and no trifle before it. The prices are in cents.
func TestWhyTellsWhatMattersMost(t *testing.T) {
	const wh = 4.0 // W of a quarter of an hour
	at := grid.IntervalAt(time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC), 15)
	for _, c := range []struct {
		name   string
		powers map[int]float64 // Wh by the step
		dear   map[int]float64 // cents, 20 otherwise
		want   string
	}{
		{"a trifle first", map[int]float64{0: 60, 7: 800, 9: 900, 11: -100, 12: -1500}, map[int]float64{12: 35}, "The battery stores 1.7 kWh from 11:45 to 12:30 from the home's own surplus and gives it from 12:45, when a kWh would cost 34.06 ct."},
		{"only trifles", map[int]float64{0: 30, 2: 40, 8: -40}, nil, "The battery rests: no hour is so much dearer than another that its losses would pay."},
		{"the dearer one", map[int]float64{0: -200, 6: -100}, map[int]float64{0: 10, 6: 50}, "The battery gives 0.1 kWh from 11:30 to 11:45, when a kWh would cost 50.00 ct."},
		{"what is there already", map[int]float64{2: -2000, 30: 100}, nil, "The battery gives 2.0 kWh from 10:30 to 10:45, when a kWh would cost 20.00 ct."},
		{"a store with what follows", map[int]float64{4: 3000, 9: -300}, nil, "The battery stores 3.0 kWh from 11:00 to 11:15 from the home's own surplus and gives it from 12:15, when a kWh would cost 20.00 ct."},
		{"beyond a day", map[int]float64{1: -100, 96: -9000}, nil, "The battery gives 0.1 kWh from 10:15 to 10:30, when a kWh would cost 20.00 ct."},
	} {
		p, battery := &Plan{}, &Device{ID: "The battery", Kind: Stationary}
		for k := range 97 {
			price, dear := c.dear[k]
			if !dear {
				price = 20
			}
			p.Steps = append(p.Steps, Step{Interval: at.Shift(k), Buy: price * 1e4, Sell: 10 * 1e4})
			battery.Power = append(battery.Power, c.powers[k]*wh)
		}
		if got := p.why(battery, Words{time.UTC, "EUR"}); got != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", c.name, got, c.want)
		}
	}
}
