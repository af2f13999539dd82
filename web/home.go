package web

import (
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/web/api"
)

// outlook is what a metering point trades for an interval, and the net energy that
// is expected of it, nil when nobody has said.
type outlook struct {
	contract api.Contract
	net      *grid.Energy
}

// outlooksKept is for how long an interval's outlook is, after its end.
const outlooksKept = time.Hour

// agree adds what a trade means for a metering point.
func (l *Live) agree(point string, i grid.Interval, add api.Contract) {
	l.look(point, i, func(o *outlook) {
		o.contract.Bought += add.Bought
		o.contract.Sold += add.Sold
		o.contract.Paid += add.Paid
		o.contract.Received += add.Received
	})
}

// SeeExpected shows how much energy a metering point is expected to take from the grid
// in an interval, net: once that is delivered.
func (l *Live) SeeExpected(point string, i grid.Interval, net grid.Energy) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, known := l.points[point]
	if !known {
		return
	}
	l.look(point, i, func(o *outlook) { o.net = &net })
	l.changed.homes[at] = true
}

// look changes the outlook of a home's metering point, and forgets old ones.
func (l *Live) look(point string, i grid.Interval, change func(*outlook)) {
	if _, known := l.points[point]; !known {
		return
	}
	all := l.outlooks[point]
	if all == nil {
		all = map[grid.Interval]outlook{}
		l.outlooks[point] = all
	}
	o := all[i]
	change(&o)
	all[i] = o
	for old := range all {
		if old.End().Before(l.clock().Add(-outlooksKept)) {
			delete(all, old)
		}
	}
}

// running returns the outlook of the interval that is being delivered.
func (l *Live) running(point string) outlook {
	now := l.clock()
	for i, o := range l.outlooks[point] {
		if i.Contains(now) {
			return o
		}
	}
	return outlook{}
}

// contracted returns what a home trades in the interval that is being delivered, and
// what it expects of that, nil unless it is known of all of its metering points.
func (l *Live) contracted(at int) (api.Contract, *api.Expected) {
	var all api.Contract
	var shared grid.Energy // what the trades leave over of the points that meet each other's
	var left []grid.Energy
	sum, known := api.Expected{}, true
	for _, point := range l.own[at] {
		o := l.running(point)
		all.Bought += o.contract.Bought
		all.Sold += o.contract.Sold
		all.Paid += o.contract.Paid
		all.Received += o.contract.Received
		if o.net == nil {
			known = false
			continue
		}
		sum.Energy += int64(*o.net)
		if rest := *o.net - grid.Energy(o.contract.Bought-o.contract.Sold); l.apart[point] {
			left = append(left, rest)
		} else {
			shared += rest
		}
	}
	sum.Money = all.Received - all.Paid
	for _, rest := range append(left, shared) {
		known = known && leave(&sum, rest, l.state.Tariff)
	}
	if !known {
		return all, nil
	}
	return all, &sum
}

// leave adds what is left over to what is expected, at the utility's prices; false when
// that is more than anybody expects.
func leave(e *api.Expected, rest grid.Energy, t api.Tariff) bool {
	price := grid.Price(t.Retail)
	if rest < 0 {
		price = grid.Price(t.FeedIn)
	}
	cost, err := price.Cost(rest)
	if err != nil {
		return false
	}
	e.Money -= int64(cost)
	e.Short += int64(max(rest, 0))
	e.Over += int64(max(-rest, 0))
	return true
}

// SeeChallenge shows the storage challenge that a member's battery answers, nil
// when there is none any more.
func (l *Live) SeeChallenge(member string, c *api.Challenge) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, known := l.homes[member]
	if !known {
		return
	}
	if c != nil {
		c = new(*c) // the caller may change its own
	}
	l.state.Homes[at].Challenge = c
	l.changed.homes[at] = true
}

