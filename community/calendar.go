package community

import (
	"math"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// calendar is the community's intervals: how long they are, which of their products are
// open, and what is due in their lives.
type calendar struct {
	config Config
	life   *Lifecycle
	gates  map[grid.Interval]gate // of products that were opened
}

// gate is that of a product.
type gate struct{ closed bool }

// newCalendar returns the calendar of a community without a past.
func newCalendar(c Config) calendar {
	return calendar{config: c, life: New(c), gates: map[grid.Interval]gate{}}
}

// Calendar returns the community's calendar.
func (c *calendar) Calendar() Config { return c.config }

// label is the engine's number of an interval's product.
func (c *calendar) label(i grid.Interval) uint32 { return uint32(i.Start / int64(c.config.Minutes*60)) }

func (c *calendar) product(label uint32) grid.Product {
	return grid.Product{
		Community: c.config.Community,
		Interval:  grid.Interval{Start: int64(label) * int64(c.config.Minutes*60), Minutes: c.config.Minutes},
	}
}

// closure is when the gate of an interval's product closes.
func (c *calendar) closure(i grid.Interval) time.Time { return i.Begin().Add(-c.config.GateClosure) }

// unlimited is the energy of an interval that no limit bounds.
const unlimited grid.Energy = math.MaxInt64

// carries is the energy of an interval at a power, unlimited where there is none.
func (c *calendar) carries(p *grid.Power) grid.Energy {
	if p == nil {
		return unlimited
	}
	return grid.Energy(int64(*p) * int64(c.config.Minutes) / 60)
}

// Command returns the engine's command for an Open, Call or Close action.
func (c *calendar) Command(a Action) matching.Command {
	kind := matching.Open
	switch a.Step { //nolint:exhaustive // the others are no commands
	case Call:
		kind = matching.Call
	case Close:
		kind = matching.Close
	}
	return matching.Command{Kind: kind, Time: a.Time.UnixMilli(), Product: c.label(a.Product.Interval)}
}

// Open returns the first and the last interval whose product is open for trade.
func (c *calendar) Open() (first, last grid.Interval, some bool) {
	for i, g := range c.gates {
		if g.closed {
			continue
		}
		if !some || i.Compare(first) < 0 {
			first = i
		}
		if !some || i.Compare(last) > 0 {
			last = i
		}
		some = true
	}
	return first, last, some
}

// Advance returns what is due by now.
func (c *calendar) Advance(now time.Time) []Action { return c.life.Advance(now) }

// Begun tells that an action is being carried out (Lifecycle.Begun).
func (c *calendar) Begun(a Action) { c.life.Begun(a) }

// Failed tells that an action came to nothing (Lifecycle.Failed).
func (c *calendar) Failed(a Action, retryAt time.Time) { c.life.Failed(a, retryAt) }

// Join lets the agent of one more member quote: its metering point was admitted.
func (c *calendar) Join(member string) { c.life.Join(member) }

// Unsettled returns the intervals whose gate has closed and of which no run is
// known, by time.
func (c *calendar) Unsettled() []grid.Interval { return c.life.Unsettled() }

// opened notes that a product is open.
func (c *calendar) opened(i grid.Interval) {
	c.gates[i] = gate{}
	c.life.Opened(i)
}

// closed notes that a product's gate has closed.
func (c *calendar) closed(i grid.Interval) {
	c.gates[i] = gate{closed: true}
	c.life.Closed(i)
}

// forget drops the gates of products that closed long before this one.
func (c *calendar) forget(now grid.Interval) {
	for i := range c.gates {
		if !c.life.knows(i) && longAgo(i, now) {
			delete(c.gates, i)
		}
	}
}
