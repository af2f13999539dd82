package settlement_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/sharing"
	"github.com/commonwatt/commonwatt/tariff"
)

func share(t *testing.T, text string) sharing.Ratio {
	t.Helper()
	r, err := sharing.ParseRatio(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// halves divides in halves between a and b.
func halves(t *testing.T) sharing.Key {
	t.Helper()
	return sharing.Key{Kind: sharing.Static, Entries: []sharing.Entry{{Point: "a", Share: share(t, "1/2")}, {Point: "b", Share: share(t, "1/2")}}}
}

// byKey is an input that is shared by a key.
func byKey(t *testing.T, k settlement.Key, metered ...record.Metered) settlement.Input {
	t.Helper()
	in := shared(nil, metered...)
	in.Rules = &settlement.Rules{Pool: settlement.Off, SamePoint: true, NodesByRank: true, Key: &k}
	if err := in.Rules.Validate(); err != nil {
		t.Fatal(err)
	}
	return in
}

// TestKeyAtAFixedPrice is computed by hand: the plant c gives 1,000 Wh, half for each of a and b.
// a takes 300 of its 500, b takes 500 and needs 200 more; at 0.12. What a leaves is sold by c.
func TestKeyAtAFixedPrice(t *testing.T) {
	k := settlement.Key{Scheme: sharing.Scheme{Key: halves(t)}, Price: settlement.KeyPrice{By: settlement.ByAmount, Fixed: 120_000}}
	flows := []record.Metered{metered("a", 300, 0), metered("b", 700, 0), metered("c", 0, 1000)}
	run := settle(t, byKey(t, k, flows...))
	expect(t, run, map[string]grid.Money{"a": -36_000, "b": -60_000 - 60_000, "c": 96_000 + 12_000, "pool": 0, "utility": 60_000 - 12_000})
	b, c := run.Statements[1], run.Statements[2]
	if b.KeyBought != 500 || b.KeyPrice != 120_000 || b.Retail != 200 || c.KeySold != 800 || c.FeedIn != 200 || c.PoolSold != 0 {
		t.Errorf("b %+v, c %+v", b.Cover, c.Cover)
	}
	reasons := map[string]int{}
	for _, p := range run.Postings() {
		reasons[p.Reason]++
	}
	if reasons[settlement.ReasonKeyBought] != 2 || reasons[settlement.ReasonKeySold] != 1 || len(reasons) != 4 {
		t.Errorf("reasons %v", reasons)
	}
	// The unused 200 of a become its own surplus, which it has bought and sells to the utility.
	k.Unused = sharing.Own
	run = settle(t, byKey(t, k, flows...))
	expect(t, run, map[string]grid.Money{"a": -60_000 + 12_000, "b": -120_000, "c": 120_000})
	if a := run.Statements[0]; a.KeyBought != 300 || a.KeySurplus != 200 || a.FeedIn != 200 {
		t.Errorf("a %+v", a.Cover)
	}
	// Members who own the plant together pay nothing: no posting but with the utility.
	k.Price = settlement.KeyPrice{By: settlement.ByNothing}
	expect(t, settle(t, byKey(t, k, flows...)), map[string]grid.Money{"a": 12_000, "b": -60_000, "c": 0})
}

// TestKeyAtTheMiddle is computed by hand: (0.30 + 0.06)/2 for all; b owns the plant c, and pays
// nothing for its half of what the two plants gave.
func TestKeyAtTheMiddle(t *testing.T) {
	k := settlement.Key{Scheme: sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}}, Price: settlement.KeyPrice{By: settlement.ByMidpoint}}
	flows := []record.Metered{metered("a", 300, 0), metered("b", 300, 0), metered("c", 0, 400), metered("d", 0, 400)}
	expect(t, settle(t, byKey(t, k, flows...)), map[string]grid.Money{"a": -54_000, "b": -54_000, "c": 54_000 + 6_000, "d": 54_000 + 6_000, "pool": 0})
	k.Plants = []sharing.Plant{{Point: "c", Owners: []string{"b"}}}
	expect(t, settle(t, byKey(t, k, flows...)), map[string]grid.Money{"a": -54_000, "b": -27_000, "c": 27_000 + 6_000, "d": 54_000 + 6_000, "pool": 0})
	k.Price = settlement.KeyPrice{By: settlement.ByAmount, Fixed: 100_000}
	expect(t, settle(t, byKey(t, k, flows...)), map[string]grid.Money{"a": -30_000, "b": -15_000, "c": 15_000 + 6_000, "d": 30_000 + 6_000, "pool": 0})
}

