package agent

import (
	"context"
	"errors"
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
func (t *Traders) expect(ctx context.Context, at seat, now time.Time) (*expected, error) {
	if err := t.recollect(ctx, at, now); err != nil { // whether it ever gave decides what is forecast
		return nil, err
	}
	x := &expected{made: now, of: map[string]Rating{}, first: grid.IntervalAt(now, t.Minutes), drawn: -1}
	for _, d := range at.devices {
		x.of[d.ID] = t.rating(d.ID)
	}
	for _, s := range t.seriesOf(at) {
		past, err := t.past(ctx, at, s.kind, now)
		if err != nil {
			return nil, err
		}
		if t.FitInPlace && t.due(s, now) {
			if err := t.fit(s, past, now); err != nil {
				return nil, err
			}
		}
		m, known := t.models.get(s)
		if !known {
			return nil, forecast.ErrNoHistory
		}
		if more := len(past.Values) - shortDays*24*60/t.Minutes; more > 0 {
			past = forecast.Series{First: past.First.Shift(more), Values: past.Values[more:]}
		}
		runs, err := t.assemble(at, s.kind, func(device string) (forecast.Series, error) {
			v, err := t.running(ctx, device, now)
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
func (t *Traders) draw(ctx context.Context, at seat, x *expected, d drawn, now time.Time) (err error) {
	if x.drawn == d.id {
		return nil
	}
	x.drawn = d.id
	if len(d.days) == 0 {
		x.unlike()
		x.warm, err = t.warmthOf(ctx, at, nil, x, now)
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
	if x.cars, err = t.carsOf(ctx, at, d.days, x.first, now); err != nil {
		return err
	}
	x.warm, err = t.warmthOf(ctx, at, d.days, x, now)
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
func (t *Traders) carsOf(ctx context.Context, at seat, days []forecast.Day, first grid.Interval, now time.Time) ([][]float64, error) {
	var chargers []grid.Device
	for _, d := range at.devices {
		if d.Kind == grid.Charger {
			chargers = append(chargers, d)
		}
	}
	return t.tookOn(ctx, chargers, days, first, now)
}

// tookOn is carsOf of any devices.
func (t *Traders) tookOn(ctx context.Context, devices []grid.Device, days []forecast.Day, first grid.Interval, now time.Time) ([][]float64, error) {
	n := int(horizon / first.Length())
	paths := make([][]float64, len(days))
	for s := range paths {
		paths[s] = make([]float64, n)
	}
	for _, d := range devices {
		past, err := t.recall(ctx, d.ID, now)
		if err != nil {
			return nil, err
		}
		for s, day := range days {
			const secondsOfDay = 24 * 60 * 60
			moved := (int64(day) - first.Start/secondsOfDay) * secondsOfDay
			for k := range n {
				i := first.Shift(k + 1)
				i.Start += moved
				for i.Start > past.Next().Start-int64(first.Minutes)*60 {
					i.Start -= secondsOfDay
				}
				if at := between(past.First, i); at >= 0 && at < len(past.Values) && known(past.Values[at]) {
					paths[s][k] += past.Values[at]
				}
			}
		}
	}
	return paths, nil
}

// noHistory tells whether nothing is known of a home yet.
func noHistory(err error) bool { return errors.Is(err, forecast.ErrNoHistory) }

func (t *Traders) zone() *time.Location {
	if t.Zone == nil {
		return time.UTC
	}
	return t.Zone
}

// peak returns the rated power of the inverters of a metering point, 0 where it is not known.
func (t *Traders) peak(point string) (sum grid.Power) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range t.seats[point].devices {
		if d.Kind == grid.Inverter {
			sum += t.rating(d.ID).Power
		}
	}
	return sum
}

func (t *Traders) rating(device string) Rating {
	if t.Rating == nil {
		return Rating{}
	}
	return t.Rating(device)
}
