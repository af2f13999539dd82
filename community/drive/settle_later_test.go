package drive

import (
	"reflect"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
)

// attempt carries out a Settle action and returns the run that is frozen then, nil when there
// is none.
func (s *settling) attempt(run int, last bool, now time.Time) *settlement.Run {
	s.t.Helper()
	a := community.Action{Step: community.Settle, Product: grid.Product{Community: "elm", Interval: s.i}, Run: run, Final: run == 1 || last, Last: last}
	if _, err := s.Settle(s.t.Context(), a, now); err != nil {
		s.t.Fatal(err)
	}
	frozen, err := s.Runs.Frozen(s.t.Context(), s.i, run)
	if err != nil {
		s.t.Fatal(err)
	}
	return frozen
}

// withoutAnn settles once while ann's meter did not answer: it was read at the begin only.
func withoutAnn(t *testing.T) *settling {
	t.Helper()
	s := newSettling(t)
	s.meter("ann")
	s.meter("bob")
	s.read("bob", s.i.Begin(), s.i.End())
	first := s.attempt(1, false, s.i.End().Add(time.Hour))
	if first == nil || !first.Substituted || first.Statements[0].Quality != grid.Estimated || first.Statements[1].Net != 30_000-180_000 {
		t.Fatalf("first run %+v", first)
	}
	return s
}

// TestWhoLeavesStaysInALaterRun takes bob's meter out between two runs; then ann's answers.
// She has her 300 Wh from bob. He took 300 Wh and sold 300 that he did not give: the
// second run says of him what the first one said.
func TestWhoLeavesStaysInALaterRun(t *testing.T) {
	s := withoutAnn(t)
	s.leave("bob")
	s.read("ann", s.i.Begin(), s.i.End())
	second := s.attempt(2, false, s.i.End().Add(2*time.Hour))
	if second == nil || len(second.Statements) != 2 || second.Substituted {
		t.Fatalf("second run %+v, want the statements of both, by what was read", second)
	}
	ann, bob := second.Statements[0], second.Statements[1]
	if ann.Net != -30_000 || ann.Quality != grid.Good {
		t.Errorf("ann has %+v, want −30000 for 300 Wh", ann)
	}
	if bob.Net != 30_000-180_000 || bob.Quality != grid.Good || bob.Metered != (grid.Flow{Import: 300}) {
		t.Errorf("bob has %+v, want what he had: 30000 less the 180000 that 600 Wh cost at the utility", bob)
	}
}

// TestTheLastRunIsFinal settles for good without ann's meter, of which nothing else is
// known either: that is final then, and so takes part in the pool. Of the 300 Wh that she
// bought and did not take bob has what he is short of, at the middle, 0.19.
func TestTheLastRunIsFinal(t *testing.T) {
	s := withoutAnn(t)
	if again := s.attempt(2, false, s.i.End().Add(2*time.Hour)); again != nil {
		t.Errorf("nothing came, and a second run says %+v", again)
	}
	last := s.attempt(2, true, s.i.End().Add(31*24*time.Hour))
	if last == nil || last.Substituted || last.Statements[0].Quality != grid.Final {
		t.Fatalf("last run %+v, want one that is final", last)
	}
	if ann, bob := last.Statements[0].Net, last.Statements[1].Net; ann != -30_000+57_000 || bob != 30_000-57_000-90_000 {
		t.Errorf("ann has %d, bob %d, want 27000 and −117000", ann, bob)
	}
}

// restarted is a settler that begins anew with the same market, whose interval is closed,
// and the runs on the bus.
func restarted(t *testing.T, before *settling) *settling {
	t.Helper()
	s := newSettling(t)
	s.Runs = before.Runs
	s.market.Advance(s.i.End())
	return s
}

// TestAProvisionalRunStaysProvisional restarts after the first run: where it was
// provisional the trades are kept, and a second run is due later; where all was read
// nothing more is to do.
func TestAProvisionalRunStaysProvisional(t *testing.T) {
	provisional := withoutAnn(t)
	measured := newSettling(t)
	for _, member := range []string{"ann", "bob"} {
		measured.meter(member)
		measured.read(member, measured.i.Begin(), measured.i.End())
	}
	now := measured.i.End().Add(time.Hour)
	if run := measured.attempt(1, false, now); run == nil || run.Substituted {
		t.Fatalf("first run %+v, want one that is measured", run)
	}
	for _, c := range []struct {
		before *settling
		trades []string
		due    int // the run that is
	}{{provisional, []string{"mp-ann", "mp-bob"}, 2}, {measured, nil, 0}} {
		s := restarted(t, c.before)
		if got := s.market.Unsettled(); len(got) == 0 || got[0] != s.i {
			t.Fatalf("after the restart %v is not settled, want %s", got, s.i)
		}
		var seen []settlement.Run
		s.Seen = func(_ grid.Interval, r settlement.Run) { seen = append(seen, r) }
		if err := s.Restore(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		due := 0
		for _, a := range s.market.Advance(now.Add(time.Hour)) {
			if a.Step == community.Settle && a.Product.Interval == s.i {
				due = a.Run
			}
		}
		if got := s.market.Traders(s.i); len(seen) != 1 || due != c.due || !reflect.DeepEqual(got, c.trades) {
			t.Errorf("%d runs seen, run %d due, trades of %v, want one, run %d, %v", len(seen), due, got, c.due, c.trades)
		}
	}
}
