package meters

import (
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// waiting are the readings that are not published yet. It is safe for concurrent use, and
// its zero value is empty.
type waiting struct {
	mu      sync.Mutex
	pending map[string][]grid.Reading // by member
	latest  map[string]time.Time      // of the last reading, by device
	stalled bool                      // nothing could be published when that was tried last
}

// stall notes whether what was published last went out, and tells whether that is news.
func (w *waiting) stall(stalled bool) (news bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	news = w.stalled != stalled
	w.stalled = stalled
	return news
}

// begin forgets what waited.
func (w *waiting) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending, w.latest = nil, nil
}

// add takes the readings of one poll, which are published together. Of a device only one
// of a time is published: a simulation that falls behind stands still for longer than a
// period.
func (w *waiting) add(member string, polled ...grid.Reading) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.latest == nil {
		w.latest = map[string]time.Time{}
	}
	for _, r := range polled {
		if r.Time.Equal(w.latest[r.Device]) {
			continue
		}
		w.latest[r.Device] = r.Time
		w.set(member, append(w.pending[member], r))
	}
}

// take returns what waits, by member, of which nothing waits any more.
func (w *waiting) take() map[string][]grid.Reading {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.pending
	w.pending = nil
	return taken
}

// mostWaiting bounds the readings of a member that wait in memory.
const mostWaiting = 4 * 3600

// putBack puts readings back before those that came meanwhile. Of more than can wait in
// memory the oldest are lost, which is an alarm: totals go on with the next reading, only
// the detail is gone. It returns how many were lost.
func (w *waiting) putBack(member string, readings []grid.Reading) (lost int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := append(readings, w.pending[member]...)
	if lost = max(0, len(all)-mostWaiting); lost > 0 {
		all = all[lost:]
	}
	w.set(member, all)
	return lost
}

// set has readings of a member wait; mu is held.
func (w *waiting) set(member string, readings []grid.Reading) {
	if w.pending == nil {
		w.pending = map[string][]grid.Reading{}
	}
	w.pending[member] = readings
}
