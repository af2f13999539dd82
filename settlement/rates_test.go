package settlement_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

func rates(name string, retail, feedIn, community grid.Price) tariff.Rates {
	return tariff.Rates{Tariff: name, Version: "2026", Currency: "EUR", Retail: retail, FeedIn: feedIn, Community: community}
}

// TestOneTariffAsRatesIsTheSameRun: where all rates are those of the one tariff the run is,
// byte for byte, the same as without rates.
func TestOneTariffAsRatesIsTheSameRun(t *testing.T) {
	r := rand.New(rand.NewPCG(20, 21))
	for range 50 {
		in := random(r)
		in.Rules, in.Salt = new(settlement.DefaultRules()), "s"
		before, err := json.Marshal(settle(t, in))
		if err != nil {
			t.Fatal(err)
		}
		in.Rates = map[string]tariff.Rates{}
		for _, m := range in.Metered {
			in.Rates[m.MeteringPoint] = prices.Rates()
		}
		if after, err := json.Marshal(settle(t, in)); err != nil || string(before) != string(after) {
			t.Fatalf("with rates:\n%s\nwithout:\n%s", after, before)
		}
		// One Wh-price apart it is another run, and says so.
		in.Rates["mp-3"] = rates("dear", prices.Retail+1, prices.FeedIn, 0)
		if run := settle(t, in); run.Basis.Rates == nil || run.Statements[3].Rates.Tariff != "dear" || run.Counted(run.Statements[0]) != prices.Rates() {
			t.Fatalf("%+v", run.Basis.Rates)
		}
	}
}

// TestSeveralTariffsByHand is the interval that docs/settlement.md computes by hand. Ann
// bought 300 Wh of Bob at 0.20, drew 500 Wh, and he gave 250: 50 Wh of her import have to
// come from elsewhere. Cy gave 400 Wh.
func TestSeveralTariffsByHand(t *testing.T) {
	in := shared([]grid.Trade{trade(1, "ann", "bob", 300, 200_000)}, metered("ann", 500, 0), metered("bob", 0, 250), metered("cy", 0, 200), metered("dee", 100, 0))
	in.Rates = map[string]tariff.Rates{
		"ann": rates("night", 400_000, 60_000, 20_000), "bob": rates("flat", 300_000, 60_000, 20_000),
		"cy": rates("old", 300_000, 100_000, 20_000), "dee": rates("flat", 240_000, 60_000, 20_000),
	}
	run := settle(t, in)
	balanced(t, run, run.Postings())
	// Ann's 200 Wh that nothing covers and the 50 Wh that Bob owes bid at 0.38, Dee's 100 Wh
	// at 0.22: of Cy's 200 Wh all go to Ann, 160 Wh of them to what is her own, at the middle of
	// 0.38 and 0.10, which is 0.24. The other 50 Wh she has of her utility at 0.40, and Dee her
	// 100 Wh at 0.24. Ann pays 0.02 on what is not the utility's: 450 Wh.
	// Bob makes good 40 Wh at 0.24 and 10 Wh at 0.38, which leave Ann as agreed.
	const bob = 9_600 + 3_800
	expect(t, run, map[string]grid.Money{
		"ann": -60_000 - 48_000 - 20_000 - 9_000 + bob,
		"bob": 60_000 - bob,
		"cy":  48_000, "dee": -24_000, "pool": 0, "fund": 0,
		"utility": 20_000 + 24_000 + 9_000,
	})
	ann, b := run.Statements[0], run.Statements[1]
	if ann.StoodIn != 50 || ann.Deviated != bob || ann.Components != 9_000 || ann.PoolBought != 200 || ann.Retail != 50 || ann.PoolPrice != 240_000 || b.Undelivered != 50 || b.Deviated != -bob || b.Retail != 0 {
		t.Errorf("%+v\n%+v", ann, b)
	}
	if ann.RetailOnly != -200_000 || run.Statements[2].RetailOnly != 20_000 {
		t.Errorf("at the own tariff alone: %d and %d", ann.RetailOnly, run.Statements[2].RetailOnly)
	}
}

