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
	trades    []api.Trade
	intervals []api.Clearing
	runs      map[grid.Interval]runs
	means     map[grid.Interval]grid.Mean // of the prices that buyers pay

	added   []api.Trade        // since the last changes
	changed map[time.Time]bool // intervals, by start
}

// runs are the last of an interval that was settled, and that the ledger has.
type runs struct{ settled, recorded int }

func newTrading() trading {
	return trading{trades: []api.Trade{}, intervals: []api.Clearing{}, runs: map[grid.Interval]runs{}, means: map[grid.Interval]grid.Mean{}, changed: map[time.Time]bool{}}
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
	x.trades = slices.Insert(x.trades, 0, shown)
	x.trades = x.trades[:min(len(x.trades), shownTrades)]
	x.added = append(x.added, shown)
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
	x.changed[want.Start] = true
	at, found := slices.BinarySearchFunc(x.intervals, want.Start, func(c api.Clearing, start time.Time) int {
		return start.Compare(c.Interval.Start)
	})
	if !found {
		x.intervals = slices.Insert(x.intervals, at, api.Clearing{Interval: want})
		if len(x.intervals) > shownIntervals {
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

// changes returns what came since the last time.
func (x *trading) changes() (trades []api.Trade, intervals []api.Clearing) {
	for _, c := range x.intervals {
		if x.changed[c.Interval.Start] {
			intervals = append(intervals, c)
		}
	}
	trades = x.added
	x.added, x.changed = nil, map[time.Time]bool{}
	return trades, intervals
}
