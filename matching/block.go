package matching

import (
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/book"
)

// block is an order for the same energy in each of several consecutive
// products, all or none, at a mean price. It waits beside the books: whenever
// an order comes to rest in one of its products it is tried, the oldest block
// first, and takes what it needs at the resting orders' prices. It does not
// take part in call auctions.
type block struct {
	id              uint64
	account, member uint32
	first           uint32 // product
	periods         uint32
	energy          uint32 // Wh in each product
	side            grid.Side
	price           grid.Price // limit of the mean
}

// mostBlocks is how many blocks may wait for one product.
const mostBlocks = 64

func (b *block) covers(label uint32) bool { return label-b.first < b.periods }

// command is that of the block for one of its products.
func (b *block) command(label uint32) *Command {
	return &Command{
		Order: b.id, Product: label, Account: b.account, Side: b.side, Price: b.price, Energy: grid.Energy(b.energy), Validity: FillOrKill,
	}
}

// block returns the place of a waiting block by id, -1 when there is none.
func (e *Engine) block(id uint64) int {
	return slices.IndexFunc(e.blocks, func(b block) bool { return b.id == id })
}

func (e *Engine) submitBlock(c *Command) {
	if why := e.refuseBlock(c); why != NoReason {
		e.reject(c, why)
		return
	}
	b := block{
		id: c.Order, account: c.Account, member: e.accounts[c.Account].member, first: c.Product, periods: uint32(c.Periods),
		energy: uint32(c.Energy), side: c.Side, price: c.Price,
	}
	e.answer(c, Accepted, c.Energy, NoReason)
	switch {
	case e.try(&b):
	case c.Validity != GoodTillGate:
		e.answer(c, Cancelled, c.Energy, NotFillable)
	default:
		e.waitBlock(&b, 1)
		e.blocks = append(e.blocks, b)
	}
}

func (e *Engine) refuseBlock(c *Command) Reason {
	for k := range uint32(c.Periods) {
		p, open := e.find(c.Product + k)
		switch {
		case !open || c.Product+k < c.Product:
			return WrongPeriods
		case p.quotes != e.QuotesOf(c.Product):
			return OtherQuotes
		case p.blocks >= mostBlocks:
			return BlocksFull
		}
	}
	if why := e.refuse(c, new(e.QuotesOf(c.Product))); why != NoReason {
		return why
	}
	for k := range uint32(c.Periods) {
		p, _ := e.find(c.Product + k)
		tag := e.tag(c.Account, p)
		if tag&followed != 0 && !e.accounts[c.Account].allows(&e.holdings.all[tag&^followed], c.Side, int64(c.Energy)) {
			return AboveLimit
		}
	}
	if e.members[e.accounts[c.Account].member].prepaid {
		return NoPrepaidBlocks
	}
	for k := range uint32(c.Periods) {
		if p, _ := e.find(c.Product + k); p.hasty(c) {
			return OnlyCalls
		}
	}
	return NoReason
}

// waitBlock books that a block begins (sign 1) or ends (-1) to wait.
func (e *Engine) waitBlock(b *block, sign int64) {
	for k := range b.periods {
		p, _ := e.find(b.first + k)
		p.blocks += int(sign)
		e.waits(e.tag(b.account, p), b.side, b.price, sign*int64(b.energy), max(sign, 0)*int64(b.energy))
	}
}

// tryBlocks tries the blocks that wait for a product in which there is
// something new.
func (e *Engine) tryBlocks(p *product) {
	for n := 0; n < len(e.blocks); {
		b := e.blocks[n]
		if !b.covers(p.label) || !e.fillable(&b) {
			n++
			continue
		}
		e.blocks = slices.Delete(e.blocks, n, n+1)
		e.waitBlock(&b, -1)
		e.try(&b)
	}
}

// worst is the tick that crosses everything.
func (p *product) worst(side grid.Side) uint32 {
	if side == grid.Bid {
		return p.quotes.tick(p.quotes.Ceiling)
	}
	return 0
}

// fillable tells whether the books can fill all of a block at its mean price.
func (e *Engine) fillable(b *block) bool {
	var cost uint64
	for k := range b.periods {
		p, _ := e.find(b.first + k)
		energy, c := e.books.Available(e.blockPlace(b, p), b.member, b.energy)
		if energy < b.energy {
			return false
		}
		cost += c
	}
	first, _ := e.find(b.first)
	limit := uint64(first.quotes.tick(b.price)) * uint64(b.energy) * uint64(b.periods)
	if b.side == grid.Bid {
		return cost <= limit
	}
	return cost >= limit
}

func (e *Engine) blockPlace(b *block, p *product) book.Place {
	return book.Place{Book: p.books[e.accounts[b.account].zone], Side: b.side, Tick: p.worst(b.side)}
}

// try fills a block if all of it can be filled.
func (e *Engine) try(b *block) bool {
	if !e.fillable(b) {
		return false
	}
	for k := range b.periods {
		p, _ := e.find(b.first + k)
		in := e.incoming(b.command(b.first+k), p)
		in.place = e.blockPlace(b, p)
		e.enter(in)
	}
	return true
}

// goneBlock tells that a block stopped waiting.
func (e *Engine) goneBlock(n int, kind EventKind, why Reason) {
	b := e.blocks[n]
	e.blocks = slices.Delete(e.blocks, n, n+1)
	e.waitBlock(&b, -1)
	e.answer(b.command(b.first), kind, grid.Energy(b.energy), why)
}

func (e *Engine) cancelBlock(c *Command) bool {
	n := e.block(c.Order)
	if n < 0 || c.Account != 0 && e.blocks[n].account != c.Account {
		return false
	}
	e.goneBlock(n, Cancelled, cancelledBy(c))
	return true
}
