package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/host"
	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/web/api"
)

// telemetry answers the agents from the store.
type telemetry struct{ store store.Store }

// Energies takes the registers at the ends of the intervals from what was read
// last before: for a forecast that is exact enough, and it is one query.
func (t telemetry) Energies(ctx context.Context, meter string, first grid.Interval, n int) ([]float64, error) {
	readings, err := t.store.Range(ctx, meter, first.Shift(-1).Begin(), first.Shift(n).Begin(), store.Step(first.Length()))
	if err != nil {
		return nil, err
	}
	at := map[int64]grid.Reading{}
	for _, r := range readings {
		if r.Import != nil && r.Export != nil {
			at[r.Time.Unix()] = r
		}
	}
	energies := make([]float64, n)
	for k := range energies {
		before, known1 := at[first.Shift(k-1).Start]
		after, known2 := at[first.Shift(k).Start]
		energies[k] = math.NaN()
		if known1 && known2 && *after.Import >= *before.Import && *after.Export >= *before.Export {
			energies[k] = float64(*after.Import - *before.Import - *after.Export + *before.Export)
		}
	}
	return energies, nil
}

func (t telemetry) MeanPower(ctx context.Context, meter string, from, to time.Time) (*grid.Power, error) {
	readings, err := t.store.Range(ctx, meter, from, to, store.Raw)
	if err != nil {
		return nil, err
	}
	var sum, n grid.Power
	for _, r := range readings {
		if r.Power != nil {
			sum += *r.Power
			n++
		}
	}
	if n == 0 {
		return nil, nil
	}
	return new(sum / n), nil
}

// quote lets a member's agents place their orders over the bus, one agent for each
// metering point. One that fails does not hold up the others.
func (n *node) quote(ctx context.Context, due community.Action, now time.Time) error {
	var problems []error
	for _, point := range n.desk.Points(due.Member) {
		if err := n.quotePoint(ctx, due, point, now); err != nil {
			problems = append(problems, fmt.Errorf("metering point %s: %w", point, err))
		}
	}
	return errors.Join(problems...)
}

func (n *node) quotePoint(ctx context.Context, due community.Action, point string, now time.Time) error {
	plan, err := n.desk.Quote(ctx, point, due.Product.Interval, now)
	if errors.Is(err, forecast.ErrNoHistory) {
		n.log.InfoContext(ctx, "no order: nothing is known of the metering point yet", slog.String("member", due.Member), slog.String("metering_point", point))
		return nil
	}
	if err != nil {
		return err
	}
	n.live.SeeExpected(point, due.Product.Interval, grid.Energy(math.Round(plan.Expected.Mean)))
	for _, o := range plan.Orders {
		answer, err := n.market.Send(ctx, host.Request{Product: due.Product, Order: n.market.OnTick(o), Time: now})
		if err != nil {
			return err
		}
		if !answer.Accepted {
			n.log.InfoContext(ctx, "order refused", slog.String("order", o.ID), slog.String("reason", answer.Reason))
		}
	}
	return nil
}

// orderEntry is where agents outside enter orders. It implements web.Orders.
type orderEntry struct{ host.Outside }

// Rules implements web.Orders.
func (e orderEntry) Rules() api.MarketRules {
	rules, calendar, first, last, some := e.Outside.Rules()
	r := api.MarketRules{
		Minutes: calendar.Minutes, GateClosure: int(calendar.GateClosure.Seconds()),
		Tick: int64(rules.Tick), Floor: int64(rules.Floor), Ceiling: int64(rules.Ceiling),
	}
	if some {
		r.First, r.Last = new(first.String()), new(last.String())
	}
	return r
}
