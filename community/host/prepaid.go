package host

import (
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
)

// Funds returns how a member's prepaid balance stands in the market.
func (l *locked) Funds(member string) matching.Funds {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.market.Funds(member)
}

// Unreleased returns the intervals for whose trades something is reserved of prepaid
// balances, though their gate has closed.
func (l *locked) Unreleased() []grid.Interval {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.market.Unreleased()
}

// Prepay gives a member's prepaid balance as of now, and what energy costs that it sells and
// does not deliver, as soon as the member can have one: a first balance, and another such cost,
// counts from when it has neither orders nor trades that are not delivered. Until a first one
// counts its orders are cancelled and no new ones are taken (held). The same again changes
// nothing.
func (h *Host) Prepay(member string, balance grid.Money, missing grid.Price, now time.Time) (held bool, err error) {
	refused, err := h.fund(member, balance, missing, now)
	if err != nil || !refused {
		h.hold(member, false)
		return false, err
	}
	if has := h.Funds(member); has.Prepaid { // busy: the cost stays as it was
		_, err = h.fund(member, balance, has.Missing, now)
		h.hold(member, false)
		return false, err
	}
	h.hold(member, true)
	err = h.sequencer.Do(&journal.Batch{Prepare: func() []matching.Command {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.market.Revoke(member, now)
	}})
	if err != nil {
		return true, err
	}
	if refused, err = h.fund(member, balance, missing, now); err != nil || refused {
		return true, err
	}
	h.hold(member, false)
	return false, nil
}

// fund enters a balance; refused tells that the member has orders or trades.
func (h *Host) fund(member string, balance grid.Money, missing grid.Price, now time.Time) (refused bool, err error) {
	err = h.sequencer.Do(&journal.Batch{
		Prepare: func() []matching.Command {
			h.mu.Lock()
			defer h.mu.Unlock()
			if c, some := h.market.Prepay(member, balance, missing, now); some {
				return []matching.Command{c}
			}
			return nil
		},
		See: func(_ *matching.Command, events []matching.Event) { refused = events[0].Kind == matching.Rejected },
	})
	return refused, err
}

// hold has no orders of a member taken, or takes them again.
func (h *Host) hold(member string, on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !on {
		delete(h.held, member)
		return
	}
	if h.held == nil {
		h.held = map[string]bool{}
	}
	h.held[member] = true
}

// Release frees what is reserved for the trades of intervals that are settled, as the balances
// have it.
func (h *Host) Release(intervals []grid.Interval, now time.Time) error {
	if len(intervals) == 0 {
		return nil
	}
	return h.sequencer.Do(&journal.Batch{Prepare: func() (commands []matching.Command) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, i := range intervals {
			commands = append(commands, h.market.Release(i, now))
		}
		return commands
	}})
}

// refuses says why an order is not taken, nil when it may be, or is known already. h.mu is
// held.
func (h *Host) refuses(s community.Submission) error {
	if _, known := h.market.Find(s.Order.Member, s.Order.ID); known || !h.held[s.Order.Member] {
		return nil
	}
	return &community.RefusedError{Reason: "member: trades on a prepaid balance from now on, which counts when what it traded before is delivered; until then no orders are taken"}
}
