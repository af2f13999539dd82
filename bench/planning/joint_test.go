package planning

import (
	"math"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/optimum"
)

// TestJointOptimumAgainstOneBattery holds the joint optimum of several homes against the exact
// programme of one battery that has the capacity and the power of all: where all are alike the two can do
// the same.
func TestJointOptimumAgainstOneBattery(t *testing.T) {
	y := drawn(4)
	tariff := y.Tariffs()[0]
	const from, to = 3000, 3000 + 14*day
	c := optimum.Case{Minutes: 60, Worth: 200_000}
	for i := from; i < to; i++ {
		c.Retail, c.FeedIn = append(c.Retail, grid.Price(tariff.Buy[i])), append(c.FeedIn, grid.Price(tariff.Sell[i]))
	}
	sum := make([]float64, to-from)
	for k := range y.Homes {
		h := &y.Homes[k]
		home := optimum.Home{ID: h.Name, Batteries: []optimum.Battery{{
			Capacity: grid.Energy(h.Capacity), Held: 3200, Power: grid.Power(h.Power), In: h.OneWay, Out: h.OneWay,
		}}}
		for i, net := range h.Net()[from:to] {
			net = math.Round(net)
			home.Net = append(home.Net, grid.Energy(net))
			sum[i] += net
		}
		c.Homes = append(c.Homes, home)
	}
	r, err := optimum.Solve(c)
	if err != nil {
		t.Fatal(err)
	}
	got, want := -float64(r.Bound), Foresight(one(y), sum, tariff.Buy[from:to], tariff.Sell[from:to], 4*3200, 0, 200)
	if math.Abs(got-want) > 1e-4*math.Abs(want) || r.Gap() > 1 {
		t.Errorf("together %.0f at least (gap %.3f per mille), by one battery %.0f", got, r.Gap(), want)
	}
}
