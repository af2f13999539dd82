package agent

import (
	"context"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

const (
	// drawnDays is how many courses of the coming days a plan reckons with.
	drawnDays = 14
	// horizon is how far a plan looks ahead.
	horizon = 48 * time.Hour
)

// outlooks are what metering points are expected to take in the coming days. All but their models belong to who
// quotes: one at a time.
type outlooks struct {
	site

	ratings  ratings
	memories *memories
	inPlace  bool                 // models are fitted where they are asked for
	models   models               // safe for concurrent use
	of       map[string]*expected // by metering point
}

// expected is what a metering point will probably take without the devices that a plan moves.
type expected struct {
	made  time.Time
	of    map[string]Rating // the devices that there were, by id
	first grid.Interval     // that ran then
	load  *forecast.Outlook
	sun   *forecast.Outlook // nil: no inverter is metered
	drawn int               // by which days the scenarios are
	net   [][]float64       // by scenario and interval from first on, Wh, + import
	cars  [][]float64       // what its cars took on those days, alike
	warm  []usually         // and its heat pumps, heating rods and appliances that a plan moves, in the order of the devices
}

// expect forecasts a metering point from the interval that runs at now on. Errors:
// forecast.ErrNoHistory.
func (o *outlooks) expect(ctx context.Context, at seat, now time.Time) (*expected, error) {
	if err := o.memories.recollect(ctx, at, now); err != nil { // whether it ever gave decides what is forecast
		return nil, err
	}
	x := &expected{made: now, of: map[string]Rating{}, first: grid.IntervalAt(now, o.minutes), drawn: -1}
	for _, d := range at.devices {
		x.of[d.ID] = o.ratings.of(d.ID)
	}
	for _, s := range o.seriesOf(at) {
		past, err := o.past(ctx, at, s.kind, now)
		if err != nil {
			return nil, err
		}
		if o.inPlace && o.models.due(s, now) {
			if err := o.models.fit(s, at.devices, past, now); err != nil {
				return nil, err
			}
		}
		m, known := o.models.get(s)
		if !known {
			return nil, forecast.ErrNoHistory
		}
		past = lastDays(past)
		runs, err := o.assemble(at, s.kind, func(device string) (forecast.Series, error) {
			v, err := o.memories.running(ctx, device, now)
			return forecast.Series{First: x.first, Values: []float64{v}}, err
		})
		if err != nil {
			return nil, err
		}
		past.Values = append(past.Values, runs.Values...)
		look, err := m.Look(past, int(horizon/x.first.Length()))
		if err != nil {
			return nil, err
		}
		if s.kind == forecast.PV {
			x.sun = look
		} else {
			x.load = look
		}
	}
	return x, nil
}

// draw makes the scenarios of some days. Those that another home of the community draws have
// the same weather.
func (o *outlooks) draw(ctx context.Context, at seat, x *expected, d drawn, now time.Time) (err error) {
	if x.drawn == d.id {
		return nil
	}
	x.drawn = d.id
	if len(d.days) == 0 {
		x.unlike()
		x.warm, err = o.warmthOf(ctx, at, nil, x, now)
		return err
	}
	x.net = x.load.Paths(d.days)
	if x.sun != nil {
		for s, path := range x.sun.Paths(d.days) {
			for k, v := range path {
				x.net[s][k] -= v
			}
		}
	}
	if x.cars, err = o.carsOf(ctx, at, d.days, x.first, now); err != nil {
		return err
	}
	x.warm, err = o.warmthOf(ctx, at, d.days, x, now)
	return err
}

// unlike makes scenarios where no day of the past can be drawn yet: the home takes as much less or
// more as its forecast doubts, all the time.
func (x *expected) unlike() {
	x.net, x.cars = nil, nil
	const last = 8
	for q := 0; q <= last; q += 2 {
		path := make([]float64, len(x.load.Points))
		for k, p := range x.load.Points {
			path[k] = p.Quantiles[q]
			if x.sun != nil {
				path[k] -= x.sun.Points[k].Quantiles[last-q]
			}
		}
		x.net, x.cars = append(x.net, path), append(x.cars, make([]float64, len(path)))
	}
}

// drawn are days of the past, each of which makes a scenario.
type drawn struct {
	days []forecast.Day
	id   int
}

// begins returns the first interval of the scenarios: the outlook is of what follows the one
// that ran when it was made.
func (x *expected) begins() grid.Interval { return x.first.Shift(1) }

// cars returns what the chargers of a metering point took at the same time of those days, by
// scenario and interval from the one after first on. What is not known counts as nothing.
func (o *outlooks) carsOf(ctx context.Context, at seat, days []forecast.Day, first grid.Interval, now time.Time) ([][]float64, error) {
	var chargers []grid.Device
	for _, d := range at.devices {
		if d.Kind == grid.Charger {
			chargers = append(chargers, d)
		}
	}
	return o.memories.tookOn(ctx, chargers, days, first, now)
}

// usually is what a device took on the days that the scenarios are of, as carsOf.
type usually struct {
	device string
	paths  [][]float64
}

// warmthOf returns what each heat pump, heating rod and appliance that a plan moves took on those days; where no day is
// known, what it took lately.
func (o *outlooks) warmthOf(ctx context.Context, at seat, days []forecast.Day, x *expected, now time.Time) (all []usually, err error) {
	for _, d := range at.devices {
		if !o.ratings.warms(d) && !o.ratings.waits(d) {
			continue
		}
		if len(days) > 0 {
			paths, err := o.memories.tookOn(ctx, []grid.Device{d}, days, x.first, now)
			if err != nil {
				return nil, err
			}
			all = append(all, usually{d.ID, paths})
			continue
		}
		wh, _, err := o.memories.tookLately(ctx, d.ID, now)
		if err != nil {
			return nil, err
		}
		u := usually{device: d.ID}
		for _, path := range x.net {
			u.paths = append(u.paths, slices.Repeat([]float64{wh}, len(path)))
		}
		all = append(all, u)
	}
	return all, nil
}

// warming returns what all of them take in a scenario as it is usual.
func (x *expected) warming(s int) []float64 {
	sum := make([]float64, len(x.net[s]))
	for _, u := range x.warm {
		for k, wh := range u.paths[s] {
			sum[k] += wh
		}
	}
	return sum
}