// TestUndrawnPurchasesStandForTheCheapestExport: c bought 300 Wh of a and 100 Wh of b and
// drew 250. The 150 Wh stand for a's export, whose feed-in price is the lower.
func TestUndrawnPurchasesStandForTheCheapestExport(t *testing.T) {
	in := shared([]grid.Trade{trade(1, "c", "a", 300, 150_000), trade(2, "c", "b", 100, 150_000)}, metered("a", 0, 300), metered("b", 0, 100), metered("c", 250, 0), metered("d", 100, 0))
	in.Rates = map[string]tariff.Rates{"a": rates("a", 300_000, -20_000, 0), "b": rates("b", 300_000, 80_000, 0)}
	run := settle(t, in)
	balanced(t, run, run.Postings())
	// d takes 100 of the 150 Wh at (0.30 − 0.02)/2 = 0.14; for 50 a has to pay 0.02.
	expect(t, run, map[string]grid.Money{"a": 45_000, "b": 15_000, "c": -60_000 + 14_000 - 1_000, "d": -14_000, "utility": 1_000, "pool": 0})
	if a, c := run.Statements[0], run.Statements[2]; a.StoodIn != 150 || a.FeedIn != 50 || a.PoolSold != 100 || c.Undrawn != 150 || c.FeedIn != 0 {
		t.Errorf("%+v\n%+v", a, c)
	}
}

// TestWhatCancels: a sold 200 Wh and gave none, b bought 200 Wh and drew none. Nobody's
// energy changed, and they meet at the middle of what a saves, 0.40, and b's feed-in, 0.06.
func TestWhatCancels(t *testing.T) {
	in := shared([]grid.Trade{trade(1, "b", "a", 200, 150_000)}, metered("a", 0, 0), metered("b", 0, 0), metered("c", 0, 500))
	in.Rates = map[string]tariff.Rates{"a": rates("a", 400_000, 90_000, 0)}
	in.Feeder = street()
	in.Points = map[string]settlement.Point{"b": {Node: "street"}}
	in.Trades[0].BidPrice += 20_000
	run := settle(t, in)
	balanced(t, run, run.Postings())
	// The fee of the line comes back by halves: nothing flowed.
	expect(t, run, map[string]grid.Money{"a": 30_000 - 46_000 + 2_000, "b": -34_000 + 46_000 + 2_000, "grid": 0, "fund": 0, "pool": 0, "utility": -30_000})
	if a, b := run.Statements[0], run.Statements[1]; a.Undelivered != 200 || b.Undrawn != 200 || a.Retail != 0 || b.FeedIn != 0 {
		t.Errorf("%+v\n%+v", a, b)
	}
}

// varied is a random interval in which tariffs differ, some negative, some with a feed-in price
// above retail; the feeder has lines with fees.
func varied(r *rand.Rand) settlement.Input {
	in := random(r)
	in.Rules, in.Salt, in.Points, in.Rates = new(settlement.DefaultRules()), "s", map[string]settlement.Point{}, map[string]tariff.Rates{}
	in.Rules.NodesByRank = true
	in.Feeder.Nodes = []grid.Node{{ID: "root"}}
	for k := 1; k < 1+r.IntN(4); k++ {
		in.Feeder.Nodes = append(in.Feeder.Nodes, grid.Node{ID: fmt.Sprint("n", k), Parent: in.Feeder.Nodes[r.IntN(k)].ID, Fee: grid.Price(r.IntN(4) * 30_000)})
	}
	all := []tariff.Rates{
		rates("flat", 300_000, 60_000, 0), rates("dear", 410_003, 81_001, 31_007), rates("old", 280_000, 460_000, 15_000),
		rates("noon", -50_000, -120_000, 70_000), rates("even", 200_000, 200_000, 0),
	}
	for k, m := range in.Metered {
		in.Points[m.MeteringPoint] = settlement.Point{Member: fmt.Sprint("m", k/2), Node: in.Feeder.Nodes[r.IntN(len(in.Feeder.Nodes))].ID, Apart: r.IntN(8) == 0}
		in.Rates[m.MeteringPoint] = all[r.IntN(len(all))]
		if flow := &in.Metered[k].Flow; r.IntN(2) == 0 {
			flow.Import = 0
		} else if r.IntN(2) == 0 {
			flow.Export = 0
		}
	}
	in.Rates["mp-0"] = all[1]
	return in
}

