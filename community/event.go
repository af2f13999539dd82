package community

import (
	"fmt"
	"strconv"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// EventKind says what happened in the market.
type EventKind string

// The events that others hear of.
const (
	Opened    EventKind = "opened"    // a product for trade
	Accepted  EventKind = "accepted"  // an order
	Rejected  EventKind = "rejected"  // an order or a change to one
	Traded    EventKind = "traded"    // two orders
	Replaced  EventKind = "replaced"  // an order's price and energy
	Cancelled EventKind = "cancelled" // what was left of an order
	Expired   EventKind = "expired"   // what was left of an order at gate closure
	Cleared   EventKind = "cleared"   // a product's call auction at gate closure
	Called    EventKind = "called"    // a product's call auction before that
)

// Event is what the market decided, in names. Seq grows; numbers that are
// missing are the market's own business.
type Event struct {
	Seq      uint64       `json:"seq"`
	Time     time.Time    `json:"time"`
	Kind     EventKind    `json:"kind"`
	Product  grid.Product `json:"product"`
	Order    *grid.Order  `json:"order,omitempty"` // with the energy left; its id is the market's number
	ClientID string       `json:"client_id,omitempty"`
	Reason   string       `json:"reason,omitempty"` // rejected, cancelled
	Trade    *grid.Trade  `json:"trade,omitempty"`
	Price    *grid.Price  `json:"price,omitempty"`  // cleared, called: of the call auction at the root; nil when nothing crossed
	Volume   grid.Energy  `json:"volume,omitempty"` // cleared, called: of the call auction
}

// id shows an order's number.
func id(number uint64) string { return strconv.FormatUint(number, 10) }

// name turns the engine's event into one in names; known is false for what
// concerns nobody outside.
func (m *Market) name(ev *matching.Event, at time.Time) (out Event, known bool) {
	out = Event{Seq: ev.Seq, Time: at, Product: m.product(ev.Product)}
	switch ev.Kind {
	case matching.Opened:
		out.Kind = Opened
		return out, true
	case matching.Cleared, matching.Called:
		out.Kind, out.Volume = Cleared, ev.Energy
		if ev.Kind == matching.Called {
			out.Kind = Called
		}
		if ev.Energy > 0 {
			out.Price = new(ev.Price)
		}
		return out, true
	case matching.Traded:
		out.Kind, out.Trade = Traded, m.trade(ev, m.product(ev.Product))
		return out, true
	case matching.Accepted:
		out.Kind = Accepted
	case matching.Rejected:
		out.Kind = Rejected
	case matching.Replaced:
		out.Kind = Replaced
	case matching.Cancelled:
		out.Kind = Cancelled
	case matching.Expired:
		out.Kind = Expired
	case matching.Done:
		return out, false
	}
	o := m.byNumber[ev.Order]
	if o == nil {
		return out, false // a command that is not about an order was rejected
	}
	out.ClientID, out.Reason = o.ClientID, m.explain(ev.Reason, m.QuotesOf(o.Product.Interval))
	out.Order = &grid.Order{
		ID: id(ev.Order), Member: o.Member, MeteringPoint: o.MeteringPoint, Side: o.Side, Energy: ev.Energy, Price: ev.Price,
	}
	if ev.Kind == matching.Rejected && o.Status != IsRejected { // a change, which names neither product nor side
		out.Product, out.Order.Energy, out.Order.Price = o.Product, o.Left, o.Limit
	}
	return out, true
}

// Explain says why, with what the market's rules are.
func (m *Market) Explain(why matching.Reason) string { return m.explain(why, m.engine.Quotes()) }

// explain says why an order is refused whose price must be as the quotes say.
func (m *Market) explain(why matching.Reason, q Collar) string {
	switch text := why.String(); why {
	case matching.OffTick:
		return fmt.Sprintf("%s of %d", text, q.Tick)
	case matching.OutsideCollar:
		return fmt.Sprintf("%s of %d to %d", text, q.Floor, q.Ceiling)
	case matching.NotOpen, matching.WrongPeriods:
		if first, last, some := m.Open(); some {
			return fmt.Sprintf("%s; open are the intervals from %s to %s", text, first, last)
		}
		return text
	default:
		return text
	}
}
