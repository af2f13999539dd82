package planning

import (
	"fmt"
	"math"

	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/optimum"
)

// Outcome is what a home's time came to under each way of moving its devices, millionths.
type Outcome struct {
	Home    string  `json:"home"`
	Tariff  string  `json:"tariff"`
	Car     bool    `json:"car,omitempty"`
	Weeks   float64 `json:"weeks"`
	Gross   float64 `json:"gross"`   // cost of all import of Without
	Without float64 `json:"without"` // without a battery; the car charges at once
	Rule    float64 `json:"rule"`    // the battery covers the home's own balance; the car charges at once
	Plan    float64 `json:"plan"`
	// Foresight is the least that was possible: exact where there is no car, and a bound that
	// nothing goes below where there is one.
	Foresight float64 `json:"foresight"`
	Missed    int     `json:"missed,omitempty"` // times that the car left with less than it should
}

// Share returns the plan's part of the gain that perfect foresight has.
func (o Outcome) Share() float64 { return (o.Without - o.Plan) / (o.Without - o.Foresight) }

// Excess returns by how much the plan is worse than the rule beyond what is allowed: the
// greater of 0.5 % of the gross cost of import and 0.05 a week.
func (o Outcome) Excess() float64 {
	return o.Plan - o.Rule - math.Max(0.005*o.Gross, 50_000*o.Weeks)
}

// life is a home under one tariff, with a car or without.
type life struct {
	out                    Outcome
	tariff                 Tariff
	rule, planned          battery
	atOnce, planCar, alone driver
	planner                plan.Planner
	in                     plan.Input
	end, begin             float64
	until                  int // hour
}

// Single lives through [from, to) of the year, at all tariffs at once: without a car, and at
// the first with one.
func Single(y *Year, home int, tariffs []Tariff, from, to int) ([]Outcome, error) {
	h := &y.Homes[home]
	net := h.Net()
	var lives []*life
	for k := range len(tariffs) + 1 {
		tariff := tariffs[k%len(tariffs)]
		l := &life{tariff: tariff, begin: h.Capacity / 2, until: to, end: endValue(h, tariff.Buy[from:to])}
		l.out = Outcome{Home: h.Name, Tariff: tariff.Name, Car: k == len(tariffs), Weeks: float64(to-from) / week}
		l.rule, l.planned = battery{h, l.begin}, battery{h, l.begin}
		l.in.Batteries = []plan.Battery{batteryOf(h)}
		l.atOnce, l.planCar, l.alone = drives(home, Hours/day), drives(home, Hours/day), drives(home, Hours/day)
		lives = append(lives, l)
	}
	view := newView(y, h, tariffs[0])
	var in plan.Input
	for t := from; t < to; t++ {
		if err := view.fill(&in, t); err != nil {
			return nil, fmt.Errorf("%s: %w", h.Name, err)
		}
		for _, l := range lives {
			if err := l.hour(&in, t, net[t]); err != nil {
				return nil, fmt.Errorf("%s: %w", h.Name, err)
			}
		}
	}
	var all []Outcome
	for _, l := range lives {
		if err := l.close(net, from, to); err != nil {
			return nil, fmt.Errorf("%s: %w", h.Name, err)
		}
		all = append(all, l.out)
	}
	return all, nil
}

