package community

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/settlement"
)

// Market joins the engine with the calendar: it is the whole state of a
// community's market as a function of the commands applied. It is not safe for
// concurrent use.
type Market struct {
	config Config
	tariff settlement.Tariff
	engine *matching.Engine
	life   *Lifecycle
	trades map[grid.Interval][]grid.Trade
	counts Counts
}

// Counts are totals since the community began.
type Counts struct {
	Orders  int64 // accepted
	Trades  int64
	Cleared int64 // intervals
}

// NewMarket returns the market of a community on a feeder.
func NewMarket(c Config, feeder grid.Feeder, tariff settlement.Tariff) (*Market, error) {
	if err := tariff.Validate(); err != nil {
		return nil, err
	}
	engine, err := matching.New(feeder)
	if err != nil {
		return nil, fmt.Errorf("market of %s: %w", c.Community, err)
	}
	return &Market{config: c, tariff: tariff, engine: engine, life: New(c), trades: map[grid.Interval][]grid.Trade{}}, nil
}

// Counts returns the totals.
func (m *Market) Counts() Counts { return m.counts }

// Advance returns what is due by now.
func (m *Market) Advance(now time.Time) []Action { return m.life.Advance(now) }

// Command returns the engine's command for an Open or Close action.
func (a Action) Command() matching.Command {
	kind := matching.Open
	if a.Step == Close {
		kind = matching.Close
	}
	return matching.Command{Kind: kind, Time: a.Time, Product: a.Product}
}

// Apply carries out a command, of the calendar, of an agent, or replayed from
// the journal.
func (m *Market) Apply(c matching.Command) []matching.Event {
	events := m.engine.Apply(c)
	for _, ev := range events {
		switch ev.Kind {
		case matching.Opened:
			m.life.Opened(ev.Product.Interval)
		case matching.Accepted:
			m.counts.Orders++
		case matching.Traded:
			m.counts.Trades++
			m.trades[ev.Product.Interval] = append(m.trades[ev.Product.Interval], *ev.Trade)
		case matching.Cleared:
			m.counts.Cleared++
			m.life.Closed(ev.Product.Interval)
		case matching.Rejected, matching.Cancelled, matching.Expired:
		}
	}
	return events
}

// Unsettled returns the intervals whose gate has closed and of which no run is
// known, by time.
func (m *Market) Unsettled() []grid.Interval {
	var intervals []grid.Interval
	for i, x := range m.life.live {
		if x.closed && x.run == 0 {
			intervals = append(intervals, i)
		}
	}
	slices.SortFunc(intervals, grid.Interval.Compare)
	return intervals
}

// Settle makes a run of the interval from what was metered. previous are the
// earlier runs of the interval; the first fixes the tariff.
func (m *Market) Settle(i grid.Interval, run int, metered []settlement.Metered, root string, previous []settlement.Run) (settlement.Run, error) {
	in := settlement.Input{
		Community: m.config.Community, Interval: i, Run: run, Tariff: m.tariff,
		Trades: m.trades[i], Metered: metered, ReadingRoot: root,
	}
	for _, p := range previous {
		in.Tariff = p.Tariff
		in.Previous = append(in.Previous, p.Postings()...)
	}
	return settlement.Settle(in)
}

// Traders returns the metering points with trades in the interval, sorted.
func (m *Market) Traders(i grid.Interval) []string {
	seen := map[string]bool{}
	for _, t := range m.trades[i] {
		seen[t.Buyer], seen[t.Seller] = true, true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Settled tells that a run is frozen. A run with substituted values is tried
// again when the readings may have come.
func (m *Market) Settled(i grid.Interval, run int, substituted bool, now time.Time) {
	m.life.Settled(i, run, substituted, now)
	if !substituted {
		delete(m.trades, i)
	}
}