// TestSeveralTariffsProperties settles random intervals with several tariffs: all sums to zero,
// nobody has more of the utility than was metered and is neither own nor neighbours', nobody
// has less than without a pool, and a linear programme finds no better one.
func TestSeveralTariffsProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(22, 23))
	deviations := 0
	for n := range 600 {
		in := varied(r)
		if n%5 == 0 {
			in.Rules.Pool = settlement.Marginal
		}
		run := settle(t, in)
		balanced(t, run, run.Postings())
		if again := settle(t, in); !reflect.DeepEqual(run, again) {
			t.Fatalf("interval %d: the same input gave another run", n)
		}
		if pool := balances(run)[record.Pool]; pool != 0 {
			t.Fatalf("interval %d: the pool is left with %d", n, pool)
		}
		energies(t, n, run)
		off := in
		off.Rules = &settlement.Rules{Pool: settlement.Off, SamePoint: true, NodesByRank: true}
		apart := settle(t, off)
		energies(t, n, apart)
		for k, s := range run.Statements {
			if s.Deviated != 0 {
				deviations++
			}
			if was := apart.Statements[k]; s.Net < was.Net-4 && in.Rules.Pool == settlement.Midpoint {
				t.Errorf("interval %d: %s has %d with a pool and %d without", n, s.MeteringPoint, s.Net, was.Net)
			}
		}
		optimal(t, n, in, run, apart)
		later := in
		later.Run, later.First, later.Previous, later.Rates = 2, &run.Basis, run.Postings(), map[string]tariff.Rates{"mp-1": rates("later", 1, 1, 1)}
		later.Tariff.Retail++
		if second := settle(t, later); len(second.Postings()) != 0 || !reflect.DeepEqual(run.Basis, second.Basis) {
			t.Fatalf("interval %d: a second run with the same meters posts %v", n, second.Postings())
		}
	}
	if deviations < 600 {
		t.Errorf("only %d deviations were settled: the intervals test little", deviations)
	}
}

// energies holds what a point settles with its utility to its own meter, and all of it to all.
func energies(t *testing.T, n int, run settlement.Run) {
	t.Helper()
	var bought, sold, balance grid.Energy
	for _, s := range run.Statements {
		if s.Retail < 0 || s.Retail > s.Metered.Import-s.Own-s.PoolBought || s.FeedIn < 0 || s.FeedIn > s.Metered.Export-s.OwnGiven-s.PoolSold {
			t.Errorf("interval %d: %s settles more with its utility than was metered: %+v", n, s.MeteringPoint, s)
		}
		bought, sold = bought+s.PoolBought, sold+s.PoolSold
		balance += s.Metered.Net() - s.Retail + s.FeedIn
	}
	if bought != sold || balance != 0 {
		t.Errorf("interval %d: %d Wh bought from the pool, %d Wh sold to it; %d Wh more metered than settled", n, bought, sold, balance)
	}
}

// optimal holds the pool to a linear programme over what flowed. Those who take no part are
// left out of it.
func optimal(t *testing.T, n int, in settlement.Input, run, apart settlement.Run) {
	t.Helper()
	committed := flowed(in, apart)
	pooled := apart
	pooled.Statements = nil
	var outside float64
	for _, s := range apart.Statements {
		if in.Points[s.MeteringPoint].Apart {
			outside += float64(s.Rates.Avoided())*float64(s.Retail) - float64(s.Rates.FeedIn)*float64(s.FeedIn)
			continue
		}
		pooled.Statements = append(pooled.Statements, s)
	}
	if got, want := cost(run), outside+least(t, in, pooled, committed); math.Abs(got-want) > 1e-6*math.Max(1, math.Abs(want)) {
		t.Errorf("interval %d: utility and fees cost %.3f, a linear programme finds %.3f", n, got, want)
	}
}

