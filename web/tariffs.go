package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/web/api"
)

// TariffBook is what energy costs in a community that runs.
type TariffBook interface {
	// Shown returns the tariffs with what counts now.
	Shown() api.Tariffs
	// Push adds prices to the series of a tariff. Errors: tariff.ErrUnknown,
	// *tariff.UsedPriceError, *tariff.PricesError, or that nothing could be kept.
	Push(name string, prices []tariff.SpotPrice) (api.TariffSeries, error)
}

// ListTariffs implements the API.
func (s operators) ListTariffs(context.Context, api.ListTariffsRequestObject) (api.ListTariffsResponseObject, error) {
	if s.operator.Tariffs == nil {
		return nil, refuse(http.StatusNotFound, "there are no tariffs here")
	}
	return api.ListTariffs200JSONResponse(s.operator.Tariffs.Shown()), nil
}

// PushPrices implements the API.
func (s operators) PushPrices(_ context.Context, r api.PushPricesRequestObject) (api.PushPricesResponseObject, error) {
	prices := make([]tariff.SpotPrice, len(r.Body.Prices))
	for k, p := range r.Body.Prices {
		if p.Start.Nanosecond() != 0 {
			return nil, refuse(http.StatusBadRequest, "prices[%d].start: whole seconds only", k)
		}
		prices[k] = tariff.SpotPrice{Start: p.Start.Unix(), Price: grid.Price(p.Price)}
	}
	series, err := s.operator.Tariffs.Push(r.Name, prices)
	used, wrong := (*tariff.UsedPriceError)(nil), (*tariff.PricesError)(nil)
	switch {
	case err == nil:
		return api.PushPrices200JSONResponse(series), nil
	case errors.Is(err, tariff.ErrUnknown):
		return nil, refuse(http.StatusNotFound, "%v", err)
	case errors.As(err, &used):
		return nil, refuse(http.StatusConflict, "%v", err)
	case errors.As(err, &wrong):
		return nil, refuse(http.StatusBadRequest, "prices: %v", err)
	default:
		return nil, err
	}
}

// Prices are what energy costs the homes, by the interval. An error says that it is not known.
type Prices interface {
	Default(i grid.Interval) (tariff.Tariff, error)
	Rates(point string, i grid.Interval) (tariff.Rates, error)
}

// PricedBy has the pages show what energy costs each home in the interval that is being
// delivered, of so many minutes.
func (l *Live) PricedBy(p Prices, minutes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.homes.prices = priced{p, minutes}
}

// priced is what energy costs, by the interval that is being delivered.
type priced struct {
	prices  Prices // nil: the community's tariff, for all at all times
	minutes int
}

// interval is the one that is being delivered.
func (p priced) interval(now time.Time) grid.Interval {
	if p.prices == nil {
		return grid.Interval{}
	}
	return grid.IntervalAt(now, p.minutes)
}

// usual returns the community's tariff; as it was where nothing else is known.
func (p priced) usual(was api.Tariff, at grid.Interval) api.Tariff {
	if p.prices == nil {
		return was
	}
	t, err := p.prices.Default(at)
	if err != nil {
		return was
	}
	return api.Tariff{Version: t.Version, Currency: t.Currency, Retail: int64(t.Retail), FeedIn: int64(t.FeedIn)}
}

// of returns the tariff of a metering point, nil where its price is not known.
func (p priced) of(point string, at grid.Interval) *api.Tariff {
	if p.prices == nil {
		return nil
	}
	r, err := p.prices.Rates(point, at)
	if err != nil {
		return nil
	}
	return shownRates(r)
}

// shownRates are rates as the API has them.
func shownRates(r tariff.Rates) *api.Tariff {
	t := &api.Tariff{Version: r.Version, Currency: r.Currency, Retail: int64(r.Retail), FeedIn: int64(r.FeedIn)}
	if r.Tariff != r.Version {
		t.Name = &r.Tariff
	}
	if r.Community != 0 {
		t.Community = new(int64(r.Community))
	}
	return t
}

// avoided is what a kWh of neighbours' energy saves at a tariff.
func avoided(t api.Tariff) int64 {
	if t.Community == nil {
		return t.Retail
	}
	return t.Retail - *t.Community
}
