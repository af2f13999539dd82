// Package matching is the market: commands in, events out. It is pure and
// deterministic: the same commands give the same events, so that a journal of
// commands is the whole state.
//
// A product opens, trades continuously in one book for each zone of the
// feeder, and closes: what is left is cleared by the uniform call auction, and
// the rest expires. Each trade names the two metering points and prices; a
// trade of the continuous phase is at the resting order's price.
//
// The caller appends a command to the journal before applying it, and shows
// the events only after.
package matching

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/book"
	"github.com/commonwatt/commonwatt/matching/network"
)

// CommandKind says what a command asks for.
type CommandKind string

// The commands.
const (
	Open   CommandKind = "open"   // a product for trade
	Submit CommandKind = "submit" // an order
	Cancel CommandKind = "cancel" // an order by id
	Close  CommandKind = "close"  // a product at gate closure
)

// Command is one input of the engine.
type Command struct {
	Kind    CommandKind  `json:"kind"`
	Time    time.Time    `json:"time"` // world time, UTC
	Product grid.Product `json:"product"`
	Order   *grid.Order  `json:"order,omitempty"`    // of Submit
	OrderID string       `json:"order_id,omitempty"` // of Cancel
	Member  string       `json:"member,omitempty"`   // of Cancel: only one's own orders
}

// EventKind says what happened.
type EventKind string

// The events.
const (
	Opened    EventKind = "opened"
	Accepted  EventKind = "accepted"
	Rejected  EventKind = "rejected"
	Traded    EventKind = "traded"
	Cancelled EventKind = "cancelled"
	Expired   EventKind = "expired"
	Cleared   EventKind = "cleared"
)

// Event is one output of the engine. Seq counts from 1 without gaps.
type Event struct {
	Seq     uint64       `json:"seq"`
	Time    time.Time    `json:"time"`
	Kind    EventKind    `json:"kind"`
	Product grid.Product `json:"product"`
	Order   *grid.Order  `json:"order,omitempty"`  // accepted, rejected, cancelled, expired: with the energy left
	Reason  string       `json:"reason,omitempty"` // rejected, cancelled
	Trade   *grid.Trade  `json:"trade,omitempty"`
	Price   *grid.Price  `json:"price,omitempty"`  // cleared: of the call auction; nil when nothing crossed
	Volume  grid.Energy  `json:"volume,omitempty"` // cleared: of the call auction
}

// Engine holds the open products. It is not safe for concurrent use.
type Engine struct {
	feeder   grid.Feeder
	zones    map[string]string // node → zone
	seq      uint64
	products map[grid.Product]*market
	seen     map[string]grid.Product // order id → product, of open products
}

type market struct {
	books  map[string]*book.Book // by zone
	orders map[string]grid.Order // as submitted, resting or filled
}

// New returns an engine for a community on the feeder, which must be valid.
// Until settlement has accounts for grid fees and congestion rent it must be
// one zone.
func New(feeder grid.Feeder) (*Engine, error) {
	if err := feeder.Validate(); err != nil {
		return nil, err
	}
	zones := feeder.Zones()
	zones[""] = feeder.Root()
	for _, n := range feeder.Nodes {
		if zones[n.ID] != feeder.Root() {
			return nil, fmt.Errorf("feeder: the line of node %q has a limit or a fee, which settlement cannot account for yet", n.ID)
		}
	}
	return &Engine{feeder: feeder, zones: zones, products: map[grid.Product]*market{}, seen: map[string]grid.Product{}}, nil
}

// IsOpen tells whether orders for the product are taken.
func (e *Engine) IsOpen(p grid.Product) bool { return e.products[p] != nil }

// Apply carries out a command. A command that cannot be carried out gives one
// Rejected event with the reason.
func (e *Engine) Apply(c Command) []Event {
	out := &output{engine: e, command: c}
	switch c.Kind {
	case Open:
		e.open(c, out)
	case Submit:
		e.submit(c, out)
	case Cancel:
		e.cancel(c, out)
	case Close:
		e.close(c, out)
	default:
		out.reject(nil, fmt.Sprintf("unknown command %q", c.Kind))
	}
	return out.events
}

// output numbers the events of one command.
type output struct {
	engine  *Engine
	command Command
	events  []Event
}

func (o *output) add(ev Event) {
	o.engine.seq++
	ev.Seq, ev.Time, ev.Product = o.engine.seq, o.command.Time, o.command.Product
	if ev.Trade != nil {
		ev.Trade.Seq, ev.Trade.Product = ev.Seq, ev.Product
	}
	o.events = append(o.events, ev)
}

func (o *output) reject(order *grid.Order, reason string) {
	o.add(Event{Kind: Rejected, Order: order, Reason: reason})
}

func (e *Engine) open(c Command, out *output) {
	if e.products[c.Product] != nil {
		out.reject(nil, "the product is already open")
		return
	}
	e.products[c.Product] = &market{books: map[string]*book.Book{}, orders: map[string]grid.Order{}}
	out.add(Event{Kind: Opened})
}

