package settlement_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// shared is an input whose left-over energy is shared.
func shared(trades []grid.Trade, metered ...record.Metered) settlement.Input {
	in := input(trades, metered...)
	in.Rules, in.Salt = new(settlement.DefaultRules()), "salt"
	return in
}

func settle(t testing.TB, in settlement.Input) settlement.Run {
	t.Helper()
	run, err := settlement.Settle(in)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// balances sums the postings up by account.
func balances(run settlement.Run) map[string]grid.Money {
	balance := map[string]grid.Money{}
	for _, p := range run.Postings() {
		balance[p.Debit] -= p.Amount
		balance[p.Credit] += p.Amount
	}
	return balance
}

func expect(t *testing.T, run settlement.Run, want map[string]grid.Money) {
	t.Helper()
	got := balances(run)
	for account, money := range want {
		if got[account] != money {
			t.Errorf("%s comes to %d, want %d", account, got[account], money)
		}
	}
}

// TestPoolOnOneNode is computed by hand. a is short of 300 Wh, b of 100, c is long by
// 200: both takers get half of what they lack, at the middle of 0.30 and 0.06.
func TestPoolOnOneNode(t *testing.T) {
	run := settle(t, shared(nil, metered("a", 300, 0), metered("b", 100, 0), metered("c", 0, 200)))
	// Pool: a 150 Wh, b 50 Wh, at 0.18; the rest at 0.30.
	expect(t, run, map[string]grid.Money{"a": -27_000 - 45_000, "b": -9_000 - 15_000, "c": 36_000, "pool": 0, "utility": 60_000, "fund": 0})
	c := run.Statements[2]
	if c.PoolSold != 200 || c.PoolPrice != 180_000 || c.FeedIn != 0 || c.Uncovered != 200 || c.Imbalance != -200 {
		t.Errorf("c: %+v", c)
	}
	for _, p := range run.Postings() {
		if p.Reason == settlement.ReasonPoolBought && (p.Credit != record.Pool || p.Reference != p.Debit) {
			t.Errorf("posting %+v", p)
		}
	}
}

// TestPoolAcrossALine is computed by hand, with a fee of 0.02 on the street's line:
// s in the street gives 400 Wh, n in the street takes 100 of them without a fee, r at
// the root takes 300.
func TestPoolAcrossALine(t *testing.T) {
	in := shared(nil, metered("n", 100, 0), metered("r", 300, 0), metered("s", 0, 400))
	in.Feeder = street()
	in.Points = map[string]settlement.Point{"n": {Node: "street"}, "s": {Node: "street"}}
	run := settle(t, in)
	// n: (0.30 + 0.06)/2; r: (0.30 + 0.06 + 0.02)/2; s gets 0.18 for 100 and 0.17 for 300.
	expect(t, run, map[string]grid.Money{"n": -18_000, "r": -57_000, "s": 18_000 + 51_000, "pool": 0, "grid": 6_000, "fund": 0, "utility": 0})
}

// TestPoolAgainstATrade is computed by hand: a trade sends 200 Wh out of the street,
// and the pool sends 200 Wh into it, so that nothing flows and the grid gets nothing;
// the fee that the trade paid is given back to who relieved the line.
func TestPoolAgainstATrade(t *testing.T) {
	trade := trade(1, "r", "s", 200, 190_000)
	trade.OfferPrice = 170_000
	in := shared([]grid.Trade{trade}, metered("r", 200, 0), metered("s", 0, 200), metered("n", 200, 0), metered("q", 0, 200))
	in.Feeder = street()
	in.Points = map[string]settlement.Point{"n": {Node: "street"}, "s": {Node: "street"}}
	run := settle(t, in)
	// n pays (0.30 + 0.06 − 0.02)/2 = 0.17, q gets (0.30 + 0.06 + 0.02)/2 = 0.19.
	expect(t, run, map[string]grid.Money{"n": -34_000, "q": 38_000, "r": -38_000, "s": 34_000, "grid": 0, "fund": 0, "pool": 0, "utility": 0})
}

// TestOwnEnergy is the case of a roof and a flat of one member: what the roof gives
// and the flat takes costs nothing, and across a line its fee alone.
func TestOwnEnergy(t *testing.T) {
	in := shared(nil, metered("flat", 1000, 0), metered("roof", 0, 1000), metered("z", 500, 0))
	in.Points = map[string]settlement.Point{"flat": {Member: "m"}, "roof": {Member: "m"}, "z": {Member: "z"}}
	run := settle(t, in)
	expect(t, run, map[string]grid.Money{"flat": 0, "roof": 0, "z": -150_000})
	if s := run.Statements[0]; s.Own != 1000 || s.Retail != 0 {
		t.Errorf("flat: %+v", s)
	}
	in.Feeder = street()
	in.Points["flat"] = settlement.Point{Member: "m", Node: "street"}
	expect(t, settle(t, in), map[string]grid.Money{"flat": -20_000, "roof": 0, "grid": 20_000, "fund": 0})

	// A fee above the spread: it is cheaper to sell the one and buy the other.
	in.Feeder.Nodes[1].Fee = 250_000
	expect(t, settle(t, in), map[string]grid.Money{"flat": -300_000, "roof": 90_000 + 30_000, "grid": 0})
}

// TestOwnAtOnePoint: a point's own import and export cancel, unless the rules say that
// they do not; then the pool lets them meet, for one tariff at no gain or loss.
func TestOwnAtOnePoint(t *testing.T) {
	in := shared(nil, metered("a", 300, 200))
	run := settle(t, in)
	expect(t, run, map[string]grid.Money{"a": -30_000})
	if s := run.Statements[0]; s.Own != 200 || s.OwnGiven != 200 || s.Retail != 100 || s.FeedIn != 0 {
		t.Errorf("%+v", s)
	}
	// In the pool a neighbour's need is met as well: 300 and 150 short, 200 long, of
	// which a third goes to the neighbour. (Oracle: by hand, 0.18 in the pool.)
	both := shared(nil, metered("a", 300, 200), metered("b", 150, 0))
	both.Rules.SamePoint = false
	run = settle(t, both)
	if a, b := run.Statements[0], run.Statements[1]; a.Own != 0 || a.PoolSold != 200 || a.FeedIn != 0 || a.PoolBought+b.PoolBought != 200 || b.PoolBought < 66 || b.PoolBought > 67 {
		t.Errorf("%+v\n%+v", a, b)
	}
	in.Rules.SamePoint, in.Rules.Pool = false, settlement.Midpoint
	expect(t, settle(t, in), map[string]grid.Money{"a": -30_000})
	in.Rules.Pool = settlement.Off
	expect(t, settle(t, in), map[string]grid.Money{"a": -90_000 + 12_000})
}

// TestWhoSharesNothing: a substituted value, or a point that does not take part, is
// settled against the utility alone; the run with the measured value brings it in.
func TestWhoSharesNothing(t *testing.T) {
	in := shared(nil, metered("a", 200, 0), metered("b", 0, 200))
	in.Metered[1].Quality = grid.Estimated
	first := settle(t, in)
	expect(t, first, map[string]grid.Money{"a": -60_000, "b": 12_000})
	in.Points = map[string]settlement.Point{"b": {Apart: true}}
	in.Metered[1].Quality = grid.Good
	expect(t, settle(t, in), map[string]grid.Money{"a": -60_000, "b": 12_000})

	late := shared(nil, metered("a", 200, 0), metered("b", 0, 200))
	late.Run, late.First, late.Previous = 2, &first.Basis, first.Postings()
	second := settle(t, late)
	if a, b := second.Statements[0].Net, second.Statements[1].Net; a != -36_000 || b != 36_000 {
		t.Errorf("after the measured value a has %d, b %d, want −36000 and 36000", a, b)
	}
}

// TestALaterRunGoesByTheFirst settles again thirteen months later, after the tariff,
// the rules, the feeder and a point's member have changed and another point has come:
// with the same meters nothing is posted.
func TestALaterRunGoesByTheFirst(t *testing.T) {
	in := shared([]grid.Trade{trade(1, "a", "b", 100, 190_000)}, metered("a", 300, 0), metered("b", 0, 500), metered("c", 400, 0))
	in.Feeder, in.Points = street(), map[string]settlement.Point{"a": {Account: "A", Member: "m", Node: "street"}, "b": {Account: "B", Member: "m"}, "c": {Account: "C", Member: "n"}}
	first := settle(t, in)
	later := settlement.Input{
		Community: "c", Interval: interval, Run: 2, Tariff: first.Tariff, ReadingRoot: "r", First: &first.Basis, Previous: first.Postings(),
		Rules: &settlement.Rules{Pool: settlement.Off}, Feeder: grid.SingleNode(), Salt: "other",
		Metered: append(in.Metered, metered("d", 0, 900)),
		Points:  map[string]settlement.Point{"a": {Account: "A", Member: "x"}, "b": {Account: "B"}, "c": {Account: "C"}, "d": {Account: "D"}},
	}
	second := settle(t, later)
	if len(second.Postings()) != 0 || len(second.Statements) != 3 {
		t.Errorf("%d statements, postings %+v", len(second.Statements), second.Postings())
	}
	if first.Manifest.RulesDigest == "" || first.Manifest.RulesDigest != second.Manifest.RulesDigest || !reflect.DeepEqual(first.Basis, second.Basis) {
		t.Errorf("the second run rests on %+v, the first on %+v", second.Basis, first.Basis)
	}
	// Nor does an interval that was first settled without a pool get one.
	in.Rules = nil
	before := settle(t, in)
	later.First, later.Previous, later.Rules = &before.Basis, before.Postings(), new(settlement.DefaultRules())
	later.Metered = in.Metered
	if run := settle(t, later); len(run.Postings()) != 0 || run.Manifest.RulesDigest != "" {
		t.Errorf("an interval without pool got one: %+v", run.Postings())
	}
}

// TestSharingProperties settles random intervals on random feeders: all sums to zero,
// nobody has less than without the sharing, and utility and fees cost the members what a
// linear programme finds to be the least.
func TestSharingProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 13))
	for n := range 300 {
		in := random(r)
		in.Rules, in.Salt, in.Points = new(settlement.DefaultRules()), "s", map[string]settlement.Point{}
		in.Tariff.Retail += grid.Price(r.IntN(2)) // also where the middle is no whole millionth
		in.Feeder.Nodes = []grid.Node{{ID: "root"}}
		for k := 1; k < 1+r.IntN(4); k++ {
			in.Feeder.Nodes = append(in.Feeder.Nodes, grid.Node{ID: fmt.Sprint("n", k), Parent: in.Feeder.Nodes[r.IntN(k)].ID, Fee: grid.Price(r.IntN(4) * 30_000)})
		}
		for k, m := range in.Metered {
			in.Points[m.MeteringPoint] = settlement.Point{Member: fmt.Sprint("m", k/2), Node: in.Feeder.Nodes[r.IntN(len(in.Feeder.Nodes))].ID}
		}
		if n%3 == 0 {
			in.Rules.Pool = settlement.Marginal
		}
		run := settle(t, in)
		balanced(t, run, run.Postings())
		if balances(run)[record.Pool] != 0 {
			t.Fatalf("interval %d: the pool is left with %d", n, balances(run)[record.Pool])
		}
		off := in
		off.Rules = &settlement.Rules{Pool: settlement.Off, SamePoint: true}
		apart := settle(t, off)
		var bought, sold grid.Energy
		for k, s := range run.Statements {
			if s.Net < apart.Statements[k].Net-1 {
				t.Errorf("interval %d: %s has %d with a pool and %d without", n, s.MeteringPoint, s.Net, apart.Statements[k].Net)
			}
			bought, sold = bought+s.PoolBought, sold+s.PoolSold
		}
		if bought != sold {
			t.Errorf("interval %d: %d Wh bought from the pool, %d Wh sold to it", n, bought, sold)
		}
		if got, want := cost(run), least(t, in, apart, agreed(in, apart)); math.Abs(got-want) > 1e-6*math.Max(1, math.Abs(want)) {
			t.Errorf("interval %d: utility and fees cost %.3f, a linear programme finds %.3f", n, got, want)
		}
	}
}

