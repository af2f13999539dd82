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
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
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
//
// Locks are taken in this order: admitting, locked.mu, then that of the outbox or that of
// the watchers. What a command changes in market, outbox and watchers changes while
// locked.mu is held, so that a snapshot has the events which belong to its market, but for
// those that the bus got meanwhile.
type Host struct {
	locked

	outbox   outbox
	watchers watchers
	programs programs
	log      *slog.Logger

	admitting sync.Mutex // one admission after the other

	journal   Log
	sequencer *journal.Sequencer
	saved     time.Time // when the last snapshot was taken
	seq       uint64    // of the last event; locked.mu guards it
	latest    int64     // world time of the latest command, unix ms; locked.mu guards it
	foreign   bool      // the log was begun under other rules

	held map[string]bool // members of whom no orders are taken; locked.mu guards it
}

// A snapshot is taken after SnapshotAfter commands, and not more often than the wall
// clock allows: a start replays no more than what came since.
const (
	SnapshotAfter = 20_000
	snapshotEvery = 10 * time.Second
)

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
	h := &Host{
		locked: locked{market: o.Market}, log: o.Log,
		outbox:   outbox{community: o.Community, bus: o.Bus, log: o.Log},
		watchers: watchers{of: map[string]map[chan community.Order]struct{}{}},
		programs: programs{clock: o.Clock, heard: map[string]time.Time{}},
	}
	if err := h.outbox.resume(ctx, o.Stream); err != nil {
		return nil, err
	}
	var err error
	var recovery journal.Recovery
	if h.journal, recovery, err = o.Open(&replayed{h, o.See}); err != nil {
		return nil, err
	}
	if h.foreign {
		return nil, errors.Join(usage.Errorf("%w", matching.ErrOtherRules), h.journal.Close())
	}
	if published := h.outbox.last(); published > h.seq {
		return nil, errors.Join(usage.Errorf("the bus has the market's events up to %d, the order log only up to %d: the order log (orders in the data directory, or bus.order_log) is older than the bus, or of another past: restore both from the same copy, or, on a bus of others, use another community name", published, h.seq), h.journal.Close())
	}
	for _, note := range recovery.Notes {
		h.log.WarnContext(ctx, "journal: "+note)
	}
	if recovery.Cut > 0 {
		h.log.WarnContext(ctx, "journal: the tail that a crash cut short was removed; nothing of it was acknowledged", slog.Int64("bytes", recovery.Cut))
	}
	h.sequencer = journal.NewSequencer(h.journal, h, recovery.Replayed, h.snapshot)
	if err := h.begin(ctx, recovery.Commands == 0, o.Points, o.Clock()); err != nil {
		return nil, errors.Join(err, h.journal.Close())
	}
	if err := o.Market.Fits(); err != nil {
		h.log.WarnContext(ctx, "nobody can trade at some prices of the tariffs: widen market.floor and market.ceiling, or leave them out", slog.Any("error", err))
	}
	return h, nil
}

// begin brings into the market what must be there before any order.
func (h *Host) begin(ctx context.Context, empty bool, points []community.Point, now time.Time) error {
	commands, err := h.market.Admissions(points, now)
	if err != nil {
		return usage.Mark(err)
	}
	if empty {
		commands = append([]matching.Command{h.market.Begin(now)}, commands...)
	}
	commands = append(commands, h.market.Reprice(now)...)
	if err := h.journal.Append(commands); err != nil {
		return err
	}
	for i := range commands {
		c := &commands[i]
		if events := h.Apply(c); events[0].Kind == matching.Rejected && c.Kind == matching.Limit {
			h.log.WarnContext(ctx, "a metering point traded before it was given a limit, so that nobody knows what it has left of it: the limit does not count; give the metering point another name",
				slog.String("metering_point", h.market.At(c.Account).MeteringPoint), slog.String("side", c.Side.String()), slog.String("limit_w", c.Name))
		}
	}
	return nil
}

