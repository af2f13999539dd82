package hub

import (
	"reflect"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/web/api"
)

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

// priceAt is what a tariff comes to in an interval, and of what; or why it has no price there.
func priceAt(s tariff.Schedule, i grid.Interval, where tariff.Where) (price *api.Tariff, parts []api.TariffPart, problem *string) {
	parts = []api.TariffPart{}
	r, err := s.At(i, where)
	if err != nil {
		return nil, parts, new(err.Error())
	}
	price = &api.Tariff{Version: r.Version, Currency: r.Currency, Retail: int64(r.Retail), FeedIn: int64(r.FeedIn), Name: &s.Name}
	if r.Community != 0 {
		price.Community = new(int64(r.Community))
	}
	priced, err := s.Parts(i, where)
	if err != nil {
		return price, parts, nil
	}
	for _, p := range priced {
		part := api.TariffPart{Component: p.Component, Kind: api.TariffPartKind(p.Kind), Price: int64(p.Price)}
		if p.Export {
			part.Export = &p.Export
		}
		if p.Community != 0 {
			part.Community = new(int64(p.Community))
		}
		if p.VAT != 0 {
			part.Vat, part.Gross = new(int64(p.VAT)), &p.Gross
		}
		parts = append(parts, part)
	}
	return price, parts, nil
}
