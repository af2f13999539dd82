package guarantee_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/guarantee"
	"github.com/commonwatt/commonwatt/tariff"
)

func prices() tariff.Tariff {
	return tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}
}

func noon() grid.Interval {
	return grid.IntervalAt(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), 15)
}

// street is what a run is made from: flows by account, whose each is, and trades.
type street struct {
	flows   map[string]grid.Flow
	members map[string]string
	rates   map[string]tariff.Rates
	trades  []grid.Trade
}

func (s street) settle(t testing.TB) settlement.Run {
	t.Helper()
	rules := settlement.DefaultRules()
	in := settlement.Input{
		Community: "c", Interval: noon(), Run: 1, Tariff: prices(), Rates: s.rates, Trades: s.trades, Rules: &rules, ReadingRoot: "r", Points: map[string]settlement.Point{},
	}
	for account, f := range s.flows {
		in.Points[account] = settlement.Point{Member: s.members[account]}
		in.Metered = append(in.Metered, record.Metered{MeteringPoint: account, Flow: f, Quality: grid.Good})
	}
	run, err := settlement.Settle(in)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func (s street) sums(t testing.TB) map[string]guarantee.Sums {
	t.Helper()
	all, err := guarantee.Of(s.settle(t))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func trade(seq uint64, buyer, seller string, e grid.Energy, p grid.Price) grid.Trade {
	return grid.Trade{Product: grid.Product{Community: "c", Interval: noon()}, Seq: seq, Buyer: buyer, Seller: seller, Energy: e, BidPrice: p, OfferPrice: p}
}

// TestOneIntervalByHand reckons the interval of docs/settlement.md, where Ann bought 300 Wh
// at 0.20 and drew 500, Bob sold them and gave 250, and then others in its place.
func TestOneIntervalByHand(t *testing.T) {
	s := street{
		flows:   map[string]grid.Flow{"a": {Import: 500}, "b": {Export: 250}, "c": {Export: 400}, "d": {Import: 100}},
		members: map[string]string{"a": "ann", "b": "bob", "c": "cy", "d": "dee"},
		trades:  []grid.Trade{trade(1, "a", "b", 300, 200_000)},
	}
	// Bob: 250 of 300 Wh given count at 0.20 = 0.050, the other 50 at the pool's 0.18 = 0.009
	// which he paid for it: 0.050 where 0.051 was posted.
	want := map[string]guarantee.Sums{
		"ann": {Net: -96_000, Counted: -96_000, RetailOnly: -150_000}, "bob": {Net: 51_000, Counted: 50_000, RetailOnly: 15_000},
		"cy": {Net: 66_000, Counted: 66_000, RetailOnly: 24_000}, "dee": {Net: -18_000, Counted: -18_000, RetailOnly: -30_000},
	}
	if got := s.sums(t); !maps.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	// At 0.90, Ann counts her trade at retail: −0.090 − 0.036 of the pool; Bob counts no more than that.
	s.trades[0] = trade(1, "a", "b", 300, 900_000)
	got := s.sums(t)
	if want := (guarantee.Sums{Net: -306_000, Counted: -126_000, RetailOnly: -150_000}); got["ann"] != want {
		t.Errorf("ann at 0.90: %+v, want %+v", got["ann"], want)
	}
	if want := (guarantee.Sums{Net: 261_000, Counted: 75_000, RetailOnly: 15_000}); got["bob"] != want {
		t.Errorf("bob at 0.90: %+v, want %+v", got["bob"], want)
	}
	for who, sums := range got {
		if need, err := sums.Need(); err != nil || need != 0 {
			t.Errorf("%s needs %d, %v", who, need, err)
		}
	}
}

// TestWhoIsWorseOffIsToppedUp is of a member whose own energy costs a line's fee, the one
// way in which sharing can cost more than the tariff alone.
func TestWhoIsWorseOffIsToppedUp(t *testing.T) {
	for want, s := range map[grid.Money]guarantee.Sums{
		100: {Net: -1100, Counted: -1100, RetailOnly: -1000}, 0: {Net: -900, Counted: -1100, RetailOnly: -1000}, 50: {Net: -5000, Counted: -1050, RetailOnly: -1000},
	} {
		if need, err := s.Need(); err != nil || need != want {
			t.Errorf("%+v needs %d, want %d: %v", s, need, want, err)
		}
	}
	if _, err := (guarantee.Sums{Net: math.MinInt64, RetailOnly: 1}).Need(); !errors.Is(err, grid.ErrOverflow) {
		t.Errorf("%v", err)
	}
}

// TestFriendsGainNothing lets two friends trade at absurd prices, energy that flows and energy
// that does not, back and forth, on one tariff and on several: together they are topped up by
// no more than without a single trade between them, but for what is rounded.
func TestFriendsGainNothing(t *testing.T) {
	const cases, rounding = 4000, 40
	for seed := range uint64(cases) {
		rng := rand.New(rand.NewPCG(seed, 15))
		s := street{flows: map[string]grid.Flow{}, members: map[string]string{}}
		points := 3 + rng.IntN(5)
		for k := range points {
			a := fmt.Sprintf("p%d", k)
			f := grid.Flow{}
			if rng.IntN(2) == 0 {
				f.Import = grid.Energy(rng.IntN(1000))
			} else {
				f.Export = grid.Energy(rng.IntN(1000))
			}
			s.flows[a], s.members[a] = f, fmt.Sprintf("m%d", k)
		}
		if several := rng.IntN(2) == 0; several {
			s.rates = map[string]tariff.Rates{}
			for a := range s.flows {
				r := grid.Price(200_000 + 50_000*rng.IntN(4))
				s.rates[a] = tariff.Rates{Tariff: a, Version: "1", Currency: "EUR", Retail: r, FeedIn: grid.Price(20_000 * rng.IntN(8))}
			}
		}
		before := friends(t, s)
		for n := range 1 + rng.IntN(4) {
			x := trade(uint64(n+1), "p0", "p1", grid.Energy(1+rng.IntN(1500)), grid.Price(rng.IntN(5_000_000)-2_000_000))
			if rng.IntN(2) == 0 {
				x.Buyer, x.Seller = x.Seller, x.Buyer
			}
			s.trades = append(s.trades, x)
		}
		if after := friends(t, s); after > before+rounding {
			t.Fatalf("seed %d: the friends are topped up by %d without trades and by %d with them: %+v", seed, before, after, s)
		}
	}
}

// friends returns by how much the two are topped up.
func friends(t testing.TB, s street) (sum grid.Money) {
	t.Helper()
	of := s.sums(t)
	for _, who := range []string{"m0", "m1"} {
		need, err := of[who].Need()
		if err != nil {
			t.Fatal(err)
		}
		sum += need
	}
	return sum
}

// TestTheFundNeverGoesBelowZero allots what there is: all needs where it is enough, the same
// part of each where not, and ties of the rest by rank, whatever the accounts are called.
func TestTheFundNeverGoesBelowZero(t *testing.T) {
	needs := map[string]grid.Money{"a": 100, "b": 100, "c": 100, "d": 0}
	for available, sum := range map[grid.Money]grid.Money{-5: 0, 0: 0, 1: 1, 100: 100, 299: 299, 300: 300, 1000: 300} {
		paid, err := guarantee.Allot("2026-06", available, needs)
		if err != nil {
			t.Fatal(err)
		}
		var all grid.Money
		for a, p := range paid {
			if all += p; p <= 0 || p > needs[a] {
				t.Errorf("of %d %s gets %d", available, a, p)
			}
		}
		if all != sum {
			t.Errorf("of %d come %d, want %d: %v", available, all, sum, paid)
		}
	}
	paid, err := guarantee.Allot("2026-06", 100, needs)
	if err != nil {
		t.Fatal(err)
	}
	first := "a" // whose SHA-256(month ‖ account) is the least
	for _, x := range []string{"b", "c"} {
		if guarantee.Rank("2026-06", x) < guarantee.Rank("2026-06", first) {
			first = x
		}
	}
	for _, x := range []string{"a", "b", "c"} {
		want := grid.Money(33)
		if x == first {
			want = 34
		}
		if paid[x] != want {
			t.Errorf("%s gets %d, want %d; %s is first", x, paid[x], want, first)
		}
	}
	if _, err := guarantee.Allot("2026-06", 1, map[string]grid.Money{"a": math.MaxInt64, "b": 1}); !errors.Is(err, grid.ErrOverflow) {
		t.Errorf("%v", err)
	}
}