// Admit brings a metering point into the market that runs, or gives one that is there other limits, and
// lets its member trade when join is called. Errors: *usage.Error when it cannot be admitted, or limited.
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
		See: func(c *matching.Command, events []matching.Event) {
			switch {
			case events[0].Kind != matching.Rejected:
			case c.Kind == matching.Limit:
				refused = fmt.Errorf("metering point %s: it traded before it was given a limit, so that nobody knows what it has left of it: give the metering point another name", p.MeteringPoint)
			default:
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

// Reprice has the products that are opened from now on follow other price rules, which want
// says; nothing happens where they do.
func (h *Host) Reprice(want func(*community.Market), now time.Time) error {
	return h.sequencer.Do(&journal.Batch{Prepare: func() []matching.Command {
		h.mu.Lock()
		defer h.mu.Unlock()
		want(h.market)
		return h.market.Reprice(now)
	}})
}

// replayed is the market while it replays: others see again what the bus has.
type replayed struct {
	*Host
	see func([]community.Event)
}

func (r *replayed) Apply(c *matching.Command) []matching.Event {
	events := r.Host.Apply(c)
	r.foreign = r.foreign || c.Kind == matching.Begin && events[0].Kind == matching.Rejected
	published := r.outbox.last()
	var old []community.Event
	for _, ev := range r.market.Events() {
		if ev.Seq <= published {
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
	published := r.outbox.last()
	var old []community.Event
	for _, t := range r.market.Trades() {
		if t.Seq <= published {
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
	Latest int64             `json:"latest,omitempty"` // world time of the latest command, unix ms
	Outbox []community.Event `json:"outbox"`
}

// Restore implements journal.Machine.
func (h *Host) Restore(snapshot []byte) error {
	var saved saved
	if err := json.Unmarshal(snapshot, &saved); err != nil {
		return fmt.Errorf("restore the market: %w", err)
	}
	h.seq, h.latest = saved.Seq, saved.Latest
	h.outbox.restore(saved.Outbox)
	return h.market.Restore(saved.Market)
}

// Apply implements journal.Machine: it queues the events that the bus does not
// have yet.
func (h *Host) Apply(c *matching.Command) []matching.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	events := h.market.Apply(c)
	h.seq = events[len(events)-1].Seq
	h.latest = max(h.latest, c.Time)
	h.outbox.put(h.market.Events())
	h.watchers.tell(events, h.market.Order)
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
	b, err := json.Marshal(saved{market, h.seq, h.latest, h.outbox.unpublished()})
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

// Still runs a function while no command is carried out: what there is of the market, in
// its log and on the bus, then stays as it is. The function must not ask for a command.
func (h *Host) Still(f func() error) (err error) {
	done := h.sequencer.Do(&journal.Batch{Prepare: func() []matching.Command {
		err = f()
		return nil
	}})
	return errors.Join(err, done)
}

// Latest returns the time of the latest command that was carried out, now or before the
// start, the zero time when there was none.
func (h *Host) Latest() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.latest == 0 {
		return time.Time{}
	}
	return time.UnixMilli(h.latest)
}

// EventsSubject is where on the bus the events are published.
func (h *Host) EventsSubject() string { return h.outbox.subject() }

// Publish sends what the bus does not have, in order. A message whose answer was lost is
// sent again as it was, so that the bus knows it.
func (h *Host) Publish(ctx context.Context) error { return h.outbox.publish(ctx) }

// Follow shows the market's events as they are published, until ctx ends.
func (h *Host) Follow(ctx context.Context, on Watcher, see func([]community.Event)) error {
	return h.outbox.follow(ctx, on, see)
}

// Watch returns a channel with the member's orders as they change. It is closed
// when the watcher does not keep up, and by stop.
func (h *Host) Watch(member string) (changes <-chan community.Order, stop func()) {
	return h.watchers.watch(member)
}

// Run carries out commands until ctx ends.
func (h *Host) Run(ctx context.Context) error { return h.sequencer.Run(ctx) }

// Close closes the log.
func (h *Host) Close() error { return h.journal.Close() }