// cost is what utility and lines cost the members, in thousandths of a millionth: of the
// utility's energy what neighbours' would have saved.
func cost(run settlement.Run) (sum float64) {
	for _, s := range run.Statements {
		sum += float64(run.Counted(s).Avoided())*float64(s.Retail) - float64(run.Counted(s).FeedIn)*float64(s.FeedIn)
	}
	for _, p := range run.Postings() {
		if p.Reason == settlement.ReasonFee {
			for _, n := range run.Basis.Feeder.Nodes {
				if n.ID == p.Reference {
					sum += float64(n.Fee) * float64(p.Energy)
				}
			}
		}
	}
	return sum
}

// agreed are the flows of trades and own energy over the lines, as agreed.
func agreed(in settlement.Input, before settlement.Run) map[string]float64 {
	committed := map[string]float64{}
	for _, tr := range in.Trades {
		along(in, tr.Seller, func(line string) { committed[line] += float64(tr.Energy) })
		along(in, tr.Buyer, func(line string) { committed[line] -= float64(tr.Energy) })
	}
	for _, s := range before.Statements {
		along(in, s.MeteringPoint, func(line string) { committed[line] += float64(s.OwnGiven - s.Own) })
	}
	return committed
}

// flowed are the flows over the lines of all that was metered and is not the utility's.
func flowed(in settlement.Input, before settlement.Run) map[string]float64 {
	committed := map[string]float64{}
	for _, s := range before.Statements {
		along(in, s.MeteringPoint, func(line string) {
			committed[line] += float64(s.Metered.Export - s.FeedIn - s.Metered.Import + s.Retail)
		})
	}
	return committed
}

