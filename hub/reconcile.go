package hub

import (
	"context"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/reconcile"
	"github.com/commonwatt/commonwatt/web/api"
)

// Reconcile implements web.Values.
func (d *valuesDesk) Reconcile(ctx context.Context, month string, all bool) (r api.Reconciliation, err error) {
	from, err := d.month(month)
	if err != nil {
		return r, err
	}
	r.Month, r.Zone, r.Currency, r.BillsBy = from.Format(monthSums), d.zone.String(), d.market.site.plan.Tariff.Currency, api.ReconciliationBillsBy(d.billsBy())
	if r.Waiting, err = d.corrections.archive.Waiting(ctx); err != nil {
		return r, err
	}
	intervals, err := d.compare(ctx, from, from.AddDate(0, 1, 0))
	if err != nil {
		return r, err
	}
	table, err := reconcile.Make(intervals, reconcile.Options{Zone: d.zone, Member: d.market.host.Owner, Replaced: d.market.records.metering.Replaced})
	if err != nil {
		return r, err
	}
	r.Intervals = len(intervals)
	tell(&r, table, all)
	return r, nil
}

const monthSums = "2006-01"

// month returns the begin of a local month; of an empty one that of the last which is over.
func (d *valuesDesk) month(text string) (time.Time, error) {
	if text == "" {
		now := d.market.site.clock().In(d.zone)
		return time.Date(now.Year(), now.Month()-1, 1, 0, 0, 0, 0, d.zone), nil
	}
	from, err := time.ParseInLocation(monthSums, text, d.zone)
	if err != nil {
		return from, fmt.Errorf("month: %w", err)
	}
	return from, nil
}

// compare settles the intervals in [from, until) both ways that are over and were settled.
func (d *valuesDesk) compare(ctx context.Context, from, until time.Time) (all []reconcile.Interval, err error) {
	minutes, now := d.market.site.plan.Market.Minutes, d.market.site.clock()
	values := gridValues{d.corrections.archive}
	for i := grid.IntervalAt(from, minutes); i.Begin().Before(until) && !i.End().After(now); i = i.Shift(1) {
		told, err := values.Of(ctx, i)
		if err != nil {
			return nil, err
		}
		c, err := d.market.settle.Compare(ctx, i, told)
		if err != nil {
			return nil, err
		}
		if c != nil {
			all = append(all, reconcile.Interval{Interval: i, Signed: c.Signed, Official: c.Official})
		}
	}
	return all, nil
}

// tell puts a table into the API's terms.
func tell(r *api.Reconciliation, t reconcile.Table, all bool) {
	for _, row := range t.Rows {
		if !all && !row.Differs() {
			continue
		}
		r.Energy = append(r.Energy, api.ReconciledEnergy{
			Point: row.Point, Interval: row.Interval.String(), SignedImport: int64(row.Signed.Import), OfficialImport: int64(row.Official.Import),
			SignedExport: int64(row.Signed.Export), OfficialExport: int64(row.Official.Export), SignedQuality: string(row.Quality), Quality: string(row.Billed), Reason: string(row.Reason),
		})
	}
	for _, m := range t.Months {
		r.Months = append(r.Months, api.ReconciledMonth{
			Point: m.Point, SignedImport: int64(m.Signed.Import), OfficialImport: int64(m.Official.Import), SignedExport: int64(m.Signed.Export), OfficialExport: int64(m.Official.Export),
			Intervals: m.Intervals, Differing: m.Differing, Missing: m.Missing,
		})
	}
	for _, m := range t.Money {
		r.Money = append(r.Money, api.ReconciledMoney{Member: m.Member, Signed: int64(m.Signed), Official: int64(m.Official), Difference: int64(m.Difference)})
	}
}
