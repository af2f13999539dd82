package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

// telemetry answers the agents from the store.
type telemetry struct{ store store.Store }

func (t telemetry) Energy(ctx context.Context, meter string, i grid.Interval) (grid.Flow, error) {
	flow, _, err := store.Energy(ctx, t.store, meter, i)
	if errors.Is(err, store.ErrIncomplete) {
		return grid.Flow{}, fmt.Errorf("%w: %w", agent.ErrUnknown, err)
	}
	return flow, err
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

// quote lets a member's agent place its orders over the bus.
func (n *node) quote(ctx context.Context, due community.Action, now time.Time) error {
	plan, err := n.desk.Quote(ctx, due.Member, due.Product.Interval, now)
	if errors.Is(err, forecast.ErrNoHistory) {
		n.log.InfoContext(ctx, "no order: nothing is known of the home yet", slog.String("member", due.Member))
		return nil
	}
	if err != nil {
		return err
	}
	for _, o := range plan.Orders {
		answer, err := n.market.submit(ctx, orderRequest{Product: due.Product, Order: o, Time: now})
		if err != nil {
			return err
		}
		if !answer.Accepted {
			n.log.InfoContext(ctx, "order refused", slog.String("order", o.ID), slog.String("reason", answer.Reason))
		}
	}
	return nil
}
