package matching

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/auction"
	"github.com/commonwatt/commonwatt/matching/book"
	"github.com/commonwatt/commonwatt/matching/network"
)

// Config are the market's rules. They are part of its state: a journal replays
// under the rules that it was written under.
type Config struct {
	Market  string // whose rules they are, and what a product's number means
	Feeder  grid.Feeder
	Tick    grid.Price // prices are multiples of it
	Floor   grid.Price // collar: the lowest price, a multiple of Tick
	Ceiling grid.Price // the highest
}

// MaxTicks is how many ticks a collar may span.
const MaxTicks = 1 << 24

// most is the energy that an order may have at most, about 4.3 GWh.
const most grid.Energy = math.MaxUint32

// mostPrice bounds the collar, so that no cost of an order overflows: 1000
// currency units per kWh.
const mostPrice grid.Price = 1_000_000_000

// Validate tells what is wrong with the rules.
func (c Config) Validate() error {
	if err := network.CheckFeeder(c.Feeder); err != nil {
		return err
	}
	switch {
	case c.Tick <= 0:
		return fmt.Errorf("tick: %d must be positive", c.Tick)
	case c.Floor%c.Tick != 0 || c.Ceiling%c.Tick != 0:
		return fmt.Errorf("floor, ceiling: must be multiples of the tick (%d)", c.Tick)
	case c.Floor < -mostPrice || c.Ceiling > mostPrice || c.Floor > c.Ceiling:
		return fmt.Errorf("floor, ceiling: %d to %d must be a range within %d to %d", c.Floor, c.Ceiling, -mostPrice, mostPrice)
	case (c.Ceiling-c.Floor)/c.Tick >= MaxTicks:
		return fmt.Errorf("tick: %d is too fine for the collar: at most %d ticks", c.Tick, MaxTicks)
	default:
		return nil
	}
}

// Engine is one community's market. It is not safe for concurrent use.
type Engine struct {
	config   Config
	zones    []uint32 // by node
	parents  []int    // by node, -1 of the root
	width    uint32   // number of zones
	seq      uint64
	books    *book.Books
	accounts []account         // by number, 0 is none
	members  []member          // by number, 0 is none
	products []product         // slab
	free     []uint32          // numbers in products
	labels   map[uint32]uint32 // product → number in products
	recent   uint32            // number of the product that was asked for last
	traded   []uint32          // by book, its product's label
	quoted   []Quotes          // by book, those of its product
	quotes   Quotes            // of a product that is opened now
	mixed    bool              // other products may have other ones
	trading  Trading           // of a product that is opened now

	ticksOfBooks uint32 // how many prices a book has room for

	holdings holdings
	blocks   []block // waiting, the oldest first
	in       incoming
	ticks    auction.Ticks // counters of the call auction
	events   []Event       // of the last command
}

type account struct {
	member, zone, node uint32
	used               bool     // has had an order
	followed           bool     // its positions are counted: it has limits, or its member is prepaid
	limit              [2]int64 // Wh of an interval that it can import, export
}

type member struct {
	prepaid           bool
	missing           grid.Price // what energy costs that it sold and does not deliver
	balance, reserved grid.Money
}

type product struct {
	label  uint32
	open   bool     // else closed and not yet released
	books  []uint32 // by zone
	held   uint32   // head of its list of holdings
	blocks int      // waiting blocks that cover it
	sold   []int64  // Wh by node that its call auctions sold there less what they bought; nil: none did
	quotes Quotes

	trading Trading
}

// New returns an engine without a past.
func New(c Config) (*Engine, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("market: %w", err)
	}
	quotes := c.quotes()
	e := &Engine{
		config: c, quotes: quotes, books: book.New(quotes.ticks()), ticksOfBooks: quotes.ticks(),
		accounts: make([]account, 1), members: make([]member, 1), labels: map[uint32]uint32{}, holdings: newHoldings(),
	}
	names, numbers := c.Feeder.Zones(), map[string]uint32{}
	for _, n := range c.Feeder.Nodes {
		e.parents = append(e.parents, slices.IndexFunc(c.Feeder.Nodes, func(p grid.Node) bool { return p.ID == n.Parent }))
		zone, known := numbers[names[n.ID]]
		if !known {
			zone = e.width
			numbers[names[n.ID]] = zone
			e.width++
		}
		e.zones = append(e.zones, zone)
	}
	return e, nil
}

// Apply carries out a command. A command that cannot be carried out gives one
// Rejected event with the reason. The events are valid until the next Apply.
func (e *Engine) Apply(c *Command) []Event {
	e.events = e.events[:0]
	switch c.Kind {
	case Submit:
		e.submit(c)
	case Cancel:
		e.cancel(c)
	case Replace:
		e.replace(c)
	case Open:
		e.open(c)
	case Close:
		e.close(c)
	case Begin:
		e.begin(c)
	case Admit:
		e.admit(c)
	case Limit:
		e.limit(c)
	case Fund:
		e.fund(c)
	case Release:
		e.release(c)
	case Call:
		e.callEarly(c)
	case Requote:
		e.requote(c)
	case Arrange:
		e.arrange(c)
	default:
		e.reject(c, UnknownCommand)
	}
	return e.events
}

