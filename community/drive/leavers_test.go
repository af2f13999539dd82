package drive

import (
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
)

// leave takes a member's meter out.
func (s *settling) leave(member string) {
	s.count(slices.DeleteFunc(s.metering.All(), func(d grid.Device) bool { return d.Member == member }))
}

// run carries out a Settle action, and returns the run that is frozen then.
func (s *settling) run(i grid.Interval, number int, last bool) *settlement.Run {
	s.t.Helper()
	a := community.Action{Step: community.Settle, Product: grid.Product{Community: "elm", Interval: i}, Run: number, Final: true, Last: last}
	if _, err := s.Settle(s.t.Context(), a, i.End().Add(time.Hour)); err != nil {
		s.t.Fatal(err)
	}
	run, err := s.Runs.Frozen(s.t.Context(), i, number)
	if err != nil || run == nil {
		s.t.Fatalf("run %d of %s: %v", number, i, err)
	}
	return run
}

// statementOf returns the statement of a metering point or of its account.
func statementOf(t *testing.T, run *settlement.Run, name string) settlement.Statement {
	t.Helper()
	at := slices.IndexFunc(run.Statements, func(st settlement.Statement) bool { return st.MeteringPoint == name })
	if at < 0 {
		t.Fatalf("run %d has no statement of %q: %+v", run.Manifest.Run, name, run.Statements)
	}
	return run.Statements[at]
}

// TestWhoWasErasedKeepsTheBill settles an interval again after a member has left and was
// erased: nobody knows any more whose account it is, and what it owes stays.
func TestWhoWasErasedKeepsTheBill(t *testing.T) {
	s := newSettling(t)
	s.meter("ann")
	s.meter("bob")
	s.read("bob", s.i.Begin(), s.i.End())
	account, err := s.names.Account("bob", "mp-bob")
	if err != nil {
		t.Fatal(err)
	}
	before := statementOf(t, s.run(s.i, 1, false), "mp-bob")
	s.leave("bob")
	if err := s.names.Erase("bob"); err != nil {
		t.Fatal(err)
	}
	s.read("ann", s.i.Begin(), s.i.End())
	second := s.run(s.i, 2, false)
	after := statementOf(t, second, account)
	if after.Net != before.Net || after.Metered != before.Metered || after.Sold != before.Sold {
		t.Errorf("after the second run %+v, before it %+v", after, before)
	}
	if ann := statementOf(t, second, "mp-ann"); ann.Quality != grid.Good || ann.Metered.Import != 300 {
		t.Errorf("ann has %+v", ann)
	}
	if s.names.Known("bob") != nil || s.names.Known("") != nil {
		t.Error("a later run gave a member who was erased another name on the ledger")
	}
}

// TestAMeterThatIsReplacedDoesNotMakeItsSilenceFree settles for good an interval in which
// a meter was silent that another one has replaced since.
func TestAMeterThatIsReplacedDoesNotMakeItsSilenceFree(t *testing.T) {
	s := newSettling(t)
	s.meter("ann")
	s.meter("bob")
	before := s.i.Weeks(-2)
	s.read("bob", before.Begin(), before.End())
	s.run(before, 1, false)
	s.run(s.i.Weeks(-1), 1, false) // it was silent then too
	s.read("ann", s.i.Begin(), s.i.End())
	if silent := statementOf(t, s.run(s.i, 1, false), "mp-bob"); silent.Quality != grid.Estimated || silent.Metered.Import != 0 {
		t.Fatalf("bob has %+v, want that nothing is known", silent)
	}
	s.leave("bob")
	s.metering.Add(grid.Device{ID: "bob/another", Kind: grid.Meter, Member: "bob", MeteringPoint: "mp-bob"}, s.i.End().Add(time.Minute), 10_000)
	if bob := statementOf(t, s.run(s.i, 2, true), "mp-bob"); bob.Quality != grid.Final || bob.Metered.Import != 300 {
		t.Errorf("bob has %+v, want the 300 Wh of two weeks before, for good", bob)
	}
}
