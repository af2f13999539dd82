package community

import (
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/network"
)

// Welfare is what trades are worth by what their members declared: of each Wh the limit of the bid
// less that of the offer, and less the fees of the lines, in millionths a kWh times Wh.
type Welfare struct {
	Declared int64 // of the trades
	// Optimum is that of the best clearing of the same orders: of all that traded, and of all that
	// waited when the gate closed, each at the limit that it had then. What was cancelled or replaced
	// before does not count. A member's own orders may meet there, which in the market they do not.
	Optimum int64
}

// Add returns the sum.
func (w Welfare) Add(x Welfare) Welfare {
	return Welfare{w.Declared + x.Declared, w.Optimum + x.Optimum}
}

// Share returns the part of the optimum in per mille; nil where nothing could be traded.
func (w Welfare) Share() *int64 {
	if w.Optimum <= 0 {
		return nil
	}
	return new((w.Declared*1000 + w.Optimum/2) / w.Optimum) //nolint:mnd // per mille, rounded
}

// Declarations follow a market's events and tell what its trades are worth by what was
// declared. Use NewDeclarations. They are not safe for concurrent use.
type Declarations struct {
	feeder grid.Feeder
	node   func(point string) string
	limits map[string]grid.Order            // by number, of orders that wait
	at     map[grid.Interval]*declaredUntil // of intervals whose gate is open
}

// declaredUntil is what an interval's orders came to so far.
type declaredUntil struct {
	orders   []grid.Order // parts that traded, and at the gate what waited
	declared int64
	flows    map[string]grid.Energy // from trades, by node, + sold there
	partial  bool                   // its opening was not seen, and so nobody knows what was ordered before
}

// NewDeclarations returns the declarations of a market on a feeder; node says where a metering
// point is.
func NewDeclarations(feeder grid.Feeder, node func(point string) string) *Declarations {
	return &Declarations{feeder: feeder, node: node, limits: map[string]grid.Order{}, at: map[grid.Interval]*declaredUntil{}}
}

// See takes in the next event. When a gate has closed, done is true and the interval's welfare is known; it is none
// of an interval whose opening was not seen.
func (d *Declarations) See(ev Event) (w Welfare, done bool, err error) {
	i := ev.Product.Interval
	at := d.at[i]
	if at == nil && ev.Kind != Cleared {
		at = &declaredUntil{flows: map[string]grid.Energy{}, partial: ev.Kind != Opened}
		d.at[i] = at
	}
	switch ev.Kind {
	case Accepted, Replaced:
		o := *ev.Order
		o.Node = d.nodeOf(o.MeteringPoint)
		d.limits[o.ID] = o
	case Traded:
		d.trade(at, *ev.Trade)
	case Expired:
		at.add(d.limits[ev.Order.ID], ev.Order.Energy)
		delete(d.limits, ev.Order.ID)
	case Cancelled:
		delete(d.limits, ev.Order.ID)
	case Cleared:
		delete(d.at, i)
		if at == nil || at.partial {
			return w, true, nil
		}
		w, err = d.reckon(at)
		return w, true, err
	case Opened, Rejected, Called:
	}
	return w, false, nil
}

func (d *Declarations) nodeOf(point string) string {
	if node := d.node(point); node != "" {
		return node
	}
	return d.feeder.Root()
}

// trade counts a trade at the limits of its orders.
func (d *Declarations) trade(at *declaredUntil, t grid.Trade) {
	bid, offer := d.limits[t.Bid], d.limits[t.Offer]
	at.declared += int64(bid.Price-offer.Price) * int64(t.Energy)
	at.flows[offer.Node] += t.Energy
	at.flows[bid.Node] -= t.Energy
	for _, o := range []grid.Order{bid, offer} {
		at.add(o, t.Energy)
		if o.Energy -= t.Energy; o.Energy <= 0 {
			delete(d.limits, o.ID)
		} else {
			d.limits[o.ID] = o
		}
	}
}

// add counts part of an order as one of its own.
func (at *declaredUntil) add(o grid.Order, energy grid.Energy) {
	if o.Side == 0 || energy <= 0 {
		return // of a partial interval: accepted before the declarations began
	}
	o.ID, o.Energy = fmt.Sprintf("%06d", len(at.orders)), energy
	o.Member = o.ID // else a member that bought and sold again would be netted
	at.orders = append(at.orders, o)
}

// reckon clears an interval's orders once more.
func (d *Declarations) reckon(at *declaredUntil) (w Welfare, err error) {
	best, err := network.Clear(network.Case{Feeder: d.feeder, Orders: at.orders, K: network.Half})
	if err != nil {
		return w, fmt.Errorf("declared welfare: %w", err)
	}
	for _, o := range at.orders {
		value := int64(o.Price) * int64(best.Fills[o.ID])
		if o.Side == grid.Offer {
			value = -value
		}
		w.Optimum += value
	}
	w.Declared = at.declared
	up := map[string]grid.Energy{} // over the lines, of the trades
	for _, n := range d.feeder.Nodes {
		for node := n.ID; node != d.feeder.Root(); node = d.parent(node) {
			up[node] += at.flows[n.ID]
		}
	}
	for _, n := range d.feeder.Nodes {
		size := func(e grid.Energy) int64 { return int64(max(e, -e)) }
		w.Declared -= size(up[n.ID]) * int64(n.Fee)
		w.Optimum -= size(best.Flows[n.ID]) * int64(n.Fee)
	}
	return w, nil
}

func (d *Declarations) parent(node string) string {
	for _, n := range d.feeder.Nodes {
		if n.ID == node {
			return n.Parent
		}
	}
	return d.feeder.Root()
}
