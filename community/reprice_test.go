package community_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// TestPriceRulesChangeForWhatIsNotOpen restarts a market under tariffs whose prices need
// other steps, while an order waits: its product keeps its rules, the next one has the new
// ones; the log with the change in it, and a snapshot between, come to the same bytes.
func TestPriceRulesChangeForWhatIsNotOpen(t *testing.T) {
	t.Parallel()
	open := func(retail grid.Price, given *community.Collar) *community.Market {
		c := config("ann", "bob")
		c.Collar = given
		m, err := community.NewMarket(c, grid.SingleNode(), priced(retail, 60_000))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	var log []matching.Command
	do := func(m *community.Market, commands ...matching.Command) {
		for _, c := range commands {
			log = append(log, c)
			m.Apply(&c)
		}
	}
	i := grid.IntervalAt(start.Add(time.Hour), 15)
	openAt := func(i grid.Interval) matching.Command {
		return matching.Command{Kind: matching.Open, Time: start.UnixMilli(), Product: uint32(i.Start / 900)}
	}
	submit := func(m *community.Market, i grid.Interval, member, id string, side grid.Side, price grid.Price) error {
		_, commands, err := m.Submit(community.Submission{
			Product: grid.Product{Community: m.Calendar().Community, Interval: i}, Time: start,
			Order: grid.Order{ID: id, Member: member, MeteringPoint: "mp-" + member, Side: side, Energy: 100, Price: price},
		})
		do(m, commands...)
		return err
	}
	before := open(300_000, nil)
	do(before, before.Begin(start))
	admissions, err := before.Admissions([]community.Point{{MeteringPoint: "mp-ann", Member: "ann"}, {MeteringPoint: "mp-bob", Member: "bob"}}, start)
	if err != nil || len(before.Reprice(start)) != 0 {
		t.Fatal(err, before.Reprice(start))
	}
	do(before, append(admissions, openAt(i))...)
	if err := submit(before, i, "ann", "a", grid.Bid, 123_400); err != nil {
		t.Fatal(err)
	}

	// The next start: a kWh costs 31, in steps of 0.01; nobody goes below nothing.
	after := open(31_000_000, &community.Collar{Tick: 10_000, Floor: 0, Ceiling: 500_000_000})
	for _, c := range log {
		after.Apply(&c)
	}
	change := after.Reprice(start)
	if len(change) != 1 || change[0].Kind != matching.Requote || change[0].Name != "10000 0 500000000" {
		t.Fatalf("%+v", change)
	}
	do(after, change...)
	saved, err := after.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	do(after, openAt(i.Shift(1)))
	for _, c := range []struct {
		at    grid.Interval
		price grid.Price
		want  string
	}{
		{i, 123_400, ""},
		{i, 31_000_000, "price: outside of the market's collar of -1000000 to 5000000"},
		{i.Shift(1), 31_000_000, ""},
		{i.Shift(1), 123_400, "price: not a multiple of the market's tick of 10000"},
	} {
		err := submit(after, c.at, "bob", fmt.Sprint(c.at.Start, "-", c.price), grid.Offer, c.price)
		if err == nil && c.want != "" || err != nil && err.Error() != c.want {
			t.Errorf("%s at %d: %v, want %q", c.at, c.price, err, c.want)
		}
	}
	if trades := after.Trades(); len(trades) != 1 || trades[0].BidPrice != 123_400 {
		t.Errorf("the order that waited under the rules of before traded %+v", trades)
	}
	if len(after.Reprice(start)) != 0 {
		t.Error("what is so already is asked for again")
	}
	whole, err := after.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	// The log alone, under whatever tariff comes later.
	replayed := open(6_500_000, nil)
	for _, c := range log {
		replayed.Apply(&c)
	}
	if b, err := replayed.Snapshot(); err != nil || !bytes.Equal(b, whole) {
		t.Errorf("a replay saves other bytes (%v)", err)
	}
	restored := open(6_500_000, nil)
	if err := restored.Restore(saved); err != nil {
		t.Fatal(err)
	}
	next := openAt(i.Shift(1))
	restored.Apply(&next)
	if got := restored.QuotesOf(i.Shift(1)); got.Tick != 10_000 || restored.QuotesOf(i).Tick != 100 {
		t.Errorf("restored: %+v, and %+v of before", got, restored.QuotesOf(i))
	}
}

// TestFeedInAboveRetail: such a market is made, and its collar fits both prices.
func TestFeedInAboveRetail(t *testing.T) {
	t.Parallel()
	if c, err := community.CollarOf(priced(100_000, 300_000)); err != nil || c.Ceiling < 600_000 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := community.NewMarket(community.Config{Minutes: 15}, grid.SingleNode(), priced(100_000, 300_000)); err != nil {
		t.Error(err)
	}
}
