package book

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
)

// naive is the reference: all orders in one list in order of arrival, looked
// through for the best.
type naive struct{ orders []resting }

type resting struct {
	Order
	Place
}

func (n *naive) best(in Place) int {
	best := -1
	for i, o := range n.orders {
		if o.Book != in.Book || o.Side == in.Side || in.Side == grid.Bid && o.Tick > in.Tick || in.Side == grid.Offer && o.Tick < in.Tick {
			continue
		}
		if best < 0 || in.Side == grid.Bid && o.Tick < n.orders[best].Tick || in.Side == grid.Offer && o.Tick > n.orders[best].Tick {
			best = i
		}
	}
	return best
}

func (n *naive) match(in Place, owner, energy uint32) (fills []Fill, left uint32, stopped bool) {
	for energy > 0 {
		at := n.best(in)
		if at < 0 {
			break
		}
		o := &n.orders[at]
		if o.Owner == owner {
			return fills, energy, true
		}
		part := min(energy, o.Energy)
		energy -= part
		o.Energy -= part
		fills = append(fills, Fill{Maker: o.ID, Tag: o.Tag, Tick: o.Tick, Energy: part, Left: o.Energy})
		if o.Energy == 0 {
			n.orders = slices.Delete(n.orders, at, at+1)
		}
	}
	return fills, energy, false
}

// available matches on a copy.
func (n *naive) available(in Place, owner, energy uint32) (filled uint32, cost uint64) {
	twin := naive{slices.Clone(n.orders)}
	fills, left, _ := twin.match(in, owner, energy)
	for _, f := range fills {
		cost += uint64(f.Tick) * uint64(f.Energy)
	}
	return energy - left, cost
}

func (n *naive) find(id uint64) int {
	return slices.IndexFunc(n.orders, func(o resting) bool { return o.ID == id })
}

// side lists the orders of a side in priority.
func (n *naive) side(book uint32, side grid.Side) []Order {
	var all []resting
	for _, o := range n.orders {
		if o.Book == book && o.Side == side {
			all = append(all, o)
		}
	}
	slices.SortStableFunc(all, func(a, b resting) int {
		if side == grid.Bid {
			return int(b.Tick) - int(a.Tick)
		}
		return int(a.Tick) - int(b.Tick)
	})
	var orders []Order
	for _, o := range all {
		orders = append(orders, o.Order)
	}
	return orders
}

// TestAgainstNaive drives the books and the reference with the same random
// commands; they must agree after each, and the structure must be sound. The
// ranges of ticks need tries of one to four steps.
func TestAgainstNaive(t *testing.T) {
	for seed, ticks := range []uint32{8, 64, 65, 5000, 1 << 18, 1<<18 + 1, 1 << 22} {
		r := rand.New(rand.NewPCG(uint64(seed), 12))
		b, n := New(ticks), &naive{}
		const books = 3
		for range books {
			b.Add()
		}
		for k := range 3000 {
			in := Place{Book: r.Uint32N(books), Side: grid.Side(1 + r.IntN(2)), Tick: r.Uint32N(ticks)}
			if k%2 == 0 { // often near each other
				in.Tick = min(ticks-1, ticks/2+r.Uint32N(80))
			}
			owner, energy := r.Uint32N(6), 1+r.Uint32N(40)
			id := uint64(r.IntN(k + 1))
			at := n.find(id)
			switch r.IntN(8) {
			case 0, 1:
				number := b.Find(id)
				if (number != 0) != (at >= 0) {
					t.Fatalf("ticks %d: order %d found at %d", ticks, id, number)
				}
				if number != 0 {
					b.Cancel(number)
					n.orders = slices.Delete(n.orders, at, at+1)
				}
			case 2:
				if at < 0 {
					break
				}
				number := b.Find(id)
				if o, p := b.Get(number); (resting{o, p} != n.orders[at]) {
					t.Fatalf("ticks %d: get %d: %v %v", ticks, id, o, p)
				} else {
					left := r.Uint32N(o.Energy + 1)
					b.Reduce(number, left)
					if n.orders[at].Energy = left; left == 0 {
						n.orders = slices.Delete(n.orders, at, at+1)
					}
				}
			case 3:
				got, cost := b.Available(in, owner, energy)
				want, wantCost := n.available(in, owner, energy)
				if got != want || cost != wantCost {
					t.Fatalf("ticks %d: available %d for %d, want %d for %d", ticks, got, cost, want, wantCost)
				}
			default:
				fills, left, stopped := b.Match(in, owner, energy)
				wantFills, wantLeft, wantStopped := n.match(in, owner, energy)
				if !slices.Equal(fills, wantFills) || left != wantLeft || stopped != wantStopped {
					t.Fatalf("ticks %d: %+v gave %v %d %t, want %v %d %t", ticks, in, fills, left, stopped, wantFills, wantLeft, wantStopped)
				}
				if left > 0 { // also when stopped: a call auction may find crossed books
					o := Order{ID: uint64(k), Owner: owner, Tag: r.Uint32(), Energy: left}
					b.Rest(in, o)
					n.orders = append(n.orders, resting{o, in})
				}
			}
			sound(t, b, n, books)
		}
		for book := range uint32(books) {
			b.Remove(book)
		}
		if b.ids.used != 0 || b.Add() != books-1 {
			t.Errorf("ticks %d: %d orders are left after removal of all books", ticks, b.ids.used)
		}
	}
}

