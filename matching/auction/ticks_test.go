package auction_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/auction"
	"github.com/commonwatt/commonwatt/matching/network"
)

func randomTicks(r *rand.Rand, n int, ticks, energy uint32) (bids, offers []auction.Tick) {
	for range n {
		o := auction.Tick{Limit: r.Uint32N(ticks), Energy: 1 + r.Uint32N(energy)}
		if r.IntN(2) == 0 {
			bids = append(bids, o)
		} else {
			offers = append(offers, o)
		}
	}
	return bids, offers
}

// TestTicksAgainstNetwork compares the counting auction with the general one,
// order for order.
func TestTicksAgainstNetwork(t *testing.T) {
	var counter auction.Ticks
	for seed := range uint64(5000) {
		r := rand.New(rand.NewPCG(seed, 2))
		const ticks = 24
		bids, offers := randomTicks(r, r.IntN(14), ticks, 30)
		u := counter.Clear(ticks, bids, offers)
		bought, sold := make([]uint32, len(bids)), make([]uint32, len(offers))
		u.Fill(bids, offers, bought, sold)

		var orders []grid.Order
		for i, b := range bids {
			orders = append(orders, bid(fmt.Sprintf("b%02d", i), grid.Energy(b.Energy), grid.Price(b.Limit)))
		}
		for i, o := range offers {
			orders = append(orders, offer(fmt.Sprintf("o%02d", i), grid.Energy(o.Energy), grid.Price(o.Limit)))
		}
		for k, got := range map[int64]int64{0: u.Low, network.One: u.High} {
			want, err := network.Clear(network.Case{Feeder: grid.SingleNode(), Orders: orders, K: k})
			if err != nil {
				t.Fatal(err)
			}
			if u.Low >= 0 && u.High < ticks && got != int64(*want.Prices["root"]) {
				t.Fatalf("seed %d: price %d at k %d, want %d: %v %v", seed, got, k, *want.Prices["root"], bids, offers)
			}
			for i := range bids {
				if id := fmt.Sprintf("b%02d", i); grid.Energy(bought[i]) != want.Fills[id] {
					t.Fatalf("seed %d: %s got %d, want %d: %v %v", seed, id, bought[i], want.Fills[id], bids, offers)
				}
			}
			for i := range offers {
				if id := fmt.Sprintf("o%02d", i); grid.Energy(sold[i]) != want.Fills[id] {
					t.Fatalf("seed %d: %s sold %d, want %d: %v %v", seed, id, sold[i], want.Fills[id], bids, offers)
				}
			}
		}
	}
}

func BenchmarkTicks(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			const ticks = 10_000
			bids, offers := randomTicks(rand.New(rand.NewPCG(1, 1)), n, ticks, 1000)
			bought, sold := make([]uint32, len(bids)), make([]uint32, len(offers))
			var counter auction.Ticks
			b.ReportAllocs()
			for b.Loop() {
				u := counter.Clear(ticks, bids, offers)
				u.Fill(bids, offers, bought, sold)
			}
		})
	}
}
