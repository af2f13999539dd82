package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
)

// marketService puts the pure market behind a journal and the bus: a command
// is durable before it is applied, its events are published after, in order,
// each once.
type marketService struct {
	community string
	bus       *bus.Bus
	log       *slog.Logger

	mu        sync.Mutex // guards all below
	market    *community.Market
	journal   *journal.Journal
	outbox    [][]matching.Event // of one command each, not yet published
	published uint64             // number of the last published event
}

func (s *marketService) ordersSubject() string { return "market." + s.community + ".orders" }

func (s *marketService) eventsSubject() string { return "market." + s.community + ".events" }

// openMarket replays the journal; see is shown the events that the bus has.
func openMarket(ctx context.Context, path string, m *community.Market, name string, b *bus.Bus, log *slog.Logger, see func([]matching.Event)) (*marketService, error) {
	s := &marketService{community: name, bus: b, log: log, market: m}
	last, err := b.Frozen(ctx, bus.Market, s.eventsSubject())
	if err != nil {
		return nil, err
	}
	if last != nil {
		var events []matching.Event
		if err := json.Unmarshal(last, &events); err != nil {
			return nil, fmt.Errorf("last events on the bus: %w", err)
		}
		s.published = events[len(events)-1].Seq
	}
	s.journal, err = journal.Open(path, func(c matching.Command) error {
		events := m.Apply(c)
		if events[len(events)-1].Seq <= s.published {
			see(events)
		} else {
			s.post(events) // they are seen when the bus carries them
		}
		return nil
	})
	return s, err
}

// post queues the events that the bus does not have yet. s.mu is held, or
// nobody else is there.
func (s *marketService) post(events []matching.Event) {
	if len(events) > 0 && events[len(events)-1].Seq > s.published {
		s.outbox = append(s.outbox, events)
	}
}

// command journals and applies a command and returns its events.
func (s *marketService) command(c matching.Command) ([]matching.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.journal.Append(c); err != nil {
		return nil, err
	}
	events := s.market.Apply(c)
	s.post(events)
	return events, nil
}

// publish sends what is in the outbox, in order.
func (s *marketService) publish(ctx context.Context) error {
	for {
		s.mu.Lock()
		if len(s.outbox) == 0 {
			s.mu.Unlock()
			return nil
		}
		events := s.outbox[0]
		s.mu.Unlock()
		data, err := json.Marshal(events)
		if err != nil {
			return fmt.Errorf("publish events: %w", err)
		}
		last := events[len(events)-1].Seq
		if err := s.bus.Publish(ctx, s.eventsSubject(), fmt.Sprintf("%s-%d", s.community, last), data); err != nil {
			return err
		}
		s.mu.Lock()
		s.published, s.outbox = last, s.outbox[1:]
		s.mu.Unlock()
	}
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
	events, err := s.command(matching.Command{Kind: matching.Submit, Time: r.Time, Product: r.Product, Order: &r.Order})
	if err != nil {
		return orderAnswer{Reason: err.Error()}
	}
	if events[0].Kind == matching.Rejected {
		return orderAnswer{Reason: events[0].Reason}
	}
	return orderAnswer{Accepted: true}
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

func (s *marketService) counts() community.Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.market.Counts()
}
