package host

import (
	"context"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
)

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

// Place enters the order of an agent of this process, at the nearest price that the market
// knows; it returns when the order is durable. refused says why the market did not take
// it, and is empty where it did. Nothing takes orders from a bus, where anybody who may
// write could order for others: from outside they come by the API, with a member's key.
func (h *Host) Place(_ context.Context, product grid.Product, o grid.Order, now time.Time) (refused string, err error) {
	outcomes, err := h.Submit([]community.Submission{{Product: product, Order: h.OnTick(o), Time: now}})
	if err != nil {
		return "", err
	}
	first := outcomes[0]
	if first.Err != nil {
		return first.Err.Error(), nil //nolint:nilerr // it is the market's answer
	}
	if first.Order.Status == community.IsRejected {
		return first.Order.Reason, nil
	}
	return "", nil
}
