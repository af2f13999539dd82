package main

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/community/host"
	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web"
)

// ownAgents are the agents that this process runs. They implement drive.Agents.
type ownAgents struct {
	desk    *agent.Desk
	market  *host.Host
	live    *web.Live
	outside func(member string, now time.Time) bool // tells whether a program outside trades for a member
	log     *slog.Logger
}

// Points implements drive.Agents: the agents of a member for whom a program outside trades
// quote for none.
func (o ownAgents) Points(member string, now time.Time) []string {
	if o.outside(member, now) {
		return nil
	}
	return o.desk.Points(member)
}

// Plan implements drive.Agents.
func (o ownAgents) Plan(ctx context.Context, point string, i grid.Interval, now time.Time) ([]grid.Order, error) {
	plan, err := o.desk.Quote(ctx, point, i, now)
	if errors.Is(err, forecast.ErrNoHistory) {
		o.log.InfoContext(ctx, "no order: nothing is known of the metering point yet", slog.String("member", o.market.Owner(point)), slog.String("metering_point", point))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	o.live.SeeExpected(point, i, grid.Energy(math.Round(plan.Expected.Mean)))
	return plan.Orders, nil
}

// orderEntry is where agents outside enter orders. It implements web.Orders.
type orderEntry struct{ host.Outside }

// Rules implements web.Orders.
func (e orderEntry) Rules() web.MarketRules {
	rules, calendar, first, last, some := e.Outside.Rules()
	r := web.MarketRules{
		Minutes: calendar.Minutes, GateClosure: int(calendar.GateClosure.Seconds()),
		Tick: int64(rules.Tick), Floor: int64(rules.Floor), Ceiling: int64(rules.Ceiling),
	}
	if some {
		r.First, r.Last = new(first.String()), new(last.String())
	}
	return r
}
