package community

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// Submission is an order on its way into the market.
type Submission struct {
	Product  grid.Product
	Order    grid.Order // its id is the client's
	Validity matching.Validity
	Periods  uint8 // of a block: so many consecutive intervals from the product's on
	Time     time.Time
}

// Status says where an order stands.
type Status string

// The states of an order.
const (
	Pending     Status = "pending" // on its way into the market
	Waiting     Status = "waiting" // in the book, perhaps partly filled
	Filled      Status = "filled"
	IsCancelled Status = "cancelled"
	IsExpired   Status = "expired"
	IsRejected  Status = "rejected"
)

// Order is what the market knows of a submission.
type Order struct {
	Number        uint64
	ClientID      string
	Member        string
	MeteringPoint string
	Product       grid.Product
	Side          grid.Side
	Energy        grid.Energy // as submitted, of a block in each interval
	Price         grid.Price  // as submitted

	Manner

	Status Status
	Filled grid.Energy // Wh, of a block in all intervals together
	Left   grid.Energy // Wh that may still trade, of a block in each interval
	Limit  grid.Price  // now, after replacements
	Reason string      // of the rejection or cancellation

	History
}

// Manner is how an order trades.
type Manner struct {
	Validity matching.Validity
	Periods  uint8 // of a block: so many consecutive intervals; 0 and 1: not a block
}

// History is what an order went through.
type History struct {
	Amended uint32    // how often its member gave it another price and total
	Mean    grid.Mean // of the prices that it was filled at
}

// Version is what a change names that must not meet another one: 1, and one more with each
// change.
func (o Order) Version() uint32 { return o.Amended + 1 }

// Final tells whether nothing can become of the order any more.
func (o Order) Final() bool { return o.Status != Pending && o.Status != Waiting }

// stands tells whether the order has a total and a price already.
func (o Order) stands(total grid.Energy, price grid.Price) bool {
	return (o.Status == Waiting || o.Status == Filled) && o.Periods <= 1 && o.Filled+o.Left == total && o.Limit == price
}

// clientID is what a client may call an order.
var clientID = regexp.MustCompile(`^[!-~]{1,64}$`)

// noMarket is why a community that shares by an allocation key takes no order.
const noMarket = "order: this community shares by an allocation key, and nothing is traded in it"

// HasMarket tells whether there is a market: a community that shares by an allocation key has none.
func (m *Market) HasMarket() bool { return m.config.Rules == nil || m.config.Rules.Key == nil }

// RefusedError reports a submission that does not reach the market.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

// Submit prepares a submission: it returns the order's number and the command
// that enters it. The same submission again, by the member's id for the order,
// returns the same number and no command; another order under a known id is
// refused. Errors: *RefusedError, which names the field.
func (m *Market) Submit(s Submission) (number uint64, commands []matching.Command, err error) {
	refuse := func(format string, args ...any) (uint64, []matching.Command, error) {
		return 0, nil, &RefusedError{fmt.Sprintf(format, args...)}
	}
	o := s.Order
	if o.MeteringPoint == "" {
		o.MeteringPoint = m.only(o.Member)
	}
	account, known := m.accounts[o.MeteringPoint]
	switch {
	case !m.HasMarket() && m.byClient[clientKey{o.Member, o.ID}] == 0:
		return refuse("%s", noMarket)
	case !clientID.MatchString(o.ID):
		return refuse("client_id: %q: use 1 to 64 printable ASCII characters without spaces", o.ID)
	case !known:
		return refuse("metering_point: %q is not part of the community", o.MeteringPoint)
	case m.points[account].Member != o.Member:
		return refuse("metering_point: %q does not belong to member %q", o.MeteringPoint, o.Member)
	case s.Product.Community != m.config.Community:
		return refuse("product.community: this is the market of %q", m.config.Community)
	case s.Product.Interval.Minutes != m.config.Minutes || s.Product.Interval.Validate() != nil || m.product(m.label(s.Product.Interval)) != s.Product:
		return refuse("interval: %s: delivery intervals of this market have %d minutes and begin on multiples of them", s.Product.Interval, m.config.Minutes)
	}
	gate := m.closure(s.Product.Interval)
	if why := m.engine.Check(&matching.Command{
		Kind: matching.Submit, Side: o.Side, Validity: s.Validity, Periods: s.Periods, Product: m.label(s.Product.Interval),
		Account: account, Price: o.Price, Energy: o.Energy,
	}); why != matching.NoReason {
		// An order that was taken is answered with where it stands, though its
		// interval may have closed since.
		if m.byClient[clientKey{o.Member, o.ID}] == 0 {
			return refuse("%s", m.explain(why, m.QuotesOf(s.Product.Interval)))
		}
	} else if !s.Time.Before(gate) && m.byClient[clientKey{o.Member, o.ID}] == 0 {
		return refuse("interval: its gate closed at %s", gate.Format(time.RFC3339))
	}
	entry := Order{
		ClientID: o.ID, Member: o.Member, MeteringPoint: o.MeteringPoint, Product: s.Product, Side: o.Side, Energy: o.Energy, Price: o.Price,
		Manner: Manner{s.Validity, s.Periods}, Status: Pending, Limit: o.Price,
	}
	if before := m.byClient[clientKey{o.Member, o.ID}]; before != 0 {
		if !m.byNumber[before].same(entry) {
			return refuse("client_id: %q is the id of another order of the member", o.ID)
		}
		return before, nil, nil
	}
	entry.Number = m.next
	m.orders.enter(entry)
	return entry.Number, []matching.Command{{
		Kind: matching.Submit, Side: o.Side, Validity: s.Validity, Periods: s.Periods, Product: m.label(s.Product.Interval), Account: account,
		Time: s.Time.UnixMilli(), Order: entry.Number, Price: o.Price, Energy: o.Energy, Name: o.ID,
	}}, nil
}

