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

// Tariffs returns those that homes are measured on: one price at all times, the prices of the
// recorded year by the time of use, and prices that follow how dirty the grid is, as a dynamic
// tariff does.
func (y *Year) Tariffs() []Tariff {
	const feedIn, flat, least, perKg = 80_000, 300_000, 60_000, 1_200_000
	n := len(y.Price)
	sell, one, dynamic := make([]float64, n), make([]float64, n), make([]float64, n)
	for t := range n {
		sell[t], one[t], dynamic[t] = feedIn, flat, least+perKg*y.Carbon[t]
	}
	return []Tariff{{"time of use", y.Price, sell}, {"flat", one, sell}, {"dynamic", dynamic, sell}}
}

// battery is a battery as physics has it.
type battery struct {
	h    *Home
	held float64
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

func batteryOf(h *Home) plan.Battery {
	power := plan.Powers{Most: grid.Power(h.Power)}
	return plan.Battery{ID: "battery", Capacity: h.Capacity, Into: h.OneWay, OutOf: h.OneWay, Charge: power, Out: power}
}
