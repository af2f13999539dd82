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

// orders turns the price curve of a step into orders: what the home takes at any price up to one
// is a bid at that price, what it gives from a price on is an offer at it. No bid is above, and
// no offer below, what the pool is expected to make of the same energy: whatever is not traded
// ahead is shared there, so that an order buys no more than to be sure of it.
func (t *Traders) orders(k *task, p *plan.Plan, step int, product grid.Interval, when string) (all []grid.Order) {
	r := k.rates[step]
	if r.Avoided() < r.FeedIn {
		return nil
	}
	var traded grid.Energy
	if t.Position != nil {
		traded, _ = t.Position(product, k.home.MeteringPoint)
	}
	pool := p.Steps[step]
	curve := t.planner.Curve(nil, step, r.FeedIn, r.Avoided(), mostSteps)
	v := View{Interval: product}
	add := func(net grid.Energy, price float64) {
		o := k.home.order(v, len(all), net)
		o.ID += when
		o.Price = grid.Price(math.Round(price))
		if o.Side == grid.Offer {
			o.Price = max(o.Price, grid.Price(math.Round(pool.Sell)))
		} else {
			o.Price = min(o.Price, grid.Price(math.Round(pool.Buy)))
		}
		o.Price = bounded(o.Price, r)
		if o.Energy >= leastEnergy && k.allows(o) {
			all = append(all, o)
		}
	}
	for n, point := range curve {
		net := point.Net - traded
		next := grid.Energy(math.MinInt64 / 2)
		if n+1 < len(curve) {
			next = curve[n+1].Net - traded
		} else {
			next = min(net, 0)
		}
		if net > 0 {
			add(net-max(next, 0), float64(point.Price))
		}
		if next < 0 && next < min(net, 0) {
			add(next-min(net, 0), float64(point.Price)+1)
		}
		if n == 0 && net < 0 {
			add(net, float64(r.FeedIn))
		}
	}
	return all
}

// ahead says how many intervals before its gate a home orders for a later one: the first time for
// what is a night or a day away, and then when half of the time is over. So the books of the coming
// hours show what the homes expect, and a home has a bounded number of orders in an interval.
func ahead() []int { return []int{32, 16, 8, 4, 2} }

// later are the orders for the intervals whose turn it is.
func (t *Traders) later(k *task, p *plan.Plan) (all []Later) {
	for _, n := range ahead() {
		if at := k.at + n; at < len(p.Steps) && k.in.Steps[at].Minutes == k.quoted.Minutes {
			i := k.in.Steps[at]
			all = append(all, Later{i, t.orders(k, p, at, i, fmt.Sprintf("-%d", n))})
		}
	}
	return all
}

func bounded(p grid.Price, r tariff.Rates) grid.Price { return max(min(p, r.Avoided()), r.FeedIn) }

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