// sound compares all books with the reference and checks the invariants.
func sound(t *testing.T, b *Books, n *naive, books uint32) {
	t.Helper()
	if b.ids.used != len(n.orders) {
		t.Fatalf("%d orders, want %d", b.ids.used, len(n.orders))
	}
	for book := range books {
		for _, side := range []grid.Side{grid.Bid, grid.Offer} {
			var got []Order
			sums := map[uint32]uint64{}
			b.Walk(book, side, func(tick uint32, o Order) bool {
				got = append(got, o)
				sums[tick] += uint64(o.Energy)
				again, p := b.Get(b.Find(o.ID))
				if owner, tag := b.Owned(b.Find(o.ID)); again != o || p != (Place{book, side, tick}) || owner != o.Owner || tag != o.Tag {
					t.Fatalf("order %+v is %+v at %+v", o, again, p)
				}
				return true
			})
			if want := n.side(book, side); !slices.Equal(got, want) {
				t.Fatalf("%v of book %d: %v, want %v", side, book, got, want)
			}
			for _, v := range b.levels[1:] {
				if v.head != 0 && v.ladder == number(book, side) && v.energy != sums[b.rank(side, v.rank)] {
					t.Fatalf("level %+v holds %d Wh", v, sums[b.rank(side, v.rank)])
				}
			}
			if l := b.ladders[number(book, side)]; (l.best != 0) != (len(got) > 0) || l.best != 0 && b.levels[l.best].rank != l.bestRank {
				t.Fatalf("the best level is %+v of %v", l, got)
			}
		}
	}
}

// TestIDs drives the table of ids near its limits: ids that differ in high bits
// only, ids that follow each other, tables that grow while they lose entries.
func TestIDs(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		b, want := New(10), map[uint64]bool{}
		at := Place{Book: b.Add(), Side: grid.Bid, Tick: 1}
		for k := range 5000 {
			id := uint64(r.IntN(40+k/10)) << (seed * 3 % 60)
			switch number := b.Find(id); {
			case (number != 0) != want[id]:
				t.Fatalf("seed %d: id %d found at %d", seed, id, number)
			case number != 0:
				if o, _ := b.Get(number); o.ID != id {
					t.Fatalf("seed %d: id %d found as %d", seed, id, o.ID)
				}
				b.Cancel(number)
				delete(want, id)
			case r.IntN(3) > 0:
				b.Rest(at, Order{ID: id, Owner: 1, Energy: 1})
				want[id] = true
			}
		}
		for id := range want {
			if b.Find(id) == 0 {
				t.Fatalf("seed %d: id %d is lost", seed, id)
			}
		}
	}
}
