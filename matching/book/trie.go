package book

import (
	"math/bits"
)

// node is a step of a trie of base 64 from a rank to its level: child i is a
// node or, in the last step, a level, 0 when there is none. Bit i tells the
// same, so that the first child and the next are found at once. In a free node
// all children are 0 and bits links the free list.
type node struct {
	bits  uint64
	child [64]uint32
}

// level returns that of a rank in a ladder, a new one if need be.
func (b *Books) level(l, rank uint32) uint32 {
	at := b.ladders[l].root
	for shift := b.depth - 6; shift > 0; shift -= 6 {
		i := rank >> (shift & 31) & 63
		next := b.nodes[at].child[i]
		if next == 0 {
			next = b.newNode()
			b.nodes[at].child[i] = next
			b.nodes[at].bits |= 1 << i
		}
		at = next
	}
	n := b.nodes[at].child[rank&63]
	if n == 0 {
		n = b.newLevel(l, rank)
		b.nodes[at].child[rank&63] = n
		b.nodes[at].bits |= 1 << (rank & 63)
	}
	return n
}

func (b *Books) newLevel(l, rank uint32) uint32 {
	n := b.freeLevel
	if n != 0 {
		b.freeLevel = b.levels[n].rank
	} else {
		b.levels = append(b.levels, level{})
		n = uint32(len(b.levels) - 1)
	}
	b.levels[n] = level{rank: rank, ladder: l}
	if best := &b.ladders[l]; best.best == 0 || rank < best.bestRank {
		best.best, best.bestRank = n, rank
	}
	return n
}

// dropLevel removes an empty level, and nodes that it leaves empty.
func (b *Books) dropLevel(n uint32) {
	rank, ladder := b.levels[n].rank, &b.ladders[b.levels[n].ladder]
	b.clear(ladder.root, rank, b.depth-6)
	b.levels[n].rank, b.freeLevel = b.freeLevel, n
	if ladder.best == n {
		ladder.best, ladder.bestRank = b.first(ladder.root)
	}
}

// clear takes a rank out of the trie below a node and tells whether that left
// the node empty.
func (b *Books) clear(at, rank, shift uint32) bool {
	n := &b.nodes[at]
	i := rank >> (shift & 31) & 63
	if shift > 0 {
		child := n.child[i]
		if !b.clear(child, rank, shift-6) {
			return false
		}
		b.nodes[child].bits, b.freeNode = uint64(b.freeNode), child
	}
	n.child[i] = 0
	n.bits &^= 1 << i
	return n.bits == 0
}

// first returns the level of the lowest rank in a trie, 0 when it is empty.
func (b *Books) first(root uint32) (n, rank uint32) {
	if b.nodes[root].bits == 0 {
		return 0, 0
	}
	return b.lowest(root, b.depth-6)
}

func (b *Books) lowest(at, shift uint32) (n, rank uint32) {
	for {
		n := &b.nodes[at]
		at = n.child[bits.TrailingZeros64(n.bits)&63]
		if shift == 0 {
			return at, b.levels[at].rank
		}
		shift -= 6
	}
}

// next returns the level that follows a rank in a ladder.
func (b *Books) next(l, rank uint32) (n uint32, found bool) {
	at := b.ladders[l].root
	var fork, forkShift uint32 // the lowest node on the way with a child further on
	for shift := b.depth - 6; ; shift -= 6 {
		i := rank >> (shift & 31) & 63
		if b.nodes[at].bits>>i>>1 != 0 {
			fork, forkShift = at, shift
		}
		if shift == 0 || b.nodes[at].child[i] == 0 {
			break
		}
		at = b.nodes[at].child[i]
	}
	if fork == 0 {
		return 0, false
	}
	i := rank >> forkShift & 63
	at = b.nodes[fork].child[int(i)+1+bits.TrailingZeros64(b.nodes[fork].bits>>i>>1)]
	if forkShift == 0 {
		return at, true
	}
	n, _ = b.lowest(at, forkShift-6)
	return n, true
}

func (b *Books) newNode() uint32 {
	if n := b.freeNode; n != 0 {
		b.freeNode = uint32(b.nodes[n].bits)
		b.nodes[n].bits = 0
		return n
	}
	b.nodes = append(b.nodes, node{})
	return uint32(len(b.nodes) - 1)
}
