package auction_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/auction"
)

// sourced is a random market in which some bids require sources.
func sourced(r *rand.Rand) (auction.Case, map[string][]string) {
	c := random(r, false, true, false)
	if c.Utility != nil {
		c.Utility.Limit = grid.Energy(1 + r.IntN(30))
	}
	sources, requires := []string{"solar", "wind", "battery"}, map[string][]string{}
	for i := range c.Orders {
		if o := &c.Orders[i]; o.Side == grid.Offer {
			o.Source = sources[r.IntN(len(sources))]
		} else if r.IntN(2) == 0 {
			requires[o.ID] = sources[:1+r.IntN(2)]
		}
	}
	return c, requires
}

func clearRequired(t *testing.T, c auction.Case, requires map[string][]string) auction.Result {
	t.Helper()
	r, err := auction.Required(c,
		func(b grid.Order, source string) bool {
			return requires[b.ID] == nil || slices.Contains(requires[b.ID], source)
		},
		func(b grid.Order) bool { return requires[b.ID] != nil })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRequiredAgainstSimplex compares the welfare with gonum's simplex over all
// pairs that fit, and checks that requirements hold, that one price is paid for
// a source, and that nobody would rather have traded more or less at it.
func TestRequiredAgainstSimplex(t *testing.T) {
	traded := 0
	for seed := range uint64(1500) {
		r := rand.New(rand.NewPCG(seed, 4))
		c, requires := sourced(r)
		got := clearRequired(t, c, requires)
		sane(t, seed, c, got)
		traded += len(got.Trades)
		if w, want := welfare(c, got), simplex(t, c, requires); float64(w) < want-0.001 || float64(w) > want+0.001 {
			t.Fatalf("seed %d: welfare %d, want %g: %s of %+v, requires %v", seed, w, want, show(got), c.Orders, requires)
		}
		prices := map[string]grid.Price{}
		orders := map[string]grid.Order{}
		for _, o := range c.Orders {
			orders[o.ID] = o
		}
		for _, x := range got.Trades {
			source := orders[x.Offer].Source
			if need := requires[x.Bid]; need != nil && !slices.Contains(need, source) {
				t.Fatalf("seed %d: %s requires %v and got %s", seed, x.Bid, need, source)
			}
			if p, known := prices[source]; known && p != x.BidPrice || x.BidPrice != x.OfferPrice {
				t.Fatalf("seed %d: two prices for %s: %s", seed, source, show(got))
			}
			prices[source] = x.BidPrice
		}
		for _, f := range got.Import {
			if requires[f.Order] != nil {
				t.Fatalf("seed %d: the utility serves %s, which requires %v", seed, f.Order, requires[f.Order])
			}
		}
		if again := clearRequired(t, shuffled(r, c), requires); !reflect.DeepEqual(again, got) {
			t.Fatalf("seed %d: the order of the input matters: %s, then %s", seed, show(got), show(again))
		}
	}
	if traded < 1000 {
		t.Errorf("only %d trades", traded)
	}
}

// utilityGain is what the utility gets by prices that are better for it than
// its own.
func utilityGain(c auction.Case, r auction.Result) (sum int64) {
	for _, f := range r.Import {
		sum += int64(f.Price-c.Utility.Retail) * int64(f.Energy)
	}
	for _, f := range r.Export {
		sum += int64(c.Utility.FeedIn-f.Price) * int64(f.Energy)
	}
	return sum
}

// simplex maximises the welfare over the energies of all pairs that fit. The
// members only buy or only sell.
func simplex(t *testing.T, c auction.Case, requires map[string][]string) float64 {
	t.Helper()
	type side struct {
		energy grid.Energy
		price  grid.Price
		order  grid.Order
	}
	var bids, offers []side
	for _, o := range c.Orders {
		if o.Side == grid.Bid {
			bids = append(bids, side{o.Energy, o.Price, o})
		} else {
			offers = append(offers, side{o.Energy, o.Price, o})
		}
	}
	if c.Utility != nil {
		bids = append(bids, side{c.Utility.Limit, c.Utility.FeedIn, grid.Order{}})
		offers = append(offers, side{c.Utility.Limit, c.Utility.Retail, grid.Order{}})
	}
	type pair struct{ b, o int }
	var pairs []pair
	for b := range bids {
		for o := range offers {
			utilities := bids[b].order.ID == "" && offers[o].order.ID == ""
			if need := requires[bids[b].order.ID]; !utilities && (need == nil || slices.Contains(need, offers[o].order.Source)) {
				pairs = append(pairs, pair{b, o})
			}
		}
	}
	if len(pairs) == 0 {
		return 0
	}
	rows := len(bids) + len(offers)
	a := mat.NewDense(rows, len(pairs)+rows, nil)
	cost, limit := make([]float64, len(pairs)+rows), make([]float64, rows)
	for k, p := range pairs {
		a.Set(p.b, k, 1)
		a.Set(len(bids)+p.o, k, 1)
		cost[k] = float64(offers[p.o].price - bids[p.b].price)
	}
	for i := range rows {
		a.Set(i, len(pairs)+i, 1) // slack
		if i < len(bids) {
			limit[i] = float64(bids[i].energy)
		} else {
			limit[i] = float64(offers[i-len(bids)].energy)
		}
	}
	least, _, err := lp.Simplex(cost, a, limit, 1e-9, nil)
	if err != nil {
		t.Fatal(fmt.Errorf("simplex: %w", err))
	}
	return -least
}

// TestRequiredSourceHasItsPrice: one buyer insists on solar energy, of which
// there is little; it pays more than the others.
func TestRequiredSourceHasItsPrice(t *testing.T) {
	solar, battery := offer("solar", 10, 5), offer("battery", 30, 12)
	solar.Source, battery.Source = "solar", "battery"
	c := auction.Case{K: auction.Half, Orders: []grid.Order{bid("green", 12, 30), bid("other", 20, 20), solar, battery}}
	got := clearRequired(t, c, map[string][]string{"green": {"solar"}})
	if s := show(got); s != "green<solar 10@30/30 other<battery 20@12/12" {
		t.Errorf("got %s", s)
	}
}
