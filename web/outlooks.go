package web

import (
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
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

// outlooks are what the metering points trade and expect, and what the community shares
// of the rest.
type outlooks struct {
	of   map[string]map[grid.Interval]outlook // by metering point
	pool *grid.Price                          // of what no trade covers; nil: it is not shared
	// halfWay says that it is so between the two prices of a home's own tariff.
	halfWay bool
	apart   map[string]bool // metering points that share nothing
}

// agree adds what a trade means for a metering point.
func (o *outlooks) agree(point string, i grid.Interval, now time.Time, add api.Contract) {
	o.look(point, i, now, func(x *outlook) {
		x.contract.Bought += add.Bought
		x.contract.Sold += add.Sold
		x.contract.Paid += add.Paid
		x.contract.Received += add.Received
	})
}

// expect notes the net energy that is expected of a metering point.
func (o *outlooks) expect(point string, i grid.Interval, now time.Time, net grid.Energy) {
	o.look(point, i, now, func(x *outlook) { x.net = &net })
}

// shared returns the pool's price for a home, nil when none of its points takes part.
func (o *outlooks) shared(points []string) *int64 {
	if o.pool == nil || !slices.ContainsFunc(points, func(point string) bool { return !o.apart[point] }) {
		return nil
	}
	return new(int64(*o.pool))
}

// look changes the outlook of a metering point, and forgets old ones.
func (o *outlooks) look(point string, i grid.Interval, now time.Time, change func(*outlook)) {
	all := o.of[point]
	if all == nil {
		all = map[grid.Interval]outlook{}
		o.of[point] = all
	}
	x := all[i]
	change(&x)
	all[i] = x
	for old := range all {
		if old.End().Before(now.Add(-outlooksKept)) {
			delete(all, old)
		}
	}
}

// running returns the outlook of the interval that is being delivered.
func (o *outlooks) running(point string, now time.Time) outlook {
	for i, x := range o.of[point] {
		if i.Contains(now) {
			return x
		}
	}
	return outlook{}
}

// contracted returns what a home trades in the interval that is being delivered, and
// what it expects of that, nil unless it is known of all of its metering points.
func (o *outlooks) contracted(points []string, now time.Time, t api.Tariff) (api.Contract, *api.Expected) {
	var all api.Contract
	var shared grid.Energy // what the trades leave over of the points that meet each other's
	var left []grid.Energy
	sum, known := api.Expected{}, true
	for _, point := range points {
		x := o.running(point, now)
		all.Bought += x.contract.Bought
		all.Sold += x.contract.Sold
		all.Paid += x.contract.Paid
		all.Received += x.contract.Received
		if x.net == nil {
			known = false
			continue
		}
		sum.Energy += int64(*x.net)
		if rest := *x.net - grid.Energy(x.contract.Bought-x.contract.Sold); o.apart[point] {
			left = append(left, rest)
		} else {
			shared += rest
		}
	}
	sum.Money = all.Received - all.Paid
	for _, rest := range append(left, shared) {
		known = known && leave(&sum, rest, t)
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
