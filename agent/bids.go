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

// bidder makes orders of the plan that a planner made last.
type bidder struct {
	position func(i grid.Interval, point string) (net grid.Energy, traded bool)
	noPool   bool
	ahead    bool // for the coming hours too
	planner  *plan.Planner
}

// orders are what a home bids and offers in a step of its plan.
func (b *bidder) orders(k *task, p *plan.Plan, step int, product grid.Interval, when string) (all []grid.Order) {
	r := k.rates[step]
	if r.Avoided() < r.FeedIn {
		return nil
	}
	var traded grid.Energy
	if b.position != nil {
		traded, _ = b.position(product, k.home.MeteringPoint)
	}
	buy, sell := grid.Price(math.Ceil(k.buy[step])), grid.Price(math.Floor(k.sell[step]))
	if b.noPool {
		buy, sell = r.Avoided(), r.FeedIn
	}
	var curve []plan.Point
	if len(k.in.Batteries) > 0 {
		curve = b.planner.Curve(nil, step, r.FeedIn, r.Avoided(), mostSteps)
	} else {
		curve = doubt(k.nets(p, step), buy, sell)
	}
	for n := range curve {
		curve[n].Net -= traded
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

// nets are what the home may take in a step, by scenario, with what its devices will probably do.
func (k *task) nets(p *plan.Plan, step int) []float64 {
	moved := 0.0
	for _, d := range p.Devices {
		moved += d.Power[step] * k.in.Steps[step].Length().Hours()
	}
	all := make([]float64, len(k.in.Scenarios))
	for n, c := range k.in.Scenarios {
		all[n] = c.Net[step] + moved
	}
	slices.Sort(all)
	return all
}

// doubt is the price curve of a home that has nothing to make up for what comes otherwise than it
// expects: of one more kWh that it takes it saves buy as often as it needs it, and else gets sell
// for it, so that the kWh is worth the nearer to buy the surer it is needed (the newsvendor's
// critical ratio, Arrow, Harris and Marschak 1951).
func doubt(sorted []float64, buy, sell grid.Price) (curve []plan.Point) {
	const steps = 5
	if len(sorted) == 0 {
		return nil
	}
	middle, spread := (buy+sell)/2, max(buy-sell, leastSpread) //nolint:mnd // half each
	for n := range steps {
		at := (float64(steps-n) - 0.5) / steps * float64(len(sorted)-1)
		low := int(at)
		net := sorted[low]
		if low+1 < len(sorted) {
			net += (sorted[low+1] - net) * (at - float64(low))
		}
		price := middle - spread/2 + spread*grid.Price(n+1)/steps
		if last := len(curve) - 1; last >= 0 && curve[last].Net == rounded(net) {
			curve[last].Price = price
			continue
		}
		curve = append(curve, plan.Point{Price: price, Net: rounded(net)})
	}
	return curve
}

// leastSpread is between the prices of what is surely needed and of what hardly is, where the pool
// makes the same of both: 2 ct in a currency of 100 parts. What is less likely than not stays out.
const leastSpread grid.Price = 20_000

// ahead says how many intervals before its gate a home orders for a later one: the first time for
// what is a night or a day away, and then when half of the time is over. So the books of the coming
// hours show what the homes expect, and a home has a bounded number of orders in an interval.
func ahead() []int { return []int{32, 16, 8, 4, 2} }

// later are the orders for the intervals whose turn it is.
func (b *bidder) later(k *task, p *plan.Plan) (all []Later) {
	if !b.ahead {
		return nil
	}
	for _, n := range ahead() {
		if at := k.at + n; at < len(p.Steps) && k.in.Steps[at].Minutes == k.quoted.Minutes {
			i := k.in.Steps[at]
			all = append(all, Later{i, b.orders(k, p, at, i, fmt.Sprintf("-%d", n))})
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
