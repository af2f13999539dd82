// Package host is the market at work: it puts the pure market of package community
// behind a log and a bus. A command is durable before it is applied, its events are
// published after, in order, each once. It alone holds the market's lock, its sequencer,
// its outbox and those who watch it.
//
// Who opens a Host runs it (Run) until its context ends, and closes it.
package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/usage"
)

// Log is where the market's commands become durable.
type Log interface {
	journal.Log
	Close() error
}

// OpenLog opens the log and brings the market to the state of its last command.
type OpenLog func(m journal.Machine) (Log, journal.Recovery, error)

// Host is a community's market at work. It is safe for concurrent use.
type Host struct {
	community string
	bus       Bus
	clock     func() time.Time // world time
	log       *slog.Logger
	journal   Log
	sequencer *journal.Sequencer
	saved     time.Time // when the last snapshot was taken

	admitting sync.Mutex // one admission after the other; before mu

	mu        sync.Mutex // guards all below
	market    *community.Market
	outbox    []community.Event                            // not yet published
	sending   []community.Event                            // of the outbox, the message that is under way
	seq       uint64                                       // of the last event
	published uint64                                       // number of the last published event
	outside   map[string]time.Time                         // by member, when a program outside sent orders (world time)
	foreign   bool                                         // the log was begun under other rules
	watchers  map[string]map[chan community.Order]struct{} // by member
}

// EventsSubject is where on the bus the events are published.
func (h *Host) EventsSubject() string { return "market." + h.community + ".events" }

// A snapshot is taken after SnapshotAfter commands, and not more often than the wall
// clock allows: a start replays no more than what came since.
const (
	SnapshotAfter = 20_000
	snapshotEvery = 10 * time.Second
)

// Bus carries what the market decided to others.
type Bus interface {
	// Frozen returns the last message of a subject, nil when there is none.
	Frozen(ctx context.Context, stream, subject string) ([]byte, error)
	// Publish returns when the message is durable; one with an id that it has is none.
	Publish(ctx context.Context, subject, id string, data []byte) error
}

// Options are what a Host works with.
type Options struct {
	Community string
	Market    *community.Market
	Points    []community.Point // that trade from the beginning
	Bus       Bus
	Stream    string                  // of the bus, which has the events
	Clock     func() time.Time        // world time
	Log       *slog.Logger            //
	Open      OpenLog                 // the log
	See       func([]community.Event) // is shown the events that the bus has
}

// Open replays the log and admits the metering points.
func Open(ctx context.Context, o Options) (*Host, error) {
	h := &Host{community: o.Community, bus: o.Bus, clock: o.Clock, log: o.Log, market: o.Market, outside: map[string]time.Time{}, watchers: map[string]map[chan community.Order]struct{}{}}
	last, err := h.bus.Frozen(ctx, o.Stream, h.EventsSubject())
	if err != nil {
		return nil, err
	}
	if last != nil {
		var events []community.Event
		if err := json.Unmarshal(last, &events); err != nil {
			return nil, fmt.Errorf("last events on the bus: %w", err)
		}
		h.published = events[len(events)-1].Seq
	}
	var recovery journal.Recovery
	if h.journal, recovery, err = o.Open(&replayed{h, o.See}); err != nil {
		return nil, err
	}
	if h.foreign {
		return nil, errors.Join(usage.Errorf("%w", matching.ErrOtherRules), h.journal.Close())
	}
	if h.published > h.seq {
		return nil, errors.Join(usage.Errorf("the bus has the market's events up to %d, the order log only up to %d: it is of another past; use the order log that belongs to this bus, or another community name", h.published, h.seq), h.journal.Close())
	}
	for _, note := range recovery.Notes {
		h.log.WarnContext(ctx, "journal: "+note)
	}
	if recovery.Cut > 0 {
		h.log.WarnContext(ctx, "journal: the tail that a crash cut short was removed; nothing of it was acknowledged", slog.Int64("bytes", recovery.Cut))
	}
	h.sequencer = journal.NewSequencer(h.journal, h, recovery.Replayed, h.snapshot)
	if err := h.begin(recovery.Commands == 0, o.Points, o.Clock()); err != nil {
		return nil, errors.Join(err, h.journal.Close())
	}
	return h, nil
}

