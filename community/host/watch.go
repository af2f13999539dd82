package host

import (
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
