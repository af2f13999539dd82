package agent

import (
	"math/rand/v2"
	"testing"

	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// demand returns what the steps take at a price: all bids at or above it, less all offers at or
// below it.
func demand(steps []plan.Point, price grid.Price) (net grid.Energy) {
	for _, s := range steps {
		if s.Net > 0 && s.Price >= price || s.Net < 0 && s.Price <= price {
			net += s.Net
		}
	}
	return net
}

// TestStairsSayWhatTheCurveSays holds the orders against random curves: at every price for which
// the pool is no better they take what the curve takes, and none is worse than the pool.
func TestStairsSayWhatTheCurveSays(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	r := tariff.Rates{Retail: 300_000, FeedIn: 60_000}
	for range 2000 {
		var curve []plan.Point
		net, price := grid.Energy(draw.IntN(4000)-1000), r.FeedIn
		for range draw.IntN(6) {
			price += grid.Price(1 + draw.IntN(40_000))
			curve = append(curve, plan.Point{Price: price, Net: net})
			net -= grid.Energy(1 + draw.IntN(1500))
		}
		curve = append(curve, plan.Point{Price: r.Retail, Net: net})
		sell := r.FeedIn + grid.Price(draw.IntN(200_000))
		buy := sell + grid.Price(draw.IntN(int(r.Retail-sell)+1))
		steps := stairs(curve, r, buy, sell)
		for k, c := range curve {
			from := r.FeedIn
			if k > 0 {
				from = curve[k-1].Price + 1
			}
			for _, at := range []grid.Price{from, c.Price} {
				if at < sell && c.Net < 0 || at > buy && c.Net > 0 {
					continue // the pool is better
				}
				if got := demand(steps, at); got != c.Net {
					t.Fatalf("at %d the orders %v take %d Wh, the curve %v takes %d (pool %d, %d)", at, steps, got, curve, c.Net, sell, buy)
				}
			}
		}
		for _, s := range steps {
			if s.Net > 0 && s.Price > buy || s.Net < 0 && s.Price < sell || s.Price < r.FeedIn || s.Price > r.Avoided() {
				t.Fatalf("%v is worse than the pool (%d, %d), or than the utility", s, sell, buy)
			}
		}
	}
}
