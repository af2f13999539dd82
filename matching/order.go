package matching

import (
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/book"
)

// incoming is an order that was checked and is on its way into the book.
type incoming struct {
	command *Command
	product *product
	place   book.Place
	member  uint32
	tag     uint32
}

func (e *Engine) submit(c *Command) {
	if c.Periods > 1 {
		e.submitBlock(c)
		return
	}
	p, open := e.find(c.Product)
	if !open {
		e.reject(c, NotOpen)
		return
	}
	if why := e.refuse(c, e.quotesOf(p)); why != NoReason {
		e.reject(c, why)
		return
	}
	if p.hasty(c) {
		e.reject(c, OnlyCalls)
		return
	}
	in := e.incoming(c, p)
	if why := e.unable(in); why != NoReason {
		e.reject(c, why)
		return
	}
	e.answer(c, Accepted, c.Energy, NoReason)
	if c.Validity == FillOrKill {
		if energy, _ := e.books.Available(in.place, in.member, uint32(c.Energy)); energy < uint32(c.Energy) {
			e.withdrawn(in, c.Energy, NotFillable)
			return
		}
	}
	e.enter(in)
}

// Check tells why an order would be rejected whatever else is in the market,
// NoReason when it would not.
func (e *Engine) Check(c *Command) Reason {
	quotes := e.QuotesOf(c.Product)
	for k := range max(uint32(c.Periods), 1) {
		switch {
		case e.IsOpen(c.Product+k) && c.Product+k >= c.Product && e.QuotesOf(c.Product+k) == quotes:
		case e.IsOpen(c.Product+k) && c.Product+k >= c.Product:
			return OtherQuotes
		case c.Periods > 1:
			return WrongPeriods
		default:
			return NotOpen
		}
	}
	if why := e.malformed(c, &quotes); why != NoReason {
		return why
	}
	for k := range max(uint32(c.Periods), 1) {
		if p, _ := e.find(c.Product + k); p.hasty(c) {
			return OnlyCalls
		}
	}
	return NoReason
}

// refuse checks an order but for what its metering point and member can do.
func (e *Engine) refuse(c *Command, q *Quotes) Reason {
	if why := e.malformed(c, q); why != NoReason {
		return why
	}
	if e.books.Find(c.Order) != 0 || len(e.blocks) > 0 && e.block(c.Order) >= 0 {
		return DuplicateOrder
	}
	return NoReason
}

// malformed checks what an order says, but for its product.
func (e *Engine) malformed(c *Command, q *Quotes) Reason {
	switch {
	case !e.known(c.Account):
		return UnknownAccount
	case c.Side != grid.Bid && c.Side != grid.Offer:
		return WrongSide
	case c.Validity > FillOrKill:
		return WrongValidity
	default:
		return misquoted(c, q)
	}
}

// misquoted checks energy and price.
func misquoted(c *Command, q *Quotes) Reason {
	if c.Energy <= 0 || c.Energy > most {
		return WrongEnergy
	}
	return q.refuse(c.Price)
}

// incoming prepares an order that was checked; it holds until the next.
func (e *Engine) incoming(c *Command, p *product) *incoming {
	a, in := &e.accounts[c.Account], &e.in
	in.command, in.product, in.member, in.tag = c, p, a.member, e.tag(c.Account, p)
	in.place.Book, in.place.Side, in.place.Tick = p.books[a.zone], c.Side, e.quotesOf(p).tick(c.Price)
	return in
}

// unable checks the metering point's limit and the member's balance.
func (e *Engine) unable(in *incoming) Reason {
	if in.tag&followed == 0 {
		return NoReason
	}
	c, h := in.command, &e.holdings.all[in.tag&^followed]
	if !e.accounts[c.Account].allows(h, c.Side, int64(c.Energy)) {
		return AboveLimit
	}
	if m := &e.members[in.member]; m.prepaid && m.reserved+m.reserve(c.Side, c.Price, int64(c.Energy)) > m.balance {
		return AboveBalance
	}
	return NoReason
}

// enter matches an order and lets what is left of it wait if it may.
func (e *Engine) enter(in *incoming) {
	c := in.command
	if in.product.trading == Calls {
		e.rest(in, uint32(c.Energy))
		return
	}
	fills, left, stopped := e.books.Match(in.place, in.member, uint32(c.Energy))
	for i := range fills {
		e.fill(in, &fills[i])
	}
	switch {
	case stopped:
		e.withdrawn(in, grid.Energy(left), OwnOrder)
	case left > 0 && c.Validity == GoodTillGate:
		e.rest(in, left)
		if in.product.blocks > 0 {
			e.tryBlocks(in.product)
		}
	case left > 0:
		e.withdrawn(in, grid.Energy(left), Unfilled)
	}
}

