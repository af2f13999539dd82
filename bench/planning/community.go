package planning

import (
	"context"
	"errors"
	"math"

	"github.com/commonwatt/commonwatt/agent/plan"
)

// Street is what a community of homes came to, whose meters count together.
type Street struct {
	Homes     int     `json:"homes"`
	Tariff    string  `json:"tariff"`
	Alone     float64 `json:"alone"`    // without batteries, each home by itself, millionths
	Shared    float64 `json:"shared"`   // without batteries, together
	Rule      float64 `json:"rule"`     // each battery by its rule, homes by themselves
	Together  float64 `json:"together"` // each battery by its rule, together
	Agents    float64 `json:"agents"`
	Foresight float64 `json:"foresight"` // of all batteries as one
}

// Share returns the agents' part of the cut of the bill that perfect foresight makes.
func (s Street) Share() float64 { return (s.Shared - s.Agents) / (s.Shared - s.Foresight) }

// one returns the homes as one with all batteries: where all are alike and begin alike it can
// do exactly what they can together.
func one(y *Year) *Home {
	all := &Home{Name: "all", OneWay: y.Homes[0].OneWay, Load: make([]float64, Hours), Sun: make([]float64, Hours)}
	for k := range y.Homes {
		h := &y.Homes[k]
		all.Capacity, all.Power = all.Capacity+h.Capacity, all.Power+h.Power
		for t := range Hours {
			all.Load[t] += h.Load[t]
			all.Sun[t] += h.Sun[t]
		}
	}
	return all
}

// trader is a home that trades by the price curve of its plan.
type trader struct {
	planner plan.Planner
	in      plan.Input
	battery battery
	net     []float64
}

// tradersOf returns the homes, each with a battery that is half full.
func tradersOf(y *Year) []trader {
	traders := make([]trader, len(y.Homes))
	for k := range y.Homes {
		h := &y.Homes[k]
		traders[k] = trader{net: h.Net(), battery: battery{h: h, held: h.Capacity / 2}, in: plan.Input{Batteries: []plan.Battery{batteryOf(h)}}}
	}
	return traders
}

// Community lives through [from, to): each hour all homes forecast what the community's prices
// will be, plan, and clear their price curves against each other.
func Community(ctx context.Context, y *Year, tariff Tariff, from, to int) (Street, error) {
	s := Street{Homes: len(y.Homes), Tariff: tariff.Name}
	all, traders := one(y), tradersOf(y)
	end := endValue(all, tariff.Buy[from:to])
	s.byRule(y, tariff, from, to, end)
	s.Foresight = Foresight(all, all.Net()[from:to], tariff.Buy[from:to], tariff.Sell[from:to], all.Capacity/2, 0, end)
	whole := street{view: newView(y, all, tariff), in: plan.Input{Batteries: []plan.Battery{batteryOf(all)}}}
	for t := from; t < to; t++ {
		if err := errors.Join(ctx.Err(), whole.expect(traders, t)); err != nil {
			return s, err
		}
		for k := range traders {
			if err := traders[k].plan(&whole); err != nil {
				return s, err
			}
		}
		s.Agents += price(settle(traders, t, tariff.Buy[t], tariff.Sell[t]), tariff.Buy[t], tariff.Sell[t])
	}
	for k := range traders {
		s.Agents -= (traders[k].battery.held - traders[k].battery.h.Capacity/2) * end
	}
	return s, nil
}

// byRule reckons what is paid without batteries and with each by its rule, homes by themselves and together.
func (s *Street) byRule(y *Year, tariff Tariff, from, to int, end float64) {
	shared, together := make([]float64, to-from), make([]float64, to-from)
	for k := range y.Homes {
		h := &y.Homes[k]
		rule := battery{h: h, held: h.Capacity / 2}
		for t, bare := range h.Net()[from:to] {
			net := bare + rule.move(-bare)
			s.Alone += price(bare, tariff.Buy[from+t], tariff.Sell[from+t])
			s.Rule += price(net, tariff.Buy[from+t], tariff.Sell[from+t])
			shared[t] += bare
			together[t] += net
		}
		left := (rule.held - h.Capacity/2) * end
		s.Rule, s.Together = s.Rule-left, s.Together-left
	}
	for t := range shared {
		s.Shared += price(shared[t], tariff.Buy[from+t], tariff.Sell[from+t])
		s.Together += price(together[t], tariff.Buy[from+t], tariff.Sell[from+t])
	}
}

// street is the community as one home, whose plan says what a kWh will be worth in it.
type street struct {
	view    *view
	planner plan.Planner
	in      plan.Input
	prices  [][]float64 // by scenario
}

// expect plans an hour and those after it, with what all batteries hold together.
func (s *street) expect(traders []trader, t int) error {
	s.in.Batteries[0].Held = 0
	for k := range traders {
		s.in.Batteries[0].Held += traders[k].battery.held
	}
	if err := s.view.fill(&s.in, t); err != nil {
		return err
	}
	if _, err := s.planner.Plan(&s.in); err != nil {
		return err
	}
	for len(s.prices) < len(s.in.Scenarios) {
		s.prices = append(s.prices, nil)
	}
	s.prices = s.prices[:len(s.in.Scenarios)]
	for k := range s.prices {
		s.prices[k] = s.planner.Prices(s.prices[k][:0], k)
	}
	return nil
}

// plan lets a home plan at the prices that its street expects.
func (x *trader) plan(s *street) error {
	x.in.Steps, x.in.Batteries[0].Held = s.in.Steps, x.battery.held
	x.in.Scenarios = x.in.Scenarios[:0]
	for k, prices := range s.prices {
		x.in.Scenarios = append(x.in.Scenarios, plan.Scenario{Weight: 1, Net: s.in.Scenarios[k].Net, Buy: prices, Sell: prices})
	}
	_, err := x.planner.Plan(&x.in)
	return err
}

// settle finds the price at which the homes' curves meet, moves their batteries, and returns
// what the community takes from the grid.
func settle(traders []trader, t int, retail, feedIn float64) (net float64) {
	respond := func(p float64) (sum float64, each []float64) {
		for k := range traders {
			x := traders[k].planner.React(nil, 0, traders[k].net[t], p, p)[0]
			sum += traders[k].net[t] + x
			each = append(each, x)
		}
		return sum, each
	}
	low, high := feedIn, retail
	below, atLow := respond(low)   // the most that is taken
	above, atHigh := respond(high) // the least
	switch {
	case below <= 0:
		high, above, atHigh = low, below, atLow
	case above >= 0:
		low, below, atLow = high, above, atHigh
	}
	for high-low > 1 {
		middle := (low + high) / 2
		if sum, each := respond(middle); sum > 0 {
			low, below, atLow = middle, sum, each
		} else {
			high, above, atHigh = middle, sum, each
		}
	}
	part := 0.0 // of the way from the taking to the giving side
	if below != above {
		part = math.Min(math.Max(below/(below-above), 0), 1)
	}
	for k := range traders {
		net += traders[k].net[t] + traders[k].battery.move(atLow[k]+part*(atHigh[k]-atLow[k]))
	}
	return net
}