// hour lives through an hour.
func (l *life) hour(seen *plan.Input, t int, net float64) error {
	buy, sell := l.tariff.Buy[t], l.tariff.Sell[t]
	var first, second float64 // what the car takes when it charges at once, without and with a battery
	if l.out.Car {
		l.alone.drive(t)
		l.atOnce.drive(t)
		first, second = l.alone.charge(t, carMost), l.atOnce.charge(t, carMost)
		if t%day == leaves && l.planCar.lacks() > 1 {
			l.out.Missed++
		}
		l.planCar.drive(t)
	}
	l.out.Without += price(net+first, buy, sell)
	l.out.Gross += price(math.Max(net+first, 0), buy, 0)
	l.out.Rule += price(net+second+l.rule.move(-net-second), buy, sell)

	// Everybody knows when the comparison ends, and what a charge counts then.
	steps := min(len(seen.Steps), l.until-t)
	l.in.Steps, l.in.Scenarios = seen.Steps[:steps], l.in.Scenarios[:0]
	for _, s := range seen.Scenarios {
		s.Net, s.Buy, s.Sell = s.Net[:steps], l.tariff.after(t)[:steps], l.tariff.Sell[:steps]
		l.in.Scenarios = append(l.in.Scenarios, s)
	}
	l.in.Batteries[0].Terminal = nil
	if steps < len(seen.Steps) {
		l.in.Batteries[0].Terminal = new(grid.Price(l.end * 1000))
	}
	l.in.Batteries[0].Held = l.planned.held
	if l.out.Car {
		l.in.Cars = append(l.in.Cars[:0], l.planCar.plan(seen.Steps[0], t))
	}
	if _, err := l.planner.Plan(&l.in); err != nil {
		return err
	}
	moves := l.planner.React(nil, 0, net, buy, sell)
	if l.out.Car {
		net += l.planCar.charge(t, moves[1])
	}
	l.out.Plan += price(net+l.planned.move(moves[0]), buy, sell)
	return nil
}

// after returns the prices of the hours from one on; they are known a day ahead, and the year
// ends.
func (x Tariff) after(t int) []float64 {
	prices := make([]float64, horizon)
	for k := range prices {
		at := t + k
		for at >= len(x.Buy) {
			at -= day
		}
		prices[k] = x.Buy[at]
	}
	return prices
}

// close settles what is left in the batteries, and finds what foresight would have done.
func (l *life) close(net []float64, from, to int) error {
	h := l.rule.h
	l.out.Rule -= (l.rule.held - l.begin) * l.end
	l.out.Plan -= (l.planned.held - l.begin) * l.end
	buy, sell := l.tariff.Buy[from:to], l.tariff.Sell[from:to]
	if !l.out.Car {
		l.out.Foresight = Foresight(h, net[from:to], buy, sell, l.begin, 0, l.end)
		return nil
	}
	// What the cars hold more or less at the end is charged at the mean price.
	left := l.end / h.OneWay
	l.out.Without += l.alone.lacks() * left
	l.out.Rule += l.atOnce.lacks() * left
	l.out.Plan += l.planCar.lacks() * left
	bound, err := l.foreseen(net, from, to)
	l.out.Foresight = bound
	return err
}

// foreseen returns what battery and car together must cost.
func (l *life) foreseen(net []float64, from, to int) (float64, error) {
	h := l.rule.h
	c := optimum.Case{Minutes: 60, Worth: grid.Price(l.end * 1000)}
	home := optimum.Home{ID: h.Name, Batteries: []optimum.Battery{{
		Capacity: grid.Energy(h.Capacity), Held: grid.Energy(l.begin), Power: grid.Power(h.Power), In: h.OneWay, Out: h.OneWay,
	}}}
	for t := from; t < to; t++ {
		c.Retail, c.FeedIn = append(c.Retail, grid.Price(l.tariff.Buy[t])), append(c.FeedIn, grid.Price(l.tariff.Sell[t]))
		home.Net = append(home.Net, grid.Energy(math.Round(net[t])))
	}
	used := 0.0 // since the car was last full
	var stay *optimum.Car
	for t := from; t < to; t++ {
		if t%day == leaves {
			used, stay = l.alone.used[t/day], nil
		}
		if away(t) {
			continue
		}
		if stay == nil {
			home.Cars = append(home.Cars, optimum.Car{First: t - from, Energy: grid.Energy(used / carInto)})
			stay, used = &home.Cars[len(home.Cars)-1], 0
		}
		stay.Most = append(stay.Most, carMost)
	}
	for k := range home.Cars { // the last stay may be too short
		home.Cars[k].Energy = min(home.Cars[k].Energy, carMost*grid.Energy(len(home.Cars[k].Most)))
	}
	c.Homes = []optimum.Home{home}
	r, err := optimum.Solve(c)
	return -float64(r.Bound), err
}