// rest lets energy of an order wait.
func (e *Engine) rest(in *incoming, energy uint32) {
	c := in.command
	e.books.Rest(in.place, book.Order{ID: c.Order, Owner: in.member, Tag: in.tag, Energy: energy})
	e.waits(in.tag, c.Side, c.Price, int64(energy), int64(energy))
}

// withdrawn tells that what is left of an incoming order is cancelled.
func (e *Engine) withdrawn(in *incoming, left grid.Energy, why Reason) {
	e.answer(in.command, Cancelled, left, why)
}

// fill books a continuous trade, at the resting order's price.
func (e *Engine) fill(in *incoming, f *book.Fill) {
	c, price := in.command, e.quotesAt(in.place.Book).price(f.Tick)
	maker := book.Opposite(c.Side)
	e.waits(f.Tag, maker, price, -int64(f.Energy), int64(f.Left))
	e.trades(f.Tag, maker, price, int64(f.Energy))
	e.trades(in.tag, c.Side, price, int64(f.Energy))
	ev := e.emit(Traded)
	ev.Order, ev.Account, ev.Side = c.Order, c.Account, c.Side
	ev.Maker, ev.MakerAccount = f.Maker, e.account(f.Tag)
	ev.Price, ev.OfferPrice, ev.Energy, ev.Product = price, price, grid.Energy(f.Energy), c.Product
}

// owned returns the number of a resting order of the account, 0 when there is
// none. To account 0, the operator, belong all.
func (e *Engine) owned(c *Command) uint32 {
	n := e.books.Find(c.Order)
	if n != 0 && c.Account != 0 {
		if _, tag := e.books.Owned(n); e.account(tag) != c.Account {
			return 0
		}
	}
	return n
}

func (e *Engine) cancel(c *Command) {
	n := e.owned(c)
	if n == 0 {
		if !e.cancelBlock(c) {
			e.reject(c, UnknownOrder)
		}
		return
	}
	o, at := e.books.Get(n)
	e.books.Cancel(n)
	e.gone(&o, at, Cancelled, cancelledBy(c))
}

func cancelledBy(c *Command) Reason {
	if c.Account == 0 {
		return ByOperator
	}
	return ByMember
}

// gone tells that a resting order left the book.
func (e *Engine) gone(o *book.Order, at book.Place, kind EventKind, why Reason) {
	price := e.priceAt(at)
	e.waits(o.Tag, at.Side, price, -int64(o.Energy), 0)
	ev := e.emit(kind)
	ev.Order, ev.Account, ev.Side, ev.Price = o.ID, e.account(o.Tag), at.Side, price
	ev.Energy, ev.Reason, ev.Product = grid.Energy(o.Energy), why, e.traded[at.Book]
}

// replace gives a resting order a new price and energy left. Less energy at the
// same price keeps its priority; otherwise it comes in anew.
func (e *Engine) replace(c *Command) {
	number := e.owned(c)
	if number == 0 {
		why := UnknownOrder
		if n := e.block(c.Order); n >= 0 && (c.Account == 0 || e.blocks[n].account == c.Account) {
			why = NotABlocksBusiness
		}
		e.reject(c, why)
		return
	}
	o, at := e.books.Get(number)
	if why := misquoted(c, e.quotesAt(at.Book)); why != NoReason {
		e.reject(c, why)
		return
	}
	anew := *c
	anew.Account, anew.Side, anew.Validity, anew.Product = e.account(o.Tag), at.Side, GoodTillGate, e.traded[at.Book]
	p, _ := e.find(anew.Product)
	in := e.incoming(&anew, p)
	old := e.priceAt(at)
	if in.place.Tick == at.Tick && c.Energy <= grid.Energy(o.Energy) {
		e.books.Reduce(number, uint32(c.Energy))
		e.waits(o.Tag, at.Side, old, int64(c.Energy)-int64(o.Energy), int64(c.Energy))
		e.answer(&anew, Replaced, c.Energy, NoReason)
		return
	}
	e.waits(o.Tag, at.Side, old, -int64(o.Energy), 0)
	if why := e.unable(in); why != NoReason {
		e.waits(o.Tag, at.Side, old, int64(o.Energy), int64(o.Energy))
		e.reject(c, why)
		return
	}
	e.books.Cancel(number)
	e.answer(&anew, Replaced, c.Energy, NoReason)
	e.enter(in)
}