// TestBothWaysGiveTheSame settles intervals with one tariff by what trades leave, and once
// more by what was metered, which an idle point with another tariff brings about. On one node,
// and wherever deviations go one way, every member has the same sum, but for the Wh that cannot
// be divided; all together always have.
func TestBothWaysGiveTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(24, 25))
	oneWay := 0
	for n := range 1000 {
		in := random(r)
		in.Rules, in.Salt, in.Points, in.Rates = new(settlement.DefaultRules()), "s", map[string]settlement.Point{}, map[string]tariff.Rates{}
		for k, m := range in.Metered {
			in.Points[m.MeteringPoint] = settlement.Point{Member: fmt.Sprint("m", k/2)}
		}
		if n%2 == 0 { // nobody sold more than was given
			for k := range in.Metered {
				in.Metered[k].Flow.Export += 10_000
			}
		}
		in.Metered = append(in.Metered, metered("idle", 0, 0))
		left := settle(t, in)
		in.Rates["idle"] = rates("other", 500_000, 0, 0)
		flowed := settle(t, in)
		balanced(t, flowed, flowed.Postings())
		energies(t, n, flowed)
		var ways [2]grid.Energy
		sums := map[string][2]grid.Money{}
		for k, s := range left.Statements {
			member := in.Points[s.MeteringPoint].Member
			sums[member] = [2]grid.Money{sums[member][0] + s.Net, sums[member][1] + flowed.Statements[k].Net}
			all := sums["all"]
			sums["all"] = [2]grid.Money{all[0] + s.Net, all[1] + flowed.Statements[k].Net}
			contracted := s.Bought - s.Sold
			ways[0] += max(-contracted-s.Metered.Export, 0)
			ways[1] += max(contracted-s.Metered.Import, 0)
		}
		if both := min(ways[0], ways[1]) > 0; !both {
			oneWay++
		}
		for member, s := range sums {
			const most = 4 * 240 // four Wh, each worth at most retail less feed-in
			switch off := max(s[0]-s[1], s[1]-s[0]); {
			case member == "all" && off > 8:
				t.Errorf("interval %d: all have %d by what trades leave, and %d by what flowed", n, s[0], s[1])
			case member != "all" && min(ways[0], ways[1]) == 0 && off > most:
				t.Errorf("interval %d: %s has %d by what trades leave, and %d by what flowed", n, member, s[0], s[1])
			}
		}
	}
	if oneWay < 400 {
		t.Errorf("deviations went one way in %d intervals only", oneWay)
	}
}

// TestEstimatesStandForNobody: b's meter did not tell. a, who sold b 300 Wh and gave none, has
// nobody to stand in for it: it settles with its own utility until b's value is there.
func TestEstimatesStandForNobody(t *testing.T) {
	in := shared([]grid.Trade{trade(1, "b", "a", 300, 150_000)}, metered("a", 0, 0), metered("b", 300, 0), metered("c", 0, 0))
	in.Rates = map[string]tariff.Rates{"a": rates("a", 400_000, 60_000, 0), "b": rates("b", 200_000, 60_000, 0)}
	in.Metered[1].Quality = grid.Estimated
	first := settle(t, in)
	expect(t, first, map[string]grid.Money{"a": 45_000 - 120_000, "b": -45_000, "utility": 120_000})
	late := settlement.Input{Community: "c", Interval: interval, Run: 2, Tariff: prices, ReadingRoot: "r", First: &first.Basis, Previous: first.Postings()}
	late.Metered = []record.Metered{metered("a", 0, 0), metered("b", 300, 0), metered("c", 0, 0)}
	second := settle(t, late)
	if a, b := second.Statements[0], second.Statements[1]; a.Net != 45_000-60_000 || b.Net != -45_000 || b.Retail != 300 {
		t.Errorf("after the measured value: %+v\n%+v", a, b)
	}
}

// TestOwnTradesMoveBetweenPoints: m bought 200 Wh for its flat, which drew none, and its roof's
// shop drew 200: the trade has come, and nothing is left to settle.
func TestOwnTradesMoveBetweenPoints(t *testing.T) {
	in := shared([]grid.Trade{trade(1, "flat", "s", 200, 150_000)}, metered("flat", 0, 0), metered("s", 0, 200), metered("shop", 200, 0))
	in.Points = map[string]settlement.Point{"flat": {Member: "m"}, "shop": {Member: "m"}, "s": {Member: "s"}}
	in.Rates = map[string]tariff.Rates{"flat": rates("a", 400_000, 60_000, 10_000), "shop": rates("b", 200_000, 60_000, 10_000)}
	run := settle(t, in)
	expect(t, run, map[string]grid.Money{"flat": -30_000, "s": 30_000, "shop": -2_000, "utility": 2_000})
	if s := run.Statements[2]; s.Own != 0 || s.Retail != 0 || s.Components != 2_000 {
		t.Errorf("%+v", s)
	}
}