// same tells whether two submissions ask for the same.
func (o *Order) same(p Order) bool {
	return o.MeteringPoint == p.MeteringPoint && o.Product == p.Product && o.Side == p.Side && o.Energy == p.Energy && o.Price == p.Price &&
		o.Validity == p.Validity && o.Periods == p.Periods
}

// Change is what a member wants of one of its orders: to cancel it, or another price and
// total. The total counts what was filled, so that a change whose answer was lost can be
// asked for again.
type Change struct {
	Member   string
	ClientID string
	Cancel   bool
	Energy   grid.Energy // the total, Wh
	Price    grid.Price
	Version  uint32 // of the order that is to be changed; 0: whichever it has
	Time     time.Time
}

// ErrNoOrder reports that a member has no order of an id.
var ErrNoOrder = errors.New("no such order: it is not the member's, or its interval was more than a day ago")

// Change prepares a change and returns the order's number. Errors: ErrNoOrder,
// *RefusedError.
func (m *Market) Change(c Change) (number uint64, commands []matching.Command, err error) {
	o, known := m.Find(c.Member, c.ClientID)
	if !known {
		return 0, nil, fmt.Errorf("client_id %q: %w", c.ClientID, ErrNoOrder)
	}
	if c.Cancel {
		return o.Number, m.cancel(o, c.Time), nil
	}
	if gate := m.closure(o.Product.Interval); !c.Time.Before(gate) {
		return 0, nil, &RefusedError{fmt.Sprintf("interval: its gate closed at %s", gate.Format(time.RFC3339))}
	}
	return o.Number, []matching.Command{{
		Kind: matching.Amend, Account: m.accounts[o.MeteringPoint], Order: o.Number, Node: c.Version, Energy: c.Energy, Price: c.Price, Time: c.Time.UnixMilli(),
	}}, nil
}

// Withdrawal is a member's wish to have nothing waiting any more.
type Withdrawal struct {
	Member   string
	Interval *grid.Interval // of the orders, of blocks the first; nil: all
	Time     time.Time
}

// Withdraw prepares the cancellation of all that a member has waiting, or on its way into the
// market, and returns the orders' numbers in order.
func (m *Market) Withdraw(w Withdrawal) (numbers []uint64, commands []matching.Command) {
	for _, o := range m.Waiting(w.Member) {
		if w.Interval == nil || *w.Interval == o.Product.Interval {
			numbers, commands = append(numbers, o.Number), append(commands, m.cancel(o, w.Time)...)
		}
	}
	return numbers, commands
}

// Request is what is asked of the market at once: submissions, then changes, then what is
// withdrawn. It is carried out whole before what is asked later.
type Request struct {
	Submissions []Submission
	Changes     []Change
	Withdrawal  *Withdrawal
}

// Outcome is what became of a submission or a change: where the order stands,
// or why it did not reach the market; Rejected is why the market did not take
// it.
type Outcome struct {
	Order    Order
	Rejected string
	Err      error // *RefusedError or ErrNoOrder
}

func (o *Order) fill(energy grid.Energy, price grid.Price) {
	o.Filled += energy
	o.Mean = o.Mean.Add(price, energy)
	if o.Periods > 1 {
		o.Left, o.Status = 0, Filled // all or none
	} else if o.Left -= energy; o.Left == 0 {
		o.Status = Filled
	}
}
