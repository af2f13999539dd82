package community

import (
	"fmt"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// Market joins the engine with the calendar and with names: it is the whole
// state of a community's market as a function of the commands applied. It is
// not safe for concurrent use.
//
// Each of its parts keeps what it knows by itself: which products are open, who trades,
// where the orders stand, what was traded, how the calls came out, and what an order must keep to. The market
// leads a command through them.
type Market struct {
	calendar
	roster
	orders
	traded
	calls
	rulebook
	totals

	tariff tariff.Tariff
	engine *matching.Engine
	events []Event // of the last command
}

// Counts are totals since the community began.
type Counts struct {
	Orders  int64 // accepted
	Trades  int64
	Cleared int64 // intervals
}

// NewMarket returns the market of a community on a feeder.
func NewMarket(c Config, feeder grid.Feeder, tariff tariff.Tariff) (*Market, error) {
	if err := tariff.Validate(); err != nil {
		return nil, err
	}
	zones := map[string]bool{}
	for _, z := range feeder.Zones() {
		zones[z] = true
	}
	if len(zones) == 1 && c.Trading == matching.Continuous {
		c.CallEvery = 0 // continuous trade leaves nothing to a call
	}
	if c.Rules == nil {
		c.Rules = new(settlement.DefaultRules())
	}
	extremes := tariff.Extremes()
	if c.Extremes != nil {
		extremes = *c.Extremes
	}
	collar, err := CollarFor(extremes)
	if err != nil {
		return nil, err
	}
	rules := matching.Config{Market: fmt.Sprintf("%s, intervals of %d minutes", c.Community, c.Minutes), Feeder: feeder}
	m := &Market{tariff: tariff, rulebook: rulebook{under(collar, rules), collar, extremes}}
	if c.Collar != nil {
		m.wanted = *c.Collar
	}
	empty(m, c)
	if m.engine, err = matching.New(m.rules); err != nil {
		return nil, fmt.Errorf("market of %s: %w", c.Community, err)
	}
	return m, nil
}

// empty has a market forget everything but the rules.
func empty(m *Market, c Config) {
	m.calendar, m.roster, m.orders, m.traded, m.calls = newCalendar(c), newRoster(m.rules.Feeder), newOrders(), newTraded(), newCalls()
	m.counts = Counts{}
}

// totals keeps the Counts.
type totals struct{ counts Counts }

// Counts returns the totals.
func (t *totals) Counts() Counts { return t.counts }

// Admissions returns the commands that admit the metering points which are not
// part of the market yet. It fails when a known one has another member now.
func (m *Market) Admissions(points []Point, now time.Time) ([]matching.Command, error) {
	return m.roster.admissions(points, now, m.carries)
}

// Apply carries out a command, of the calendar, of an agent, or replayed from
// the journal; Events tells the same in names.
func (m *Market) Apply(c *matching.Command) []matching.Event {
	at := time.UnixMilli(c.Time).UTC()
	switch c.Kind {
	case matching.Submit:
		m.known(c)
	case matching.Admit:
		m.roster.admit(c)
	case matching.Begin:
		m.begun(c.Name)
	default:
	}
	m.events = m.events[:0]
	var committed map[string]grid.Energy
	if c.Kind == matching.Close {
		committed = m.committed(m.product(c.Product).Interval)
	}
	events := m.carryOut(c)
	if c.Kind == matching.Limit && events[0].Kind == matching.Done {
		m.roster.limit(c)
	}
	if events[len(events)-1].Kind == matching.Cleared {
		m.calls.hold(m.product(c.Product).Interval, c.Time, committed, events, m.single)
	}
	for i := range events {
		m.orders.follow(&events[i], m.Explain)
		if ev, known := m.name(&events[i], at); known {
			m.see(ev)
			m.events = append(m.events, ev)
		}
	}
	return events
}

// carryOut has the engine carry out a command. Of an order that is to be changed the engine
// is told the history.
func (m *Market) carryOut(c *matching.Command) []matching.Event {
	if c.Kind != matching.Amend {
		return m.engine.Apply(c)
	}
	o := m.byNumber[c.Order]
	if o == nil {
		return m.engine.Amend(c, 0, 0)
	}
	if o.stands(c.Energy, c.Price) {
		return m.engine.Acknowledge(c) // the change that it has already, once more
	}
	events := m.engine.Amend(c, o.Filled, o.Version())
	if events[0].Kind != matching.Rejected {
		o.Amended++
	}
	return events
}

// Events returns those of the last command in names. They stay valid.
func (m *Market) Events() []Event { return slices.Clone(m.events) }

// known remembers the order of a command from the journal; one that was
// prepared here is known already.
func (m *Market) known(c *matching.Command) {
	if m.byNumber[c.Order] != nil || int(c.Account) >= len(m.points) {
		return
	}
	p := m.points[c.Account]
	m.orders.enter(Order{
		Number: c.Order, ClientID: c.Name, Member: p.Member, MeteringPoint: p.MeteringPoint, Product: m.product(c.Product), Side: c.Side,
		Energy: c.Energy, Price: c.Price, Limit: c.Price, Manner: Manner{c.Validity, c.Periods}, Status: Pending,
	})
}

// see notes in the parts what the market decided.
func (m *Market) see(ev Event) {
	switch ev.Kind {
	case Opened:
		m.calendar.opened(ev.Product.Interval)
	case Accepted:
		m.counts.Orders++
	case Traded:
		m.counts.Trades++
		m.traded.add(*ev.Trade)
	case Cleared:
		m.counts.Cleared++
		m.calendar.closed(ev.Product.Interval)
		m.orders.forget(ev.Product.Interval)
		m.calls.forget(ev.Product.Interval)
		m.calendar.forget(ev.Product.Interval)
	case Rejected, Replaced, Cancelled, Expired, Called:
	}
}
