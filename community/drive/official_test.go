package drive

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// told are official values of one interval. They implement Official.
type told map[string]OfficialValue

func (v told) Of(context.Context, grid.Interval) (map[string]OfficialValue, error) { return v, nil }

// says is a value of a file.
func says(imports, exports grid.Energy, q grid.Quality) OfficialValue {
	return OfficialValue{Import: &imports, Export: &exports, Quality: q, Files: []string{"file"}}
}

// signed settles the interval by ann's and bob's meters, which both took 300 Wh: ann what she
// bought for 0.03; bob paid for the 600 Wh that he lacks of 300 sold and none given, 0.18.
func signed(t *testing.T) *settling {
	t.Helper()
	s := newSettling(t)
	for _, member := range []string{"ann", "bob"} {
		s.meter(member)
		s.read(member, s.i.Begin(), s.i.End())
	}
	if run := s.final(s.i.End().Add(time.Hour)); run == nil || run.Substituted || nets(*run) != [2]grid.Money{-30_000, -150_000} {
		t.Fatalf("%+v", run)
	}
	return s
}

func nets(run settlement.Run) [2]grid.Money {
	return [2]grid.Money{run.Statements[0].Net, run.Statements[1].Net}
}

// correct corrects the interval, and returns its last run and how many there are.
func (s *settling) correct() (last settlement.Run, runs int) {
	s.t.Helper()
	done, err := s.Correct(s.t.Context(), s.i, s.i.End().AddDate(0, 1, 0))
	if err != nil || !done {
		s.t.Fatal(done, err)
	}
	all, err := s.runs(s.t.Context(), s.i, 99)
	if err != nil {
		s.t.Fatal(err)
	}
	return all[len(all)-1], len(all)
}

// TestOfficialValuesCorrectARun settles the interval again as the grid operator says. The
// amounts were reckoned by hand, at 0.30 and 0.08, the pool at 0.19.
func TestOfficialValuesCorrectARun(t *testing.T) {
	for name, c := range map[string]struct {
		values told
		want   [2]grid.Money
		runs   int
		ann    grid.Quality
	}{
		"100 Wh of ann's and 50 of bob's are fed in": {told{"mp-ann": says(200, 0, grid.Official1), "mp-bob": says(0, 350, grid.Official2)}, [2]grid.Money{-22_000, 34_000}, 2, grid.Official1},
		"ann takes 200 Wh of bob's by the pool":      {told{"mp-ann": says(500, 0, grid.Official2), "mp-bob": says(0, 500, grid.Official1)}, [2]grid.Money{-68_000, 68_000}, 2, grid.Official2},
		"an estimate shares nothing":                 {told{"mp-ann": says(500, 0, grid.Official3), "mp-bob": says(0, 500, grid.Official1)}, [2]grid.Money{-90_000, 46_000}, 2, grid.Official3},
		"ann has no generation, of which it says nothing": {told{"mp-ann": OfficialValue{Import: new(grid.Energy(200)), Quality: grid.Official1, Files: []string{"file"}}}, [2]grid.Money{
			-30_000 + 19_000, -150_000 + 100*300 - 19_000, // bob takes the 100 Wh by the pool, not at retail
		}, 2, grid.Official1},
		"what ann took is not told":     {told{"mp-ann": OfficialValue{Export: new(grid.Energy(0)), Quality: grid.Official1, Files: []string{"file"}}}, [2]grid.Money{-30_000, -150_000}, 1, grid.Good},
		"it was metered here as well":   {told{"mp-ann": says(300, 0, grid.Official1), "mp-bob": says(300, 0, grid.Official2)}, [2]grid.Money{-30_000, -150_000}, 1, grid.Good},
		"it estimates what was metered": {told{"mp-ann": says(300, 0, grid.Official3)}, [2]grid.Money{-30_000, -150_000}, 2, grid.Official3},
		"nobody is told of":             {told{}, [2]grid.Money{-30_000, -150_000}, 1, grid.Good},
		"somebody else is told of":      {told{"mp-cy": says(1, 1, grid.Official1)}, [2]grid.Money{-30_000, -150_000}, 1, grid.Good},
		"one changes, the other is too": {told{"mp-ann": says(300, 0, grid.Official1), "mp-bob": says(0, 300, grid.Official1)}, [2]grid.Money{-30_000, 30_000}, 2, grid.Official1},
	} {
		s := signed(t)
		s.Official = c.values
		for range 2 { // the second time changes nothing
			run, runs := s.correct()
			if nets(run) != c.want || runs != c.runs || run.Statements[0].Quality != c.ann {
				t.Errorf("%s: %d runs, %v, %s; want %d, %v, %s", name, runs, nets(run), run.Statements[0].Quality, c.runs, c.want, c.ann)
			}
			if run.Manifest.Estimated != (c.ann == grid.Official3) || run.Substituted {
				t.Errorf("%s: estimated %t, substituted %t", name, run.Manifest.Estimated, run.Substituted)
			}
			leaves, err := s.Workings.Leaves(t.Context(), run.Manifest)
			if err != nil || len(leaves) != 2 {
				t.Fatal(err)
			}
			l, err := leafOf(leaves[0])
			if official := c.ann != grid.Good; err != nil || official != slices.Equal(l.Official, []string{"file"}) || official != (l.Batches[0] == "") || l.Salt == "" {
				t.Errorf("%s: leaf %+v, %v", name, l, err)
			}
		}
	}
}

