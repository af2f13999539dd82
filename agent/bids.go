package agent

import (
	"fmt"
	"math"
	"slices"

	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// mostSteps is how many orders a home has in an interval at most.
const mostSteps = 6

// orders are what a home bids and offers in a step of its plan.
func (t *Traders) orders(k *task, step int, product grid.Interval, when string) (all []grid.Order) {
	r := k.rates[step]
	if r.Avoided() < r.FeedIn {
		return nil
	}
	var traded grid.Energy
	if t.Position != nil {
		traded, _ = t.Position(product, k.home.MeteringPoint)
	}
	curve := t.planner.Curve(nil, step, r.FeedIn, r.Avoided(), mostSteps)
	for n := range curve {
		curve[n].Net -= traded
	}
	buy, sell := grid.Price(math.Ceil(k.buy[step])), grid.Price(math.Floor(k.sell[step]))
	if t.NoPool {
		buy, sell = r.Avoided(), r.FeedIn
	}
	for _, s := range stairs(curve, r, buy, sell) {
		o := k.home.order(View{Interval: product}, len(all), s.Net)
		o.ID += when
		o.Price = s.Price
		if o.Energy >= leastEnergy && k.allows(o) {
			all = append(all, o)
		}
	}
	return all
}

// stairs turns a price curve into steps, each a bid (+) or an offer (−): what the home takes at any
// price up to one is a bid at that price, what it gives from a price on is an offer at it. No bid is
// above buy and no offer below sell, which is what the pool is expected to make of the same energy:
// whatever is not traded ahead is shared there, so that an order buys no more than to be sure of it.
// All prices are between feed-in and what the neighbours' energy saves.
func stairs(curve []plan.Point, r tariff.Rates, buy, sell grid.Price) (all []plan.Point) {
	add := func(net grid.Energy, price grid.Price) {
		if net > 0 {
			price = min(price, buy)
		} else {
			price = max(price, sell)
		}
		if net != 0 {
			all = append(all, plan.Point{Net: net, Price: max(min(price, r.Avoided()), r.FeedIn)})
		}
	}
	for n, point := range curve {
		from := r.FeedIn // the home takes this from here up to the point's price
		below := grid.Energy(0)
		if n > 0 {
			from = curve[n-1].Price + 1
			below = min(curve[n-1].Net, 0)
		}
		above := grid.Energy(0)
		if n+1 < len(curve) {
			above = max(curve[n+1].Net, 0)
		}
		add(max(point.Net, 0)-above, point.Price)
		add(min(point.Net, 0)-below, from)
	}
	return all
}

// ahead says how many intervals before its gate a home orders for a later one: the first time for
// what is a night or a day away, and then when half of the time is over. So the books of the coming
// hours show what the homes expect, and a home has a bounded number of orders in an interval.
func ahead() []int { return []int{32, 16, 8, 4, 2} }

// later are the orders for the intervals whose turn it is.
func (t *Traders) later(k *task, p *plan.Plan) (all []Later) {
	if !t.Ahead {
		return nil
	}
	for _, n := range ahead() {
		if at := k.at + n; at < len(p.Steps) && k.in.Steps[at].Minutes == k.quoted.Minutes {
			i := k.in.Steps[at]
			all = append(all, Later{i, t.orders(k, at, i, fmt.Sprintf("-%d", n))})
		}
	}
	return all
}

// allows tells whether the homeowner lets an order be.
func (k *task) allows(o grid.Order) bool {
	if o.Side == grid.Offer {
		return k.limits.Sells(o.Price)
	}
	return k.limits.Buys(o.Price)
}

// bandFrom returns the mean of values, and the deciles about it.
func bandFrom(values []float64) (b Band) {
	if len(values) == 0 {
		return b
	}
	slices.Sort(values)
	for _, v := range values {
		b.Mean += v / float64(len(values))
	}
	at := func(share float64) float64 {
		x := share * float64(len(values)-1)
		low := int(x)
		high := min(low+1, len(values)-1)
		return values[low] + (values[high]-values[low])*(x-float64(low))
	}
	b.Low, b.High = at(0.1), at(0.9) //nolint:mnd // the deciles
	return b
}