// TestKeyAtTheMiddleOfSeveralTariffs is computed by hand: a avoids 0.40 − 0.10, b 0.20, the plant
// gets 0.06 else: a pays half of 0.36 for its 100 Wh, b half of 0.26, and a's components go to the
// utility beside.
func TestKeyAtTheMiddleOfSeveralTariffs(t *testing.T) {
	k := settlement.Key{Scheme: sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}}, Price: settlement.KeyPrice{By: settlement.ByMidpoint}}
	in := byKey(t, k, metered("a", 100, 0), metered("b", 100, 0), metered("c", 0, 200))
	rates := func(retail, community grid.Price) tariff.Rates {
		return tariff.Rates{Tariff: "t", Version: "1", Currency: "EUR", Retail: retail, FeedIn: 60_000, Community: community}
	}
	in.Rates = map[string]tariff.Rates{"a": rates(400_000, 100_000), "b": rates(200_000, 0), "c": rates(300_000, 0)}
	expect(t, settle(t, in), map[string]grid.Money{"a": -18_000 - 10_000, "b": -13_000, "c": 31_000, "utility": 10_000, "pool": 0})
}

// TestOwnEnergyBesideAKey: roof and flat are of one member. Only where the key says so does the
// roof supply the flat first; else the key divides it, by consumption.
func TestOwnEnergyBesideAKey(t *testing.T) {
	k := settlement.Key{Scheme: sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}}, Price: settlement.KeyPrice{By: settlement.ByAmount, Fixed: 100_000}}
	in := byKey(t, k, metered("flat", 100, 0), metered("roof", 0, 100), metered("z", 300, 0))
	in.Points = map[string]settlement.Point{"flat": {Member: "ann"}, "roof": {Member: "ann"}, "z": {Member: "zoe"}}
	expect(t, settle(t, in), map[string]grid.Money{"flat": -2_500 - 22_500, "roof": 10_000, "z": -7_500 - 67_500})
	in.Rules.Key.OwnFirst = true
	run := settle(t, in)
	expect(t, run, map[string]grid.Money{"flat": 0, "roof": 0, "z": -90_000})
	if run.Statements[0].Own != 100 {
		t.Errorf("%+v", run.Statements[0])
	}
}

// TestKeyOverALine: what comes over a line pays its fee, 0.02 for 300 Wh, by who consumes it.
func TestKeyOverALine(t *testing.T) {
	k := settlement.Key{Scheme: sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}}, Price: settlement.KeyPrice{By: settlement.ByAmount, Fixed: 100_000}}
	in := byKey(t, k, metered("n", 100, 0), metered("r", 300, 0), metered("s", 0, 400))
	in.Feeder, in.Points = street(), map[string]settlement.Point{"n": {Node: "street"}, "s": {Node: "street"}}
	expect(t, settle(t, in), map[string]grid.Money{"n": -10_000, "r": -30_000 - 6_000, "s": 40_000, "grid": 6_000, "fund": 0, "pool": 0})
}

// TestKeyIsFrozen: the basis names accounts alone, has of the factors what counts, and a later run
// goes by it whatever the rules are by then: the same again changes nothing, another value of the
// plant is shared by the key though the community has a market now.
func TestKeyIsFrozen(t *testing.T) {
	k := settlement.Key{Pack: "at-eeg", Scheme: sharing.Scheme{Key: halves(t)}, Price: settlement.KeyPrice{By: settlement.ByAmount, Fixed: 120_000}}
	first := byKey(t, k, metered("a", 300, 0), metered("b", 700, 0), metered("c", 0, 1000))
	k.Factors = []sharing.Factor{
		{Point: "b", Share: share(t, "50 %")}, {Point: "b", Share: share(t, "10 %"), Since: first.Interval.Start + 1}, {Point: "elsewhere", Share: share(t, "50 %")},
	}
	first.Rules.Key = &k
	first.Points = map[string]settlement.Point{"a": {Account: "x1"}, "b": {Account: "x2"}, "c": {Account: "x3"}}
	run := settle(t, first)
	expect(t, run, map[string]grid.Money{"x2": -42_000 - 105_000}) // 350 of 700 count
	text, err := json.Marshal(run.Basis)
	if err != nil || strings.Contains(string(text), `"a"`) || strings.Contains(string(text), "elsewhere") || strings.Contains(string(text), "1/10") || !strings.Contains(string(text), `"x2"`) {
		t.Errorf("basis %s, %v", text, err)
	}
	var kept settlement.Basis
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	second := shared(nil, metered("a", 300, 0), metered("b", 700, 0), metered("c", 0, 1000)) // by the market
	second.Run, second.First, second.Previous, second.Points = 2, &kept, run.Postings(), first.Points
	if again := settle(t, second); len(again.Postings()) != 0 || again.Manifest.RulesDigest != run.Manifest.RulesDigest {
		t.Errorf("%+v, rules %s, before %s", again.Postings(), again.Manifest.RulesDigest, run.Manifest.RulesDigest)
	}
	second.Metered[2].Flow.Export = 400 // a and b have 200 each now, and c sells nothing to the utility
	if again := settle(t, second); again.Statements[1].KeyBought != 200 || again.Statements[2].FeedIn != 0 {
		t.Errorf("%+v", again.Statements)
	}
}