// least finds what they cost at least, given trades and own energy, which committed so much
// to the lines: taken and given are variables for each point, and so are the flows over each
// line both ways. (Oracle: gonum's simplex.)
func least(t *testing.T, in settlement.Input, before settlement.Run, committed map[string]float64) float64 {
	t.Helper()
	lines := in.Feeder.Nodes[1:]
	points := before.Statements
	// x: taken, given, their slack; flow out and in over each line.
	n, l := len(points), len(lines)
	c := make([]float64, 4*n+2*l)
	a := mat.NewDense(2*n+l+1, len(c), nil)
	b := make([]float64, 2*n+l+1)
	var base float64
	for k, s := range points {
		rates := before.Counted(s)
		base += float64(rates.Avoided())*float64(s.Retail) - float64(rates.FeedIn)*float64(s.FeedIn)
		c[k], c[n+k] = -float64(rates.Avoided()), float64(rates.FeedIn)
		for side, most := range []grid.Energy{s.Retail, s.FeedIn} {
			row := side*n + k
			a.Set(row, side*n+k, 1)
			a.Set(row, 2*n+row, 1)
			b[row] = float64(most)
		}
		for j, line := range lines {
			along(in, s.MeteringPoint, func(on string) {
				if on == line.ID {
					a.Set(2*n+j, k, 1)
					a.Set(2*n+j, n+k, -1)
				}
			})
		}
		a.Set(2*n+l, k, 1)
		a.Set(2*n+l, n+k, -1)
	}
	for j, line := range lines {
		c[4*n+2*j], c[4*n+2*j+1] = float64(line.Fee), float64(line.Fee)
		a.Set(2*n+j, 4*n+2*j, 1)
		a.Set(2*n+j, 4*n+2*j+1, -1)
		b[2*n+j] = committed[line.ID]
		if b[2*n+j] < 0 {
			for col := range len(c) {
				a.Set(2*n+j, col, -a.At(2*n+j, col))
			}
			b[2*n+j] = -b[2*n+j]
		}
	}
	found, _, err := lp.Simplex(c, a, b, 1e-9, nil)
	if err != nil {
		t.Fatal(err)
	}
	return base + found
}

