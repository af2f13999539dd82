package corrections

import (
	"context"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/reconcile"
)

// Month is how a local month compares.
type Month struct {
	Month     string // as in 2026-06
	Waiting   int    // intervals, also of other months, that are still to be corrected
	Intervals int    // that were settled and compared
	Table     reconcile.Table
}

// Reconcile compares a local month, as in 2026-06, with what was metered here; an empty one is
// the last that is over.
func (d *Desk) Reconcile(ctx context.Context, month string) (m Month, err error) {
	from, err := d.month(month)
	if err != nil {
		return m, err
	}
	m.Month = from.Format(monthSums)
	if m.Waiting, err = d.Runner.Archive.Waiting(ctx); err != nil {
		return m, err
	}
	intervals, err := d.compare(ctx, from, from.AddDate(0, 1, 0))
	if err != nil {
		return m, err
	}
	m.Intervals = len(intervals)
	m.Table, err = reconcile.Make(intervals, reconcile.Options{Zone: d.Zone, Member: d.Owner, Replaced: d.Replaced})
	return m, err
}

const monthSums = "2006-01"

// month returns the begin of a local month; of an empty one that of the last which is over.
func (d *Desk) month(text string) (time.Time, error) {
	if text == "" {
		now := d.Runner.Clock().In(d.Zone)
		return time.Date(now.Year(), now.Month()-1, 1, 0, 0, 0, 0, d.Zone), nil
	}
	from, err := time.ParseInLocation(monthSums, text, d.Zone)
	if err != nil {
		return from, fmt.Errorf("month: %w", err)
	}
	return from, nil
}

// compare settles the intervals in [from, until) both ways that are over and were settled.
func (d *Desk) compare(ctx context.Context, from, until time.Time) (all []reconcile.Interval, err error) {
	minutes, now := d.Minutes, d.Runner.Clock()
	values := Values{Archive: d.Runner.Archive}
	for i := grid.IntervalAt(from, minutes); i.Begin().Before(until) && !i.End().After(now); i = i.Shift(1) {
		told, err := values.Of(ctx, i)
		if err != nil {
			return nil, err
		}
		c, err := d.Compare.Compare(ctx, i, told)
		if err != nil {
			return nil, err
		}
		if c != nil {
			all = append(all, reconcile.Interval{Interval: i, Signed: c.Signed, Official: c.Official})
		}
	}
	return all, nil
}
