package tape_test

import (
	"math/bits"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/tape"
)

// ladder is what no engine in Go is much faster than: a table of prices for
// each side of each product with nothing around it. It checks nothing, knows no
// members, tells nobody, writes nothing down, and needs a place for every order
// id that ever comes and for every price.
type ladder struct {
	orders []rung
	free   uint32
	ids    []uint32 // by order id
	sides  [][2]side
	check  check
}

type rung struct {
	id         uint64
	energy     uint32
	tick       uint32
	prev, next uint32
	side       uint32 // 2 × product + side
}

type side struct {
	levels []struct{ head, tail uint32 } // by tick
	bits   [4][]uint64                   // of ticks with orders; each of the bits of the one before
}

type check struct{ hash, trades uint64 }

func (c *check) add(maker, taker uint64, tick, energy uint32) {
	c.trades++
	c.hash = (c.hash ^ (maker*0x9E3779B97F4A7C15 + taker)) * 0x100000001B3
	c.hash = (c.hash ^ (uint64(tick)<<32 | uint64(energy))) * 0x100000001B3
}

func newLadder(t tape.Tape) *ladder {
	var last uint64
	for _, r := range t.Records {
		last = max(last, r.Order)
	}
	l := &ladder{orders: make([]rung, 1, 1<<16), ids: make([]uint32, last+1), sides: make([][2]side, t.Products)}
	for p := range l.sides {
		for s := range l.sides[p] {
			l.sides[p][s].levels = make([]struct{ head, tail uint32 }, t.MaxTick+1)
			n := t.MaxTick + 1
			for k := range l.sides[p][s].bits {
				n = (n + 63) / 64
				l.sides[p][s].bits[k] = make([]uint64, n)
			}
		}
	}
	return l
}

func (s *side) set(tick uint32) {
	for k := range s.bits {
		w := &s.bits[k][tick/64]
		was := *w
		*w |= 1 << (tick % 64)
		if was != 0 {
			return
		}
		tick /= 64
	}
}

func (s *side) unset(tick uint32) {
	for k := range s.bits {
		w := &s.bits[k][tick/64]
		if *w &^= 1 << (tick % 64); *w != 0 {
			return
		}
		tick /= 64
	}
}

// lowest and highest return the best tick of offers and bids.
func (s *side) lowest() (tick uint32, found bool) {
	for k := len(s.bits) - 1; k >= 0; k-- {
		w := s.bits[k][tick]
		if w == 0 {
			return 0, false
		}
		tick = tick*64 + uint32(bits.TrailingZeros64(w))
	}
	return tick, true
}

func (s *side) highest() (tick uint32, found bool) {
	for k := len(s.bits) - 1; k >= 0; k-- {
		w := s.bits[k][tick]
		if w == 0 {
			return 0, false
		}
		tick = tick*64 + 63 - uint32(bits.LeadingZeros64(w))
	}
	return tick, true
}

func (l *ladder) play(records []tape.Record) {
	for i := range records {
		r := &records[i]
		n := l.ids[r.Order]
		if r.Op == tape.Cancel {
			if n != 0 {
				l.drop(n)
			}
			continue
		}
		if n != 0 {
			continue
		}
		if left := l.match(r); left > 0 && r.Op == tape.Add {
			l.rest(r, left)
		}
	}
}

func (l *ladder) match(r *tape.Record) (left uint32) {
	bid := r.Side == grid.Bid
	left = r.Energy
	var s *side
	if bid {
		s = &l.sides[r.Product][1]
	} else {
		s = &l.sides[r.Product][0]
	}
	for left > 0 {
		var tick uint32
		var found bool
		if bid {
			tick, found = s.lowest()
			found = found && tick <= r.Tick
		} else {
			tick, found = s.highest()
			found = found && tick >= r.Tick
		}
		if !found {
			break
		}
		for n := s.levels[tick].head; n != 0 && left > 0; n = s.levels[tick].head {
			o := &l.orders[n]
			part := min(left, o.energy)
			left -= part
			o.energy -= part
			l.check.add(o.id, r.Order, tick, part)
			if o.energy == 0 {
				l.drop(n)
			}
		}
	}
	return left
}

func (l *ladder) rest(r *tape.Record, left uint32) {
	n := l.free
	if n != 0 {
		l.free = l.orders[n].next
	} else {
		n = uint32(len(l.orders))
		l.orders = append(l.orders, rung{})
	}
	which := uint32(r.Product)*2 + uint32(r.Side-grid.Bid)
	s := &l.sides[which/2][which%2]
	v := &s.levels[r.Tick]
	l.orders[n] = rung{id: r.Order, energy: left, tick: r.Tick, prev: v.tail, side: which}
	if v.tail == 0 {
		v.head = n
		s.set(r.Tick)
	} else {
		l.orders[v.tail].next = n
	}
	v.tail = n
	l.ids[r.Order] = n
}

func (l *ladder) drop(n uint32) {
	o := &l.orders[n]
	s := &l.sides[o.side/2][o.side%2]
	v := &s.levels[o.tick]
	if o.prev != 0 {
		l.orders[o.prev].next = o.next
	} else {
		v.head = o.next
	}
	if o.next != 0 {
		l.orders[o.next].prev = o.prev
	} else {
		v.tail = o.prev
	}
	if v.head == 0 {
		s.unset(o.tick)
	}
	l.ids[o.id] = 0
	o.next, l.free = l.free, n
}
