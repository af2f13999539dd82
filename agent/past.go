package agent

import (
	"context"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// lately is how far back it is asked what a device took.
const lately = 3 * 24 * time.Hour

// tookLately returns what a device took lately in an interval on the mean, Wh; ok is false where that is not known.
func (r *memories) tookLately(ctx context.Context, device string, now time.Time) (wh float64, ok bool, err error) {
	n := 0
	err = r.use(ctx, device, now, func(past forecast.Series) {
		values := past.Values
		if more := len(values) - int(lately/past.First.Length()); more > 0 {
			values = values[more:]
		}
		for _, v := range values {
			if known(v) {
				wh += v
				n++
			}
		}
	})
	if n == 0 || err != nil {
		return 0, false, err
	}
	return max(wh, 0) / float64(n), true, nil
}

// tookOn returns what devices took together at the same time of some days, by day and interval from the one after first on.
// What is not known counts as nothing.
func (r *memories) tookOn(ctx context.Context, devices []grid.Device, days []forecast.Day, first grid.Interval, now time.Time) ([][]float64, error) {
	n := int(horizon / first.Length())
	paths := make([][]float64, len(days))
	for s := range paths {
		paths[s] = make([]float64, n)
	}
	for _, d := range devices {
		if err := r.use(ctx, d.ID, now, func(past forecast.Series) {
			for s, day := range days {
				addDay(paths[s], past, day, first)
			}
		}); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// addDay adds to a path what a device took at the same time of a day, from the interval after first on, and where that is not
// past yet, on a day before it.
func addDay(path []float64, past forecast.Series, day forecast.Day, first grid.Interval) {
	const secondsOfDay = 24 * 60 * 60
	moved := (int64(day) - first.Start/secondsOfDay) * secondsOfDay
	last := past.Next().Start - int64(first.Minutes)*60
	for k := range path {
		i := first.Shift(k + 1)
		i.Start += moved
		for i.Start > last {
			i.Start -= secondsOfDay
		}
		if at := between(past.First, i); at >= 0 && at < len(past.Values) && known(past.Values[at]) {
			path[k] += past.Values[at]
		}
	}
}

// ran returns for how long an appliance ran since a window began, by what it took, and whether it runs now.
func (r *memories) ran(ctx context.Context, device string, begin, now time.Time, p Programme) (ran time.Duration, runs bool, err error) {
	var wh float64
	if err := r.use(ctx, device, now, func(past forecast.Series) {
		for n := len(past.Values) - 1; n >= 0 && !past.First.Shift(n).Begin().Before(begin); n-- {
			if known(past.Values[n]) {
				wh += past.Values[n]
			}
		}
	}); err != nil {
		return 0, false, err
	}
	current := grid.IntervalAt(now, r.minutes).Begin()
	power, err := r.telemetry.MeanPower(ctx, device, current, now.Add(time.Second))
	if err != nil {
		return 0, false, err
	}
	if power != nil {
		wh += float64(*power) * now.Sub(current).Hours()
	}
	last, err := r.telemetry.Last(ctx, device)
	runs = err == nil && last != nil && last.Power != nil && *last.Power > p.Power/2 //nolint:mnd // half
	return time.Duration(wh / float64(p.Power) * float64(time.Hour)), runs, err
}
