package book

// ids finds orders by id: a hash table with open addressing and linear probing,
// at most half full, deletion by shifting back what follows. An entry keeps the
// number of the order and, so that its place is known without looking at the
// order, the upper half of the hash of its id.
type ids struct {
	entries []entry // a power of two
	shift   uint8   // from hash to place
	used    int
	highest uint64 // id that was ever put: one above it is new
	found   uint32 // place of the entry that was found last
}

type entry struct{ hash, order uint32 } // order 0: empty

// hash is Fibonacci's: the upper bits are the best mixed.
func hash(id uint64) uint32 { return uint32((id ^ id>>32) * 0x9E3779B97F4A7C15 >> 32) }

// Find returns the number of a resting order, 0 when there is none of that id.
// It holds until the order leaves the book.
func (b *Books) Find(id uint64) uint32 {
	x := &b.ids
	if id > x.highest || x.used == 0 {
		return 0
	}
	h := hash(id)
	for i, mask := h>>(x.shift&31), uint32(len(x.entries)-1); ; i++ {
		e := x.entries[i&mask]
		if e.order == 0 || e.hash == h && b.orders[e.order].id == id {
			x.found = i & mask
			return e.order
		}
	}
}

// put adds an order that is not there yet.
func (x *ids) put(id uint64, order uint32) {
	if 2*(x.used+1) > len(x.entries) {
		x.grow()
	}
	x.used++
	x.highest = max(x.highest, id)
	x.place(entry{hash(id), order})
}

func (x *ids) place(e entry) {
	mask, i := uint32(len(x.entries)-1), e.hash>>(x.shift&31)
	for x.entries[i&mask].order != 0 {
		i++
	}
	x.entries[i&mask] = e
}

func (x *ids) grow() {
	old := x.entries
	if x.entries, x.shift = make([]entry, max(16, 2*len(old))), x.shift-1; old == nil {
		x.shift = 28
	}
	for _, e := range old {
		if e.order != 0 {
			x.place(e)
		}
	}
}

// remove takes out an order that is there.
func (x *ids) remove(id uint64, order uint32) {
	x.used--
	mask, hole := uint32(len(x.entries)-1), x.found
	if x.entries[hole&mask].order != order {
		hole = hash(id) >> (x.shift & 31)
	}
	for x.entries[hole&mask].order != order {
		hole++
	}
	for i := hole + 1; ; i++ {
		e := x.entries[i&mask]
		if e.order == 0 {
			break
		}
		// An entry moves into the hole unless its place lies behind the hole.
		if (i-e.hash>>(x.shift&31))&mask >= (i-hole)&mask {
			x.entries[hole&mask] = e
			hole = i
		}
	}
	x.entries[hole&mask] = entry{}
}
