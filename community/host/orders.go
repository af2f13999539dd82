package host

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
)

// Request is what an agent sends, Answer what it hears.
type Request struct {
	Product grid.Product `json:"product"`
	Order   grid.Order   `json:"order"`
	Time    time.Time    `json:"time"`
}

// Answer says whether an order was taken, and why it was not.
type Answer struct {
	Accepted bool   `json:"accepted"`
	Reason   string `json:"reason,omitempty"`
}

// Serve answers agents until ctx ends; an order is acknowledged after it is durable.
func (h *Host) Serve(ctx context.Context) error {
	return h.bus.Serve(ctx, h.ordersSubject(), func(data []byte) []byte {
		answer := h.takeOrder(data)
		if !answer.Accepted {
			h.log.DebugContext(ctx, "order refused", slog.String("reason", answer.Reason))
		}
		b, err := json.Marshal(answer)
		if err != nil {
			return []byte(`{"accepted":false,"reason":"the answer could not be encoded"}`)
		}
		return b
	})
}

func (h *Host) takeOrder(data []byte) Answer {
	var r Request
	if err := json.Unmarshal(data, &r); err != nil {
		return Answer{Reason: err.Error()}
	}
	outcomes, err := h.Submit([]community.Submission{{Product: r.Product, Order: r.Order, Time: r.Time}})
	if err == nil {
		err = outcomes[0].Err
	}
	switch {
	case err != nil:
		return Answer{Reason: err.Error()}
	case outcomes[0].Order.Status == community.IsRejected:
		return Answer{Reason: outcomes[0].Order.Reason}
	default:
		return Answer{Accepted: true}
	}
}

// Submit brings submissions into the market together and returns when they are
// durable and applied. After an error nobody knows: asking again is safe.
func (h *Host) Submit(submissions []community.Submission) ([]community.Outcome, error) {
	return h.enter(len(submissions), func(i int) (uint64, []matching.Command, error) { return h.market.Submit(submissions[i]) })
}

// Change brings changes of orders into the market together and returns when
// they are durable and applied.
func (h *Host) Change(changes []community.Change) ([]community.Outcome, error) {
	return h.enter(len(changes), func(i int) (uint64, []matching.Command, error) { return h.market.Change(changes[i]) })
}

// enter has n commands prepared when it is their turn and entered.
func (h *Host) enter(n int, prepare func(i int) (uint64, []matching.Command, error)) ([]community.Outcome, error) {
	outcomes, numbers := make([]community.Outcome, n), make([]uint64, n)
	var entered []int // whose commands they are
	err := h.sequencer.Do(&journal.Batch{
		Prepare: func() (all []matching.Command) {
			h.mu.Lock()
			defer h.mu.Unlock()
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
				h.mu.Lock()
				defer h.mu.Unlock()
				outcomes[entered[0]].Rejected = h.market.Explain(events[0].Reason)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, number := range numbers {
		outcomes[i].Order, _ = h.market.Order(number)
	}
	return outcomes, nil
}

// Find returns a member's order by what the member calls it.
func (h *Host) Find(member, clientID string) (community.Order, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.market.Find(member, clientID)
}

// Outside takes orders of programs outside, and notes for whom they trade.
type Outside struct{ *Host }

// Submit implements web.Orders.
func (o Outside) Submit(submissions []community.Submission) ([]community.Outcome, error) {
	o.mu.Lock()
	for _, s := range submissions {
		o.outside[s.Order.Member] = o.clock()
	}
	o.mu.Unlock()
	return o.Host.Submit(submissions)
}

// HeardOutside returns when a program outside last sent orders for the member.
func (h *Host) HeardOutside(member string) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.outside[member]
}

// Rules returns what an order must keep to, the calendar, and the first and the last
// interval whose product is open; some is false when none is.
func (h *Host) Rules() (rules matching.Config, calendar community.Config, first, last grid.Interval, some bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first, last, some = h.market.Open()
	return h.market.Rules(), h.market.Calendar(), first, last, some
}

// Send sends an order over the bus, as agents in other processes do.
func (h *Host) Send(ctx context.Context, r Request) (Answer, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return Answer{}, fmt.Errorf("submit order: %w", err)
	}
	reply, err := h.bus.Request(ctx, h.ordersSubject(), data)
	if err != nil {
		return Answer{}, err
	}
	var a Answer
	if err := json.Unmarshal(reply, &a); err != nil {
		return Answer{}, fmt.Errorf("submit order: %w", err)
	}
	return a, nil
}

// Place sends an agent's order over the bus, at the nearest price that the market knows.
// refused says why the market did not take it, and is empty where it did.
func (h *Host) Place(ctx context.Context, product grid.Product, o grid.Order, now time.Time) (refused string, err error) {
	a, err := h.Send(ctx, Request{Product: product, Order: h.OnTick(o), Time: now})
	if err != nil || a.Accepted {
		return "", err
	}
	return a.Reason, nil
}
