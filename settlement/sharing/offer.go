package sharing

import (
	"cmp"
	"math/big"
	"slices"
)

// offering is one round of a pot.
type offering struct {
	*allocator

	others []int // whom Others stands for
	last   bool  // no round follows: what is not consumed is the participants' own, where the key says so
}

// part is what a point has of an offer, exactly.
type part struct {
	point     int
	used, own *big.Rat
}

// entry is an Entry whose points were found: a point, or a group.
type entry struct {
	point int
	group *Key     // nil: it is a point
	most  *big.Rat // that it can take
	share *big.Rat // of a static key
	order int      // of a priority key
}

// by divides energy by a key.
func (o offering) by(k *Key, energy *big.Rat) []part {
	entries := o.entries(k)
	switch {
	case k.Kind == Priority:
		return o.inOrder(entries, energy)
	case k.Kind == Dynamic:
		return o.fill(entries, energy, func(e entry) *big.Rat { return e.most })
	case k.Unused == Again:
		return o.fill(entries, energy, func(e entry) *big.Rat { return e.share })
	}
	var parts []part
	for _, e := range entries {
		offered := new(big.Rat).Mul(e.share, energy)
		taken := o.take(e, offered)
		if e.group == nil && k.Unused == Own && o.last {
			taken[0].own = new(big.Rat).Sub(offered, taken[0].used)
		}
		parts = append(parts, taken...)
	}
	return parts
}

// entries finds the points of a key. Those that are not there take part in nothing.
func (o offering) entries(k *Key) (all []entry) {
	if len(k.Entries) == 0 {
		for i, need := range o.need {
			if need.Sign() > 0 {
				all = append(all, entry{point: i, most: need})
			}
		}
		return all
	}
	for _, e := range k.Entries {
		switch i, there := o.at[e.Point]; {
		case e.Key != nil:
			all = append(all, entry{group: e.Key, most: o.most(e.Key), share: e.Share.rat(), order: e.Order})
		case e.Point == Others:
			for _, other := range o.others {
				all = append(all, entry{point: other, most: o.need[other], order: e.Order})
			}
		case there:
			all = append(all, entry{point: i, most: o.need[i], share: e.Share.rat(), order: e.Order})
		}
	}
	return all
}

// most is what the points of a key can take together.
func (o offering) most(k *Key) *big.Rat {
	sum := new(big.Rat)
	for _, e := range o.entries(k) {
		sum.Add(sum, e.most)
	}
	return sum
}

// take has an entry take what it can of an offer.
func (o offering) take(e entry, offered *big.Rat) []part {
	if e.group != nil {
		return o.by(e.group, offered)
	}
	return []part{{point: e.point, used: new(big.Rat).Set(least(offered, e.most))}}
}

// inOrder gives the entries of the least order what they can take, then those of the next.
func (o offering) inOrder(entries []entry, energy *big.Rat) (parts []part) {
	left := new(big.Rat).Set(energy)
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.order, b.order) })
	for len(entries) > 0 {
		n := 1
		for n < len(entries) && entries[n].order == entries[0].order {
			n++
		}
		taken := o.fill(entries[:n], left, func(e entry) *big.Rat { return e.most })
		for _, x := range taken {
			if left.Sub(left, x.used); x.own != nil {
				left.Sub(left, x.own)
			}
		}
		parts, entries = append(parts, taken...), entries[n:]
	}
	return parts
}

// fill offers energy in proportion to the weights; what one does not take is offered to the
// others in proportion to theirs, until nothing is left or nobody takes more. What the own key of
// a group leaves over, though the group consumes more, is not offered to others: so it was agreed.
func (o offering) fill(entries []entry, energy *big.Rat, weight func(entry) *big.Rat) []part {
	offered := make([]*big.Rat, len(entries))
	hungry := make([]int, 0, len(entries))
	sum := new(big.Rat)
	for k, e := range entries {
		offered[k] = new(big.Rat)
		if w := weight(e); w.Sign() > 0 && e.most.Sign() > 0 {
			hungry = append(hungry, k)
			sum.Add(sum, w)
		}
	}
	// Those whose need is least beside their weight have enough first.
	slices.SortStableFunc(hungry, func(a, b int) int {
		x, y := entries[a], entries[b]
		return new(big.Rat).Mul(x.most, weight(y)).Cmp(new(big.Rat).Mul(y.most, weight(x)))
	})
	left := new(big.Rat).Set(energy)
	for len(hungry) > 0 {
		first := entries[hungry[0]]
		level := new(big.Rat).Quo(left, sum) // energy for each unit of weight
		if new(big.Rat).Mul(level, weight(first)).Cmp(first.most) < 0 {
			for _, k := range hungry {
				offered[k].Mul(level, weight(entries[k]))
			}
			break
		}
		offered[hungry[0]].Set(first.most)
		left.Sub(left, first.most)
		sum.Sub(sum, weight(first))
		hungry = hungry[1:]
	}
	var parts []part
	for k, e := range entries {
		if offered[k].Sign() > 0 {
			parts = append(parts, o.take(e, offered[k])...)
		}
	}
	return parts
}
