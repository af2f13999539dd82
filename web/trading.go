package web

import (
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web/api"
)

const (
	shownTrades    = 30
	shownIntervals = 96
)

// trading is what is shown of the market: the last trades, and a line for each interval,
// both latest first.
type trading struct {
	trades    []dealt
	own       map[string][]dealt // the last ones of each home, as it is told of them
	intervals []api.Clearing
	runs      map[grid.Interval]runs
	means     map[grid.Interval]grid.Mean // of the prices that buyers pay

	changes uint64               // as of the homes
	marked  map[time.Time]uint64 // changes, when an interval changed last, by its start
}

// dealt is a trade as it is shown, with the changes when it came.
type dealt struct {
	api.Trade

	came uint64
}

// runs are the last of an interval that was settled, and that the ledger has.
type runs struct{ settled, recorded int }

func newTrading() trading {
	return trading{
		own: map[string][]dealt{}, intervals: []api.Clearing{}, runs: map[grid.Interval]runs{}, means: map[grid.Interval]grid.Mean{},
		changes: 1, marked: map[time.Time]uint64{},
	}
}

func interval(i grid.Interval) api.Interval {
	return api.Interval{Start: i.Begin(), Minutes: i.Minutes}
}

// trade shows a trade and adds it to its interval.
func (x *trading) trade(t grid.Trade, buyer, seller string) {
	shown := api.Trade{
		Seq: int64(t.Seq), Interval: interval(t.Product.Interval), Buyer: buyer, Seller: seller,
		Energy: int64(t.Energy), Price: int64(t.BidPrice),
	}
	x.trades = latest(x.trades, dealt{shown, x.changes})
	bought, sold := shown, shown
	bought.Seller, sold.Buyer, sold.Price = "", "", int64(t.OfferPrice)
	x.own[buyer] = latest(x.own[buyer], dealt{bought, x.changes})
	x.own[seller] = latest(x.own[seller], dealt{sold, x.changes})
	c := x.clearing(t.Product.Interval)
	mean := x.means[t.Product.Interval].Add(t.BidPrice, t.Energy)
	x.means[t.Product.Interval] = mean
	forgetBefore(x.means, t.Product.Interval)
	c.Volume = int64(mean.Energy)
	if price, some := mean.Price(); some {
		c.Price = new(int64(price))
	}
	c.Trades++
}

// clearing returns the interval's line, a new one when there is none. The
// lines are kept latest first.
func (x *trading) clearing(i grid.Interval) *api.Clearing {
	want := interval(i)
	x.marked[want.Start] = x.changes
	at, found := slices.BinarySearchFunc(x.intervals, want.Start, func(c api.Clearing, start time.Time) int {
		return start.Compare(c.Interval.Start)
	})
	if !found {
		x.intervals = slices.Insert(x.intervals, at, api.Clearing{Interval: want})
		if len(x.intervals) > shownIntervals {
			delete(x.marked, x.intervals[shownIntervals].Interval.Start)
			x.intervals = x.intervals[:shownIntervals]
		}
		if at == shownIntervals {
			return &api.Clearing{Interval: want} // older than all that is shown
		}
	}
	return &x.intervals[at]
}

// settle shows that a run of an interval is settled; false when a later one is shown.
func (x *trading) settle(i grid.Interval, run int, estimated bool) bool {
	if run < x.runs[i].settled {
		return false
	}
	x.note(i, runs{settled: run})
	c := x.clearing(i)
	c.Settled, c.Estimated = true, estimated
	return true
}

// remembered is how long the runs and the mean price of an interval are.
const remembered = 48 * time.Hour

// forgetBefore drops what is kept of intervals long before one.
func forgetBefore[T any](kept map[grid.Interval]T, i grid.Interval) {
	for old := range kept {
		if i.Begin().Sub(old.Begin()) > remembered {
			delete(kept, old)
		}
	}
}

// note keeps the runs of an interval: until the ledger has the last one, what is
// shown is provisional.
func (x *trading) note(i grid.Interval, now runs) {
	r := x.runs[i]
	r = runs{settled: max(r.settled, now.settled), recorded: max(r.recorded, now.recorded)}
	x.runs[i] = r
	forgetBefore(x.runs, i)
	if r.settled > 0 {
		x.clearing(i).Provisional = r.settled > r.recorded
	}
}

// latest adds a trade to those that are shown, the latest first.
func latest(trades []dealt, t dealt) []dealt {
	trades = slices.Insert(trades, 0, t)
	return trades[:min(len(trades), shownTrades)]
}

// shown returns the last trades, latest first.
func (x *trading) shown() []api.Trade { return bare(x.trades) }

// of returns the last trades of a home, latest first.
func (x *trading) of(home string) []api.Trade { return bare(x.own[home]) }

func bare(trades []dealt) []api.Trade {
	all := make([]api.Trade, len(trades))
	for k, t := range trades {
		all[k] = t.Trade
	}
	return all
}

// tradesSince returns the trades that came after a cut, oldest first, as far as they are shown.
func (x *trading) tradesSince(cut uint64) []api.Trade { return cameSince(x.trades, cut) }

// ofSince returns the trades of a home that came after a cut, oldest first.
func (x *trading) ofSince(home string, cut uint64) []api.Trade { return cameSince(x.own[home], cut) }

func cameSince(trades []dealt, cut uint64) (all []api.Trade) {
	for _, t := range slices.Backward(trades) {
		if t.came > cut {
			all = append(all, t.Trade)
		}
	}
	return all
}

// intervalsSince returns the intervals that changed after a cut.
func (x *trading) intervalsSince(cut uint64) (all []api.Clearing) {
	for _, c := range x.intervals {
		if x.marked[c.Interval.Start] > cut {
			all = append(all, c)
		}
	}
	return all
}
