package community

import (
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/tariff"
)

// Collar is the price step of a market, and the lowest and the highest price of an order.
type Collar = matching.Quotes

// collars returns those that a market may have, from the finest. The usual one, of currencies in
// which a kWh costs tenths, has steps of 0.01 ct and goes from -1 to 5 units a kWh; the others
// are tens of it, and the last goes as far as the engine reckons.
func collars() []Collar {
	return []Collar{
		{Tick: 1, Floor: -10_000, Ceiling: 50_000},
		{Tick: 10, Floor: -100_000, Ceiling: 500_000},
		{Tick: 100, Floor: -1_000_000, Ceiling: 5_000_000},
		{Tick: 1_000, Floor: -10_000_000, Ceiling: 50_000_000},
		{Tick: 10_000, Floor: -100_000_000, Ceiling: 500_000_000},
		{Tick: 100_000, Floor: -1_000_000_000, Ceiling: 1_000_000_000},
	}
}

// CollarOf returns the collar in which the members of a tariff can trade.
func CollarOf(t tariff.Tariff) (Collar, error) { return CollarFor(t.Extremes()) }

// CollarFor returns the collar in which members can trade whose tariffs have these extremes:
// their prices are at most half as far from nothing as the highest and the lowest price, and
// the dearest is two hundred steps at least. The error names the price that is beyond every
// collar.
func CollarFor(e tariff.Extremes) (Collar, error) {
	all := collars()
	for _, c := range all {
		usual := c.Tick >= 100 || e.RetailHigh > 0 && 25*e.RetailHigh <= c.Ceiling
		if usual && 2*e.Highest() <= c.Ceiling && 2*e.Lowest() >= c.Floor {
			return c, nil
		}
	}
	last := all[len(all)-1]
	return last, Fits(last, e)
}

// Fits tells which price of the tariffs no order could have.
func Fits(c Collar, e tariff.Extremes) error {
	for _, p := range []struct {
		field string
		price grid.Price
	}{
		{"retail", e.RetailLow},
		{"retail", e.RetailHigh},
		{"feed_in", e.FeedInLow},
		{"feed_in", e.FeedInHigh},
		{"retail less what community energy pays", e.AvoidedLow},
		{"retail less what community energy pays", e.AvoidedHigh},
	} {
		if p.price < c.Floor || p.price > c.Ceiling {
			return fmt.Errorf("tariff.%s: %d is no price at which the market can trade: its prices go from %d to %d millionths of %s a kWh", p.field, p.price, c.Floor, c.Ceiling, e.Currency)
		}
	}
	return nil
}

// CheckCollar tells what is wrong with a collar. The error begins with the name of the field.
func CheckCollar(c Collar) error {
	return under(c, matching.Config{Feeder: grid.SingleNode()}).Validate()
}

// under returns the rules with another collar.
func under(c Collar, rules matching.Config) matching.Config {
	rules.Tick, rules.Floor, rules.Ceiling = c.Tick, c.Floor, c.Ceiling
	return rules
}

// begun has the market go by the collar under which a log was begun: a tariff that changed since,
// or another way to choose the collar, makes no other market of it. Rules that differ otherwise
// stay as they are, and the engine refuses the log.
func (m *Market) begun(digest string) {
	for _, c := range collars() {
		rules := under(c, m.rules)
		if m.rules.Digest() == digest || rules.Digest() != digest {
			continue
		}
		if engine, err := matching.New(rules); err == nil {
			m.rules, m.engine = rules, engine
		}
	}
}

// Fits tells whether the tariffs' prices are prices of the market in the products that are
// opened now.
func (m *Market) Fits() error { return Fits(m.engine.Quotes(), m.extremes) }

// Want says which price rules are to count from now on, for tariffs of these extremes.
func (m *Market) Want(c Collar, e tariff.Extremes) { m.wanted, m.extremes = c, e }

// Reprice returns the commands that have the products which are opened from now on follow the
// rules of the configuration, of prices and of how orders trade; nothing where they do. They are
// journaled as all commands: what is open keeps its rules, and a log that was written before
// replays as it was.
func (m *Market) Reprice(now time.Time) (commands []matching.Command) {
	if m.engine.Quotes() != m.wanted {
		commands = append(commands, matching.Command{Kind: matching.Requote, Time: now.UnixMilli(), Name: m.wanted.String()})
	}
	if m.engine.Trading() != m.config.Trading {
		commands = append(commands, matching.Command{Kind: matching.Arrange, Time: now.UnixMilli(), Name: m.config.Trading.String()})
	}
	return commands
}

// TradingOf returns how the orders for an interval trade.
func (m *Market) TradingOf(i grid.Interval) matching.Trading { return m.engine.TradingOf(m.label(i)) }

// Rules returns what an order must keep to in a product that is opened now.
func (m *Market) Rules() matching.Config { return under(m.engine.Quotes(), m.rules) }

// QuotesOf returns what the price of an order must be for an interval.
func (m *Market) QuotesOf(i grid.Interval) Collar { return m.engine.QuotesOf(m.label(i)) }

// rulebook is what the market was begun with, and what prices are to be from now on.
type rulebook struct {
	rules    matching.Config // under which the log was begun
	wanted   Collar
	extremes tariff.Extremes // of all tariffs
}

// Begin returns the command that begins a log. The market rejects it, and what
// follows cannot be trusted, when it was begun under other rules.
func (r *rulebook) Begin(now time.Time) matching.Command {
	return matching.Command{Kind: matching.Begin, Time: now.UnixMilli(), Name: r.rules.Digest()}
}

// OnTick moves an order for an interval to the nearest price that the market knows: not
// above the limit of a bid, not below that of an offer.
func (m *Market) OnTick(i grid.Interval, o grid.Order) grid.Order {
	tick := m.QuotesOf(i).Tick
	off := (o.Price%tick + tick) % tick
	switch {
	case off == 0:
	case o.Side == grid.Bid:
		o.Price -= off
	default:
		o.Price += tick - off
	}
	return o
}
