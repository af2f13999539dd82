package hub

import (
	"reflect"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/web/api"
)

// tariffToday is a tariff with what counts in an interval, and over its local day.
func tariffToday(s tariff.Schedule, i grid.Interval, where tariff.Where) api.TariffNow {
	t := tariffNow(s, i, where)
	t.Today = tariffDay(s, tariff.DateOf(i.Begin(), where.Zone), i.Minutes, where)
	return t
}

// tariffDay are the periods of a local day, from midnight to midnight: one ends where any of
// the prices changes.
func tariffDay(s tariff.Schedule, day tariff.Date, minutes int, where tariff.Where) (all []api.TariffPeriod) {
	end := day.Add(1).Begin(where.Zone)
	for i := grid.IntervalAt(day.Begin(where.Zone), minutes); i.Begin().Before(end); i = i.Shift(1) {
		p := api.TariffPeriod{From: i.Begin().UTC(), Until: i.End().UTC()}
		p.Price, p.Components, p.Problem = priceAt(s, i, where)
		if n := len(all); n > 0 && same(all[n-1], p) {
			all[n-1].Until = p.Until
			continue
		}
		all = append(all, p)
	}
	return all
}

// same tells whether two periods have the same prices.
func same(a, b api.TariffPeriod) bool {
	a.From, a.Until, b.From, b.Until = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return reflect.DeepEqual(a, b)
}
