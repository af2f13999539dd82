package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web"
)

// marketLog is where the market's commands become durable.
type marketLog interface {
	journal.Log
	Close() error
}

// openLog opens the log and brings the market to the state of its last command.
type openLog func(m journal.Machine) (marketLog, journal.Recovery, error)

// marketService puts the pure market behind a journal and the bus: a command
// is durable before it is applied, its events are published after, in order,
// each once.
type marketService struct {
	community string
	bus       *bus.Bus
	log       *slog.Logger
	journal   marketLog
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

func (s *marketService) ordersSubject() string { return "market." + s.community + ".orders" }

func (s *marketService) eventsSubject() string { return "market." + s.community + ".events" }

// A snapshot is taken after so many commands, and not more often than the wall
// clock allows: a start replays no more than what came since.
const (
	snapshotAfter = 20_000
	snapshotEvery = 10 * time.Second
)

// openMarket replays the log and admits the metering points; see is shown
// the events that the bus has.
func openMarket(ctx context.Context, open openLog, m *community.Market, name string, points []community.Point, now time.Time, b *bus.Bus, log *slog.Logger, see func([]community.Event)) (*marketService, error) {
	s := &marketService{community: name, bus: b, log: log, market: m, outside: map[string]time.Time{}, watchers: map[string]map[chan community.Order]struct{}{}}
	last, err := b.Frozen(ctx, bus.Market, s.eventsSubject())
	if err != nil {
		return nil, err
	}
	if last != nil {
		var events []community.Event
		if err := json.Unmarshal(last, &events); err != nil {
			return nil, fmt.Errorf("last events on the bus: %w", err)
		}
		s.published = events[len(events)-1].Seq
	}
	var recovery journal.Recovery
	if s.journal, recovery, err = open(&replayed{s, see}); err != nil {
		return nil, err
	}
	if s.foreign {
		return nil, errors.Join(usage.Errorf("%w", matching.ErrOtherRules), s.journal.Close())
	}
	if s.published > s.seq {
		return nil, errors.Join(usage.Errorf("the bus has the market's events up to %d, the order log only up to %d: it is of another past; use the order log that belongs to this bus, or another community name", s.published, s.seq), s.journal.Close())
	}
	for _, note := range recovery.Notes {
		log.WarnContext(ctx, "journal: "+note)
	}
	if recovery.Cut > 0 {
		log.WarnContext(ctx, "journal: the tail that a crash cut short was removed; nothing of it was acknowledged", slog.Int64("bytes", recovery.Cut))
	}
	s.sequencer = journal.NewSequencer(s.journal, s, recovery.Replayed, s.snapshot)
	if err := s.begin(recovery.Commands == 0, points, now); err != nil {
		return nil, errors.Join(err, s.journal.Close())
	}
	return s, nil
}

// begin brings into the market what must be there before any order.
func (s *marketService) begin(empty bool, points []community.Point, now time.Time) error {
	commands, err := s.market.Admissions(points, now)
	if err != nil {
		return usage.Mark(err)
	}
	if empty {
		commands = append([]matching.Command{s.market.Begin(now)}, commands...)
	}
	if err := s.journal.Append(commands); err != nil {
		return err
	}
	for i := range commands {
		s.Apply(&commands[i])
	}
	return nil
}

// admit brings a metering point into the market that runs, and lets its member
// trade when join is called. Errors: *usage.Error when it cannot be admitted.
func (s *marketService) admit(p community.Point, now time.Time) (join func(), err error) {
	s.admitting.Lock()
	defer s.admitting.Unlock()
	var refused error
	err = s.sequencer.Do(&journal.Batch{
		Prepare: func() (commands []matching.Command) {
			s.mu.Lock()
			defer s.mu.Unlock()
			commands, refused = s.market.Admissions([]community.Point{p}, now)
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
		s.mu.Lock()
		defer s.mu.Unlock()
		s.market.Join(p.Member)
	}, nil
}

// replayed is the market while it replays: others see again what the bus has.
type replayed struct {
	*marketService
	see func([]community.Event)
}

func (r *replayed) Apply(c *matching.Command) []matching.Event {
	events := r.marketService.Apply(c)
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
	if err := r.marketService.Restore(snapshot); err != nil {
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

// savedService is a market with the events that the bus did not have.
type savedService struct {
	Market json.RawMessage   `json:"market"`
	Seq    uint64            `json:"seq"`
	Outbox []community.Event `json:"outbox"`
}

// Restore implements journal.Machine.
func (s *marketService) Restore(snapshot []byte) error {
	var saved savedService
	if err := json.Unmarshal(snapshot, &saved); err != nil {
		return fmt.Errorf("restore the market: %w", err)
	}
	s.seq, s.outbox = saved.Seq, nil
	for _, ev := range saved.Outbox {
		if ev.Seq > s.published {
			s.outbox = append(s.outbox, ev)
		}
	}
	return s.market.Restore(saved.Market)
}

// Apply implements journal.Machine: it queues the events that the bus does not
// have yet.
func (s *marketService) Apply(c *matching.Command) []matching.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := s.market.Apply(c)
	s.seq = events[len(events)-1].Seq
	for _, ev := range s.market.Events() {
		if ev.Seq > s.published {
			s.outbox = append(s.outbox, ev)
		}
	}
	s.tell(events)
	return events
}

// snapshot returns the market when it is worth saving.
func (s *marketService) snapshot(commands uint64) ([]byte, error) {
	if commands < snapshotAfter || time.Since(s.saved) < snapshotEvery {
		return nil, nil
	}
	s.saved = time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	market, err := s.market.Snapshot()
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(savedService{market, s.seq, s.outbox})
	if err != nil {
		return nil, fmt.Errorf("save the market: %w", err)
	}
	return b, nil
}

// command enters a command.
func (s *marketService) command(c matching.Command) error {
	return s.sequencer.Do(&journal.Batch{Prepare: func() []matching.Command { return []matching.Command{c} }})
}

// publishedAtOnce is how many events share a message.
const publishedAtOnce = 500

// publish sends what is in the outbox, in order. A message whose answer was lost
// is sent again as it was, so that the bus knows it.
func (s *marketService) publish(ctx context.Context) error {
	for {
		s.mu.Lock()
		if len(s.sending) == 0 {
			s.sending = slices.Clone(s.outbox[:min(len(s.outbox), publishedAtOnce)])
		}
		events := s.sending
		s.mu.Unlock()
		if len(events) == 0 {
			return nil
		}
		last := events[len(events)-1].Seq
		if err := s.bus.Publish(ctx, s.eventsSubject(), fmt.Sprintf("%s-%d", s.community, last), s.encode(ctx, events)); err != nil {
			return err
		}
		s.mu.Lock()
		s.published, s.outbox, s.sending = last, s.outbox[len(events):], nil
		s.mu.Unlock()
	}
}

// encode writes events as JSON. One that cannot be written, a defect, is left
// out: it must not hold up the others.
func (s *marketService) encode(ctx context.Context, events []community.Event) []byte {
	all := make([]json.RawMessage, 0, len(events))
	for _, ev := range events {
		b, err := json.Marshal(ev)
		if err != nil {
			s.log.ErrorContext(ctx, "an event cannot be published", slog.Uint64("seq", ev.Seq), slog.String("error", err.Error()))
			b, _ = json.Marshal(community.Event{Seq: ev.Seq, Kind: ev.Kind}) // plain fields
		}
		all = append(all, b)
	}
	b, _ := json.Marshal(all) // of valid JSON
	return b
}

// orderRequest is what an agent sends, orderAnswer what it hears.
type orderRequest struct {
	Product grid.Product `json:"product"`
	Order   grid.Order   `json:"order"`
	Time    time.Time    `json:"time"`
}

type orderAnswer struct {
	Accepted bool   `json:"accepted"`
	Reason   string `json:"reason,omitempty"`
}

// serveOrders answers agents; an order is acknowledged after it is durable.
func (s *marketService) serveOrders(ctx context.Context) error {
	return s.bus.Serve(ctx, s.ordersSubject(), func(data []byte) []byte {
		answer := s.takeOrder(data)
		if !answer.Accepted {
			s.log.DebugContext(ctx, "order refused", slog.String("reason", answer.Reason))
		}
		b, err := json.Marshal(answer)
		if err != nil {
			return []byte(`{"accepted":false,"reason":"the answer could not be encoded"}`)
		}
		return b
	})
}

func (s *marketService) takeOrder(data []byte) orderAnswer {
	var r orderRequest
	if err := json.Unmarshal(data, &r); err != nil {
		return orderAnswer{Reason: err.Error()}
	}
	outcomes, err := s.Submit([]community.Submission{{Product: r.Product, Order: r.Order, Time: r.Time}})
	if err == nil {
		err = outcomes[0].Err
	}
	switch {
	case err != nil:
		return orderAnswer{Reason: err.Error()}
	case outcomes[0].Order.Status == community.IsRejected:
		return orderAnswer{Reason: outcomes[0].Order.Reason}
	default:
		return orderAnswer{Accepted: true}
	}
}

// Submit brings submissions into the market together and returns when they are
// durable and applied. After an error nobody knows: asking again is safe.
func (s *marketService) Submit(submissions []community.Submission) ([]community.Outcome, error) {
	return s.enter(len(submissions), func(i int) (uint64, []matching.Command, error) { return s.market.Submit(submissions[i]) })
}

// Change brings changes of orders into the market together and returns when
// they are durable and applied.
func (s *marketService) Change(changes []community.Change) ([]community.Outcome, error) {
	return s.enter(len(changes), func(i int) (uint64, []matching.Command, error) { return s.market.Change(changes[i]) })
}

// enter has n commands prepared when it is their turn and entered.
func (s *marketService) enter(n int, prepare func(i int) (uint64, []matching.Command, error)) ([]community.Outcome, error) {
	outcomes, numbers := make([]community.Outcome, n), make([]uint64, n)
	var entered []int // whose commands they are
	err := s.sequencer.Do(&journal.Batch{
		Prepare: func() (all []matching.Command) {
			s.mu.Lock()
			defer s.mu.Unlock()
			for i := range n {
				var commands []matching.Command
				numbers[i], commands, outcomes[i].Err = prepare(i)
				for range commands {
					entered = append(entered, i)
				}
				all = append(all, commands...)
			}
			return all
		},
		See: func(_ *matching.Command, events []matching.Event) {
			defer func() { entered = entered[1:] }()
			if events[0].Kind == matching.Rejected {
				s.mu.Lock()
				defer s.mu.Unlock()
				outcomes[entered[0]].Rejected = s.market.Explain(events[0].Reason)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, number := range numbers {
		outcomes[i].Order, _ = s.market.Order(number)
	}
	return outcomes, nil
}

// Find returns a member's order by what the member calls it.
func (s *marketService) Find(member, clientID string) (community.Order, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.market.Find(member, clientID)
}

// outsideOrders are those of programs outside.
type outsideOrders struct {
	*marketService
	clock func() time.Time
}

// Submit notes for whom programs outside trade.
func (o *outsideOrders) Submit(submissions []community.Submission) ([]community.Outcome, error) {
	o.mu.Lock()
	for _, s := range submissions {
		o.outside[s.Order.Member] = o.clock()
	}
	o.mu.Unlock()
	return o.marketService.Submit(submissions)
}

// heardOutside returns when a program outside last sent orders for the member.
func (s *marketService) heardOutside(member string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outside[member]
}

// Rules implements web.Orders.
func (s *marketService) Rules() web.MarketRules {
	s.mu.Lock()
	defer s.mu.Unlock()
	rules, calendar := s.market.Rules(), s.market.Calendar()
	r := web.MarketRules{
		Minutes: calendar.Minutes, GateClosure: int(calendar.GateClosure.Seconds()),
		Tick: int64(rules.Tick), Floor: int64(rules.Floor), Ceiling: int64(rules.Ceiling),
	}
	if first, last, some := s.market.Open(); some {
		r.First, r.Last = new(first.String()), new(last.String())
	}
	return r
}

// watcherQueue is how many changes a watcher may be behind.
const watcherQueue = 4096

// Watch returns a channel with the member's orders as they change. It is closed
// when the watcher does not keep up, and by stop.
func (s *marketService) Watch(member string) (changes <-chan community.Order, stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := make(chan community.Order, watcherQueue)
	if s.watchers[member] == nil {
		s.watchers[member] = map[chan community.Order]struct{}{}
	}
	s.watchers[member][c] = struct{}{}
	return c, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.unwatch(member, c)
	}
}

// unwatch forgets a watcher. s.mu is held.
func (s *marketService) unwatch(member string, c chan community.Order) {
	if _, known := s.watchers[member][c]; known {
		delete(s.watchers[member], c)
		close(c)
	}
}

// tell shows watchers the orders that events changed. s.mu is held.
func (s *marketService) tell(events []matching.Event) {
	if len(s.watchers) == 0 {
		return
	}
	for _, ev := range events {
		for _, number := range []uint64{ev.Order, ev.Maker} {
			o, known := s.market.Order(number)
			if !known {
				continue
			}
			for c := range s.watchers[o.Member] {
				select {
				case c <- o:
				default:
					s.unwatch(o.Member, c)
				}
			}
		}
	}
}

// submit sends an order over the bus.
func (s *marketService) submit(ctx context.Context, r orderRequest) (orderAnswer, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return orderAnswer{}, fmt.Errorf("submit order: %w", err)
	}
	reply, err := s.bus.Request(ctx, s.ordersSubject(), data)
	if err != nil {
		return orderAnswer{}, err
	}
	var a orderAnswer
	if err := json.Unmarshal(reply, &a); err != nil {
		return orderAnswer{}, fmt.Errorf("submit order: %w", err)
	}
	return a, nil
}

func (s *marketService) advance(now time.Time) []community.Action {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.market.Advance(now)
}

// unsettled returns the intervals that wait for their first run, the oldest first.
func (s *marketService) unsettled() []grid.Interval {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.market.Unsettled()
}

func (s *marketService) counts() community.Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.market.Counts()
}

// position returns what a metering point bought less what it sold for an interval, and
// whether it traded.
func (s *marketService) position(i grid.Interval, point string) (net grid.Energy, traded bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.market.Position(i, point)
}
