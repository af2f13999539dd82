package community

import (
	"maps"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
)

// traded are the trades of the intervals that are not settled for good.
type traded struct {
	trades map[grid.Interval][]grid.Trade
}

func newTraded() traded { return traded{map[grid.Interval][]grid.Trade{}} }

// add notes a trade.
func (x *traded) add(t grid.Trade) {
	i := t.Product.Interval
	x.trades[i] = append(x.trades[i], t)
}

// drop forgets the trades of an interval that is settled for good.
func (x *traded) drop(i grid.Interval) { delete(x.trades, i) }

// of returns a copy of the trades of an interval.
func (x *traded) of(i grid.Interval) []grid.Trade { return slices.Clone(x.trades[i]) }

// Trades returns those of the intervals that are not settled for good, by
// interval.
func (x *traded) Trades() []grid.Trade {
	var all []grid.Trade
	for _, i := range slices.SortedFunc(maps.Keys(x.trades), grid.Interval.Compare) {
		all = append(all, x.trades[i]...)
	}
	return all
}

// Position returns what a metering point bought less what it sold for an interval,
// Wh, and whether it traded at all.
func (x *traded) Position(i grid.Interval, meteringPoint string) (net grid.Energy, traded bool) {
	for _, t := range x.trades[i] {
		if t.Buyer == meteringPoint {
			net, traded = net+t.Energy, true
		}
		if t.Seller == meteringPoint {
			net, traded = net-t.Energy, true
		}
	}
	return net, traded
}

// Traders returns the metering points with trades in the interval, sorted.
func (x *traded) Traders(i grid.Interval) []string {
	seen := map[string]bool{}
	for _, t := range x.trades[i] {
		seen[t.Buyer], seen[t.Seller] = true, true
	}
	return slices.Sorted(maps.Keys(seen))
}
