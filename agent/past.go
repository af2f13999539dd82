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
	past, err := r.recall(ctx, device, now)
	if err != nil {
		return 0, false, err
	}
	values := past.Values
	if more := len(values) - int(lately/past.First.Length()); more > 0 {
		values = values[more:]
	}
	n := 0
	for _, v := range values {
		if known(v) {
			wh += v
			n++
		}
	}
	if n == 0 {
		return 0, false, nil
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
		past, err := r.recall(ctx, d.ID, now)
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

// ran returns for how long an appliance ran since a window began, by what it took, and whether it runs now.
func (r *memories) ran(ctx context.Context, device string, begin, now time.Time, p Programme) (ran time.Duration, runs bool, err error) {
	past, err := r.recall(ctx, device, now)
	if err != nil {
		return 0, false, err
	}
	var wh float64
	for n := len(past.Values) - 1; n >= 0 && !past.First.Shift(n).Begin().Before(begin); n-- {
		if known(past.Values[n]) {
			wh += past.Values[n]
		}
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
