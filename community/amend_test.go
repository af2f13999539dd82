package community_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// amend asks for another total and price of ann's order o, and returns where it stands and
// why it was not changed.
func amend(t *testing.T, m *community.Market, total grid.Energy, price grid.Price, version uint32) (o community.Order, refused string) {
	t.Helper()
	number, commands, err := m.Change(community.Change{Member: "ann", ClientID: "o", Energy: total, Price: price, Version: version, Time: start})
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range apply(m, commands) {
		if ev.Kind == community.Rejected {
			refused = ev.Reason
		}
	}
	o, _ = m.Order(number)
	return o, refused
}

// TestAChangeAskedForTwiceBuysItsTotalOnce loses the answer to a change of an order to 500 Wh:
// 300 Wh are filled, and it is asked for again, before and after the rest is filled.
func TestAChangeAskedForTwiceBuysItsTotalOnce(t *testing.T) {
	m := openMarket(t)
	submit(t, m, order("o", "ann", grid.Bid, 800, 100_000))
	for _, version := range []uint32{1, 1, 0} { // the same again is the same, whichever version it names
		if o, why := amend(t, m, 500, 110_000, version); why != "" || o.Left != 500 || o.Version() != 2 {
			t.Fatalf("%+v: %s", o, why)
		}
	}
	submit(t, m, order("s1", "bob", grid.Offer, 300, 100_000))
	if o, why := amend(t, m, 500, 110_000, 1); why != "" || o.Filled != 300 || o.Left != 200 {
		t.Fatalf("300 Wh are filled: %+v: %s", o, why)
	}
	submit(t, m, order("s2", "bob", grid.Offer, 900, 90_000))
	if o, why := amend(t, m, 500, 110_000, 0); why != "" || o.Status != community.Filled || o.Filled != 500 || o.Left != 0 {
		t.Errorf("all is filled: %+v: %s", o, why)
	}
	fills := m.Fills("ann", nil)
	if len(fills) != 2 || fills[0].Price != 110_000 || fills[0].Energy != 300 || fills[1].ClientID != "o" || fills[1].Side != grid.Bid || fills[1].Seq <= fills[0].Seq {
		t.Errorf("ann's fills: %+v", fills)
	}
	if fills := m.Fills("bob", new(product(0).Interval)); len(fills) != 2 || fills[0].ClientID != "s1" || fills[0].Side != grid.Offer {
		t.Errorf("bob's fills: %+v", fills)
	}
	if fills := m.Fills("bob", new(product(1).Interval)); len(fills) != 0 {
		t.Errorf("of another interval: %+v", fills)
	}
}

// TestAChangeOfAnotherVersionIsRefused has two programs of a member change an order that both
// have read.
func TestAChangeOfAnotherVersionIsRefused(t *testing.T) {
	m := openMarket(t)
	submit(t, m, order("o", "ann", grid.Bid, 800, 100_000))
	if o, why := amend(t, m, 700, 100_000, 1); why != "" || o.Version() != 2 {
		t.Errorf("the first: %+v: %s", o, why)
	}
	if o, why := amend(t, m, 600, 100_000, 1); !strings.Contains(why, "replaced meanwhile") || o.Left != 700 || o.Version() != 2 {
		t.Errorf("the second: %+v: %s", o, why)
	}
	if o, why := amend(t, m, 600, 100_000, 2); why != "" || o.Left != 600 || o.Version() != 3 {
		t.Errorf("the second, once it has looked: %+v: %s", o, why)
	}
}