func (e *Engine) submit(c Command, out *output) {
	if c.Order == nil {
		out.reject(nil, "order: missing")
		return
	}
	order := *c.Order
	if reason := e.refuse(c.Product, order); reason != "" {
		out.reject(&order, reason)
		return
	}
	m := e.products[c.Product]
	m.orders[order.ID] = order
	e.seen[order.ID] = c.Product
	out.add(Event{Kind: Accepted, Order: &order})
	b := m.book(e.zones[order.Node])
	fills, left, stopped := b.Match(order)
	for _, f := range fills {
		out.add(Event{Kind: Traded, Trade: trade(order, m.orders[f.Resting], f.Energy, f.Price)})
	}
	rest := order
	rest.Energy = left
	switch {
	case stopped:
		out.add(Event{Kind: Cancelled, Order: &rest, Reason: "it would trade with the member's own order"})
	case left > 0:
		b.Rest(rest)
	}
}

// What an order may hold at most, so that no cost or sum overflows: 1 GWh in
// an interval, 1000 currency units per kWh.
const (
	mostEnergy grid.Energy = 1_000_000_000
	mostPrice  grid.Price  = 1_000_000_000
)

// refuse returns why an order cannot be taken, empty when it can.
func (e *Engine) refuse(p grid.Product, o grid.Order) string {
	if err := o.Validate(); err != nil {
		return err.Error()
	}
	if o.Energy > mostEnergy || o.Price > mostPrice || o.Price < -mostPrice {
		return fmt.Sprintf("energy, price: at most %d Wh and %d millionths/kWh in either direction", mostEnergy, mostPrice)
	}
	if e.products[p] == nil {
		return "the product is not open for trade"
	}
	if _, twice := e.seen[o.ID]; twice {
		return fmt.Sprintf("id: duplicate %q", o.ID)
	}
	if _, known := e.zones[o.Node]; !known {
		return fmt.Sprintf("node: unknown node %q", o.Node)
	}
	return ""
}

func (m *market) book(zone string) *book.Book {
	if m.books[zone] == nil {
		m.books[zone] = &book.Book{}
	}
	return m.books[zone]
}

// trade joins two orders of opposite sides at one price.
func trade(a, b grid.Order, energy grid.Energy, price grid.Price) *grid.Trade {
	bid, offer := a, b
	if a.Side == grid.Offer {
		bid, offer = b, a
	}
	return &grid.Trade{
		Bid: bid.ID, Offer: offer.ID, Buyer: account(bid), Seller: account(offer),
		Energy: energy, BidPrice: price, OfferPrice: price,
	}
}

// account is where an order settles: its metering point.
func account(o grid.Order) string {
	if o.MeteringPoint != "" {
		return o.MeteringPoint
	}
	return o.Member
}

func (e *Engine) cancel(c Command, out *output) {
	m := e.products[c.Product]
	if m == nil {
		out.reject(nil, "the product is not open for trade")
		return
	}
	order, known := m.orders[c.OrderID]
	if !known || order.Member != c.Member {
		out.reject(nil, fmt.Sprintf("order_id: the member has no order %q", c.OrderID))
		return
	}
	left, resting := m.book(e.zones[order.Node]).Cancel(c.OrderID)
	if !resting {
		out.reject(&order, "the order is no longer in the book")
		return
	}
	out.add(Event{Kind: Cancelled, Order: &left, Reason: "by the member"})
}

// close clears what is left by the call auction.
func (e *Engine) close(c Command, out *output) {
	m := e.products[c.Product]
	if m == nil {
		out.reject(nil, "the product is not open for trade")
		return
	}
	var left []grid.Order
	for _, zone := range slices.Sorted(maps.Keys(m.books)) {
		left = append(left, m.books[zone].Orders()...)
	}
	clearing, err := network.Clear(network.Case{Feeder: e.feeder, Orders: left, K: network.Half})
	if err != nil {
		// An order's price or energy is beyond what the auction takes; all
		// expire, which is safe.
		out.reject(nil, "call auction: "+err.Error())
	}
	cleared := Event{Kind: Cleared}
	for _, p := range network.Pairs(left, clearing.Fills, network.DifferentMembers) {
		price := *clearing.Prices[e.feeder.Root()]
		out.add(Event{Kind: Traded, Trade: trade(m.orders[p.Bid], m.orders[p.Offer], p.Energy, price)})
		cleared.Price = &price
		cleared.Volume += p.Energy
	}
	for _, o := range left {
		if o.Energy -= clearing.Fills[o.ID]; o.Energy > 0 {
			out.add(Event{Kind: Expired, Order: new(o)})
		}
	}
	out.add(cleared)
	for id := range m.orders {
		delete(e.seen, id)
	}
	delete(e.products, c.Product)
}