// TestACorrectionNeedsNoMarket corrects an interval in a market that knows nothing of it any
// more, at another tariff: by the trade and the tariff that the first run froze.
func TestACorrectionNeedsNoMarket(t *testing.T) {
	s := signed(t)
	s.Official = told{"mp-ann": says(500, 0, grid.Official2), "mp-bob": says(0, 500, grid.Official1)}
	market, err := community.NewMarket(community.Config{Community: "elm", Minutes: 15, Names: s.names, Rules: new(settlement.DefaultRules())}, grid.SingleNode(), tariff.Tariff{Version: "dear", Currency: "EUR", Retail: 900_000, FeedIn: 1})
	if err != nil {
		t.Fatal(err)
	}
	now := s.i.End().AddDate(1, 1, 0)
	admissions, err := market.Admissions([]community.Point{{MeteringPoint: "mp-ann", Member: "ann"}, {MeteringPoint: "mp-bob", Member: "bob"}}, now)
	if err != nil {
		t.Fatal(err)
	}
	begin := market.Begin(now)
	market.Apply(&begin)
	for _, c := range admissions {
		market.Apply(&c)
	}
	s.Trades = market
	if run, runs := s.correct(); runs != 2 || nets(run) != [2]grid.Money{-68_000, 68_000} {
		t.Errorf("%d runs, %v", runs, nets(run))
	}
	if actions := market.Advance(now); slices.ContainsFunc(actions, func(a community.Action) bool { return a.Product.Interval == s.i }) {
		t.Errorf("the interval lives again: %+v", actions)
	}
}

// TestReadingsThatComeAfterTheOfficialValue change nothing of the point that it tells of.
func TestReadingsThatComeAfterTheOfficialValue(t *testing.T) {
	s := newSettling(t)
	s.meter("ann")
	s.meter("bob")
	s.read("ann", s.i.Begin(), s.i.End())
	if run := s.final(s.i.End().Add(time.Hour)); run == nil || !run.Substituted {
		t.Fatal("bob's readings are missing")
	}
	s.Official = told{"mp-ann": says(200, 0, grid.Official1)}
	if run, runs := s.correct(); runs != 2 || !run.Substituted || run.Statements[0].Metered.Import != 200 || run.Statements[1].Quality != grid.Estimated {
		t.Fatalf("%d runs, %+v", runs, run)
	}
	s.read("bob", s.i.Begin(), s.i.End())
	a := community.Action{Step: community.Settle, Product: grid.Product{Community: "elm", Interval: s.i}, Run: 3}
	if done, err := s.Settle(t.Context(), a, s.i.End().Add(3*time.Hour)); err != nil || !done {
		t.Fatal(done, err)
	}
	run, err := s.Runs.Frozen(t.Context(), s.i, 3)
	if err != nil || run == nil || run.Substituted || run.Statements[0].Quality != grid.Official1 || run.Statements[0].Metered.Import != 200 || run.Statements[1].Quality != grid.Good {
		t.Fatalf("%+v %v", run, err)
	}
}

// TestBothWays settles without keeping anything: by the signed values and by the official
// ones, the same after the correction as before.
func TestBothWays(t *testing.T) {
	s := signed(t)
	values := told{"mp-ann": says(500, 0, grid.Official2), "mp-bob": says(0, 500, grid.Official1)}
	for range 2 {
		c, err := s.Compare(t.Context(), s.i, values)
		if err != nil || nets(settlement.Run{Statements: c.Signed}) != [2]grid.Money{-30_000, -150_000} || nets(settlement.Run{Statements: c.Official}) != [2]grid.Money{-68_000, 68_000} {
			t.Fatalf("%+v %v", c, err)
		}
		s.Official = values
		s.correct()
	}
	if c, err := s.Compare(t.Context(), s.i.Shift(1), values); c != nil || err != nil {
		t.Errorf("an interval without a run: %+v %v", c, err)
	}
	if done, err := s.Correct(t.Context(), s.i.Shift(1), s.i.End()); done || err != nil {
		t.Errorf("corrected without a run: %v", err)
	}
}
