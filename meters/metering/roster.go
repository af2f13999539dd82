package metering

import (
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// roster are the connection meters that are known. It is safe for concurrent use.
type roster struct {
	mu     sync.Mutex            // guards what follows
	meters []grid.Device         // in the order in which they came
	times  map[string][]period   // connection meter → when it was there, by time
	most   map[string]grid.Power // connection meter → above which nothing can flow through it
}

// period is a time in which a connection meter is there. A zero since says that it always was, a zero until that it
// still is.
type period struct{ since, until time.Time }

// Add counts one more connection meter, from when it was paired; a zero time says that it was
// always there. most is the power above which nothing can flow through it. One that is there,
// and was paired anew, stays as it is but for that; one that was removed is there again from then on.
func (r *roster) Add(meter grid.Device, since time.Time, most grid.Power) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.most[meter.ID] = most
	times := r.times[meter.ID]
	switch {
	case len(times) == 0:
		r.meters = append(slices.Clone(r.meters), meter)
	case times[len(times)-1].until.IsZero():
		return
	}
	r.times[meter.ID] = append(slices.Clone(times), period{since: since})
}

// End says when a connection meter was removed, or replaced by another one of its metering point.
// What it counted until then keeps standing; it takes no part in intervals that begin later.
func (r *roster) End(meter string, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if times := slices.Clone(r.times[meter]); len(times) > 0 {
		times[len(times)-1].until = until
		r.times[meter] = times
	}
}

// last returns the last time that a meter was there. mu is held.
func (r *roster) last(meter string) period {
	times := r.times[meter]
	if len(times) == 0 {
		return period{}
	}
	return times[len(times)-1]
}

// All returns the connection meters that are there now, in the order in which they came.
func (r *roster) All() (there []grid.Device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.meters {
		if r.last(d.ID).until.IsZero() {
			there = append(there, d)
		}
	}
	return there
}

// Points returns the metering points of a member.
func (r *roster) Points(member string) []string {
	points := []string{}
	for _, d := range r.All() {
		if d.Member == member {
			points = append(points, d.MeteringPoint)
		}
	}
	return points
}

// Has tells whether a metering point has a connection meter.
func (r *roster) Has(point string) bool {
	_, has := r.at(point)
	return has
}

// at returns the connection meter that a metering point has now.
func (r *roster) at(point string) (grid.Device, bool) { return of(point, r.All()) }

// of finds the connection meter of a metering point.
func of(point string, meters []grid.Device) (grid.Device, bool) {
	k := slices.IndexFunc(meters, func(d grid.Device) bool { return d.MeteringPoint == point })
	if k < 0 {
		return grid.Device{}, false
	}
	return meters[k], true
}

// measured returns the connection meter by which a metering point takes part in an interval, and
// else the one that it has now.
func (r *roster) measured(point string, i grid.Interval) (grid.Device, bool) {
	if d, there := of(point, r.in(i)); there {
		return d, true
	}
	return r.at(point)
}

// next returns the meter that replaced another one before the end of an interval in which both
// were there.
func (r *roster) next(old grid.Device, i grid.Interval) (grid.Device, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, was := range r.times[old.ID] {
		for _, d := range r.meters {
			if d.ID == old.ID || d.MeteringPoint != old.MeteringPoint || was.until.IsZero() {
				continue
			}
			for _, is := range r.times[d.ID] {
				if !is.since.IsZero() && !is.since.Before(was.until) && i.Contains(is.since) {
					return d, true
				}
			}
		}
	}
	return grid.Device{}, false
}

// before returns the meters that a connection meter replaced, the latest first.
func (r *roster) before(meter grid.Device) (old []grid.Device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range slices.Backward(r.meters) {
		was := r.times[d.ID]
		if d.ID != meter.ID && d.MeteringPoint == meter.MeteringPoint && len(was) > 0 && !was[0].until.IsZero() && !was[0].until.After(r.last(meter.ID).since) {
			old = append(old, d)
		}
	}
	return old
}

// tookOver tells whether a connection meter was there when an interval began and came to a metering point that
// another one measured until then.
func (r *roster) tookOver(meter grid.Device, i grid.Interval) bool {
	r.mu.Lock()
	since := r.last(meter.ID).since
	r.mu.Unlock()
	if since.IsZero() || i.Begin().Before(since) {
		return false
	}
	old, there := of(meter.MeteringPoint, r.in(grid.IntervalAt(since.Add(-time.Nanosecond), i.Minutes)))
	return there && old.ID != meter.ID
}

// in returns the connection meters that were there when the interval began, one a metering point.
func (r *roster) in(i grid.Interval) (there []grid.Device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.meters {
		for _, p := range r.times[d.ID] {
			if !i.Begin().Before(p.since) && (p.until.IsZero() || i.Begin().Before(p.until)) {
				there = append(there, d)
				break
			}
		}
	}
	return there
}

// mostOf returns the power above which nothing can flow through a connection meter.
func (r *roster) mostOf(meter string) grid.Power {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.most[meter]
}

// bound is mostOf of a connection meter; meters is false of any other device.
func (r *roster) bound(meter string) (most grid.Power, meters bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	most, meters = r.most[meter]
	return most, meters
}

// Replaced tells whether a metering point got its connection meter in an interval.
func (r *roster) Replaced(point string, i grid.Interval) bool {
	d, has := r.at(point)
	r.mu.Lock()
	defer r.mu.Unlock()
	since := r.last(d.ID).since
	return has && !since.IsZero() && i.Contains(since)
}

func (r *roster) paired(meter string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.last(meter).since.IsZero()
}

// byID returns a connection meter by its id.
func (r *roster) byID(id string) grid.Device {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.meters {
		if d.ID == id {
			return d
		}
	}
	return grid.Device{ID: id}
}