// TestWhoSharesNothingStandsInLast: s sold 100 Wh each to a, who takes part in nothing, and to
// b, and gave 100. Although a's price is the dearer, b stands in first, and has of g what it lacks.
func TestWhoSharesNothingStandsInLast(t *testing.T) {
	in := shared([]grid.Trade{trade(1, "a", "s", 100, 200_000), trade(2, "b", "s", 100, 200_000)}, metered("a", 100, 0), metered("b", 100, 0), metered("g", 0, 100), metered("s", 0, 100))
	in.Points = map[string]settlement.Point{"a": {Apart: true}}
	in.Rates = map[string]tariff.Rates{"a": rates("dear", 500_000, 60_000, 0)}
	expect(t, settle(t, in), map[string]grid.Money{"a": -20_000, "b": -20_000, "g": 18_000, "s": 40_000 - 18_000, "utility": 0})
	// Where 150 Wh are missing a stands in for the rest, with its utility.
	in.Metered[3].Flow.Export = 50
	expect(t, settle(t, in), map[string]grid.Money{"a": -20_000, "b": -20_000, "g": 18_000, "s": 40_000 - 18_000 - 25_000, "utility": 25_000})
}

// TestOneTariffWithAPartOfNeighbours: all have one tariff, of which neighbours' energy pays 0.05.
// a bought 300 Wh of b, who gave none: a's utility supplies them, and they pay no part a second
// time. c's own energy pays none either.
func TestOneTariffWithAPartOfNeighbours(t *testing.T) {
	in := shared([]grid.Trade{trade(1, "a", "b", 300, 100_000)}, metered("a", 400, 0), metered("b", 0, 0), metered("c", 80, 200))
	in.Rates = map[string]tariff.Rates{}
	for _, m := range in.Metered {
		in.Rates[m.MeteringPoint] = rates("one", 300_000, 60_000, 50_000)
	}
	run := settle(t, in)
	// c's 120 Wh go to a's 400 short ones at (0.25 + 0.06)/2 = 0.155, 90 of them for b, and pay
	// 0.006. b makes good 90 Wh at 0.155 and 210 Wh at 0.25; a has 280 Wh of its utility.
	const b = 13_950 + 52_500
	expect(t, run, map[string]grid.Money{"a": -30_000 - 18_600 - 84_000 - 6_000 + b, "b": 30_000 - b, "c": 18_600, "utility": 90_000})
}

// TestOwnEnergySavesTheRetailPrice: roof and flat of m meet although neighbours' energy would
// save the flat, which has 0.10 of which 0.06 are a part, less than the roof's feed-in price. f,
// whose feed-in price is above retail, sells all that it gives and buys all that it takes.
func TestOwnEnergySavesTheRetailPrice(t *testing.T) {
	in := shared(nil, metered("f", 100, 300), metered("flat", 200, 0), metered("roof", 0, 200))
	in.Points = map[string]settlement.Point{"flat": {Member: "m"}, "roof": {Member: "m"}, "f": {Member: "f"}}
	in.Rates = map[string]tariff.Rates{"flat": rates("a", 100_000, 60_000, 60_000), "roof": rates("b", 300_000, 60_000, 0), "f": rates("c", 280_000, 460_000, 0)}
	run := settle(t, in)
	expect(t, run, map[string]grid.Money{"flat": 0, "roof": 0, "f": 138_000 - 28_000})
	if f, flat := run.Statements[0], run.Statements[1]; f.Own != 0 || f.Retail != 100 || flat.Own != 200 || flat.Components != 0 {
		t.Errorf("%+v\n%+v", f, flat)
	}
}

// TestTwoNamesOfOnePrice: where two tariffs happen to cost the same the statements say whose
// each is, and nothing else changes.
func TestTwoNamesOfOnePrice(t *testing.T) {
	in := shared([]grid.Trade{trade(1, "a", "b", 300, 100_000)}, metered("a", 400, 0), metered("b", 0, 100))
	want := settle(t, in)
	in.Rates = map[string]tariff.Rates{"a": rates("one", 300_000, 60_000, 0), "b": rates("other", 300_000, 60_000, 0)}
	run := settle(t, in)
	if !reflect.DeepEqual(run.Postings(), want.Postings()) {
		t.Errorf("posted %+v, want %+v", run.Postings(), want.Postings())
	}
	for k, name := range []string{"one", "other"} {
		if got := run.Counted(run.Statements[k]).Tariff; got != name {
			t.Errorf("%s was settled by %q, want %q", run.Statements[k].MeteringPoint, got, name)
		}
	}
}

