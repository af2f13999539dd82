package main

import (
	"context"
	"errors"
	"math"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/tariff"
)

// substituteDays is how many days before an interval its forecast is made from.
const substituteDays = 8

// mostWeeks is how far back a value of the same time is looked for.
const mostWeeks = 8

func weeksBefore(i grid.Interval, n int) grid.Interval {
	const week = 7 * 24 * 60
	return i.Shift(-n * week / i.Minutes)
}

// substitute returns the energy that is settled for good where a meter did not tell in
// time: of what was forecast and what was metered at the same time a week before (or
// more weeks, where it was silent then too) the dearer for the member, and never what is
// cheaper than what was read of it. So it does not pay to cut a meter off.
func (s *settler) substitute(ctx context.Context, meter grid.Device, i grid.Interval, read grid.Flow) (grid.Flow, error) {
	candidates := []grid.Flow{read}
	for week := 1; week <= mostWeeks && len(candidates) == 1; week++ {
		before, _, err := store.Energy(ctx, s.store, meter.ID, weeksBefore(i, week))
		if err == nil {
			candidates = append(candidates, before)
		} else if !errors.Is(err, store.ErrIncomplete) {
			return read, err
		}
	}
	n := substituteDays * 24 * 60 / i.Minutes
	history := forecast.Series{First: i.Shift(-n)}
	var err error
	if history.Values, err = (telemetry{s.store}).Energies(ctx, meter.ID, history.First, n); err != nil {
		return read, err
	}
	points, err := forecast.Blend{}.Forecast(history, 1)
	if err == nil {
		net := grid.Energy(math.Round(points[0].Mean))
		candidates = append(candidates, grid.Flow{Import: max(net, 0), Export: max(-net, 0)})
	} else if !errors.Is(err, forecast.ErrNoHistory) {
		return read, err
	}
	return dearest(s.tariff, candidates...)
}

// dearest returns the flow that costs most at the tariff.
func dearest(t tariff.Tariff, flows ...grid.Flow) (worst grid.Flow, err error) {
	var least grid.Money
	for k, f := range flows {
		value, err := t.Value(f)
		if err != nil {
			return f, err
		}
		if k == 0 || value < least {
			worst, least = f, value
		}
	}
	return worst, nil
}
