// Package community is the life of a delivery interval: its product opens, the
// members' agents place their orders, the gate closes, the energy is delivered
// and metered, and the interval is settled, again when readings come late. It
// is pure: the time is an argument, and `run` and `replay` drive it alike.
package community

import (
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// Names turns the community's own names into those of the ledger.
type Names interface {
	Account(member, point string) (string, error) // of a metering point
	Member(member string) (string, error)
	Blind(member, what string) (string, error) // unguessable without the member's secret
}

// Config is a community's calendar.
type Config struct {
	Community   string
	Minutes     int              // length of a delivery interval
	GateClosure time.Duration    // before the start of delivery
	Deadline    time.Duration    // after its end, for readings
	Ahead       time.Duration    // how long before delivery a product opens
	CallEvery   time.Duration    // between call auctions before gate closure; 0: none
	Trading     matching.Trading // in products that are not open yet
	Members     []string
	Collar      *Collar // of prices, in products that are not open yet; nil: it follows from the tariffs
	// Names says what members and metering points are called on the ledger; nil: by
	// their own names.
	Names Names
	// Rules say how energy that no trade covers is shared; nil: by settlement.DefaultRules.
	Rules *settlement.Rules
	Apart map[string]bool // metering points that take part in neither own energy nor pool
	// Tariffs say what energy costs, by the delivery interval; nil: the tariff of NewMarket,
	// for all at all times. They are asked while the market goes on.
	Tariffs  Tariffs
	Extremes *tariff.Extremes // of all tariffs; nil: of that of NewMarket
}

// Tariffs say what energy costs. An error means that it is not known (yet): what asks waits.
type Tariffs interface {
	// Default is the community's usual tariff in an interval.
	Default(i grid.Interval) (tariff.Tariff, error)
	// Rates are those of a metering point in an interval.
	Rates(point string, i grid.Interval) (tariff.Rates, error)
}

// Defaults of the calendar.
const (
	DefaultMinutes     = 15
	DefaultGateClosure = 5 * time.Minute
	DefaultDeadline    = 2 * time.Minute
	DefaultAhead       = 24 * time.Hour
)

// Step is what an action asks the driver to do.
type Step uint8

// The steps in the life of an interval.
const (
	Open   Step = iota + 1 // take orders for the product
	Quote                  // let the member's agent place its orders
	Close                  // clear the product: the gate has closed
	Settle                 // settle the interval, if its readings are complete or Final
	Call                   // hold a call auction; the product stays open
)

// Action is something that is due.
type Action struct {
	Step    Step
	Time    time.Time // when it was due
	Product grid.Product
	Member  string // of Quote
	Run     int    // of Settle, from 1
	Final   bool   // of Settle: the deadline passed, substitute what is missing
	Last    bool   // of Settle: no correction is waited for any more, substitute for good
}

// correctable is how long after delivery late readings still cause a run.
const correctable = 30 * 24 * time.Hour

// Lifecycle knows where each interval stands. It is not safe for concurrent
// use.
type Lifecycle struct {
	config Config
	next   grid.Interval // the next to open; zero before the first Advance
	live   map[grid.Interval]*life
}

type life struct {
	closed    bool
	called    time.Time // when the last call auction was due
	quoted    map[string]bool
	run       int       // last settled run
	estimated bool      // of that run
	retryAt   time.Time // of the correction
	settling  bool      // a Settle action is being carried out
	failed    time.Time // before this the one that came to nothing is not due again
}

// New returns the lifecycle of a community without a past.
func New(c Config) *Lifecycle { return &Lifecycle{config: c, live: map[grid.Interval]*life{}} }

// Join lets one more member quote, from the next action on.
func (l *Lifecycle) Join(member string) {
	if !slices.Contains(l.config.Members, member) {
		l.config.Members = append(slices.Clone(l.config.Members), member)
	}
}

// Opened tells of a product that was opened before a restart.
func (l *Lifecycle) Opened(i grid.Interval) {
	l.at(i)
	if l.next.Minutes == 0 || l.next.Compare(i.Shift(1)) < 0 {
		l.next = i.Shift(1)
	}
}

// Closed tells that a product's gate has closed.
func (l *Lifecycle) Closed(i grid.Interval) { l.at(i).closed = true }

// Settled tells that a run is frozen. An estimated one is tried again, for the last time
// when corrections are over.
func (l *Lifecycle) Settled(i grid.Interval, run int, estimated bool, now time.Time) {
	x := l.at(i)
	x.closed, x.run, x.estimated = true, run, estimated
	x.retryAt = retry(i, now)
	x.settling = false
	if !estimated {
		delete(l.live, i)
	}
}

// Begun tells that an action is being carried out. A Settle action is not due again
// before Settled or Failed tells what came of it; every other action is due only once.
func (l *Lifecycle) Begun(a Action) {
	if x := l.live[a.Product.Interval]; x != nil && a.Step == Settle {
		x.settling = true
	}
}

// Failed tells that an action which had begun came to nothing. A Settle action is due again
// from retryAt on. A Quote is left out: the member's agent quotes for the next interval.
func (l *Lifecycle) Failed(a Action, retryAt time.Time) {
	if x := l.live[a.Product.Interval]; x != nil && a.Step == Settle {
		x.settling, x.failed = false, retryAt
	}
}

// Unsettled returns the intervals whose gate has closed and of which no run is
// known, by time.
func (l *Lifecycle) Unsettled() []grid.Interval {
	var intervals []grid.Interval
	for i, x := range l.live {
		if x.closed && x.run == 0 {
			intervals = append(intervals, i)
		}
	}
	slices.SortFunc(intervals, grid.Interval.Compare)
	return intervals
}

// knows tells whether an interval's life goes on.
func (l *Lifecycle) knows(i grid.Interval) bool { return l.live[i] != nil }

// retry returns when to look for late readings again: after an interval at
// first, less and less often as time passes.
func retry(i grid.Interval, now time.Time) time.Time {
	return now.Add(max(i.Length(), now.Sub(i.End())/4))
}

func (l *Lifecycle) at(i grid.Interval) *life {
	if l.live[i] == nil {
		l.live[i] = &life{quoted: map[string]bool{}}
	}
	return l.live[i]
}

// Advance returns what is due by now: openings first, then by interval. A
// Settle action comes again until Begun or Settled is called.
func (l *Lifecycle) Advance(now time.Time) []Action {
	actions := l.open(now)
	intervals := slices.SortedFunc(maps.Keys(l.live), grid.Interval.Compare)
	for _, i := range intervals {
		actions = append(actions, l.advance(i, now)...)
	}
	return actions
}

func (l *Lifecycle) open(now time.Time) []Action {
	if l.next.Minutes == 0 {
		l.next = grid.IntervalAt(now.Add(l.config.GateClosure), l.config.Minutes).Shift(1)
	}
	var actions []Action
	for ; !now.Before(l.next.Begin().Add(-l.config.Ahead)); l.next = l.next.Shift(1) {
		l.at(l.next)
		actions = append(actions, Action{Step: Open, Time: now, Product: l.product(l.next)})
	}
	return actions
}

func (l *Lifecycle) product(i grid.Interval) grid.Product {
	return grid.Product{Community: l.config.Community, Interval: i}
}

func (l *Lifecycle) advance(i grid.Interval, now time.Time) []Action {
	x := l.live[i]
	gate := i.Begin().Add(-l.config.GateClosure)
	action := Action{Product: l.product(i)}
	switch {
	case !x.closed && now.Before(gate):
		return append(l.quotes(i, now), l.calls(i, gate, now)...)
	case !x.closed:
		x.closed = true
		action.Step, action.Time = Close, gate
		return []Action{action}
	case x.settling || now.Before(x.failed):
		return nil
	case x.run > 0 && now.Sub(i.End()) > correctable:
		action.Step, action.Time, action.Run, action.Final, action.Last = Settle, now, x.run+1, true, true
		return []Action{action}
	case x.run > 0 && now.Before(x.retryAt):
		return nil
	case now.Before(i.End()):
		return nil
	}
	if x.run > 0 {
		x.retryAt = retry(i, now)
	}
	action.Step, action.Time, action.Run = Settle, now, x.run+1
	action.Final = x.run == 0 && !now.Before(i.End().Add(l.config.Deadline))
	return []Action{action}
}

// Agents quote within quoteSpan, each at its own moment, quoteLead before the
// gate closes.
const (
	quoteSpan = 3 * time.Minute
	quoteLead = 4 * time.Minute
)

func (l *Lifecycle) quotes(i grid.Interval, now time.Time) []Action {
	x := l.live[i]
	gate := i.Begin().Add(-l.config.GateClosure)
	if now.Before(gate.Add(-quoteLead)) {
		return nil
	}
	var actions []Action
	for _, m := range l.config.Members {
		due := gate.Add(-quoteLead).Add(moment(m, i))
		if x.quoted[m] || now.Before(due) {
			continue
		}
		x.quoted[m] = true
		actions = append(actions, Action{Step: Quote, Time: due, Product: l.product(i), Member: m})
	}
	slices.SortFunc(actions, func(a, b Action) int {
		if c := a.Time.Compare(b.Time); c != 0 {
			return c
		}
		return strings.Compare(a.Member, b.Member)
	})
	return actions
}

// calls returns the call auction that is due. The raster ends at the gate; of
// several that were missed the last one is held.
func (l *Lifecycle) calls(i grid.Interval, gate, now time.Time) []Action {
	x, every := l.live[i], l.config.CallEvery
	if every <= 0 {
		return nil
	}
	due := gate.Add(-gate.Sub(now).Truncate(every))
	if due.After(now) {
		due = due.Add(-every)
	}
	if x.called.IsZero() {
		x.called = due // just opened, or started anew
	}
	if !due.After(x.called) {
		return nil
	}
	x.called = due
	return []Action{{Step: Call, Time: due, Product: l.product(i)}}
}

// moment spreads the members over quoteSpan, anew for each interval, in whole
// seconds.
func moment(member string, i grid.Interval) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(member + "@" + i.String())) // never fails
	return time.Duration(h.Sum64()%uint64(quoteSpan/time.Second)) * time.Second
}
