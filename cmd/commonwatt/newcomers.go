package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

// A metering point that is paired while the community runs takes part in the
// intervals that begin after it was paired and its meter was first read. The others
// neither wait for it nor are estimated because of it.

// add bills by one more connection meter.
func (s *settler) add(meter grid.Device, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.meters, func(m grid.Device) bool { return m.ID == meter.ID }) {
		return // it was paired anew
	}
	s.meters = append(slices.Clone(s.meters), meter)
	s.came(meter.ID, since)
}

// came notes when a meter was paired. s.mu is held, or nothing runs yet.
func (s *settler) came(meter string, since time.Time) {
	if since.IsZero() {
		return
	}
	if s.since == nil {
		s.since = map[string]time.Time{}
	}
	s.since[meter] = since
}

// metersIn returns the connection meters that were there when the interval began.
func (s *settler) metersIn(i grid.Interval) (there []grid.Device) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.meters {
		if !i.Begin().Before(s.since[m.ID]) {
			there = append(there, m)
		}
	}
	return there
}

// errNewcomer reports a paired meter that was first read after the interval began.
var errNewcomer = errors.New("the meter was first read later")

// energy returns the energy of an interval at a meter. Errors: store.ErrIncomplete,
// errNewcomer.
func (s *settler) energy(ctx context.Context, meter grid.Device, i grid.Interval) (grid.Flow, grid.Quality, error) {
	flow, quality, incomplete := store.Energy(ctx, s.store, meter.ID, i)
	if !errors.Is(incomplete, store.ErrIncomplete) || !s.paired(meter.ID) {
		return flow, quality, incomplete
	}
	before, after, err := s.store.Around(ctx, meter.ID, i.Begin(), store.Reach)
	switch {
	case err != nil:
		return flow, "", err
	case before == nil && after != nil:
		return flow, "", errNewcomer
	default:
		return flow, "", incomplete
	}
}

func (s *settler) paired(meter string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, is := s.since[meter]
	return is
}

// meterOf returns the connection meter of a metering point.
func (s *settler) meterOf(point string) (grid.Device, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.meters {
		if m.MeteringPoint == point {
			return m, true
		}
	}
	return grid.Device{}, false
}

// pointsOf returns the metering points of a member.
func (s *settler) pointsOf(member string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	points := []string{}
	for _, m := range s.meters {
		if m.Member == member {
			points = append(points, m.MeteringPoint)
		}
	}
	return points
}
