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
	return h.Begin(community.Request{Submissions: submissions})()
}

// Change brings changes of orders into the market together and returns when
// they are durable and applied.
func (h *Host) Change(changes []community.Change) ([]community.Outcome, error) {
	return h.Begin(community.Request{Changes: changes})()
}

// Begin hands in a request. Requests are carried out in the order in which they are handed
// in, each whole. wait returns when the request is durable and applied, with an outcome for
// each of its submissions and changes, and for each order that was withdrawn: where the order
// stood when that was done.
func (h *Host) Begin(r community.Request) (wait func() ([]community.Outcome, error)) {
	e := &entry{Host: h}
	done := h.sequencer.Start(&journal.Batch{Prepare: func() []matching.Command { return e.prepare(r) }, See: e.see})
	return func() ([]community.Outcome, error) {
		if err := <-done; err != nil {
			return nil, err
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		for i, number := range e.numbers {
			if e.outcomes[i].Order.Number == 0 { // nothing was to be done
				e.outcomes[i].Order, _ = h.market.Order(number)
			}
		}
		return e.outcomes, nil
	}
}

// entry is a request on its way through the sequencer.
type entry struct {
	*Host

	outcomes []community.Outcome
	numbers  []uint64 // of their orders
	entered  []int    // whose commands are not applied yet
	commands []matching.Command
}

// prepare makes the commands of a request when it is their turn.
func (e *entry) prepare(r community.Request) []matching.Command {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range r.Submissions {
		if err := e.refuses(s); err != nil {
			e.add(0, nil, err)
			continue
		}
		e.add(e.market.Submit(s))
	}
	cancelled := map[uint64]bool{}
	for _, c := range r.Changes {
		number, commands, err := e.market.Change(c)
		if c.Cancel && err == nil {
			if cancelled[number] {
				commands = nil // once is enough
			}
			cancelled[number] = true
		}
		e.add(number, commands, err)
		if err == nil && len(commands) == 0 {
			e.outcomes[len(e.outcomes)-1].Rejected = e.market.Explain(matching.UnknownOrder)
		}
	}
	if r.Withdrawal != nil {
		numbers, commands := e.market.Withdraw(*r.Withdrawal)
		for k := range numbers {
			e.add(numbers[k], commands[k:k+1], nil)
		}
	}
	return e.commands
}

// add notes what became of a part of the request.
func (e *entry) add(number uint64, commands []matching.Command, err error) {
	for range commands {
		e.entered = append(e.entered, len(e.outcomes))
	}
	e.outcomes, e.numbers = append(e.outcomes, community.Outcome{Err: err}), append(e.numbers, number)
	e.commands = append(e.commands, commands...)
}

// see notes where the order of a command stands now, and why the market did not take it.
func (e *entry) see(_ *matching.Command, events []matching.Event) {
	of := e.entered[0]
	e.entered = e.entered[1:]
	e.mu.Lock()
	defer e.mu.Unlock()
	e.outcomes[of].Order, _ = e.market.Order(e.numbers[of])
	if events[0].Kind == matching.Rejected {
		e.outcomes[of].Rejected = e.market.Explain(events[0].Reason)
	}
}

// Withdraw cancels what the agent of a metering point, in this process, has waiting for an
// interval. It returns when that is durable.
func (h *Host) Withdraw(_ context.Context, product grid.Product, point string, now time.Time) error {
	h.mu.Lock()
	member := h.market.Owner(point)
	waiting := h.market.Named(member, point, product.Interval)
	h.mu.Unlock()
	if len(waiting) == 0 {
		return nil
	}
	changes := make([]community.Change, len(waiting))
	for k, o := range waiting {
		changes[k] = community.Change{Member: member, ClientID: o.ClientID, Cancel: true, Time: now}
	}
	_, err := h.Change(changes)
	return err
}

// Place enters the order of an agent of this process, at the nearest price that the market
// knows; it returns when the order is durable. refused says why the market did not take
// it, and is empty where it did. Nothing takes orders from a bus, where anybody who may
// write could order for others: from outside they come by the API, with a member's key.
func (h *Host) Place(_ context.Context, product grid.Product, o grid.Order, now time.Time) (refused string, err error) {
	outcomes, err := h.Submit([]community.Submission{{Product: product, Order: h.OnTick(product.Interval, o), Time: now}})
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
