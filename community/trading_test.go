package community_test

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// TestTradingFollowsTheConfiguration starts a market again that is to trade in calls from now
// on: what is open goes on as it was, what opens next waits for its calls, and a market at one
// place has these before its gate closes too.
func TestTradingFollowsTheConfiguration(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	config := community.Config{
		Community: "elm", Minutes: 15, GateClosure: 5 * time.Minute, Ahead: time.Hour, CallEvery: 5 * time.Minute, Trading: matching.Calls,
		Members: []string{"ann", "bob"},
	}
	m, err := community.NewMarket(config, grid.SingleNode(), priced(300_000, 60_000))
	if err != nil {
		t.Fatal(err)
	}
	i := grid.IntervalAt(start.Add(time.Hour), 15)
	open := func(i grid.Interval) {
		m.Apply(&matching.Command{Kind: matching.Open, Time: start.UnixMilli(), Product: uint32(i.Start / 900)})
	}
	open(i) // as in a log from before
	commands := m.Reprice(start)
	if len(commands) != 1 || commands[0].Kind != matching.Arrange {
		t.Fatalf("%+v", commands)
	}
	admissions, err := m.Admissions([]community.Point{{MeteringPoint: "mp-ann", Member: "ann"}, {MeteringPoint: "mp-bob", Member: "bob"}}, start)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range append(commands, admissions...) {
		m.Apply(&c)
	}
	open(i.Shift(1))
	for _, at := range []grid.Interval{i, i.Shift(1)} {
		for _, o := range []grid.Order{{Member: "ann", Side: grid.Bid, Energy: 100, Price: 200_000}, {Member: "bob", Side: grid.Offer, Energy: 100, Price: 100_000}} {
			o.ID = at.Begin().Format("150405") + o.Member
			_, commands, err := m.Submit(community.Submission{Product: grid.Product{Community: "elm", Interval: at}, Order: o, Time: start})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range commands {
				m.Apply(&c)
			}
		}
	}
	if all := m.Trades(); len(all) != 1 || all[0].Product.Interval != i {
		t.Errorf("before any call %+v traded", all)
	}
	if m.TradingOf(i) != matching.Continuous || m.TradingOf(i.Shift(1)) != matching.Calls || len(m.Reprice(start)) != 0 {
		t.Error("the products do not trade as they were opened to")
	}
	calls := 0
	for now := start; now.Before(i.Begin()); now = now.Add(time.Minute) {
		for _, a := range m.Advance(now) {
			if a.Step == community.Call && a.Product.Interval == i.Shift(1) {
				c := m.Command(a)
				m.Apply(&c)
				calls++
			}
		}
	}
	if all := m.Trades(); calls < 5 || len(all) != 2 || all[1].BidPrice != 150_000 {
		t.Errorf("after %d calls %+v traded", calls, all)
	}
}
