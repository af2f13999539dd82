package settlement_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// sharedBy settles flows with a share of the pool's gain for the fund.
func sharedBy(t *testing.T, share int64, flows map[string]grid.Flow, trades ...grid.Trade) settlement.Run {
	t.Helper()
	rules := settlement.DefaultRules()
	rules.Share = share
	in := settlement.Input{
		Community: "c", Interval: grid.IntervalAt(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), 15), Run: 1, Trades: trades, Rules: &rules, ReadingRoot: "r",
		Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}, Points: map[string]settlement.Point{},
	}
	for a, f := range flows {
		in.Points[a] = settlement.Point{Member: "of " + a}
		in.Metered = append(in.Metered, record.Metered{MeteringPoint: a, Flow: f, Quality: grid.Good})
	}
	run, err := settlement.Settle(in)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// sumOf sums up what the postings of a reason moved, and what the pool is left with.
func sumOf(run settlement.Run, reason string) (sum, pool grid.Money) {
	for _, p := range run.Postings() {
		if p.Reason == reason {
			sum += p.Amount
		}
		if p.Credit == record.Pool {
			pool += p.Amount
		}
		if p.Debit == record.Pool {
			pool -= p.Amount
		}
	}
	return sum, pool
}

// TestTheFundsShareByHand takes a tenth of what the pool gains in the interval of
// docs/settlement.md: each of its 350 Wh saves the taker 0.12 a kWh and brings the giver as
// much more, of which 0.012 each go to the fund.
func TestTheFundsShareByHand(t *testing.T) {
	flows := map[string]grid.Flow{"ann": {Import: 500}, "bob": {Export: 250}, "cy": {Export: 400}, "dee": {Import: 100}}
	trade := grid.Trade{Product: grid.Product{Community: "c"}, Seq: 1, Buyer: "ann", Seller: "bob", Energy: 300, BidPrice: 200_000, OfferPrice: 200_000}
	run := sharedBy(t, 100, flows, trade)
	var got strings.Builder
	for _, s := range run.Statements {
		fmt.Fprintf(&got, "%s %d at %d; ", s.MeteringPoint, s.Net, s.PoolPrice)
	}
	if want := "ann -98400 at 192000; bob 50400 at 192000; cy 61800 at 168000; dee -19200 at 192000; "; got.String() != want {
		t.Errorf("%s, want %s", got.String(), want)
	}
	if share, pool := sumOf(run, settlement.ReasonPoolShare); share != 8400 || pool != 0 {
		t.Errorf("the fund gets %d, the pool keeps %d", share, pool)
	}
}

// TestTheFundsShareNeverCostsMoreThanTheGain settles random intervals with a share: the pool
// sums to zero, nobody has less than alone, and at all of the gain everybody has what it has
// alone.
func TestTheFundsShareNeverCostsMoreThanTheGain(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 9))
		flows := map[string]grid.Flow{}
		for k := range 2 + rng.IntN(6) {
			f := grid.Flow{Import: grid.Energy(rng.IntN(1000))}
			if rng.IntN(2) == 0 {
				f = grid.Flow{Export: f.Import}
			}
			flows[fmt.Sprintf("p%d", k)] = f
		}
		for _, share := range []int64{0, 1, 333, 1000} {
			run := sharedBy(t, share, flows)
			if _, pool := sumOf(run, settlement.ReasonPoolShare); pool != 0 {
				t.Fatalf("seed %d, share %d: the pool keeps %d", seed, share, pool)
			}
			for _, s := range run.Statements {
				gain := s.Net - s.RetailOnly
				if gain < -2 || share == 1000 && gain > 2 { // what is rounded
					t.Fatalf("seed %d, share %d: %s gains %d", seed, share, s.MeteringPoint, gain)
				}
			}
		}
	}
}

func TestBadShares(t *testing.T) {
	for want, r := range map[string]settlement.Rules{
		"pool.share: -1":   {Pool: settlement.Midpoint, Share: -1},
		"pool.share: 1001": {Pool: settlement.Midpoint, Share: 1001},
		"without a pool":   {Pool: settlement.Off, Share: 1},
	} {
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", r, err, want)
		}
	}
}
