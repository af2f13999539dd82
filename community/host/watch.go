package host

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/matching"
)

// watcherQueue is how many changes a watcher may be behind.
const watcherQueue = 4096

// Watch returns a channel with the member's orders as they change. It is closed
// when the watcher does not keep up, and by stop.
func (h *Host) Watch(member string) (changes <-chan community.Order, stop func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := make(chan community.Order, watcherQueue)
	if h.watchers[member] == nil {
		h.watchers[member] = map[chan community.Order]struct{}{}
	}
	h.watchers[member][c] = struct{}{}
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.unwatch(member, c)
	}
}

// unwatch forgets a watcher. h.mu is held.
func (h *Host) unwatch(member string, c chan community.Order) {
	if _, known := h.watchers[member][c]; known {
		delete(h.watchers[member], c)
		close(c)
	}
}

// tell shows watchers the orders that events changed. h.mu is held.
func (h *Host) tell(events []matching.Event) {
	if len(h.watchers) == 0 {
		return
	}
	for _, ev := range events {
		for _, number := range []uint64{ev.Order, ev.Maker} {
			o, known := h.market.Order(number)
			if !known {
				continue
			}
			for c := range h.watchers[o.Member] {
				select {
				case c <- o:
				default:
					h.unwatch(o.Member, c)
				}
			}
		}
	}
}

// Watcher is told what is published on a subject from now on, until ctx ends.
type Watcher interface {
	Watch(ctx context.Context, subject string, see func(data []byte)) error
}

// Follow shows the market's events as they are published, until ctx ends.
func (h *Host) Follow(ctx context.Context, on Watcher, see func([]community.Event)) error {
	return on.Watch(ctx, h.EventsSubject(), func(data []byte) {
		var events []community.Event
		if err := json.Unmarshal(data, &events); err != nil {
			h.log.ErrorContext(ctx, "market events", slog.String("error", err.Error()))
			return
		}
		see(events)
	})
}
