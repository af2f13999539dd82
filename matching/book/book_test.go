package book_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/book"
)

// naive is the reference: it keeps all orders in one list in order of arrival
// and looks through it for the best.
type naive struct{ orders []grid.Order }

func (n *naive) match(in grid.Order) (fills []book.Fill, left grid.Energy, stopped bool) {
	left = in.Energy
	for left > 0 {
		best := -1
		for i, o := range n.orders {
			if o.Side == in.Side || in.Side == grid.Bid && o.Price > in.Price || in.Side == grid.Offer && o.Price < in.Price {
				continue
			}
			if best < 0 || in.Side == grid.Bid && o.Price < n.orders[best].Price || in.Side == grid.Offer && o.Price > n.orders[best].Price {
				best = i
			}
		}
		if best < 0 {
			break
		}
		o := &n.orders[best]
		if o.Member == in.Member {
			return fills, left, true
		}
		energy := min(left, o.Energy)
		fills = append(fills, book.Fill{Resting: o.ID, Energy: energy, Price: o.Price})
		left -= energy
		if o.Energy -= energy; o.Energy == 0 {
			n.orders = slices.Delete(n.orders, best, best+1)
		}
	}
	return fills, left, false
}

// TestAgainstNaive drives the book and the reference with the same random
// orders and cancellations; they must agree after each.
func TestAgainstNaive(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 12))
		b, n := &book.Book{}, &naive{}
		for k := range 500 {
			if r.IntN(5) == 0 {
				id := fmt.Sprint(r.IntN(k + 1))
				at := slices.IndexFunc(n.orders, func(o grid.Order) bool { return o.ID == id })
				_, found := b.Cancel(id)
				if found != (at >= 0) {
					t.Fatalf("seed %d: cancel %s found %t, want %t", seed, id, found, at >= 0)
				}
				if found {
					n.orders = slices.Delete(n.orders, at, at+1)
				}
				continue
			}
			in := grid.Order{
				ID: fmt.Sprint(k), Member: fmt.Sprint(r.IntN(6)), Side: grid.Side(1 + r.IntN(2)),
				Energy: grid.Energy(1 + r.IntN(40)), Price: grid.Price(r.IntN(12)),
			}
			fills, left, stopped := b.Match(in)
			wantFills, wantLeft, wantStopped := n.match(in)
			if !reflect.DeepEqual(fills, wantFills) || left != wantLeft || stopped != wantStopped {
				t.Fatalf("seed %d: %+v gave %v %d %t, want %v %d %t", seed, in, fills, left, stopped, wantFills, wantLeft, wantStopped)
			}
			if in.Energy = left; left > 0 && !stopped {
				b.Rest(in)
				n.orders = append(n.orders, in)
			}
			sameOrders(t, b.Orders(), n.orders)
		}
	}
}

func sameOrders(t *testing.T, got, want []grid.Order) {
	t.Helper()
	byID := func(a, b grid.Order) int { return cmp.Compare(a.ID, b.ID) }
	got, want = slices.Clone(got), slices.Clone(want)
	slices.SortFunc(got, byID)
	slices.SortFunc(want, byID)
	if !slices.Equal(got, want) {
		t.Fatalf("resting %v, want %v", got, want)
	}
}

func BenchmarkMatch(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	x := &book.Book{}
	for k := range b.N {
		in := grid.Order{ID: fmt.Sprint(k), Member: fmt.Sprint(r.IntN(1000)), Side: grid.Side(1 + r.IntN(2)), Energy: 1 + grid.Energy(r.IntN(40)), Price: grid.Price(r.IntN(100))}
		if _, left, stopped := x.Match(in); left > 0 && !stopped {
			in.Energy = left
			x.Rest(in)
		}
	}
}