// along goes over the lines from a point to the root.
func along(in settlement.Input, point string, see func(line string)) {
	at := in.Points[point].Node
	for at != "" && at != "root" {
		see(at)
		for _, n := range in.Feeder.Nodes {
			if n.ID == at {
				at = n.Parent
				break
			}
		}
	}
}

// BenchmarkSettle settles an interval of many metering points on a feeder of depth 6 with
// fees, half of them with a neighbour of their own, a quarter of them trading, with one tariff,
// with three, and with as many as there are points.
func BenchmarkSettle(b *testing.B) {
	for _, tariffs := range []int{1, 3, 10_000} {
		for _, points := range []int{10_000, 20_000} {
			b.Run(fmt.Sprintf("tariffs=%d/points=%d", tariffs, points), func(b *testing.B) {
				in := street20(points, tariffs)
				b.ReportAllocs()
				for b.Loop() {
					settle(b, in)
				}
			})
		}
	}
}

// street20 is such an interval.
func street20(points, tariffs int) settlement.Input {
	const nodes = 400 // of which each has three below it: six levels below the root
	r := rand.New(rand.NewPCG(1, 2))
	in := shared(nil)
	in.Rules.NodesByRank = true
	in.Feeder.Nodes, in.Points, in.Rates = []grid.Node{{ID: "root"}}, map[string]settlement.Point{}, map[string]tariff.Rates{}
	for k := 1; k < nodes; k++ {
		in.Feeder.Nodes = append(in.Feeder.Nodes, grid.Node{ID: fmt.Sprint("n", k), Parent: in.Feeder.Nodes[(k-1)/3].ID, Fee: 10_000})
	}
	for k := range points {
		m := metered(fmt.Sprintf("mp-%05d", k), grid.Energy(r.IntN(900)), 0)
		if k%2 == 0 {
			m.Flow = grid.Flow{Export: m.Flow.Import}
		}
		in.Metered = append(in.Metered, m)
		in.Points[m.MeteringPoint] = settlement.Point{Member: fmt.Sprint("m", k/4*4+k%4/2), Node: in.Feeder.Nodes[r.IntN(nodes)].ID}
		if k%4 == 1 {
			in.Trades = append(in.Trades, trade(uint64(k), m.MeteringPoint, in.Metered[k-1].MeteringPoint, 300, 180_000))
		}
		rates := prices.Rates()
		rates.Retail += grid.Price(r.IntN(tariffs) * 30_000 / tariffs)
		in.Rates[m.MeteringPoint] = rates
	}
	return in
}
