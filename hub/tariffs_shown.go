package hub

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/web/api"
)

// tariffDesk shows the tariffs, and takes prices for their series. It implements
// web.TariffBook.
type tariffDesk struct {
	*tariffs

	clock   func() time.Time            // world time
	reprice func(tariff.Extremes) error // has the market's prices follow; nil: they are fixed
}

// Shown implements web.TariffBook.
func (d tariffDesk) Shown() api.Tariffs {
	now := d.clock()
	book, i := d.book.Load(), grid.IntervalAt(now, d.minutes)
	usual := book.At("", i)
	where := tariff.Where{Zone: d.zone, Distance: usual.Distance}
	flat := book.Flat(i)
	shown := api.Tariffs{
		Zone: d.zone.String(), Minutes: d.minutes, Time: now.UTC(), Currency: flat.Currency, MinorDigits: tariff.MinorDigits(flat.Currency), Usual: usual.Tariff, Tariffs: []api.TariffNow{},
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

// tariffToday is a tariff with what counts in an interval, and over its local day.
func tariffToday(s tariff.Schedule, i grid.Interval, where tariff.Where) api.TariffNow {
	t := tariffNow(s, i, where)
	t.Today = tariffDay(s, tariff.DateOf(i.Begin(), where.Zone), i.Minutes, where)
	return t
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

// Push implements web.TariffBook.
func (d tariffDesk) Push(name string, prices []tariff.SpotPrice) (api.TariffSeries, error) {
	if err := d.push(name, prices, d.clock()); err != nil {
		return api.TariffSeries{}, err
	}
	s, err := d.book.Load().Schedule(name)
	if err != nil {
		return api.TariffSeries{}, err
	}
	if d.reprice != nil {
		if err := d.reprice(d.extremes(tariff.Extremes{}, d.clock())); err != nil {
			return api.TariffSeries{}, err
		}
	}
	return seriesOf(*s.Spot), nil
}
