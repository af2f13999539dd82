// Package book is the continuous order book, built for speed: price-time
// priority, fills at the resting order's price, self-trade prevention. It is
// pure.
//
// # Structure
//
// One Books holds the books of all products and zones in common slabs without
// pointers, so that the garbage collector has nothing to follow and a product
// costs little. A book is two ladders, because bids and offers may cross when
// a call auction is due. A ladder maps price ticks to levels with a 64-ary trie
// whose nodes are bitsets (see trie.go); the best level is cached. A level is a
// list of orders, the oldest first, linked by 32-bit numbers. A hash table
// finds an order by its id (see ids.go).
//
// # Invariants
//
// Every level has orders, every order has energy left, a level's sum is that of
// its orders, and after Match the incoming order crosses nothing that is left
// unless it was stopped.
package book

import (
	"github.com/commonwatt/commonwatt/grid"
)

// Order is a resting order.
type Order struct {
	ID     uint64
	Owner  uint32 // orders of one owner do not trade with each other
	Tag    uint32 // of the caller, kept and given back
	Energy uint32 // Wh left, > 0
}

// Fill is a match of an incoming order with a resting one.
type Fill struct {
	Maker  uint64 // id of the resting order
	Tag    uint32 // of the resting order
	Tick   uint32 // the resting order's limit
	Energy uint32 // Wh, > 0
	Left   uint32 // Wh of the resting order after it
}

// Place says where an order rests.
type Place struct {
	Book uint32
	Side grid.Side
	Tick uint32
}

// Books holds many books. It is not safe for concurrent use.
type Books struct {
	last    uint32 // rank of the lowest tick of a bid
	depth   uint32 // of the tries, in bits
	orders  []order
	levels  []level
	nodes   []node
	ladders []ladder // two for a book: bids, offers
	ids     ids
	fills   []Fill

	freeOrder, freeLevel, freeNode uint32 // heads of the free lists
	freeBooks                      []uint32
}

// order is 32 bytes; a number 0 is none.
type order struct {
	id         uint64
	owner      uint32
	tag        uint32
	energy     uint32
	level      uint32
	prev, next uint32 // next also links the free list
}

type level struct {
	rank       uint32 // see Books.rank; also links the free list
	ladder     uint32
	head, tail uint32 // oldest and newest order
	energy     uint64 // sum
}

type ladder struct {
	root     uint32 // node
	best     uint32 // level
	bestRank uint32
}

// New returns books for prices of ticks 0 to ticks-1.
func New(ticks uint32) *Books {
	b := &Books{depth: 6, orders: make([]order, 1), levels: make([]level, 1), nodes: make([]node, 1)}
	for b.depth < 32 && uint64(ticks) > 1<<b.depth {
		b.depth += 6
	}
	b.last = uint32(1<<b.depth - 1)
	return b
}

// Add returns the number of a new, empty book.
func (b *Books) Add() uint32 {
	if n := len(b.freeBooks); n > 0 {
		book := b.freeBooks[n-1]
		b.freeBooks = b.freeBooks[:n-1]
		return book
	}
	b.ladders = append(b.ladders, ladder{root: b.newNode()}, ladder{root: b.newNode()})
	return uint32(len(b.ladders)/2 - 1)
}

// Remove drops a book with what rests in it.
func (b *Books) Remove(book uint32) {
	for _, side := range []grid.Side{grid.Bid, grid.Offer} {
		l := &b.ladders[number(book, side)]
		for l.best != 0 {
			b.unlink(b.levels[l.best].head)
		}
	}
	b.freeBooks = append(b.freeBooks, book)
}

// number returns that of a ladder.
func number(book uint32, side grid.Side) uint32 { return 2*book + uint32(side) - 1 }

// Opposite returns the other side.
func Opposite(s grid.Side) grid.Side { return grid.Bid + grid.Offer - s }

// rank turns a tick into the order of priority of a side, and back: on both
// sides the lowest rank is best.
func (b *Books) rank(s grid.Side, tick uint32) uint32 {
	return tick ^ (b.last & -uint32(s&grid.Bid)) // the complement for bids
}

// Match fills up to energy Wh of an incoming order against the other side as
// far as the prices cross, and returns the fills, which are valid until the
// next call, and the energy left. It stops before an order of the same owner.
func (b *Books) Match(in Place, owner, energy uint32) (fills []Fill, left uint32, stopped bool) {
	b.fills = b.fills[:0]
	side := Opposite(in.Side)
	limit := b.rank(side, in.Tick)
	l := &b.ladders[number(in.Book, side)]
	for energy > 0 && l.best != 0 && l.bestRank <= limit {
		if energy, stopped = b.take(l.best, owner, energy, b.rank(side, l.bestRank)); stopped {
			break
		}
	}
	return b.fills, energy, stopped
}