// begin brings into the market what must be there before any order.
func (h *Host) begin(empty bool, points []community.Point, now time.Time) error {
	commands, err := h.market.Admissions(points, now)
	if err != nil {
		return usage.Mark(err)
	}
	if empty {
		commands = append([]matching.Command{h.market.Begin(now)}, commands...)
	}
	if err := h.journal.Append(commands); err != nil {
		return err
	}
	for i := range commands {
		h.Apply(&commands[i])
	}
	return nil
}

// Admit brings a metering point into the market that runs, and lets its member
// trade when join is called. Errors: *usage.Error when it cannot be admitted.
func (h *Host) Admit(p community.Point, now time.Time) (join func(), err error) {
	h.admitting.Lock()
	defer h.admitting.Unlock()
	var refused error
	err = h.sequencer.Do(&journal.Batch{
		Prepare: func() (commands []matching.Command) {
			h.mu.Lock()
			defer h.mu.Unlock()
			commands, refused = h.market.Admissions([]community.Point{p}, now)
			return commands
		},
		See: func(_ *matching.Command, events []matching.Event) {
			if events[0].Kind == matching.Rejected {
				refused = fmt.Errorf("metering point %s: the market refuses it", p.MeteringPoint)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	if refused != nil {
		return nil, usage.Mark(refused)
	}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.market.Join(p.Member)
	}, nil
}

// replayed is the market while it replays: others see again what the bus has.
type replayed struct {
	*Host
	see func([]community.Event)
}

func (r *replayed) Apply(c *matching.Command) []matching.Event {
	events := r.Host.Apply(c)
	r.foreign = r.foreign || c.Kind == matching.Begin && events[0].Kind == matching.Rejected
	var old []community.Event
	for _, ev := range r.market.Events() {
		if ev.Seq <= r.published {
			old = append(old, ev)
		}
	}
	r.see(old)
	return events
}

// Restore implements journal.Machine.
func (r *replayed) Restore(snapshot []byte) error {
	if err := r.Host.Restore(snapshot); err != nil {
		return err
	}
	var old []community.Event
	for _, t := range r.market.Trades() {
		if t.Seq <= r.published {
			old = append(old, community.Event{Kind: community.Traded, Product: t.Product, Trade: &t})
		}
	}
	r.see(old)
	return nil
}

// saved is a market with the events that the bus did not have.
type saved struct {
	Market json.RawMessage   `json:"market"`
	Seq    uint64            `json:"seq"`
	Outbox []community.Event `json:"outbox"`
}

// Restore implements journal.Machine.
func (h *Host) Restore(snapshot []byte) error {
	var saved saved
	if err := json.Unmarshal(snapshot, &saved); err != nil {
		return fmt.Errorf("restore the market: %w", err)
	}
	h.seq, h.outbox = saved.Seq, nil
	for _, ev := range saved.Outbox {
		if ev.Seq > h.published {
			h.outbox = append(h.outbox, ev)
		}
	}
	return h.market.Restore(saved.Market)
}

// Apply implements journal.Machine: it queues the events that the bus does not
// have yet.
func (h *Host) Apply(c *matching.Command) []matching.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	events := h.market.Apply(c)
	h.seq = events[len(events)-1].Seq
	for _, ev := range h.market.Events() {
		if ev.Seq > h.published {
			h.outbox = append(h.outbox, ev)
		}
	}
	h.tell(events)
	return events
}

// snapshot returns the market when it is worth saving.
func (h *Host) snapshot(commands uint64) ([]byte, error) {
	if commands < SnapshotAfter || time.Since(h.saved) < snapshotEvery {
		return nil, nil
	}
	h.saved = time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	market, err := h.market.Snapshot()
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(saved{market, h.seq, h.outbox})
	if err != nil {
		return nil, fmt.Errorf("save the market: %w", err)
	}
	return b, nil
}

// Command enters a command of the calendar: the opening, a call or the closing of a
// product.
func (h *Host) Command(a community.Action) error {
	h.mu.Lock()
	c := h.market.Command(a)
	h.mu.Unlock()
	return h.sequencer.Do(&journal.Batch{Prepare: func() []matching.Command { return []matching.Command{c} }})
}

// publishedAtOnce is how many events share a message.
const publishedAtOnce = 500

// Publish sends what is in the outbox, in order. A message whose answer was lost
// is sent again as it was, so that the bus knows it.
func (h *Host) Publish(ctx context.Context) error {
	for {
		h.mu.Lock()
		if len(h.sending) == 0 {
			h.sending = slices.Clone(h.outbox[:min(len(h.outbox), publishedAtOnce)])
		}
		events := h.sending
		h.mu.Unlock()
		if len(events) == 0 {
			return nil
		}
		last := events[len(events)-1].Seq
		if err := h.bus.Publish(ctx, h.EventsSubject(), fmt.Sprintf("%s-%d", h.community, last), h.encode(ctx, events)); err != nil {
			return err
		}
		h.mu.Lock()
		h.published, h.outbox, h.sending = last, h.outbox[len(events):], nil
		h.mu.Unlock()
	}
}

// encode writes events as JSON. One that cannot be written, a defect, is left
// out: it must not hold up the others.
func (h *Host) encode(ctx context.Context, events []community.Event) []byte {
	all := make([]json.RawMessage, 0, len(events))
	for _, ev := range events {
		b, err := json.Marshal(ev)
		if err != nil {
			h.log.ErrorContext(ctx, "an event cannot be published", slog.Uint64("seq", ev.Seq), slog.String("error", err.Error()))
			b, _ = json.Marshal(community.Event{Seq: ev.Seq, Kind: ev.Kind}) // plain fields
		}
		all = append(all, b)
	}
	b, _ := json.Marshal(all) // of valid JSON
	return b
}

// Advance returns what is due by now.
func (h *Host) Advance(now time.Time) []community.Action {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.market.Advance(now)
}

// Begun tells that an action is being carried out (community.Lifecycle.Begun).
func (h *Host) Begun(a community.Action) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.market.Begun(a)
}

// Failed tells that an action came to nothing (community.Lifecycle.Failed).
func (h *Host) Failed(a community.Action, retryAt time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.market.Failed(a, retryAt)
}

// Unsettled returns the intervals that wait for their first run, the oldest first.
func (h *Host) Unsettled() []grid.Interval {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.market.Unsettled()
}

// Counts returns the totals.
func (h *Host) Counts() community.Counts {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.market.Counts()
}

// Position returns what a metering point bought less what it sold for an interval, and
// whether it traded.
func (h *Host) Position(i grid.Interval, point string) (net grid.Energy, traded bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.market.Position(i, point)
}

// OnTick moves an order to the nearest price that the market knows.
func (h *Host) OnTick(o grid.Order) grid.Order { return h.market.OnTick(o) } // it looks at what never changes

// Settle makes a run of an interval from what was metered (community.Market.Settle). The
// market goes on meanwhile.
func (h *Host) Settle(i grid.Interval, run int, metered []record.Metered, root string, previous []settlement.Run) (settlement.Run, error) {
	h.mu.Lock()
	in, err := h.market.Input(i, run, metered, root, previous)
	h.mu.Unlock()
	if err != nil {
		return settlement.Run{}, err
	}
	return settlement.Settle(in)
}

// Settled tells that a run is frozen (community.Market.Settled).
func (h *Host) Settled(i grid.Interval, run int, substituted bool, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.market.Settled(i, run, substituted, now)
}

// Traders returns the metering points with trades in the interval, sorted.
func (h *Host) Traders(i grid.Interval) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.market.Traders(i)
}

// Owner returns the member of a metering point, empty when it is not known.
func (h *Host) Owner(point string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.market.Owner(point)
}

// Run carries out commands until ctx ends.
func (h *Host) Run(ctx context.Context) error { return h.sequencer.Run(ctx) }

// Close closes the log.
func (h *Host) Close() error { return h.journal.Close() }
