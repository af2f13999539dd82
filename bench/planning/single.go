package planning

import (
	"math"

	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/grid"
)

// Tariff is what energy costs by the hour.
type Tariff struct {
	Name      string
	Buy, Sell []float64
}

// Outcome is what a home's time came to under each way of running its battery.
type Outcome struct {
	Home, Tariff                  string
	Without, Rule, Plan, Foresight float64 // millionths
	Gross                         float64 // cost of all import without the battery
}

// battery is a battery as physics has it.
type battery struct {
	h        *Home
	held     float64
	wear     float64
	worn     float64
}

// move moves energy at the meter for an hour, as far as it goes, and returns what it was.
func (b *battery) move(x float64) float64 {
	x = math.Min(math.Max(x, -b.h.Power), b.h.Power)
	if x > 0 {
		x = math.Min(x, (b.h.Capacity-b.held)/b.h.OneWay)
		b.held += x * b.h.OneWay
		return x
	}
	x = math.Max(x, -b.held*b.h.OneWay)
	b.held += x / b.h.OneWay
	b.worn += -x / b.h.OneWay * b.wear / 1000
	return x
}

func price(net, buy, sell float64) float64 {
	if net > 0 {
		return net * buy / 1000
	}
	return net * sell / 1000
}

// endValue returns what a stored Wh is worth at the end: the mean price of import, times the
// efficiency of taking it out.
func endValue(h *Home, buy []float64) float64 {
	var mean float64
	for _, p := range buy {
		mean += p / float64(len(buy))
	}
	return h.OneWay * mean / 1000
}

// settle returns wear, less what a battery holds more at the end than at the begin.
func (b *battery) settle(begin, end float64) float64 { return b.worn - (b.held-begin)*end }

// Single lives through [from, to) of the year.
func Single(y *Year, h *Home, tariff Tariff, from, to int, wear float64) Outcome {
	net := h.Net()
	o := Outcome{Home: h.Name, Tariff: tariff.Name}
	begin, end := h.Capacity/2, endValue(h, tariff.Buy[from:to])
	for t := from; t < to; t++ {
		o.Without += price(net[t], tariff.Buy[t], tariff.Sell[t])
		o.Gross += math.Max(price(net[t], tariff.Buy[t], 0), 0)
	}
	o.Foresight = Foresight(h, net[from:to], tariff.Buy[from:to], tariff.Sell[from:to], begin, wear, end)
	rule := battery{h: h, held: begin, wear: wear}
	for t := from; t < to; t++ {
		o.Rule += price(net[t]+rule.move(-net[t]), tariff.Buy[t], tariff.Sell[t])
	}
	o.Rule += rule.settle(begin, end)

	load, sun := newOutlook(h.Load, false, from-20*day), newOutlook(h.Sun, true, from-20*day)
	var planner plan.Planner
	planned := battery{h: h, held: begin, wear: wear}
	in := plan.Input{Batteries: []plan.Battery{{
		ID: "battery", Capacity: h.Capacity, Into: h.OneWay, OutOf: h.OneWay, Wear: grid.Price(wear),
		Charge: plan.Powers{Most: grid.Power(h.Power)}, Out: plan.Powers{Most: grid.Power(h.Power)},
	}}}
	l, s := make([]float64, horizon), make([]float64, horizon)
	for t := from; t < to; t++ {
		in.Steps, in.Scenarios = in.Steps[:0], in.Scenarios[:0]
		for k := range horizon {
			in.Steps = append(in.Steps, y.First.Shift(t+k))
		}
		for k := range scenarios {
			load.course(t, k+2, l)
			sun.course(t, k+2, s)
			sc := plan.Scenario{Weight: 1, Net: make([]float64, horizon), Buy: make([]float64, horizon), Sell: make([]float64, horizon)}
			for i := range horizon {
				at := t + i
				for at >= len(tariff.Buy) {
					at -= day
				}
				sc.Net[i], sc.Buy[i], sc.Sell[i] = l[i]-s[i], tariff.Buy[at], tariff.Sell[at]
			}
			in.Scenarios = append(in.Scenarios, sc)
		}
		in.Batteries[0].Held = planned.held
		if _, err := planner.Plan(&in); err != nil {
			panic(err)
		}
		x := planner.React(nil, 0, net[t], tariff.Buy[t], tariff.Sell[t])[0]
		o.Plan += price(net[t]+planned.move(x), tariff.Buy[t], tariff.Sell[t])
	}
	o.Plan += planned.settle(begin, end)
	return o
}
