package community_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// book has rates by metering point, from an interval on; before it others counted.
type book struct {
	change     grid.Interval
	before, on map[string]tariff.Rates
}

// Default implements community.Tariffs.
func (book) Default(grid.Interval) (tariff.Tariff, error) {
	return tariff.Tariff{Version: "t1", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}, nil
}

func (b book) Rates(point string, i grid.Interval) (tariff.Rates, error) {
	all := b.on
	if i.Compare(b.change) < 0 {
		all = b.before
	}
	r, some := all[point]
	if !some {
		return r, fmt.Errorf("no tariff is known for %s", i)
	}
	return r, nil
}

// costing are the rates of ann, bob and cy, each more than the one before.
func costing(name string, retail grid.Price) map[string]tariff.Rates {
	all := map[string]tariff.Rates{}
	for k, member := range []string{"ann", "bob", "cy"} {
		all["mp-"+member] = tariff.Rates{Tariff: name, Version: "1", Currency: "EUR", Retail: retail + grid.Price(k)*10_000, FeedIn: 60_000, Community: 5_000}
	}
	return all
}

// ratedMarket is a market with rates in which bob sold ann 300 Wh for the first two intervals.
func ratedMarket(t *testing.T, b community.Tariffs) *community.Market {
	t.Helper()
	c := config("ann", "bob", "cy")
	c.Tariffs = b
	m, err := community.NewMarket(c, grid.SingleNode(), tariff.Tariff{Version: "1", Currency: "EUR", Retail: 300_000, FeedIn: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	commands, err := m.Admissions([]community.Point{{MeteringPoint: "mp-ann", Member: "ann"}, {MeteringPoint: "mp-bob", Member: "bob"}, {MeteringPoint: "mp-cy", Member: "cy"}}, start)
	if err != nil {
		t.Fatal(err)
	}
	apply(m, commands)
	for n := range 2 {
		apply(m, []matching.Command{m.Command(community.Action{Step: community.Open, Time: start, Product: product(n)})})
		for _, o := range []community.Submission{order(fmt.Sprint("o", n), "bob", grid.Offer, 300, 100_000), order(fmt.Sprint("b", n), "ann", grid.Bid, 300, 100_000)} {
			o.Product = product(n)
			submit(t, m, o)
		}
		apply(m, []matching.Command{m.Command(community.Action{Step: community.Close, Time: start, Product: product(n)})})
	}
	return m
}

// day is what was metered: bob gave less than he sold.
func day(bob grid.Energy) []record.Metered {
	return []record.Metered{
		{MeteringPoint: "mp-ann", Flow: grid.Flow{Import: 500}, Quality: grid.Good},
		{MeteringPoint: "mp-bob", Flow: grid.Flow{Export: bob}, Quality: grid.Good},
		{MeteringPoint: "mp-cy", Flow: grid.Flow{Export: 100}, Quality: grid.Good},
	}
}

func settleRun(t *testing.T, m *community.Market, n, run int, metered []record.Metered, previous ...settlement.Run) settlement.Run {
	t.Helper()
	r, err := m.Settle(product(n).Interval, run, metered, "root", previous)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestTheDeliveryIntervalSaysWhatCounts settles two intervals after the tariffs changed between
// them: the first by the tariff under which it was delivered.
func TestTheDeliveryIntervalSaysWhatCounts(t *testing.T) {
	m := ratedMarket(t, book{product(1).Interval, costing("old", 300_000), costing("new", 400_000)})
	for n, name := range []string{"old", "new"} {
		run := settleRun(t, m, n, 1, day(250))
		for _, s := range run.Statements {
			if s.Rates == nil || s.Rates.Tariff != name {
				t.Errorf("%s: %s was settled by %+v, want the tariff %s", product(n).Interval, s.MeteringPoint, s.Rates, name)
			}
		}
		// 500 Wh at 0.30 before and at 0.40 after.
		if want := []grid.Money{-150_000, -200_000}[n]; run.Statements[0].RetailOnly != want {
			t.Errorf("ann alone has %d, want %d", run.Statements[0].RetailOnly, want)
		}
	}
}

// TestACorrectionAfterAllHasChanged corrects what bob gave thirteen months later: the program was
// started anew with the runs that were frozen, the tariffs are others and those of then are not
// known any more, bob has moved away, and what is left over is not shared any more. The two
// runs come to what one by the right values would have.
func TestACorrectionAfterAllHasChanged(t *testing.T) {
	then := book{product(9).Interval, costing("old", 300_000), nil}
	first := settleRun(t, ratedMarket(t, then), 0, 1, day(250))
	want := settleRun(t, ratedMarket(t, then), 0, 1, day(180))
	kept, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	var frozen settlement.Run
	if err := json.Unmarshal(kept, &frozen); err != nil {
		t.Fatal(err)
	}
	c := config("ann", "cy")
	c.Tariffs = book{}
	c.Rules = &settlement.Rules{Pool: settlement.Off}
	m, err := community.NewMarket(c, grid.SingleNode(), tariff.Tariff{Version: "9", Currency: "EUR", Retail: 900_000, FeedIn: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	commands, err := m.Admissions([]community.Point{{MeteringPoint: "mp-ann", Member: "ann"}, {MeteringPoint: "mp-cy", Member: "cy"}}, start)
	if err != nil {
		t.Fatal(err)
	}
	apply(m, commands)
	second := settleRun(t, m, 0, 2, day(180), frozen)
	if len(second.Postings()) == 0 {
		t.Error("the correction posts nothing")
	}
	for k, s := range second.Statements {
		s.Run = 1
		if !reflect.DeepEqual(s, want.Statements[k]) {
			t.Errorf("corrected to\n%+v, want\n%+v", s, want.Statements[k])
		}
	}
	if second.Manifest.RulesDigest != first.Manifest.RulesDigest || second.Manifest.TariffDigest != first.Manifest.TariffDigest {
		t.Error("the correction was made by other rules or tariffs than the first run")
	}
}

// TestNoPriceIsInvented: an interval of which a tariff is not known is not settled.
func TestNoPriceIsInvented(t *testing.T) {
	m := ratedMarket(t, book{product(9).Interval, map[string]tariff.Rates{"mp-ann": {Currency: "EUR"}}, nil})
	if run, err := m.Settle(product(0).Interval, 1, day(250), "root", nil); err == nil {
		t.Errorf("settled as %+v", run.Statements)
	}
}
