// Package agent is a home's trader: from a forecast and the home's preferences
// it makes orders and setpoints. It is a function of what it is shown; its
// random draws follow from a seed, the member and the interval.
package agent

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// Home is what an agent trades for.
type Home struct {
	Member        string
	MeteringPoint string
	Node          string
	Source        string // of what it sells; empty when it has no generator
}

// View is what an agent may know when it plans.
type View struct {
	Interval grid.Interval   // of delivery
	History  forecast.Series // net energy at the connection meter
	Retail   grid.Price      // what the utility charges
	FeedIn   grid.Price      // what the utility pays
}

// Setpoint asks a device of the home for a power over the interval.
type Setpoint struct {
	Device string
	Power  grid.Power
}

// Plan is what an agent decided.
type Plan struct {
	Orders    []grid.Order
	Setpoints []Setpoint // empty: the devices follow their own logic
	Expected  forecast.Point
}

// Agent plans one delivery interval. Errors: those of the forecast.
type Agent interface {
	Plan(v View) (Plan, error)
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
	return plan(a.Home, a.Forecaster, v, 1, func() grid.Price {
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
	return plan(a.Home, a.Forecaster, v, randomParts, func() grid.Price {
		return v.FeedIn + grid.Price(draw.Int64N(int64(v.Retail-v.FeedIn)+1))
	})
}

// randomParts is how many prices a zero-intelligence trader tries.
const randomParts = 4

// plan orders the mean of the forecast in at most so many parts, each at a
// price of its own.
func plan(home Home, f forecast.Forecaster, v View, parts int, price func() grid.Price) (Plan, error) {
	steps := int((v.Interval.Start - v.History.Next().Start) / int64(v.Interval.Length().Seconds()))
	if steps < 0 {
		return Plan{}, errors.New("the history reaches past the interval to plan")
	}
	points, err := f.Forecast(v.History, steps+1)
	if err != nil {
		return Plan{}, fmt.Errorf("plan %s for %s: %w", v.Interval, home.Member, err)
	}
	p := Plan{Expected: points[steps]}
	net := grid.Energy(math.Round(p.Expected.Mean))
	order := grid.Order{Member: home.Member, MeteringPoint: home.MeteringPoint, Node: home.Node, Side: grid.Bid}
	left := net
	if net < 0 {
		order.Side, order.Source, left = grid.Offer, home.Source, -net
	}
	parts = max(min(parts, int(left/leastEnergy)), 1)
	for n := range parts {
		order.ID = fmt.Sprintf("%s/%s/%d", home.Member, v.Interval, n)
		order.Energy, order.Price = left/grid.Energy(parts-n), price()
		left -= order.Energy
		if order.Energy >= leastEnergy {
			p.Orders = append(p.Orders, order)
		}
	}
	return p, nil
}
