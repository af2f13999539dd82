package host

import (
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
)

// locked is the market behind its lock, and all that is asked of it or told to it without
// a command.
type locked struct {
	mu     sync.Mutex // guards the market
	market *community.Market
}

// Advance returns what is due by now.
func (l *locked) Advance(now time.Time) []community.Action {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.market.Advance(now)
}

// Begun tells that an action is being carried out (community.Lifecycle.Begun).
func (l *locked) Begun(a community.Action) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.market.Begun(a)
}

// Failed tells that an action came to nothing (community.Lifecycle.Failed).
func (l *locked) Failed(a community.Action, retryAt time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.market.Failed(a, retryAt)
}

// Unsettled returns the intervals that wait for their first run, the oldest first.
func (l *locked) Unsettled() []grid.Interval {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.market.Unsettled()
}

// Counts returns the totals.
func (l *locked) Counts() community.Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.market.Counts()
}

// Position returns what a metering point bought less what it sold for an interval, and
// whether it traded.
func (l *locked) Position(i grid.Interval, point string) (net grid.Energy, traded bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.market.Position(i, point)
}

// OnTick moves an order for an interval to the nearest price that the market knows.
func (l *locked) OnTick(i grid.Interval, o grid.Order) grid.Order {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.market.OnTick(i, o)
}

// Settle makes a run of an interval from what was metered (community.Market.Settle). The
// market goes on meanwhile.
func (l *locked) Settle(i grid.Interval, run int, metered []record.Metered, root string, previous []settlement.Run) (settlement.Run, error) {
	l.mu.Lock()
	d := l.market.Draft(i, run, metered, root, previous)
	l.mu.Unlock()
	return d.Settle()
}

// Settled tells that a run is frozen (community.Market.Settled).
func (l *locked) Settled(i grid.Interval, run int, substituted bool, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.market.Settled(i, run, substituted, now)
}

// Traders returns the metering points with trades in the interval, sorted.
func (l *locked) Traders(i grid.Interval) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.market.Traders(i)
}

// Owner returns the member of a metering point, empty when it is not known.
func (l *locked) Owner(point string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.market.Owner(point)
}

// Find returns a member's order by what the member calls it.
func (l *locked) Find(member, clientID string) (community.Order, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.market.Find(member, clientID)
}

// Waiting returns a member's orders that wait or are on their way into the market.
func (l *locked) Waiting(member string) []community.Order {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.market.Waiting(member)
}

// Fills returns a member's trades (community.Market.Fills).
func (l *locked) Fills(member string, only *grid.Interval) []community.Fill {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.market.Fills(member, only)
}

// Best returns the best prices at a metering point of a member (community.Market.Best).
func (l *locked) Best(member, point string, i grid.Interval) (community.Best, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.market.Best(member, point, i)
}

// Held returns the intervals whose call auction is told (community.Market.Held).
func (l *locked) Held() []grid.Interval {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.market.Held()
}

// AtGate returns the call auction of an interval at gate closure (community.Market.AtGate), and which
// members have a metering point at each node.
func (l *locked) AtGate(i grid.Interval) (c community.GateCall, members map[string][]string, held bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, held = l.market.AtGate(i)
	return c, l.market.Places(), held
}

// Ordered returns a member's orders for an interval (community.Market.Ordered).
func (l *locked) Ordered(member string, i grid.Interval) []community.Order {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.market.Ordered(member, i)
}

// Rules returns what an order must keep to, the calendar, and the first and the last
// interval whose product is open; some is false when none is.
func (l *locked) Rules() (rules matching.Config, calendar community.Config, first, last grid.Interval, some bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first, last, some = l.market.Open()
	return l.market.Rules(), l.market.Calendar(), first, last, some
}
