package community

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// orders are those that the market knows, until a day after their interval's gate closed.
type orders struct {
	byNumber   map[uint64]*Order
	byClient   map[clientKey]uint64       // numbers
	byInterval map[grid.Interval][]uint64 // numbers, by their (first) interval
	alive      map[string]map[uint64]bool // numbers of those that are not final, by member
	next       uint64                     // number
}

// clientKey finds an order by what its member calls it.
type clientKey struct{ member, id string }

func newOrders() orders {
	return orders{byNumber: map[uint64]*Order{}, byClient: map[clientKey]uint64{}, byInterval: map[grid.Interval][]uint64{}, alive: map[string]map[uint64]bool{}, next: 1}
}

// enter remembers an order.
func (x *orders) enter(o Order) {
	x.byNumber[o.Number] = &o
	x.byClient[clientKey{o.Member, o.ClientID}] = o.Number
	x.next = max(x.next, o.Number+1)
	x.byInterval[o.Product.Interval] = append(x.byInterval[o.Product.Interval], o.Number)
	x.note(&o)
}

// note keeps who has orders that are not final.
func (x *orders) note(o *Order) {
	switch of := x.alive[o.Member]; {
	case !o.Final() && of == nil:
		x.alive[o.Member] = map[uint64]bool{o.Number: true}
	case !o.Final():
		of[o.Number] = true
	default:
		delete(of, o.Number)
	}
}

// Order returns what is known of an order. It is kept for a day after its
// product closed.
func (x *orders) Order(number uint64) (Order, bool) {
	if o := x.byNumber[number]; o != nil {
		return *o, true
	}
	return Order{}, false
}

// Find returns a member's order by what the member calls it.
func (x *orders) Find(member, client string) (Order, bool) {
	return x.Order(x.byClient[clientKey{member, client}])
}

// clientOf returns what its member calls the order of a number as events and trades have it;
// empty when the order is no longer known.
func (x *orders) clientOf(number string) string {
	n, err := strconv.ParseUint(number, 10, 64)
	if o := x.byNumber[n]; err == nil && o != nil {
		return o.ClientID
	}
	return ""
}

// Waiting returns a member's orders that wait or are on their way into the market, by number.
func (x *orders) Waiting(member string) []Order {
	var all []Order
	for _, number := range slices.Sorted(maps.Keys(x.alive[member])) {
		all = append(all, *x.byNumber[number])
	}
	return all
}

// follow notes in an order what an event did to it; explain says why one was rejected.
func (x *orders) follow(ev *matching.Event, explain func(matching.Reason) string) {
	o := x.byNumber[ev.Order]
	if o == nil {
		return
	}
	switch ev.Kind {
	case matching.Accepted:
		o.Status, o.Left, o.Limit = Waiting, ev.Energy, ev.Price
	case matching.Rejected:
		if o.Status == Pending {
			o.Status, o.Reason = IsRejected, explain(ev.Reason)
		}
	case matching.Replaced:
		o.Status, o.Left, o.Limit = Waiting, ev.Energy, ev.Price
	case matching.Cancelled:
		o.Status, o.Left, o.Reason = IsCancelled, 0, ev.Reason.String()
		if ev.Reason == matching.TotalReached {
			o.Status, o.Reason = Filled, ""
		}
	case matching.Expired:
		o.Status, o.Left = IsExpired, 0
	case matching.Traded:
		pays, gets := ev.Price, ev.OfferPrice
		if ev.Side == grid.Offer {
			pays, gets = gets, pays
		}
		o.fill(ev.Energy, pays)
		if maker := x.byNumber[ev.Maker]; maker != nil {
			maker.fill(ev.Energy, gets)
			x.note(maker)
		}
	case matching.Done, matching.Opened, matching.Cleared, matching.Called:
	}
	x.note(o)
}

// saved returns all orders by number.
func (x *orders) saved() []Order {
	var all []Order
	for _, number := range slices.Sorted(maps.Keys(x.byNumber)) {
		all = append(all, *x.byNumber[number])
	}
	return all
}

// remembered is for how many intervals after its own an order is known.
const remembered = 24 * time.Hour

// longAgo tells whether an interval is no longer remembered when this one closes.
func longAgo(i, now grid.Interval) bool { return now.Begin().Sub(i.Begin()) > remembered }

// forget drops the orders of products that closed long before this one.
func (x *orders) forget(now grid.Interval) {
	for i, numbers := range x.byInterval {
		if !longAgo(i, now) {
			continue
		}
		for _, number := range numbers {
			delete(x.byClient, clientKey{x.byNumber[number].Member, x.byNumber[number].ClientID})
			delete(x.alive[x.byNumber[number].Member], number)
			delete(x.byNumber, number)
		}
		delete(x.byInterval, i)
	}
}
