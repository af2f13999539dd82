package shown

import (
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
	for _, x := range s.Day(day, minutes, where) {
		p := api.TariffPeriod{From: x.First.Begin().UTC(), Until: x.End().UTC()}
		p.Price, p.Components, p.Problem = priceOf(s.Name, x)
		all = append(all, p)
	}
	return all
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
	t.Now, t.Components, t.Problem = priceOf(s.Name, s.Slice(i, where))
	return t
}

// priceOf is what a tariff comes to in a part of a day, and of what; or why it has no price there.
func priceOf(name string, s tariff.Slice) (price *api.Tariff, parts []api.TariffPart, problem *string) {
	parts = []api.TariffPart{}
	if s.Err != nil {
		return nil, parts, new(s.Err.Error())
	}
	r := s.Rates
	price = &api.Tariff{Version: r.Version, Currency: r.Currency, Retail: int64(r.Retail), FeedIn: int64(r.FeedIn), Name: &name}
	if r.Community != 0 {
		price.Community = new(int64(r.Community))
	}
	for _, p := range s.Parts {
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
