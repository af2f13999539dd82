package main

import (
	"context"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

// recentReadings are the last registers that this process read of each device, which
// the store gets a little later. It is safe for concurrent use; its zero value is
// ready.
type recentReadings struct {
	mu   sync.Mutex
	last map[string]grid.Registers
}

func (s *recentReadings) see(r grid.Reading) {
	if r.Import == nil || r.Export == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = map[string]grid.Registers{}
	}
	if s.last[r.Device].Time.After(r.Time) {
		return
	}
	s.last[r.Device] = grid.Registers{Time: r.Time, Import: *r.Import, Export: *r.Export, Quality: r.Quality}
}

// over returns a store whose registers go up to the last that was read.
func (s *recentReadings) over(stored store.Store) store.Store { return &upToDate{stored, s} }

type upToDate struct {
	store.Store

	recent *recentReadings
}

// Around implements store.Store.
func (u *upToDate) Around(ctx context.Context, device string, t time.Time, reach time.Duration) (before, after *grid.Registers, err error) {
	before, after, err = u.Store.Around(ctx, device, t, reach)
	u.recent.mu.Lock()
	last, known := u.recent.last[device]
	u.recent.mu.Unlock()
	if err != nil || !known {
		return before, after, err
	}
	if away := last.Time.Sub(t); away <= 0 && -away <= reach && (before == nil || last.Time.After(before.Time)) {
		before = &last
	} else if away >= 0 && away <= reach && after == nil {
		after = &last
	}
	return before, after, nil
}
