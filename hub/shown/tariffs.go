package shown

import (
	"reflect"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/tariff/shelf"
	"github.com/commonwatt/commonwatt/web/api"
)

// Tariffs shows what energy costs, and takes prices for its series. It implements
// web.TariffBook.
type Tariffs struct {
	Shelf   *shelf.Shelf
	Zone    *time.Location
	Minutes int                         // of a delivery interval
	Clock   func() time.Time            // world time
	Reprice func(tariff.Extremes) error // has the market's prices follow; nil: they are fixed
}

// Shown implements web.TariffBook.
func (d Tariffs) Shown() api.Tariffs {
	now := d.Clock()
	book, i := d.Shelf.Book(), grid.IntervalAt(now, d.Minutes)
	usual := book.At("", i)
	where := tariff.Where{Zone: d.Zone, Distance: usual.Distance}
	flat := book.Flat(i)
	shown := api.Tariffs{
		Zone: d.Zone.String(), Minutes: d.Minutes, Time: now.UTC(), Currency: flat.Currency, MinorDigits: tariff.MinorDigits(flat.Currency), Usual: usual.Tariff, Tariffs: []api.TariffNow{},
	}
	if book.HasFlat(now) {
		if usual.Tariff == "" {
			shown.Usual = flat.Version
		}
		shown.Tariffs = append(shown.Tariffs, tariffToday(flat.Schedule(), i, where))
	}
	for _, s := range book.Schedules() {
		shown.Tariffs = append(shown.Tariffs, tariffToday(s, i, where))
	}
	return shown
}

// Push implements web.TariffBook.
func (d Tariffs) Push(name string, prices []tariff.SpotPrice) (api.TariffSeries, error) {
	if err := d.Shelf.Push(name, prices, d.Clock()); err != nil {
		return api.TariffSeries{}, err
	}
	s, err := d.Shelf.Book().Schedule(name)
	if err != nil {
		return api.TariffSeries{}, err
	}
	if d.Reprice != nil {
		if err := d.Reprice(d.Shelf.Extremes(tariff.Extremes{}, d.Clock())); err != nil {
			return api.TariffSeries{}, err
		}
	}
	return seriesOf(*s.Spot), nil
}

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
	if a.Problem != nil && b.Problem != nil {
		return true // no price: the reason names the first interval
	}
	a.From, a.Until, b.From, b.Until = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return reflect.DeepEqual(a, b)
}

// tariffNow is a tariff with what counts in an interval.
func tariffNow(s tariff.Schedule, i grid.Interval, where tariff.Where) api.TariffNow {
	t := api.TariffNow{Name: s.Name, Components: []api.TariffPart{}, Versions: make([]api.TariffVersion, len(s.Versions))}
	for k, v := range s.Versions {
		t.Versions[k] = api.TariffVersion{Version: v.Version, Components: make([]string, len(v.Components)), Digest: new(s.Digest(v))}
		for n, c := range v.Components {
			t.Versions[k].Components[n] = c.Name
		}
		if !v.ValidFrom.IsZero() {
			t.Versions[k].ValidFrom = new(v.ValidFrom.String())
		}
	}
	if s.Spot != nil {
		t.Series = new(seriesOf(*s.Spot))
	}
	t.Now, t.Components, t.Problem = priceAt(s, i, where)
	return t
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

// seriesOf says what a series has.
func seriesOf(s tariff.Spot) api.TariffSeries {
	shown := api.TariffSeries{Minutes: s.Minutes, Prices: len(s.Prices)}
	if n := len(s.Prices); n > 0 {
		shown.From = new(time.Unix(s.Prices[0].Start, 0).UTC())
		shown.Until = new(time.Unix(s.Prices[n-1].Start, 0).Add(time.Duration(s.Minutes) * time.Minute).UTC())
	}
	return shown
}