// TestATotalCountsWhatIsFilled lowers the total of an order to what was filled, and below.
func TestATotalCountsWhatIsFilled(t *testing.T) {
	m := openMarket(t)
	submit(t, m, order("o", "ann", grid.Bid, 800, 100_000))
	submit(t, m, order("s", "bob", grid.Offer, 300, 90_000))
	if o, why := amend(t, m, 299, 100_000, 0); !strings.Contains(why, "was filled already") || o.Left != 500 || o.Version() != 1 {
		t.Errorf("below: %+v: %s", o, why)
	}
	if o, why := amend(t, m, 400, 100_050, 0); !strings.Contains(why, "tick") || o.Left != 500 {
		t.Errorf("off the tick: %+v: %s", o, why)
	}
	if o, why := amend(t, m, 300, 100_000, 0); why != "" || o.Status != community.Filled || o.Left != 0 || o.Reason != "" || len(m.Waiting("ann")) != 0 {
		t.Errorf("to it: %+v: %s", o, why)
	}
	if o, why := amend(t, m, 301, 100_000, 0); !strings.Contains(why, "no such order waiting") || o.Status != community.Filled {
		t.Errorf("an order that waits no more: %+v: %s", o, why)
	}
}

// TestAReplaceOfAnOlderLogStatesTheEnergyLeft replays the command that was in use before.
func TestAReplaceOfAnOlderLogStatesTheEnergyLeft(t *testing.T) {
	m := openMarket(t)
	number := submit(t, m, order("o", "ann", grid.Bid, 800, 100_000)).Number
	submit(t, m, order("s", "bob", grid.Offer, 300, 90_000))
	apply(m, []matching.Command{{Kind: matching.Replace, Time: start.UnixMilli(), Account: 1, Order: number, Energy: 500, Price: 110_000}})
	if o, _ := m.Order(number); o.Filled != 300 || o.Left != 500 || o.Limit != 110_000 || o.Version() != 1 {
		t.Errorf("%+v", o)
	}
}

// TestAMemberSeesAndCancelsWhatWaits lists a member's orders, of which some are on their way,
// some are filled and one is a block, and cancels all.
func TestAMemberSeesAndCancelsWhatWaits(t *testing.T) {
	m := openMarket(t)
	apply(m, []matching.Command{m.Command(community.Action{Step: community.Open, Time: start, Product: product(1)})})
	submit(t, m, order("s", "bob", grid.Offer, 100, 90_000))
	submit(t, m, order("filled", "ann", grid.Bid, 100, 90_000))
	submit(t, m, order("waits", "ann", grid.Bid, 100, 80_000))
	block := order("block", "ann", grid.Bid, 100, 80_000)
	block.Periods = 2
	submit(t, m, block)
	submit(t, m, order("bob's", "bob", grid.Bid, 100, 80_000))
	_, coming, err := m.Submit(order("comes", "ann", grid.Bid, 1, 100))
	if err != nil {
		t.Fatal(err)
	}
	names := func() (names []string) {
		for _, o := range m.Waiting("ann") {
			names = append(names, o.ClientID)
		}
		return names
	}
	if got := names(); !slices.Equal(got, []string{"waits", "block", "comes"}) {
		t.Errorf("ann's waiting orders: %v", got)
	}
	later := product(7).Interval
	if numbers, _ := m.Withdraw(community.Withdrawal{Member: "ann", Interval: &later, Time: start}); len(numbers) != 0 {
		t.Errorf("of another interval: %v", numbers)
	}
	numbers, cancels := m.Withdraw(community.Withdrawal{Member: "ann", Time: start})
	apply(m, append(coming, cancels...))
	if len(numbers) != 3 || len(names()) != 0 || len(m.Waiting("bob")) != 1 {
		t.Errorf("%d were cancelled; ann's that wait: %v", len(numbers), names())
	}
	if best, err := m.Best("bob", "", product(0).Interval); err != nil || best.Offer != nil || best.Bid.Price != 80_000 || best.Bid.Energy != 100 {
		t.Errorf("only bob's bid is left: %+v, %v", best, err)
	}
	if _, err := m.Best("bob", "mp-ann", product(0).Interval); err == nil {
		t.Error("bob sees the market as of ann's metering point")
	}
	if _, err := m.Best("bob", "", product(9).Interval); err == nil {
		t.Error("an interval that is not open has best prices")
	}
	if o, _ := m.Find("ann", "filled"); fmt.Sprint(o.Mean.Price()) != "90000 true" {
		t.Errorf("filled at %v", o.Mean)
	}
}
