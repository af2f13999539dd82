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
	since  map[string]time.Time  // connection meter → when it was paired; absent: it was always there
	until  map[string]time.Time  // connection meter → when it was removed, or replaced; absent: it is there
	most   map[string]grid.Power // connection meter → above which nothing can flow through it
}

// Add counts one more connection meter, from when it was paired; a zero time says that it was
// always there. most is the power above which nothing can flow through it. One that is known,
// and was paired anew, stays as it is but for that.
func (r *roster) Add(meter grid.Device, since time.Time, most grid.Power) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.most[meter.ID] = most
	if slices.ContainsFunc(r.meters, func(known grid.Device) bool { return known.ID == meter.ID }) {
		return
	}
	r.meters = append(slices.Clone(r.meters), meter)
	if !since.IsZero() {
		r.since[meter.ID] = since
	}
}

// End says when a connection meter was removed, or replaced by another one of its metering point.
// What it counted until then keeps standing; it takes no part in intervals that begin later.
func (r *roster) End(meter string, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until[meter] = until
}

// All returns the connection meters that are there now, in the order in which they came.
func (r *roster) All() (there []grid.Device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.meters {
		if r.until[d.ID].IsZero() {
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
	until := r.until[old.ID]
	for _, d := range r.meters {
		since, paired := r.since[d.ID]
		if d.ID != old.ID && d.MeteringPoint == old.MeteringPoint && paired && !until.IsZero() && !since.Before(until) && i.Contains(since) {
			return d, true
		}
	}
	return grid.Device{}, false
}

// before returns the meters that a connection meter replaced, the latest first.
func (r *roster) before(meter grid.Device) (old []grid.Device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range slices.Backward(r.meters) {
		if until := r.until[d.ID]; d.MeteringPoint == meter.MeteringPoint && !until.IsZero() && !until.After(r.since[meter.ID]) {
			old = append(old, d)
		}
	}
	return old
}

// in returns the connection meters that were there when the interval began, one a metering point.
func (r *roster) in(i grid.Interval) (there []grid.Device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.meters {
		until, ended := r.until[d.ID]
		if !i.Begin().Before(r.since[d.ID]) && (!ended || i.Begin().Before(until)) {
			there = append(there, d)
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
	since, paired := r.since[d.ID]
	return has && paired && i.Contains(since)
}

func (r *roster) paired(meter string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, is := r.since[meter]
	return is
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
