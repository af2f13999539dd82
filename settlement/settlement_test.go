package settlement_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

var (
	interval = grid.Interval{Start: 1_780_315_200, Minutes: 15}
	prices   = tariff.Tariff{Version: "t1", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}
)

func input(trades []grid.Trade, metered ...record.Metered) settlement.Input {
	return settlement.Input{Community: "c", Interval: interval, Run: 1, Tariff: prices, Trades: trades, Metered: metered, ReadingRoot: "r"}
}

func metered(point string, imported, exported grid.Energy) record.Metered {
	return record.Metered{MeteringPoint: point, Flow: grid.Flow{Import: imported, Export: exported}, Quality: grid.Good}
}

func trade(seq uint64, buyer, seller string, energy grid.Energy, price grid.Price) grid.Trade {
	return grid.Trade{
		Product: grid.Product{Community: "c", Interval: interval}, Seq: seq, Buyer: buyer, Seller: seller,
		Energy: energy, BidPrice: price, OfferPrice: price,
	}
}

// TestWorkedExample is computed by hand: a bought 500 Wh of b at 0.20 and drew
// 600; b gave 450.
func TestWorkedExample(t *testing.T) {
	run, err := settlement.Settle(input([]grid.Trade{trade(7, "a", "b", 500, 200_000)}, metered("b", 0, 450), metered("a", 600, 0)))
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		debit, credit string
		amount        grid.Money
		energy        grid.Energy
	}
	var got []line
	for _, p := range run.Postings() {
		got = append(got, line{p.Debit, p.Credit, p.Amount, p.Energy})
	}
	want := []line{
		{"a", "utility", 30_000, 100}, // 100 Wh that a did not buy, at 0.30
		{"b", "utility", 15_000, 50},  // 50 Wh that b sold and did not give, at 0.30
		{"a", "b", 100_000, 500},      // the trade
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("postings %v, want %v", got, want)
	}
	a, b := run.Statements[0], run.Statements[1]
	if a.Net != -130_000 || b.Net != 85_000 || a.RetailOnly != -180_000 || b.RetailOnly != 27_000 {
		t.Errorf("net %d and %d, retail only %d and %d", a.Net, b.Net, a.RetailOnly, b.RetailOnly)
	}
	if a.Imbalance != 100 || b.Imbalance != 50 {
		t.Errorf("imbalance %d and %d, want both short", a.Imbalance, b.Imbalance)
	}
}

func TestNegativePriceTurnsThePosting(t *testing.T) {
	run, err := settlement.Settle(input([]grid.Trade{trade(1, "a", "b", 1000, -10_000)}, metered("a", 1000, 0), metered("b", 0, 1000)))
	if err != nil {
		t.Fatal(err)
	}
	p := run.Postings()
	if len(p) != 1 || p[0].Debit != "b" || p[0].Credit != "a" || p[0].Amount != 10_000 {
		t.Errorf("postings %+v: want b to pay a", p)
	}
}

// TestProperties settles random intervals, then again with other readings as a
// second run, and checks the invariants of the package.
func TestProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 11))
	for n := range 500 {
		in := random(r)
		first, err := settlement.Settle(in)
		if err != nil {
			t.Fatal(err)
		}
		balanced(t, first, first.Postings())
		again, err := settlement.Settle(in)
		if err != nil || !reflect.DeepEqual(first, again) {
			t.Fatalf("interval %d: the same input gave another run", n)
		}
		late := in
		late.Run, late.Previous = 2, first.Postings()
		late.Metered = random(r).Metered
		second, err := settlement.Settle(late)
		if err != nil {
			t.Fatal(err)
		}
		balanced(t, second, append(first.Postings(), second.Postings()...))
		third := late
		third.Run, third.Previous = 3, append(first.Postings(), second.Postings()...)
		if none, err := settlement.Settle(third); err != nil || len(none.Batches) != 0 {
			t.Fatalf("interval %d: a run without news posts %v, %v", n, none.Batches, err)
		}
	}
}

// balanced checks that all postings of an interval sum to zero over the
// accounts, and per member to the statements of the last run.
func balanced(t *testing.T, last settlement.Run, postings []record.Posting) {
	t.Helper()
	balance := map[string]grid.Money{}
	for _, p := range postings {
		if p.Amount <= 0 || p.Debit == p.Credit {
			t.Fatalf("posting %+v", p)
		}
		balance[p.Debit] -= p.Amount
		balance[p.Credit] += p.Amount
	}
	var total grid.Money
	for _, b := range balance {
		total += b
	}
	if total != 0 {
		t.Fatalf("the interval sums to %d", total)
	}
	for _, s := range last.Statements {
		if balance[s.MeteringPoint] != s.Net {
			t.Fatalf("%s: postings sum to %d, statement says %d", s.MeteringPoint, balance[s.MeteringPoint], s.Net)
		}
		if s.Imbalance != s.Metered.Net()-(s.Bought-s.Sold) {
			t.Fatalf("%s: imbalance %d of %+v", s.MeteringPoint, s.Imbalance, s)
		}
	}
}

