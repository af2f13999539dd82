package measures_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/measures"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/tariff"
)

// book is a book in memory, which uses the memory that it shows again.
type book []statements.Interval

func (b book) Each(_ context.Context, from, to time.Time, see func(*statements.Interval) error) error {
	var shown statements.Interval
	for _, i := range b {
		if i.Interval.Begin().Before(from) || !i.Interval.Begin().Before(to) {
			continue
		}
		shown = i
		shown.Points = append(shown.Points[:0:0], i.Points...)
		if err := see(&shown); err != nil {
			return err
		}
		clear(shown.Points)
	}
	return nil
}

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func point(member string, metered grid.Flow, retail, imbalance grid.Energy, net, without grid.Money) statements.Point {
	return statements.Point{
		MeteringPoint: "mp-" + member, Member: member, Metered: metered, Cover: settlement.Cover{Retail: retail, Imbalance: imbalance},
		Rates: tariff.Rates{Retail: 300_000, FeedIn: 60_000}, Net: net, Without: without,
	}
}

// street has two intervals, whose measures are reckoned by hand beside the test.
func street() book {
	first := grid.IntervalAt(noon, 15)
	return book{
		{Interval: first, Points: []statements.Point{
			point("ann", grid.Flow{Export: 1000}, 0, -100, 150_000, 60_000),
			point("bob", grid.Flow{Import: 600}, 100, 40, -120_000, -180_000),
			point("cy", grid.Flow{Import: 200}, 0, 0, -80_000, -60_000),
		}},
		{Interval: first.Shift(1), Points: []statements.Point{
			point("ann", grid.Flow{Export: 100}, 0, 0, 10_000, 6_000),
			point("bob", grid.Flow{Import: 500}, 400, 0, -130_000, -150_000),
		}},
	}
}

// TestAStreetIsMeasured has its numbers by hand. Shareable: min(800, 1000) + min(500, 100) = 900;
// shared: 800 − 100 + 500 − 400 = 800, 889 per mille. cy lost 20,000, which is more than a cent and
// more than a thousandth of 60,000.
func TestAStreetIsMeasured(t *testing.T) {
	m, err := measures.Of(t.Context(), street(), noon, noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	want := measures.Measures{
		From: noon, Until: noon.Add(30 * time.Minute), Intervals: 2, Members: 3, Net: -170_000, Without: -324_000,
		Shared: 800, Shareable: 900, Imbalance: 140, WorseOff: 1, Worst: -20_000,
	}
	if m != want || *m.Sharing() != 889 {
		t.Errorf("%+v, %d per mille", m, *m.Sharing())
	}
	later, err := measures.Of(t.Context(), street(), noon.Add(time.Minute), noon.Add(time.Hour))
	if err != nil || later.Intervals != 1 || later.From != noon.Add(15*time.Minute) || later.Worst != 4_000 || later.WorseOff != 0 || later.Members != 2 {
		t.Errorf("from the second on: %+v, %v", later, err)
	}
}

// TestNothingIsMeasuredOfNothing asks for a time without intervals.
func TestNothingIsMeasuredOfNothing(t *testing.T) {
	if m, err := measures.Of(t.Context(), street(), noon.Add(time.Hour), noon.Add(2*time.Hour)); err != nil || m != (measures.Measures{}) || m.Sharing() != nil {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestACentIsNotWorseOff loses a cent, and a millionth more.
func TestACentIsNotWorseOff(t *testing.T) {
	for net, want := range map[grid.Money]int{-10_000: 0, -10_001: 1} {
		b := book{{Interval: grid.IntervalAt(noon, 15), Points: []statements.Point{point("ann", grid.Flow{Import: 1}, 1, 0, net, 0)}}}
		if m, err := measures.Of(t.Context(), b, noon, noon.Add(time.Hour)); err != nil || m.WorseOff != want {
			t.Errorf("%d: %+v, %v", net, m, err)
		}
	}
}

// TestMembersWhoWereForgottenAreApart has two points without a member.
func TestMembersWhoWereForgottenAreApart(t *testing.T) {
	b := book{{Interval: grid.IntervalAt(noon, 15), Points: []statements.Point{point("x", grid.Flow{}, 0, 0, -50_000, 0), point("y", grid.Flow{}, 0, 0, 50_000, 0)}}}
	b[0].Points[0].Member, b[0].Points[1].Member = "", ""
	if m, err := measures.Of(t.Context(), b, noon, noon.Add(time.Hour)); err != nil || m.Members != 2 || m.WorseOff != 1 || m.Net != 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestWhatCannotBeSaidIsAnError overflows the sums.
func TestWhatCannotBeSaidIsAnError(t *testing.T) {
	most := grid.Money(math.MaxInt64)
	b := book{{Interval: grid.IntervalAt(noon, 15), Points: []statements.Point{point("x", grid.Flow{}, 0, 0, most, 0), point("y", grid.Flow{}, 0, 0, most, 0)}}}
	if _, err := measures.Of(t.Context(), b, noon, noon.Add(time.Hour)); !errors.Is(err, grid.ErrOverflow) {
		t.Errorf("%v", err)
	}
}

// TestTheBooksOwnStatementsAreMeasured settles an interval with a trade and the pool, and measures
// what the book says of it: all that could be shared was.
func TestTheBooksOwnStatementsAreMeasured(t *testing.T) {
	b, err := statements.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	i := grid.IntervalAt(noon, 15)
	rules := settlement.DefaultRules()
	in := settlement.Input{
		Interval: i, Run: 1, Rules: &rules, Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000},
		Points: map[string]settlement.Point{"mp-ann": {Account: "a", Member: "ann"}, "mp-bob": {Account: "b", Member: "bob"}},
		Metered: []record.Metered{
			{MeteringPoint: "mp-ann", Flow: grid.Flow{Export: 900}, Quality: grid.Good},
			{MeteringPoint: "mp-bob", Flow: grid.Flow{Import: 1000}, Quality: grid.Good},
		},
		Trades: []grid.Trade{{Product: grid.Product{Community: "demo", Interval: i}, Seq: 1, Buyer: "mp-bob", Seller: "mp-ann", Energy: 500, BidPrice: 150_000, OfferPrice: 150_000}},
	}
	run, err := settlement.Settle(in)
	if err != nil {
		t.Fatal(err)
	}
	owner := func(p string) (string, string, error) { return p[3:], in.Points[p].Account, nil }
	if err := b.Add(t.Context(), owner, run); err != nil {
		t.Fatal(err)
	}
	m, err := measures.Of(t.Context(), b, noon, noon.Add(time.Hour))
	if err != nil || m.Shared != 900 || m.Shareable != 900 || m.WorseOff != 0 || m.Worst <= 0 || m.Imbalance != 900 {
		t.Errorf("%+v, %v", m, err)
	}
	// Alone ann gets 900 Wh at 0.06 and bob pays 1 kWh at 0.30; together 100 Wh come from the utility.
	if m.Without != 54_000-300_000 || m.Net != -30_000 {
		t.Errorf("together %d, each alone %d", m.Net, m.Without)
	}
}