// count adds a statement to what today came to, in place of an earlier run's.
func (l *Live) count(at int, i grid.Interval, s settlement.Statement) {
	all := l.counted[s.MeteringPoint]
	if all == nil {
		all = map[grid.Interval]settlement.Statement{}
		l.counted[s.MeteringPoint] = all
	}
	all[i] = s
	l.state.Homes[at].Today = l.today(at)
	l.changed.homes[at] = true
}

// today adds up the statements of a home's metering points. An interval counts once, and
// as estimated when it is so at any of them.
func (l *Live) today(at int) api.Today {
	var sum api.Today
	settled, estimated := map[grid.Interval]bool{}, map[grid.Interval]bool{}
	for _, point := range l.own[at] {
		for i, s := range l.counted[point] {
			sum.Net += int64(s.Net)
			sum.RetailOnly += int64(s.RetailOnly)
			sum.Without += int64(s.Alone())
			sum.WithoutEstimated = sum.WithoutEstimated || s.WithoutEstimated
			settled[i] = true
			if s.Quality != grid.Good {
				estimated[i] = true
			}
			if sum.Since == nil || i.Begin().Before(*sum.Since) {
				sum.Since = new(i.Begin())
			}
		}
	}
	sum.Intervals, sum.Estimated = len(settled), len(estimated)
	return sum
}

// draw keeps the powers of a home when all of them were read at one moment.
func (l *Live) draw(at int) {
	h := &l.state.Homes[at]
	if f := flow(h.Devices, max(oneMoment, time.Duration(l.speed*float64(oneTick)))); f != nil {
		h.Flow = f
		l.drawn[at] = time.Now()
	}
}

// oneMoment is how far apart readings of one moment may be, in world time: the devices
// behind a metering point are read together. oneTick is the same in wall time, for worlds
// that run fast.
const (
	oneMoment = time.Second
	oneTick   = 100 * time.Millisecond
)

// flow returns the powers of a home's devices and what remains for the home, nil
// unless all are known and lie within so much time. A home that would produce
// shows readings that do not belong together.
func flow(devices []api.Device, within time.Duration) *api.Flow {
	sums := map[string]*int64{}
	var first, last time.Time
	for _, d := range devices {
		if d.Time == nil || d.Power == nil {
			return nil
		}
		if first.IsZero() || d.Time.Before(first) {
			first = *d.Time
		}
		if d.Time.After(last) {
			last = *d.Time
		}
		if sums[d.Kind] == nil {
			sums[d.Kind] = new(int64)
		}
		*sums[d.Kind] += *d.Power
	}
	meter := sums[string(grid.Meter)]
	if meter == nil || last.Sub(first) > within {
		return nil
	}
	f := &api.Flow{
		Time: first, Meter: *meter, Home: *meter,
		Inverter: sums[string(grid.Inverter)], Battery: sums[string(grid.Battery)], Charger: sums[string(grid.Charger)],
	}
	for _, part := range []*int64{f.Inverter, f.Battery, f.Charger} {
		if part != nil {
			f.Home -= *part
		}
	}
	if f.Home < 0 {
		return nil
	}
	return f
}

// home returns a copy of a home with what depends on the time.
func (l *Live) home(at int) api.Home {
	h := l.state.Homes[at]
	h.Devices = slices.Clone(h.Devices)
	for k := range h.Devices {
		h.Devices[k].Online = l.online(h.Devices[k].Id)
	}
	if time.Since(l.drawn[at]) >= silentAfter {
		h.Flow = nil
	}
	if h.Challenge != nil && !l.clock().Before(h.Challenge.Until) {
		h.Challenge = nil
	}
	h.Contract, h.Expected = l.contracted(at)
	if l.pool != nil && slices.ContainsFunc(l.own[at], func(point string) bool { return !l.apart[point] }) {
		h.Pool = new(int64(*l.pool))
	}
	return h
}

// SharePool tells the price at which what no trade covers is shared after delivery.
func (l *Live) SharePool(p grid.Price) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pool = &p
}

// Apart tells which metering points share nothing after delivery, neither with others
// nor with the member's own.
func (l *Live) Apart(points map[string]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.apart = maps.Clone(points)
}