// take fills energy from the orders of a level, the oldest first.
func (b *Books) take(at, owner, energy, tick uint32) (left uint32, stopped bool) {
	for v := &b.levels[at]; energy > 0; {
		first := v.head
		o := &b.orders[first]
		if o.owner == owner {
			return energy, true
		}
		part := min(energy, o.energy)
		energy -= part
		v.energy -= uint64(part)
		o.energy -= part
		b.fills = append(b.fills, Fill{})
		f := &b.fills[len(b.fills)-1]
		f.Maker, f.Tag, f.Tick, f.Energy, f.Left = o.id, o.tag, tick, part, o.energy
		if o.energy > 0 {
			break
		}
		last := o.next == 0
		b.unlink(first)
		if last {
			break
		}
	}
	return energy, false
}

// Available tells what an order could be filled with up to its limit, at most
// energy Wh, and at what cost: the sum of tick × Wh. It stops before an order
// of the same owner.
func (b *Books) Available(in Place, owner, energy uint32) (filled uint32, cost uint64) {
	side := Opposite(in.Side)
	limit := b.rank(side, in.Tick)
	l := number(in.Book, side)
	for at, ok := b.ladders[l].best, b.ladders[l].best != 0; ok && filled < energy; at, ok = b.next(l, b.levels[at].rank) {
		v := &b.levels[at]
		if v.rank > limit {
			break
		}
		tick := uint64(b.rank(side, v.rank))
		for n := v.head; n != 0 && filled < energy; n = b.orders[n].next {
			if b.orders[n].owner == owner {
				return filled, cost
			}
			part := min(energy-filled, b.orders[n].energy)
			filled += part
			cost += tick * uint64(part)
		}
	}
	return filled, cost
}

// Rest puts an order behind those of its price. Its id must not be there yet.
func (b *Books) Rest(p Place, o Order) {
	n := b.newOrder()
	at := b.level(number(p.Book, p.Side), b.rank(p.Side, p.Tick))
	v := &b.levels[at]
	r := &b.orders[n]
	r.id, r.owner, r.tag, r.energy = o.ID, o.Owner, o.Tag, o.Energy
	r.level, r.prev, r.next = at, v.tail, 0
	b.orders[v.tail].next = n // order 0, which is none, may be written to
	if v.tail == 0 {
		v.head = n
	}
	v.tail = n
	v.energy += uint64(o.Energy)
	b.ids.put(o.ID, n)
}

// Get returns the order of a number and where it rests.
func (b *Books) Get(n uint32) (Order, Place) {
	v := &b.levels[b.orders[n].level]
	side := grid.Side(v.ladder%2 + 1)
	return b.export(n), Place{Book: v.ladder / 2, Side: side, Tick: b.rank(side, v.rank)}
}

// Owned returns owner and tag of the order of a number.
func (b *Books) Owned(n uint32) (owner, tag uint32) { return b.orders[n].owner, b.orders[n].tag }

// Cancel removes the order of a number.
func (b *Books) Cancel(n uint32) { b.unlink(n) }

// Reduce leaves the order of a number with less energy and its priority; 0
// removes it.
func (b *Books) Reduce(n, energy uint32) {
	o := &b.orders[n]
	b.levels[o.level].energy -= uint64(o.energy - energy)
	if o.energy = energy; energy == 0 {
		b.unlink(n)
	}
}

// Best returns the best tick of a side and the energy there; false when nothing rests.
func (b *Books) Best(book uint32, side grid.Side) (tick uint32, energy uint64, some bool) {
	l := &b.ladders[number(book, side)]
	if l.best == 0 {
		return 0, 0, false
	}
	return b.rank(side, l.bestRank), b.levels[l.best].energy, true
}

// Walk yields the orders of a side in priority until yield returns false. The
// book must not change meanwhile.
func (b *Books) Walk(book uint32, side grid.Side, yield func(tick uint32, o Order) bool) {
	l := number(book, side)
	for at, ok := b.ladders[l].best, b.ladders[l].best != 0; ok; at, ok = b.next(l, b.levels[at].rank) {
		for n := b.levels[at].head; n != 0; n = b.orders[n].next {
			if !yield(b.rank(side, b.levels[at].rank), b.export(n)) {
				return
			}
		}
	}
}

func (b *Books) export(n uint32) Order {
	o := &b.orders[n]
	return Order{ID: o.id, Owner: o.owner, Tag: o.tag, Energy: o.energy}
}

// unlink takes an order out of its level and forgets it.
func (b *Books) unlink(n uint32) {
	o := &b.orders[n]
	v := &b.levels[o.level]
	v.energy -= uint64(o.energy)
	prev, next := o.prev, o.next
	b.orders[prev].next = next // order 0, which is none, may be written to
	b.orders[next].prev = prev
	if prev == 0 {
		v.head = next
	}
	if next == 0 {
		v.tail = prev
	}
	if v.head == 0 {
		b.dropLevel(o.level)
	}
	b.ids.remove(o.id, n)
	o.next, b.freeOrder = b.freeOrder, n
}

func (b *Books) newOrder() uint32 {
	if n := b.freeOrder; n != 0 {
		b.freeOrder = b.orders[n].next
		return n
	}
	b.orders = append(b.orders, order{})
	return uint32(len(b.orders) - 1)
}