func random(r *rand.Rand) settlement.Input {
	const points = 8
	in := input(nil)
	for i := range points {
		in.Metered = append(in.Metered, metered(fmt.Sprintf("mp-%d", i), grid.Energy(r.IntN(900)), grid.Energy(r.IntN(900))))
	}
	for n := range r.IntN(12) {
		buyer := r.IntN(6)
		seller := (buyer + 1 + r.IntN(5)) % 6
		in.Trades = append(in.Trades, trade(uint64(n), fmt.Sprintf("mp-%d", buyer), fmt.Sprintf("mp-%d", seller),
			grid.Energy(1+r.IntN(700)), grid.Price(r.IntN(400_000)-50_000)))
	}
	return in
}

func TestBatchesAndManifest(t *testing.T) {
	in := input(nil)
	for i := range 200 {
		in.Metered = append(in.Metered, metered(fmt.Sprintf("mp-%03d", i), 100, 0))
	}
	run, err := settlement.Settle(in)
	if err != nil {
		t.Fatal(err)
	}
	if len(run.Batches) != 3 || len(run.Manifest.BatchDigests) != 3 {
		t.Errorf("%d batches, %d digests, want 3", len(run.Batches), len(run.Manifest.BatchDigests))
	}
	ids := map[string]bool{}
	for _, p := range run.Postings() {
		ids[p.ID] = true
	}
	if len(ids) != 200 {
		t.Errorf("%d distinct ids of 200 postings", len(ids))
	}
	b, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	var back settlement.Run
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, run) {
		t.Errorf("a run does not survive JSON: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	final := metered("a", 1, 0)
	final.Quality = grid.Final
	without := input(nil, metered("a", 1, 0))
	without.Run, without.First = 2, &settlement.Basis{Rules: new(settlement.DefaultRules()), Members: map[string]string{"a": "ann", "b": "bob"}}
	for name, in := range map[string]settlement.Input{
		"metered twice":      input(nil, metered("a", 1, 0), metered("a", 1, 0)),
		"system account":     input(nil, metered("utility", 1, 0)),
		"final at first":     input(nil, final),
		"account left out":   without,
		"trade not metered":  input([]grid.Trade{trade(1, "a", "x", 1, 1)}, metered("a", 1, 0)),
		"overflowing amount": input([]grid.Trade{trade(1, "a", "b", 1<<62, 1<<62)}, metered("a", 1, 0), metered("b", 1, 0)),
	} {
		if run, err := settlement.Settle(in); err == nil {
			t.Errorf("%s: settled as %+v", name, run.Postings())
		}
	}
}

// street is a line with a fee of 2 ct/kWh and a limit.
func street() grid.Feeder {
	return grid.Feeder{Nodes: []grid.Node{{ID: "root"}, {ID: "street", Parent: "root", Fee: 20_000, ImportLimit: new(grid.Energy(900))}}}
}

// TestFeesAndRent is computed by hand: over the street's line go 900 Wh one way
// and 100 Wh the other, so that its fee is due on 800 Wh; the buyers pay 2 ct
// more than the sellers get on 600 Wh, and 5 ct more, because the line was full,
// on 300 Wh. Who sold out of the street gets more than its buyer pays.
func TestFeesAndRent(t *testing.T) {
	in := input([]grid.Trade{trade(1, "a", "r", 600, 280_000), trade(2, "a", "r", 300, 310_000), trade(3, "r", "a", 100, 200_000)},
		metered("a", 800, 0), metered("r", 0, 800))
	in.Trades[0].OfferPrice, in.Trades[1].OfferPrice, in.Trades[2].OfferPrice = 260_000, 260_000, 210_000
	in.Feeder, in.Points = street(), map[string]settlement.Point{"a": {Node: "street"}}
	run, err := settlement.Settle(in)
	if err != nil {
		t.Fatal(err)
	}
	balance := map[string]grid.Money{}
	for _, p := range run.Postings() {
		balance[p.Debit] -= p.Amount
		balance[p.Credit] += p.Amount
		if p.Reason == settlement.ReasonFee && (p.Energy != 800 || p.Reference != "street" || p.Debit != record.Fund) {
			t.Errorf("fee %+v", p)
		}
	}
	// 600 at 0.28 and 300 at 0.31 paid, 100 at 0.21 got; 900 at 0.26 got, 100 at 0.20 paid.
	want := map[string]grid.Money{"a": -168_000 - 93_000 + 21_000, "r": 234_000 - 20_000, "grid": 16_000, "fund": 12_000 + 15_000 - 1_000 - 16_000}
	for account, money := range want {
		if balance[account] != money {
			t.Errorf("%s comes to %d, want %d", account, balance[account], money)
		}
	}
	if run.Statements[0].Net != want["a"] || run.Statements[1].Net != want["r"] {
		t.Errorf("statements %+v", run.Statements)
	}
	// A later run with the same readings posts nothing.
	in.Run, in.Previous = 2, run.Postings()
	again, err := settlement.Settle(in)
	if err != nil || len(again.Postings()) != 0 {
		t.Errorf("a second run posts %v, %v", again.Postings(), err)
	}
}