// TestEstimatedValuesShareNothing: b's value was substituted, so that a has all of c's energy and b
// goes to the utility alone; the run with the measured value brings it in.
func TestEstimatedValuesShareNothing(t *testing.T) {
	k := settlement.Key{Scheme: sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}}, Price: settlement.KeyPrice{By: settlement.ByAmount, Fixed: 120_000}}
	in := byKey(t, k, metered("a", 300, 0), metered("b", 300, 0), metered("c", 0, 200))
	in.Metered[1].Quality = grid.Estimated
	first := settle(t, in)
	expect(t, first, map[string]grid.Money{"a": -24_000 - 30_000, "b": -90_000, "c": 24_000})
	in.Metered[1].Quality = grid.Good
	in.Run, in.First, in.Previous = 2, &first.Basis, first.Postings()
	second := settle(t, in)
	if a, b := second.Statements[0], second.Statements[1]; a.Net != -12_000-60_000 || b.Net != a.Net || b.KeyBought != 100 {
		t.Errorf("a %+v, b %+v", a, b)
	}
}

// TestKeysSumToZero: over random cases the pool is empty, and what a point bought, had of its own
// and had from the utility is what its meter shows.
func TestKeysSumToZero(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 300 {
		var flows []record.Metered
		for _, p := range []string{"a", "b", "c", "d", "e"} {
			flows = append(flows, metered(p, grid.Energy(r.IntN(3)*r.IntN(500)), grid.Energy(r.IntN(3)*r.IntN(500))))
		}
		k := settlement.Key{Scheme: sharing.Scheme{Key: halves(t), Plants: []sharing.Plant{
			{Point: "c", Key: &sharing.Key{Kind: sharing.Dynamic}, Owners: []string{"a", "d"}}, {Point: "d", Owners: []string{"b"}},
		}}, OwnFirst: r.IntN(2) == 0}
		k.Unused = []sharing.Unused{sharing.ToPlant, sharing.Own, sharing.Again}[r.IntN(3)]
		k.Price = settlement.KeyPrice{By: []settlement.PriceBy{settlement.ByAmount, settlement.ByMidpoint}[r.IntN(2)], Fixed: grid.Price(r.IntN(400_000) - 100_000)}
		run := settle(t, byKey(t, k, flows...))
		var all grid.Money
		for _, m := range balances(run) {
			all += m
		}
		if b := balances(run); all != 0 || b["pool"] != 0 || b["fund"] != 0 {
			t.Fatalf("case %d: %v", n, b)
		}
		for _, s := range run.Statements {
			if s.Own+s.KeyBought+s.Retail != s.Metered.Import || s.OwnGiven+s.KeySold+s.KeyGiven+s.FeedIn-s.KeySurplus != s.Metered.Export || s.Retail < 0 || s.FeedIn < 0 {
				t.Fatalf("case %d: %+v", n, s)
			}
		}
	}
}

// TestClearAndSettlementDivideAlike: over random intervals a case that is divided by itself, with
// the accounts of the ledger, comes out as the settlement of the same values.
func TestClearAndSettlementDivideAlike(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for n := range 300 {
		in := byKey(t, settlement.Key{
			Scheme: sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}, Plants: []sharing.Plant{{Point: "c", Key: new(halves(t))}}, Factors: []sharing.Factor{{Point: "b", Share: share(t, "40 %")}}},
			Price:  settlement.KeyPrice{By: settlement.ByNothing}, OwnFirst: n%2 == 0,
		})
		in.Interval, in.Points = in.Interval.Shift(n), map[string]settlement.Point{}
		c := sharing.Case{Interval: in.Interval}
		for _, p := range []string{"a", "b", "c", "d", "e"} {
			x := sharing.CasePoint{ID: p, Account: "account-" + p, Member: []string{"ann", "bob"}[r.IntN(2)], Import: grid.Energy(r.IntN(2) * r.IntN(50)), Export: grid.Energy(r.IntN(2) * r.IntN(50))}
			c.Points = append(c.Points, x)
			in.Metered = append(in.Metered, metered(p, x.Import, x.Export))
			in.Points[p] = settlement.Point{Account: x.Account, Member: x.Member}
		}
		run := settle(t, in)
		d, err := c.Divide(in.Rules.Key.Scheme, in.Rules.Key.OwnFirst)
		if err != nil {
			t.Fatal(err)
		}
		for k, s := range run.Statements {
			got := sharing.DividedPoint{
				ID: s.MeteringPoint, Member: in.Points[s.MeteringPoint].Member, Import: s.Metered.Import, Export: s.Metered.Export, Own: s.Own, OwnGiven: s.OwnGiven,
				Bought: s.KeyBought, Sold: s.KeySold, Surplus: s.KeySurplus, Given: s.KeyGiven, Retail: s.Retail, FeedIn: s.FeedIn,
			}
			if got != d.Points[k] {
				t.Fatalf("case %d: settled %+v, divided %+v", n, got, d.Points[k])
			}
		}
	}
}

func TestBadKeys(t *testing.T) {
	good := settlement.Key{Scheme: sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}}, Price: settlement.KeyPrice{By: settlement.ByMidpoint}}
	for want, r := range map[string]settlement.Rules{
		"pool: ":         {Pool: settlement.Midpoint, Key: &good},
		"sharing.price:": {Pool: settlement.Off, Key: &settlement.Key{Scheme: good.Scheme}},
		"sharing.kind:":  {Pool: settlement.Off, Key: &settlement.Key{Price: good.Price}},
	} {
		if err := r.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
