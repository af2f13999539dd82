package agent

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// Strategy names a way to trade.
type Strategy string

// The strategies.
const (
	ByPlanner         Strategy = "planner"     // the default: plans what moves, and bids by its value
	ByPriceCurve      Strategy = "price-curve" // only forecasts, and leaves the devices alone
	BySelfConsumption Strategy = "self-consumption"
	ByChance          Strategy = "zero-intelligence"
	ByOthers          Strategy = "external" // a program outside trades by the API
	ByNothing         Strategy = "none"     // does not trade
)

// Strategies returns their names.
func Strategies() []Strategy {
	return []Strategy{ByPlanner, ByPriceCurve, BySelfConsumption, ByChance, ByOthers, ByNothing}
}

// ParseStrategy reads a name; the empty one is the default.
func ParseStrategy(s string) (Strategy, error) {
	if s == "" {
		return ByPlanner, nil
	}
	if !slices.Contains(Strategies(), Strategy(s)) {
		return "", fmt.Errorf("%q is not one of %v", s, Strategies())
	}
	return Strategy(s), nil
}

// Unplanned says in a whole sentence why there is no plan of a home that trades so.
func (s Strategy) Unplanned() string {
	switch s {
	case ByPlanner:
		return "There is no plan yet: the agent makes the first one shortly before the next gate closes."
	case ByOthers:
		return "A program outside trades for this home, and plans by itself."
	case ByNothing:
		return "Nobody trades for this home, so that there is no plan: what is left over is shared all the same."
	default:
		return "This home's agent (" + string(s) + ") only trades what it expects: it plans no devices."
	}
}

// agent returns a home's trader; nil where the home does not trade.
func (s Strategy) agent(h Home, seed uint64) Agent {
	switch f := (forecast.Blend{}); s {
	case BySelfConsumption:
		return SelfConsumption{Home: h, Forecaster: f}
	case ByChance:
		return ZeroIntelligence{Home: h, Forecaster: f, Seed: seed}
	case ByNothing, ByOthers:
		return nil
	case ByPlanner, ByPriceCurve:
		return PriceCurve{Home: h, Forecaster: f}
	default:
		return PriceCurve{Home: h, Forecaster: f}
	}
}

// PriceCurve trades what the home surely gives or needs at prices that find a partner
// soon, and what it only expects nearer to the middle of feed-in and retail: the price
// falls by half of their difference from the lowest to the highest quantile of net
// energy, which is feed-in plus a quarter of it to retail minus a quarter.
//
// It goes no further than the median. At the middle price a deviation costs, at worst,
// as much a kWh as the trade gains (the energy is bought at retail, or given away at
// feed-in), so that what is less likely than not must not be sold or bought (the
// newsvendor's critical ratio, Arrow, Harris and Marschak 1951); what is surer is traded
// at a price that gains less and fails more seldom.
type PriceCurve struct {
	Home       Home
	Forecaster forecast.Forecaster
}

// surer are the deciles at which the curve has its steps, from the surest on: the
// energy is exceeded with a probability of 90, 70 and 50 %.
func surer() []int { return []int{9, 7, 5} }

// Plan implements Agent.
func (a PriceCurve) Plan(v View) (Plan, error) {
	x, err := expect(a.Forecaster, v)
	p := Plan{Expected: x}
	if err != nil || !v.trades() {
		return p, err
	}
	const deciles = 10
	var taken grid.Energy // + what the surer steps buy, − what they sell
	for n, decile := range surer() {
		if x.Quantiles[4] > 0 {
			decile = deciles - decile // a need is surer the lower the quantile
		}
		net := rounded(x.Quantiles[decile-1])
		if (net > 0) != (x.Quantiles[4] > 0) {
			continue // it may as well be the other way round
		}
		o := a.Home.order(v, n, net-taken)
		if o.Energy < leastEnergy || (net > 0) != (net > taken) {
			continue
		}
		o.Price = v.FeedIn + (v.Retail-v.FeedIn)*grid.Price(15-decile)/20 //nolint:mnd // a quarter at the highest, three at the lowest
		p.Orders, taken = append(p.Orders, o), net
	}
	return p, nil
}

// leastEnergy is what is worth an order.
const leastEnergy grid.Energy = 10

// SelfConsumption covers the home's own demand first, with the battery on its
// own logic, and trades what the forecast leaves at the mid-market rate, the
// middle of feed-in and retail, which shares the gain from trade evenly.
type SelfConsumption struct {
	Home       Home
	Forecaster forecast.Forecaster
}

// Plan implements Agent.
func (a SelfConsumption) Plan(v View) (Plan, error) {
	return inParts(a.Home, a.Forecaster, v, 1, func() grid.Price {
		return v.FeedIn + (v.Retail-v.FeedIn)/2
	})
}

// ZeroIntelligence trades the same energy in a few parts, each at a random
// price that never makes a loss against the utility (the constrained traders of
// Gode and Sunder 1993).
type ZeroIntelligence struct {
	Home       Home
	Forecaster forecast.Forecaster
	Seed       uint64
}

// Plan implements Agent.
func (a ZeroIntelligence) Plan(v View) (Plan, error) {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s@%s", a.Home.Member, v.Interval)
	draw := rand.New(rand.NewPCG(a.Seed, h.Sum64())) //nolint:gosec // reproducible on purpose
	return inParts(a.Home, a.Forecaster, v, randomParts, func() grid.Price {
		return v.FeedIn + grid.Price(draw.Int64N(int64(v.Retail-v.FeedIn)+1))
	})
}

// randomParts is how many prices a zero-intelligence trader tries.
const randomParts = 4

// inParts orders the mean of the forecast in at most so many parts, each at a
// price of its own.
func inParts(home Home, f forecast.Forecaster, v View, parts int, price func() grid.Price) (Plan, error) {
	x, err := expect(f, v)
	p := Plan{Expected: x}
	if err != nil || !v.trades() {
		return p, err
	}
	left := rounded(x.Mean)
	parts = max(min(parts, int(max(left, -left)/leastEnergy)), 1)
	for n := range parts {
		o := home.order(v, n, left/grid.Energy(parts-n))
		o.Price = price()
		left -= left / grid.Energy(parts-n)
		if o.Energy >= leastEnergy {
			p.Orders = append(p.Orders, o)
		}
	}
	return p, nil
}
