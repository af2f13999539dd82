package community

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// TestWhatCameToNothingHasABound enters many orders of a member that are rejected: the newest
// stay known, as does what has traded, what waits, and what another member sent.
func TestWhatCameToNothingHasABound(t *testing.T) {
	x, i := newOrders(), grid.IntervalAt(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), 15)
	explain := func(matching.Reason) string { return "it is too much" }
	enter := func(member, id string, kinds ...matching.EventKind) {
		number := x.next
		x.enter(Order{Number: number, ClientID: id, Member: member, Product: grid.Product{Interval: i}, Energy: 5, Status: Pending})
		for _, kind := range kinds {
			x.follow(&matching.Event{Kind: kind, Order: number, Energy: 5, Side: grid.Bid}, explain)
		}
	}
	enter("ann", "filled", matching.Accepted, matching.Traded)
	enter("ann", "waiting", matching.Accepted)
	enter("bob", "rejected", matching.Rejected)
	const more = 50
	for n := range mostNothing + more {
		enter("ann", fmt.Sprint(n), []matching.EventKind{matching.Rejected, matching.Expired, matching.Cancelled}[n%3])
	}
	for id, want := range map[string]bool{"filled": true, "waiting": true, "0": false, fmt.Sprint(more - 1): false, fmt.Sprint(more): true, fmt.Sprint(mostNothing + more - 1): true} {
		if _, known := x.Find("ann", id); known != want {
			t.Errorf("ann's order %s is known: %t", id, known)
		}
	}
	if _, known := x.Find("bob", "rejected"); !known || len(x.byNumber) != mostNothing+3 || len(x.byInterval[i]) != mostNothing+3 {
		t.Errorf("bob's is known: %t; %d orders, %d of the interval", known, len(x.byNumber), len(x.byInterval[i]))
	}
	if x.forget(i.Shift(200)); len(x.byNumber)+len(x.byClient)+len(x.byInterval)+len(x.nothing["ann"])+len(x.alive["ann"]) != 0 {
		t.Errorf("a day later %d orders are known", len(x.byNumber))
	}
}

// TestNamedAreTheAgentsOfAPoint has an agent with orders at two points and in two intervals, some of them over, and orders by hand:
// those of one point and interval that wait come by number.
func TestNamedAreTheAgentsOfAPoint(t *testing.T) {
	x, i := newOrders(), grid.IntervalAt(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), 15)
	var want []uint64
	for n := range 60 {
		o := Order{
			Number: uint64(n + 1), Member: "ann", MeteringPoint: []string{"mp-a", "mp-b"}[n%2], Product: grid.Product{Interval: i.Shift(n % 3)}, Energy: 5, Status: Pending,
		}
		if o.ClientID = fmt.Sprintf("%s/%d", o.MeteringPoint, n); n%5 == 0 {
			o.ClientID = fmt.Sprintf("by hand %d", n)
		}
		x.enter(o)
		if n%7 == 0 {
			x.follow(&matching.Event{Kind: matching.Cancelled, Order: o.Number, Energy: 5}, nil)
		} else if n%6 == 0 && n%5 != 0 {
			want = append(want, o.Number)
		}
	}
	var got []uint64
	for _, o := range x.Named("ann", "mp-a", i) {
		got = append(got, o.Number)
	}
	if len(want) < 5 || !slices.Equal(got, want) {
		t.Errorf("they are %v, want %v", got, want)
	}
	if all := x.Named("bob", "mp-a", i); len(all) != 0 {
		t.Errorf("somebody else has %v", all)
	}
}