// emit adds an event, numbered, to be filled in field by field: a copy of a
// struct right after its small fields were written would wait for them.
func (e *Engine) emit(kind EventKind) *Event {
	n := len(e.events)
	if n == cap(e.events) {
		e.events = append(e.events, Event{})
	}
	e.events = e.events[:n+1]
	ev := &e.events[n]
	e.seq++
	ev.Seq, ev.Kind = e.seq, kind
	ev.Maker, ev.MakerAccount, ev.OfferPrice, ev.Reason = 0, 0, 0, NoReason
	return ev
}

func (e *Engine) reject(c *Command, why Reason) { e.answer(c, Rejected, c.Energy, why) }

// answer emits an event about the command's order.
func (e *Engine) answer(c *Command, kind EventKind, energy grid.Energy, why Reason) {
	ev := e.emit(kind)
	ev.Order, ev.Price, ev.Energy = c.Order, c.Price, energy
	ev.Product, ev.Account, ev.Side, ev.Reason = c.Product, c.Account, c.Side, why
}

// Digest names the rules: they are equal where it is.
func (c Config) Digest() string {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // plain data
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (e *Engine) begin(c *Command) {
	if c.Name != e.config.Digest() {
		e.reject(c, OtherRules)
		return
	}
	e.answer(c, Done, c.Energy, NoReason)
}

// known tells whether there is an account of that number.
func (e *Engine) known(account uint32) bool {
	return account != 0 && int(account) < len(e.accounts)
}

func (e *Engine) admit(c *Command) {
	switch {
	case int(c.Node) >= len(e.zones):
		e.reject(c, UnknownNode)
	case c.Account == 0 || c.Member == 0 || int(c.Account) > len(e.accounts) || int(c.Member) > len(e.members):
		e.reject(c, WrongNumber)
	case e.known(c.Account) && (e.accounts[c.Account].member != c.Member || e.accounts[c.Account].node != c.Node):
		e.reject(c, OtherMember)
	default:
		if !e.known(c.Account) {
			e.accounts = append(e.accounts, account{
				member: c.Member, node: c.Node, zone: e.zones[c.Node], followed: int(c.Member) < len(e.members) && e.members[c.Member].prepaid,
				limit: [2]int64{math.MaxInt64, math.MaxInt64},
			})
		}
		if int(c.Member) == len(e.members) {
			e.members = append(e.members, member{})
		}
		e.answer(c, Done, c.Energy, NoReason)
	}
}

func (e *Engine) limit(c *Command) {
	switch {
	case !e.known(c.Account):
		e.reject(c, UnknownAccount)
	case c.Side != grid.Bid && c.Side != grid.Offer:
		e.reject(c, WrongSide)
	case c.Energy < 0:
		e.reject(c, WrongEnergy)
	case !e.follow(&e.accounts[c.Account]):
		e.reject(c, HasOrders)
	default:
		e.accounts[c.Account].limit[c.Side-grid.Bid] = int64(c.Energy)
		e.answer(c, Done, c.Energy, NoReason)
	}
}

func (e *Engine) open(c *Command) {
	if _, known := e.labels[c.Product]; known {
		e.reject(c, AlreadyOpen)
		return
	}
	var n uint32
	if last := len(e.free) - 1; last >= 0 {
		n, e.free = e.free[last], e.free[:last]
	} else {
		n = uint32(len(e.products))
		e.products = append(e.products, product{})
	}
	p := &e.products[n]
	*p = product{label: c.Product, quotes: e.quotes, trading: e.trading, open: true, books: p.books[:0]}
	for range e.width {
		p.books = append(p.books, e.addBook(p))
	}
	e.labels[c.Product] = n
	e.answer(c, Opened, c.Energy, NoReason)
}

// find returns a product that is open.
func (e *Engine) find(label uint32) (p *product, open bool) {
	if int(e.recent) < len(e.products) {
		if p = &e.products[e.recent]; p.label == label && p.open {
			return p, true
		}
	}
	n, known := e.labels[label]
	if !known {
		return nil, false
	}
	e.recent = n
	return &e.products[n], e.products[n].open
}

// IsOpen tells whether orders for the product are taken.
func (e *Engine) IsOpen(label uint32) bool {
	_, open := e.find(label)
	return open
}

// Best returns the best price on a side of a product's book in the zone of an account, and the
// energy that waits there; false when nothing does. The product must be open. Blocks, which
// wait beside the book, do not count.
func (e *Engine) Best(account, label uint32, side grid.Side) (price grid.Price, energy grid.Energy, some bool) {
	p, _ := e.find(label)
	tick, wh, some := e.books.Best(p.books[e.accounts[account].zone], side)
	return p.quotes.price(tick), grid.Energy(wh), some
}

// drop forgets a product.
func (e *Engine) drop(p *product) {
	e.free = append(e.free, e.labels[p.label])
	delete(e.labels, p.label)
	e.holdings.drop(p.held)
	p.held = 0
}

// quotesAt are those of a book.
func (e *Engine) quotesAt(book uint32) *Quotes {
	if !e.mixed { // as nearly always: they are at hand
		return &e.quotes
	}
	return &e.quoted[book]
}

// quotesOf are those of a product.
func (e *Engine) quotesOf(p *product) *Quotes {
	if !e.mixed {
		return &e.quotes
	}
	return &p.quotes
}

// priceAt is the price of what rests at a place.
func (e *Engine) priceAt(at book.Place) grid.Price { return e.quotesAt(at.Book).price(at.Tick) }
