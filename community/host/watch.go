package host

import (
	"sync"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/matching"
)

// watcherQueue is how many changes a watcher may be behind.
const watcherQueue = 4096

// watchers are shown the orders of a member as they change. It is safe for concurrent use.
type watchers struct {
	mu sync.Mutex                                   // after locked.mu
	of map[string]map[chan community.Order]struct{} // by member
}

// watch returns a channel with the member's orders as they change. It is closed
// when the watcher does not keep up, and by stop.
func (w *watchers) watch(member string) (changes <-chan community.Order, stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := make(chan community.Order, watcherQueue)
	if w.of[member] == nil {
		w.of[member] = map[chan community.Order]struct{}{}
	}
	w.of[member][c] = struct{}{}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.forget(member, c)
	}
}

// forget drops a watcher. w.mu is held.
func (w *watchers) forget(member string, c chan community.Order) {
	if _, known := w.of[member][c]; known {
		delete(w.of[member], c)
		close(c)
	}
}

// tell shows watchers the orders that events changed, as order finds them.
func (w *watchers) tell(events []matching.Event, order func(number uint64) (community.Order, bool)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.of) == 0 {
		return
	}
	for _, ev := range events {
		for _, number := range []uint64{ev.Order, ev.Maker} {
			o, known := order(number)
			if !known {
				continue
			}
			for c := range w.of[o.Member] {
				select {
				case c <- o:
				default:
					w.forget(o.Member, c)
				}
			}
		}
	}
}
