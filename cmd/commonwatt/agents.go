package main

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/settlement"
)

// agents quote for the homes.
type agents struct {
	byMember map[string]agent.Agent
	meters   map[string]string // member → connection meter
	tariff   settlement.Tariff
	store    store.Store
	market   *marketService
	log      *slog.Logger
	known    map[string]map[grid.Interval]float64 // meter → net energy, NaN where missing
}

// newAgents gives every third home the self-consumption rule and the others a
// zero-intelligence trader.
func newAgents(devices []grid.Device, seed uint64) (byMember map[string]agent.Agent, meters map[string]string) {
	byMember, meters = map[string]agent.Agent{}, map[string]string{}
	sources := map[string]string{}
	for _, d := range devices {
		if d.Kind == grid.Inverter {
			sources[d.Member] = "solar"
		}
	}
	for _, d := range devices {
		if d.Kind != grid.Meter {
			continue
		}
		home := agent.Home{Member: d.Member, MeteringPoint: d.MeteringPoint, Source: sources[d.Member]}
		meters[d.Member] = d.ID
		if len(byMember)%3 == 0 {
			byMember[d.Member] = agent.SelfConsumption{Home: home, Forecaster: forecast.SeasonalNaive{}}
		} else {
			byMember[d.Member] = agent.ZeroIntelligence{Home: home, Forecaster: forecast.SeasonalNaive{}, Seed: seed}
		}
	}
	return byMember, meters
}

// quote lets a member's agent place its orders.
func (a *agents) quote(ctx context.Context, due community.Action, now time.Time) error {
	history, err := a.history(ctx, a.meters[due.Member], due.Product.Interval, now)
	if err != nil {
		return err
	}
	plan, err := a.byMember[due.Member].Plan(agent.View{
		Interval: due.Product.Interval, History: history, Retail: a.tariff.Retail, FeedIn: a.tariff.FeedIn,
	})
	if errors.Is(err, forecast.ErrNoHistory) {
		a.log.InfoContext(ctx, "no order: nothing is known of the home yet", slog.String("member", due.Member))
		return nil
	}
	if err != nil {
		return err
	}
	for _, o := range plan.Orders {
		answer, err := a.market.submit(ctx, orderRequest{Product: due.Product, Order: o, Time: now})
		if err != nil {
			return err
		}
		if !answer.Accepted {
			a.log.InfoContext(ctx, "order refused", slog.String("order", o.ID), slog.String("reason", answer.Reason))
		}
	}
	return nil
}

const (
	historyDays = 8
	recent      = 10 * time.Minute
)

// history returns the net energy of a meter's past intervals, and for the one
// that runs what the power of the last minutes would make of it.
func (a *agents) history(ctx context.Context, meter string, delivery grid.Interval, now time.Time) (forecast.Series, error) {
	current := grid.IntervalAt(now, delivery.Minutes)
	first := current.Shift(-historyDays * 24 * 60 / delivery.Minutes)
	s := forecast.Series{First: first}
	for i := first; i != current; i = i.Shift(1) {
		v, err := a.net(ctx, meter, i, now)
		if err != nil {
			return forecast.Series{}, err
		}
		s.Values = append(s.Values, v)
	}
	readings, err := a.store.Range(ctx, meter, now.Add(-recent), now.Add(time.Second), store.Raw)
	if err != nil {
		return forecast.Series{}, err
	}
	sum, n := 0.0, 0
	for _, r := range readings {
		if r.Power != nil {
			sum += float64(*r.Power)
			n++
		}
	}
	running := math.NaN()
	if n > 0 {
		running = sum / float64(n) * current.Length().Hours()
	}
	s.Values = append(s.Values, running)
	return s, nil
}

// net returns the energy of a past interval, remembered once it is certain.
func (a *agents) net(ctx context.Context, meter string, i grid.Interval, now time.Time) (float64, error) {
	if a.known[meter] == nil {
		a.known[meter] = map[grid.Interval]float64{}
	}
	if v, known := a.known[meter][i]; known {
		return v, nil
	}
	v := math.NaN()
	flow, _, err := store.Energy(ctx, a.store, meter, i)
	switch {
	case err == nil:
		v = float64(flow.Net())
	case !errors.Is(err, store.ErrIncomplete):
		return 0, err
	}
	if err == nil || now.Sub(i.End()) > time.Hour {
		a.known[meter][i] = v
	}
	return v, nil
}
