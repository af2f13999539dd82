package community

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// orders are those that the market knows, until a day after their interval's gate closed.
// Of those that came to nothing (rejected, cancelled or expired without a fill) a member's
// newest are known, so that nobody fills the memory with them.
type orders struct {
	byNumber   map[uint64]*Order
	byClient   map[clientKey]uint64              // numbers
	byInterval map[grid.Interval]map[uint64]bool // numbers, by their (first) interval
	alive      map[string]map[uint64]bool        // numbers of those that are not final, by member
	nothing    map[string][]uint64               // numbers of those that came to nothing, by member, the oldest first
	next       uint64                            // number
}

// mostNothing is how many orders of a member that came to nothing are known.
const mostNothing = 10_000

// clientKey finds an order by what its member calls it.
type clientKey struct{ member, id string }

func newOrders() orders {
	return orders{
		byNumber: map[uint64]*Order{}, byClient: map[clientKey]uint64{}, byInterval: map[grid.Interval]map[uint64]bool{},
		alive: map[string]map[uint64]bool{}, nothing: map[string][]uint64{}, next: 1,
	}
}

// enter remembers an order.
func (x *orders) enter(o Order) {
	x.byNumber[o.Number] = &o
	x.byClient[clientKey{o.Member, o.ClientID}] = o.Number
	x.next = max(x.next, o.Number+1)
	if x.byInterval[o.Product.Interval] == nil {
		x.byInterval[o.Product.Interval] = map[uint64]bool{}
	}
	x.byInterval[o.Product.Interval][o.Number] = true
	x.note(&o)
	if o.Final() && o.Filled == 0 {
		x.bury(&o)
	}
}

// bury remembers that an order came to nothing, and forgets the member's oldest such one
// where there are too many.
func (x *orders) bury(o *Order) {
	all := append(x.nothing[o.Member], o.Number)
	if len(all) > mostNothing {
		x.drop(all[0])
		all = all[1:]
	}
	x.nothing[o.Member] = all
}

// drop forgets an order.
func (x *orders) drop(number uint64) {
	o := x.byNumber[number]
	if o == nil {
		return
	}
	if key := (clientKey{o.Member, o.ClientID}); x.byClient[key] == number {
		delete(x.byClient, key)
	}
	delete(x.alive[o.Member], number)
	delete(x.byInterval[o.Product.Interval], number)
	delete(x.byNumber, number)
}

// note keeps who has orders that are not final.
func (x *orders) note(o *Order) {
	switch of := x.alive[o.Member]; {
	case !o.Final() && of == nil:
		x.alive[o.Member] = map[uint64]bool{o.Number: true}
	case !o.Final():
		of[o.Number] = true
	case of[o.Number]:
		delete(of, o.Number)
		if o.Filled == 0 {
			x.bury(o)
		}
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

// Named returns a member's waiting orders for an interval that are named after a metering point,
// as those of its agent are, by number.
func (x *orders) Named(member, point string, i grid.Interval) []Order {
	var all []Order
	for number := range x.alive[member] {
		if o := x.byNumber[number]; o.Product.Interval == i && o.MeteringPoint == point && o.OfAgent() {
			all = append(all, *o)
		}
	}
	slices.SortFunc(all, func(a, b Order) int { return cmp.Compare(a.Number, b.Number) })
	return all
}

// OfAgent tells whether an order is named after its metering point, as those of the agents of this
// process are.
func (o Order) OfAgent() bool { return strings.HasPrefix(o.ClientID, o.MeteringPoint+"/") }

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
		for number := range numbers {
			x.drop(number)
		}
		delete(x.byInterval, i)
	}
	for member, all := range x.nothing {
		x.nothing[member] = slices.DeleteFunc(all, func(number uint64) bool { return x.byNumber[number] == nil })
	}
}
