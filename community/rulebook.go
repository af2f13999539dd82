package community

import (
	"cmp"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/tariff"
)

// Collar is the price step of a market, and the lowest and the highest price of an order.
type Collar struct{ Tick, Floor, Ceiling grid.Price }

// collars returns those that a market may have, from the finest. The usual one, of currencies in
// which a kWh costs tenths, has steps of 0.01 ct and goes from -1 to 5 units a kWh; the others
// are tens of it, and the last goes as far as the engine reckons.
func collars() []Collar {
	return []Collar{
		{1, -10_000, 50_000},
		{10, -100_000, 500_000},
		{100, -1_000_000, 5_000_000},
		{1_000, -10_000_000, 50_000_000},
		{10_000, -100_000_000, 500_000_000},
		{100_000, -1_000_000_000, 1_000_000_000},
	}
}

// CollarOf returns the collar in which the members of a tariff can trade: its prices are at most
// half as far from nothing as the highest and the lowest price, and retail is two hundred steps
// at least. The error names the price that is beyond every collar.
func CollarOf(t tariff.Tariff) (Collar, error) {
	all := collars()
	for _, c := range all {
		usual := c.Tick >= 100 || t.Retail > 0 && 25*t.Retail <= c.Ceiling
		if usual && 2*max(t.Retail, t.FeedIn) <= c.Ceiling && 2*min(t.Retail, t.FeedIn) >= c.Floor {
			return c, nil
		}
	}
	last := all[len(all)-1]
	return last, last.Fits(t)
}

// Fits tells which price of a tariff no order could have.
func (c Collar) Fits(t tariff.Tariff) error {
	for _, p := range []struct {
		field string
		price grid.Price
	}{{"retail", t.Retail}, {"feed_in", t.FeedIn}} {
		if p.price < c.Floor || p.price > c.Ceiling {
			return fmt.Errorf("tariff.%s: %d is no price at which the market can trade: its prices go from %d to %d millionths of %s a kWh", p.field, p.price, c.Floor, c.Ceiling, t.Currency)
		}
	}
	return nil
}

// given returns the collar that an operator gives, as far as he does.
func (c Collar) given(by Config) Collar {
	return Collar{cmp.Or(by.Tick, c.Tick), cmp.Or(by.Floor, c.Floor), cmp.Or(by.Ceiling, c.Ceiling)}
}

// under returns the rules with another collar.
func (c Collar) under(rules matching.Config) matching.Config {
	rules.Tick, rules.Floor, rules.Ceiling = c.Tick, c.Floor, c.Ceiling
	return rules
}

// begun has the market go by the collar under which a log was begun: a tariff that changed since,
// or another way to choose the collar, makes no other market of it. Rules that differ otherwise
// stay as they are, and the engine refuses the log.
func (m *Market) begun(digest string) {
	for _, c := range collars() {
		rules := c.under(m.rules)
		if m.rules.Digest() == digest || rules.Digest() != digest {
			continue
		}
		if engine, err := matching.New(rules); err == nil {
			m.rules, m.engine = rules, engine
		}
	}
}

// Fits tells whether the tariff's prices are prices of the market. They are not where its log was
// begun under another tariff, in other units.
func (m *Market) Fits() error {
	return Collar{m.rules.Tick, m.rules.Floor, m.rules.Ceiling}.Fits(m.tariff)
}

// rulebook is what an order must keep to. It does not change once the log is replayed.
type rulebook struct {
	rules matching.Config
}

// Rules returns what an order must keep to.
func (r *rulebook) Rules() matching.Config { return r.rules }

// Begin returns the command that begins a log. The market rejects it, and what
// follows cannot be trusted, when it was begun under other rules.
func (r *rulebook) Begin(now time.Time) matching.Command {
	return matching.Command{Kind: matching.Begin, Time: now.UnixMilli(), Name: r.rules.Digest()}
}

// OnTick moves an order to the nearest price that the market knows: not
// above the limit of a bid, not below that of an offer.
func (r *rulebook) OnTick(o grid.Order) grid.Order {
	off := (o.Price%r.rules.Tick + r.rules.Tick) % r.rules.Tick
	switch {
	case off == 0:
	case o.Side == grid.Bid:
		o.Price -= off
	default:
		o.Price += r.rules.Tick - off
	}
	return o
}
