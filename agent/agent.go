// Package agent is a home's trader: it forecasts what the home will take, plans what moves,
// and makes orders and intents of the plan. It is a function of what it is shown; its random
// draws follow from a seed, the member and the interval.
//
// # The planner
//
// At every delivery interval, and at once when a car comes or leaves, when a battery's charge
// jumps or its owner sets other limits, the agent of a metering point
//
//  1. forecasts its load and its sun apart, from what its devices counted (package forecast), and
//     draws scenarios: days of the past whose forecast errors may come again. All homes of a
//     community draw the same days, so that their weather is one;
//  2. finds out what a kWh will be worth (street): the homes' scenarios are summed up, their
//     batteries are taken for one that covers what is lacking and stores what is left over, and
//     what that leaves is bought from the utility or given to it. From it follows what the pool
//     will make of a kWh that the home takes or gives, and what it is worth to all;
//  3. plans its batteries and cars by dynamic programming over these scenarios (package plan).
//     It plans by one part of the pool's prices and four of what a kWh is worth to all (common);
//  4. turns the plan's price curve for the coming interval, and now and then for the coming
//     hours, into orders. No order is worse than what the pool is expected to pay, and all are
//     between the home's own feed-in and what neighbours' energy saves it. A home without a
//     battery bids less for what it needs less surely;
//  5. says what whoever moves the devices needs (hold.Intent): down to which charge the battery
//     gives to the neighbours and up to which it takes from them, what is kept, and what the
//     cars take.
//
// Nothing of it asks for what has not happened. Models are fitted anew every day while the history
// is shorter than four weeks and every week later, in place or by a worker (Refit), and are kept;
// one that cannot be read is fitted anew.
//
// Energy is in Wh, + import, consumption and charging; prices are in millionths of the currency
// unit per kWh; charges are per mille; times are world time.
package agent

import (
	"errors"
	"fmt"
	"math"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// Home is what an agent trades for: a metering point of a member.
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
	Retail   grid.Price      // what a kWh of neighbours' energy saves (tariff.Rates.Avoided): the most that it is worth
	FeedIn   grid.Price      // what the utility pays
}

// trades tells whether there is anything to gain from neighbours: not where the utility pays
// more than their energy would save.
func (v View) trades() bool { return v.Retail >= v.FeedIn }

// Setpoint asks a device of the home for a power over the interval.
type Setpoint struct {
	Device string
	Power  grid.Power
}

// Plan is what an agent decided.
type Plan struct {
	Orders    []grid.Order // for the interval that it was asked for
	Later     []Later      // for intervals whose gate is not near yet
	Setpoints []Setpoint   // empty: the devices follow their own logic
	Expected  forecast.Point
	Silent    bool // the agent does not trade for the home: orders that somebody else placed are left alone
}

// Later are the orders for a later interval, in place of those that wait there.
type Later struct {
	Interval grid.Interval
	Orders   []grid.Order
}

// Agent plans one delivery interval. Errors: those of the forecast.
type Agent interface {
	Plan(v View) (Plan, error)
}

// expect forecasts the interval to plan.
func expect(f forecast.Forecaster, v View) (forecast.Point, error) {
	steps := int((v.Interval.Start - v.History.Next().Start) / int64(v.Interval.Length().Seconds()))
	if steps < 0 {
		return forecast.Point{}, errors.New("the history reaches past the interval to plan")
	}
	points, err := f.Forecast(v.History, steps+1)
	if err != nil {
		return forecast.Point{}, fmt.Errorf("plan %s: %w", v.Interval, err)
	}
	return points[steps], nil
}

// order returns the n-th order of a home for what it takes (+) or gives (−), without
// its price. It is named after the metering point, for a member may have several.
func (h Home) order(v View, n int, net grid.Energy) grid.Order {
	o := grid.Order{
		ID: fmt.Sprintf("%s/%s/%d", h.MeteringPoint, v.Interval, n), Member: h.Member, MeteringPoint: h.MeteringPoint, Node: h.Node,
		Side: grid.Bid, Energy: net,
	}
	if net < 0 {
		o.Side, o.Energy, o.Source = grid.Offer, -net, h.Source
	}
	return o
}

func rounded(wh float64) grid.Energy { return grid.Energy(math.Round(wh)) }
