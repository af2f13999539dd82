package community

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// GateCall is the call auction of an interval at gate closure, as it was held.
type GateCall struct {
	Time   time.Time // when the gate closed
	Orders []InCall  // by number
	// Committed is what was traded before sends over a node's line, Wh, + export; by node.
	Committed map[string]grid.Energy
}

// InCall is an order in a call auction.
type InCall struct {
	Order

	Node     string
	Offered  grid.Energy // what was left of it when the gate closed, Wh
	Obtained grid.Energy // of that, what it traded in the call, Wh
	At       grid.Price  // what it paid or got for that, per kWh
}

// calls are the call auctions at gate closure, as long as their orders are known.
type calls struct{ held map[grid.Interval]call }

// call is a call auction as it is kept: its orders are known elsewhere.
type call struct {
	Time      int64                  `json:"time"` // unix ms
	Parts     []part                 `json:"parts"`
	Committed map[string]grid.Energy `json:"committed,omitempty"`
}

// part is what an order had in a call auction.
type part struct {
	Number   uint64      `json:"number"`
	Offered  grid.Energy `json:"offered"`
	Obtained grid.Energy `json:"obtained,omitempty"`
	At       grid.Price  `json:"at,omitempty"`
}

func newCalls() calls { return calls{map[grid.Interval]call{}} }

// hold keeps the call auction that the events of a Close command tell: what traded in it, and
// what expired. single tells whether an order is for one interval: no block takes part.
func (x *calls) hold(i grid.Interval, at int64, committed map[string]grid.Energy, events []matching.Event, single func(number uint64) bool) {
	parts := map[uint64]*part{}
	of := func(number uint64) *part {
		if parts[number] == nil {
			parts[number] = &part{Number: number}
		}
		return parts[number]
	}
	for _, ev := range events {
		switch {
		case ev.Kind == matching.Traded:
			pays, gets := of(ev.Order), of(ev.Maker)
			if ev.Side == grid.Offer {
				pays, gets = gets, pays
			}
			pays.At, gets.At = ev.Price, ev.OfferPrice
			for _, p := range []*part{pays, gets} {
				p.Offered += ev.Energy
				p.Obtained += ev.Energy
			}
		case ev.Kind == matching.Expired && single(ev.Order):
			of(ev.Order).Offered += ev.Energy
		}
	}
	c := call{Time: at, Committed: committed}
	for _, p := range parts {
		c.Parts = append(c.Parts, *p)
	}
	slices.SortFunc(c.Parts, func(a, b part) int { return cmp.Compare(a.Number, b.Number) })
	x.held[i] = c
}

// forget drops the calls of intervals that closed long before this one.
func (x *calls) forget(now grid.Interval) {
	for i := range x.held {
		if longAgo(i, now) {
			delete(x.held, i)
		}
	}
}

// committed returns what the trades of an interval send over each node's line, + export, without
// the lines over which nothing goes.
func (m *Market) committed(i grid.Interval) map[string]grid.Energy {
	if len(m.feeder.Nodes) == 1 {
		return nil
	}
	parents := map[string]string{}
	for _, n := range m.feeder.Nodes {
		parents[n.ID] = n.Parent
	}
	flows := map[string]grid.Energy{}
	send := func(point string, energy grid.Energy) {
		for node := m.Point(point).Node; parents[node] != ""; node = parents[node] {
			if flows[node] += energy; flows[node] == 0 {
				delete(flows, node)
			}
		}
	}
	for _, t := range m.traded.trades[i] {
		send(t.Seller, t.Energy)
		send(t.Buyer, -t.Energy)
	}
	return flows
}

// single tells whether an order is for one interval, rather than a block.
func (m *Market) single(number uint64) bool {
	o := m.byNumber[number]
	return o != nil && o.Periods <= 1
}

// Held returns the intervals whose call auction at gate closure is told (AtGate), the last first.
func (m *Market) Held() []grid.Interval {
	return slices.SortedFunc(maps.Keys(m.calls.held), func(a, b grid.Interval) int { return b.Compare(a) })
}

// AtGate returns the call auction of an interval at gate closure, until a day after; false when
// the gate has not closed, or that was longer ago.
func (m *Market) AtGate(i grid.Interval) (c GateCall, held bool) {
	kept, held := m.calls.held[i]
	if !held {
		return c, false
	}
	c.Time, c.Committed = time.UnixMilli(kept.Time).UTC(), kept.Committed
	for _, p := range kept.Parts {
		if o := m.byNumber[p.Number]; o != nil {
			c.Orders = append(c.Orders, InCall{Order: *o, Node: m.Point(o.MeteringPoint).Node, Offered: p.Offered, Obtained: p.Obtained, At: p.At})
		}
	}
	return c, true
}

// Ordered returns a member's orders for an interval, by number, whatever became of them, until a
// day after; of blocks those that begin with it.
func (m *Market) Ordered(member string, i grid.Interval) []Order {
	var all []Order
	for number := range m.byInterval[i] {
		if o := m.byNumber[number]; o.Member == member {
			all = append(all, *o)
		}
	}
	slices.SortFunc(all, func(a, b Order) int { return cmp.Compare(a.Number, b.Number) })
	return all
}

// Feeder returns the feeder over which the market clears.
func (m *Market) Feeder() grid.Feeder { return m.feeder }

// Places returns the members that have a metering point at each node.
func (r *roster) Places() map[string][]string {
	places := map[string][]string{}
	for _, p := range r.points[1:] {
		if !slices.Contains(places[p.Node], p.Member) {
			places[p.Node] = append(places[p.Node], p.Member)
		}
	}
	return places
}
