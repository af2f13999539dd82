package matching

import (
	"github.com/commonwatt/commonwatt/grid"
)

// followed marks a tag, which an order carries in the book, that is the number
// of a holding; without it the tag is that of the account, whose positions
// nobody needs.
const followed = 1 << 31

// tag returns that of the account's orders for a product.
func (e *Engine) tag(account uint32, p *product) uint32 {
	a := &e.accounts[account]
	a.used = true
	if !a.followed {
		return account
	}
	return e.holdings.get(account, p) | followed
}

// account returns whose orders a tag marks.
func (e *Engine) account(tag uint32) uint32 {
	if tag&followed == 0 {
		return tag
	}
	return e.holdings.all[tag&^followed].account
}

// follow counts the account's positions from now on, which must be before its
// first order.
func (e *Engine) follow(a *account) bool {
	if !a.used {
		a.followed = true
	}
	return a.followed
}

// holding is what an account has of a product.
type holding struct {
	account  uint32
	product  uint32     // label
	next     uint32     // of the same product; also links the free list
	position int64      // Wh bought less sold
	open     [2]int64   // Wh of its waiting bids, offers
	reserved grid.Money // for its trades
}

// holdings is a slab, found by account and product; 0 is none.
type holdings struct {
	all   []holding
	free  uint32
	index map[uint64]uint32 // by account and product
}

func newHoldings() holdings { return holdings{all: make([]holding, 1), index: map[uint64]uint32{}} }

// get returns the number of the account's holding of a product.
func (h *holdings) get(account uint32, p *product) uint32 {
	key := holdingKey(account, p.label)
	if n, known := h.index[key]; known {
		return n
	}
	n := h.free
	if n != 0 {
		h.free = h.all[n].next
	} else {
		h.all = append(h.all, holding{})
		n = uint32(len(h.all) - 1)
	}
	h.all[n] = holding{account: account, product: p.label, next: p.held}
	p.held = n
	h.index[key] = n
	return n
}

func holdingKey(account, label uint32) uint64 { return uint64(account)<<32 | uint64(label) }

// allows tells whether the metering point could still carry its energy were it
// to trade so much more: all of its waiting orders of the side may trade while
// none of the other side does.
func (a *account) allows(h *holding, side grid.Side, energy int64) bool {
	i := side - grid.Bid
	position := h.position
	if side == grid.Offer {
		position = -position
	}
	return position+h.open[i]+energy <= a.limit[i]
}

// reserve is what a prepaid member may come to owe for energy at a price: a bid
// its cost, an offer what it would take to buy the energy that it fails to
// deliver. Rounded up.
func (m *member) reserve(side grid.Side, price grid.Price, energy int64) grid.Money {
	if side == grid.Offer {
		price = m.missing - price
	}
	return grid.Money((max(int64(price), 0)*energy + 999) / 1000)
}

// waits books energy of an account's order that begins (or, if negative, ends)
// to wait at a price, of which left is waiting afterwards.
func (e *Engine) waits(tag uint32, side grid.Side, price grid.Price, energy, left int64) {
	if tag&followed != 0 {
		e.bookWaiting(tag, side, price, energy, left)
	}
}

func (e *Engine) bookWaiting(tag uint32, side grid.Side, price grid.Price, energy, left int64) {
	h := &e.holdings.all[tag&^followed]
	h.open[side-grid.Bid] += energy
	if m := &e.members[e.accounts[h.account].member]; m.prepaid {
		m.reserved += m.reserve(side, price, left) - m.reserve(side, price, left-energy)
	}
}

// trades books a trade of an account.
func (e *Engine) trades(tag uint32, side grid.Side, price grid.Price, energy int64) {
	if tag&followed != 0 {
		e.bookTrade(tag, side, price, energy)
	}
}

func (e *Engine) bookTrade(tag uint32, side grid.Side, price grid.Price, energy int64) {
	h := &e.holdings.all[tag&^followed]
	if side == grid.Bid {
		h.position += energy
	} else {
		h.position -= energy
	}
	if m := &e.members[e.accounts[h.account].member]; m.prepaid {
		r := m.reserve(side, price, energy)
		m.reserved += r
		h.reserved += r
	}
}

func (e *Engine) fund(c *Command) {
	switch {
	case c.Member == 0 || int(c.Member) >= len(e.members):
		e.reject(c, UnknownMember)
	case c.Money < 0 || c.Price < -mostPrice || c.Price > mostPrice:
		e.reject(c, WrongMoney)
	case (!e.members[c.Member].prepaid || e.members[c.Member].missing != c.Price) && e.busy(c.Member):
		e.reject(c, HasOrders)
	default:
		m := &e.members[c.Member]
		m.prepaid, m.balance, m.missing = true, c.Money, c.Price
		for i := range e.accounts {
			if e.accounts[i].member == c.Member {
				e.accounts[i].followed = true
			}
		}
		e.answer(c, Done, c.Energy, NoReason)
	}
}

// busy tells whether the member has orders or trades that nothing is reserved
// for: any of an account that was not followed, or open ones.
func (e *Engine) busy(member uint32) bool {
	for i := range e.accounts {
		if a := &e.accounts[i]; a.member == member && a.used && !a.followed {
			return true
		}
	}
	for i := range e.products {
		for n := e.products[i].held; n != 0; n = e.holdings.all[n].next {
			h := &e.holdings.all[n]
			if e.accounts[h.account].member == member && (h.position != 0 || h.open != [2]int64{}) {
				return true
			}
		}
	}
	return false
}

func (e *Engine) release(c *Command) {
	p, open := e.find(c.Product)
	if p == nil || open {
		e.reject(c, NotClosed)
		return
	}
	for n := p.held; n != 0; n = e.holdings.all[n].next {
		h := &e.holdings.all[n]
		e.members[e.accounts[h.account].member].reserved -= h.reserved
	}
	e.drop(p)
	e.answer(c, Done, c.Energy, NoReason)
}

// drop forgets a list of holdings.
func (h *holdings) drop(list uint32) {
	for n := list; n != 0; {
		x := &h.all[n]
		delete(h.index, holdingKey(x.account, x.product))
		n, x.next, h.free = x.next, h.free, n
	}
}
