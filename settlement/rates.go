package settlement

import (
	"fmt"
	"maps"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/tariff"
)

// mostPrice bounds retail, feed-in and community part of a tariff: a million currency
// units a kWh, as package tariff does.
const mostPrice grid.Price = 1_000_000_000_000

// freezeRates notes in the basis of a first run what a kWh costs at each account. All that
// follow the run's one tariff, without a part that neighbours' energy pays too, need no note:
// such a run is the same as before there were several tariffs.
func (in Input) freezeRates(b *Basis, at map[string]*position) error {
	if in.Rates == nil {
		return nil
	}
	all, own, note := make(map[string]tariff.Rates, len(at)), in.Tariff.Rates(), false
	for _, point := range slices.Sorted(maps.Keys(at)) {
		r, some := in.Rates[point]
		if !some {
			r = own
		}
		if err := checkRates(point, r, in.Tariff.Currency); err != nil {
			return err
		}
		all[at[point].account] = r
		note = note || r != own
	}
	if !note {
		return nil
	}
	if b.Rules == nil {
		return fmt.Errorf("rates: an interval of several tariffs needs rules of own energy and pool")
	}
	b.Rates = all
	return nil
}

func checkRates(point string, r tariff.Rates, currency string) error {
	if r.Currency != currency {
		return fmt.Errorf("metering point %q: its tariff %q is in %s, the community's in %s", point, r.Tariff, r.Currency, currency)
	}
	for _, p := range []grid.Price{r.Retail, r.FeedIn, r.Community, r.Avoided()} {
		if p > mostPrice || p < -mostPrice {
			return fmt.Errorf("metering point %q: its tariff %q has the price %d, beyond %d either way: %w", point, r.Tariff, p, int64(mostPrice), grid.ErrOverflow)
		}
	}
	return nil
}

// samePrices tells whether two tariffs cost the same, whatever they are called.
func samePrices(a, b tariff.Rates) bool {
	return a.Retail == b.Retail && a.FeedIn == b.FeedIn && a.Community == b.Community
}

// rates gives each position its own, and tells whether they are one tariff for all, of
// which neighbours' energy pays no part. Errors: an account of a later run of which the
// basis says nothing.
func (b Basis) rates(t tariff.Tariff, points []*position) (one bool, err error) {
	one = true
	for _, p := range points {
		p.rates = t.Rates()
		if b.Rates != nil {
			r, some := b.Rates[p.account]
			if !some {
				return false, fmt.Errorf("account %s: the first run has no rates of it", p.account)
			}
			if err := checkRates(p.MeteringPoint, r, t.Currency); err != nil {
				return false, err
			}
			p.rates = r
		}
		one = one && p.rates.Community == 0 && samePrices(p.rates, points[0].rates)
	}
	return one, nil
}

// Worth returns what metered energy is worth at the rates alone, + receives. Errors:
// grid.ErrOverflow.
func Worth(r tariff.Rates, f grid.Flow) (grid.Money, error) {
	return tariff.Tariff{Retail: r.Retail, FeedIn: r.FeedIn}.Value(f)
}

// Counted returns the rates by which a statement of the run was made.
func (r Run) Counted(s Statement) tariff.Rates {
	if s.Rates != nil {
		return *s.Rates
	}
	return r.Tariff.Rates()
}

// components pays the utility those per-kWh parts of a tariff that neighbours' energy
// pays too, such as a part of the grid's: on all that was metered and is neither the
// member's own nor the utility's energy, whether it was traded or came from the pool.
func (c *clearing) components() error {
	for _, p := range c.points {
		if p.rates.Community == 0 {
			continue
		}
		taken := max(p.Flow.Import-p.owned.short-p.left.short, 0)
		money, err := p.rates.Community.Cost(taken)
		if err != nil {
			return fmt.Errorf("%s: %w", p.MeteringPoint, err)
		}
		p.components = money
		c.book.pay(p.account, record.Utility, money, taken, ReasonComponents, p.account)
	}
	return nil
}
