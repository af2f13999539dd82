package agent

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// series names what is forecast of a metering point.
type series struct {
	point string
	kind  forecast.Kind
}

// seriesOf returns what is forecast of a metering point: load and sun apart where the inverters
// are metered, and both together where they are not, or a battery goes its own way.
func (o *outlooks) seriesOf(at seat) []series {
	point := at.home.MeteringPoint
	if o.memories.unseen(at) || slices.ContainsFunc(at.devices, func(d grid.Device) bool { return d.Kind == grid.Battery && !o.ratings.moves(d.ID) }) {
		return []series{{point, forecast.Net}}
	}
	all := []series{{point, forecast.Load}}
	if at.has(grid.Inverter) {
		all = append(all, series{point, forecast.PV})
	}
	return all
}

// past returns what a series of a metering point counted, without the interval that runs: of the
// sun what the inverters gave, of the load what the home took without its inverters and without
// what a plan moves; heat pumps and heating rods of which
// too little is known for that are part of it. Where one of them is not known nothing is; before a device
// other than an inverter was first read it counts as none, for a home has its past also when a battery comes.
func (o *outlooks) past(ctx context.Context, at seat, kind forecast.Kind, now time.Time) (forecast.Series, error) {
	return o.assemble(at, kind, func(device string) (forecast.Series, error) { return o.memories.recall(ctx, device, now) })
}

// assemble makes a series of what devices counted.
func (o *outlooks) assemble(at seat, kind forecast.Kind, of func(device string) (forecast.Series, error)) (sum forecast.Series, err error) {
	add := func(device string, sign float64, late bool) error {
		one, err := of(device)
		if err != nil || device != at.meter && !slices.ContainsFunc(one.Values, known) {
			return err // what nobody ever read is left out
		}
		if sum.Values == nil {
			sum = forecast.Series{First: one.First, Values: make([]float64, len(one.Values))}
		}
		shift, first := between(one.First, sum.First), slices.IndexFunc(one.Values, known)
		for k := range sum.Values {
			switch at := k + shift; {
			case late && at < first:
			case at >= 0 && at < len(one.Values):
				sum.Values[k] += sign * one.Values[at]
			default:
				sum.Values[k] = math.NaN()
			}
		}
		return nil
	}
	if kind != forecast.PV {
		if err := add(at.meter, 1, false); err != nil {
			return sum, err
		}
	}
	for _, d := range at.devices {
		apart := d.Kind == grid.Inverter && kind != forecast.Net
		if kind != forecast.PV {
			apart = apart || d.Kind == grid.Charger || o.ratings.warms(d) || o.ratings.waits(d) || d.Kind == grid.Battery && o.ratings.moves(d.ID)
		}
		if !apart {
			continue
		}
		if err := add(d.ID, -1, d.Kind != grid.Inverter); err != nil {
			return sum, err
		}
	}
	if kind != forecast.Net {
		for k, v := range sum.Values {
			sum.Values[k] = math.Max(v, 0) // registers are read in whole Wh; NaN stays
		}
	}
	return sum, nil
}

// refit fits the first model that wants it of what is forecast of a seat; did is false where none does, or where too
// little is known to fit it.
func (o *outlooks) refit(ctx context.Context, at seat, now time.Time) (did bool, err error) {
	for _, s := range o.seriesOf(at) {
		if !o.models.due(s, now) {
			continue
		}
		past, err := o.past(ctx, at, s.kind, now)
		if err != nil {
			return true, fmt.Errorf("metering point %s: %w", s.point, err)
		}
		if err := o.models.fit(s, at.devices, past, now); !noHistory(err) {
			return true, err
		}
	}
	return false, nil
}

// noHistory tells whether nothing is known of a home yet.
func noHistory(err error) bool { return errors.Is(err, forecast.ErrNoHistory) }