// TestBadRates names what is wrong with rates.
func TestBadRates(t *testing.T) {
	for name, change := range map[string]func(*settlement.Input){
		"other currency": func(in *settlement.Input) {
			in.Rates["a"] = tariff.Rates{Tariff: "x", Version: "1", Currency: "CHF", Retail: 1}
		},
		"beyond all prices": func(in *settlement.Input) { in.Rates["a"] = rates("x", 1_000_000_000_001, 0, 0) },
		"avoided beyond":    func(in *settlement.Input) { in.Rates["a"] = rates("x", 1_000_000_000_000, 0, -1_000_000_000_000) },
		"no rules":          func(in *settlement.Input) { in.Rules = nil },
	} {
		in := shared(nil, metered("a", 1, 0), metered("b", 1, 0))
		in.Rates = map[string]tariff.Rates{"a": rates("x", 1, 0, 0)}
		change(&in)
		if run, err := settlement.Settle(in); err == nil {
			t.Errorf("%s: settled as %+v", name, run.Postings())
		}
	}
}

// TestDeviationsLeaveTheFundWhole: each trade's buyer pays the fees of the lines between, as a
// market has it pay. Whatever of the trades comes otherwise, the fund can pay the grid on what
// flowed, up to the rounding of each fee.
func TestDeviationsLeaveTheFundWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(26, 27))
	for n := range 400 {
		in := varied(r)
		for k := range in.Trades {
			tr := &in.Trades[k]
			lines := map[string]int{}
			along(in, tr.Buyer, func(line string) { lines[line]++ })
			along(in, tr.Seller, func(line string) { lines[line]++ })
			for _, node := range in.Feeder.Nodes {
				if lines[node.ID] == 1 {
					tr.BidPrice += node.Fee
				}
			}
		}
		run := settle(t, in)
		most := grid.Money(len(in.Trades) + len(in.Feeder.Nodes) + 2)
		if fund := balances(run)[record.Fund]; fund < -most {
			t.Errorf("interval %d: the fund is short of %d", n, -fund)
		}
	}
}

// TestEverySumOfSeveralTariffsIsChecked lets sums leave 64 bits that are there only with several
// tariffs: the run is refused.
func TestEverySumOfSeveralTariffsIsChecked(t *testing.T) {
	const dear = 1_000_000_000_000
	several := func(trades []grid.Trade, metered ...record.Metered) settlement.Input {
		in := shared(trades, metered...)
		in.Rates = map[string]tariff.Rates{}
		for _, m := range metered {
			in.Rates[m.MeteringPoint] = rates("dear", dear, dear, 0)
		}
		in.Rates["z"] = rates("free", 0, 0, 0)
		in.Metered = append(in.Metered, record.Metered{MeteringPoint: "z", Quality: grid.Good})
		return in
	}
	much := func(n int) (trades []grid.Trade) {
		for k := range n {
			trades = append(trades, trade(uint64(k), "a", "b", 1<<38, 0))
		}
		return trades
	}
	components := several(nil, metered("a", 0, 4_000_000_000), metered("b", 4_000_000_000, 0), metered("c", 0, 8_000_000_000), metered("d", 8_000_000_000, 0))
	components.Rules.Pool = settlement.Off
	components.Trades = []grid.Trade{trade(1, "b", "a", 4_000_000_000, 0), trade(2, "d", "c", 8_000_000_000, 0)}
	for _, point := range []string{"a", "b", "c", "d"} {
		components.Rates[point] = rates("all of it", dear, 0, dear)
	}
	for name, in := range map[string]settlement.Input{
		"what cancels":             several(much(2), metered("a", 0, 0), metered("b", 0, 0)),
		"what the pool is worth":   several(nil, metered("a", 1<<38, 0), metered("b", 0, 1<<38)),
		"what is stood in for":     several(much(1), metered("a", 1<<38, 0), metered("b", 0, 0)),
		"what the utility is owed": several(nil, metered("a", 1<<39, 0)),
		"all components":           components,
	} {
		if run, err := settlement.Settle(in); !errors.Is(err, grid.ErrOverflow) {
			t.Errorf("%s: %v; %d statements", name, err, len(run.Statements))
		}
	}
}
