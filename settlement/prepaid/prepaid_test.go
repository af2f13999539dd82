package prepaid_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/settlement/prepaid"
)

// street is a market and a ledger that note what they are asked, in order.
type street struct {
	told       []string
	held       map[string]grid.Money
	funds      map[string]matching.Funds
	posted     map[grid.Interval]bool
	unreleased []grid.Interval
	unposted   int
	state      string
	down       bool
	busy       string // a member
	dearest    grid.Price
	prepaid    []string
}

func (s *street) Prepay(member string, balance grid.Money, missing grid.Price, _ time.Time) (bool, error) {
	s.told = append(s.told, fmt.Sprint(member, " ", balance, " ", missing))
	s.funds[member] = matching.Funds{Prepaid: true, Balance: balance, Missing: missing}
	return member == s.busy, nil
}

func (s *street) Funds(member string) matching.Funds { return s.funds[member] }

func (s *street) Unreleased() []grid.Interval { return s.unreleased }

func (s *street) Release(intervals []grid.Interval, _ time.Time) error {
	if len(intervals) > 0 {
		s.told = append(s.told, fmt.Sprint("release ", len(intervals)))
		s.unreleased = nil
	}
	return nil
}

var errDown = errors.New("the ledger is down")

func (s *street) Held(_ context.Context, member string) (grid.Money, error) {
	if s.down {
		return 0, errDown
	}
	return s.held[member], nil
}

func (s *street) Has(i grid.Interval) bool { return s.posted[i] }

func (s *street) State(context.Context) (string, error) { return s.state, nil }

func (*street) Carries(string) grid.Energy { return 2000 }

func (s *street) Dearest(string, time.Time) (grid.Price, error) { return s.dearest, nil }

func noon() grid.Interval {
	return grid.IntervalAt(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), 15)
}

func open() (*street, *prepaid.Keeper) {
	s := &street{
		held: map[string]grid.Money{"ann": 5_000_000, "bob": 300_000, "cy": 9_000_000}, funds: map[string]matching.Funds{}, posted: map[grid.Interval]bool{}, state: "1", dearest: 300_000,
		prepaid: []string{"ann", "bob"},
	}
	return s, &prepaid.Keeper{
		Members: func() []string { return []string{"ann", "bob", "cy"} }, Prepaid: func(m string) bool { return slices.Contains(s.prepaid, m) },
		Market: s, Ledger: s, Points: s, Unposted: func(context.Context) (int, error) { return s.unposted, nil }, Clock: func() time.Time { return noon().Begin() }, Log: slog.New(slog.DiscardHandler),
	}
}

// step makes one and returns what the market was told.
func (s *street) step(t *testing.T, k *prepaid.Keeper) string {
	t.Helper()
	s.told = nil
	if err := k.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	return strings.Join(s.told, "; ")
}

// TestWhatIsKeptBack keeps back 2,000 Wh at 0.30, which is 0.60, for each interval that the
// ledger does not have, one at least; the rest is the market's bound, and never below nothing.
func TestWhatIsKeptBack(t *testing.T) {
	s, k := open()
	if got, want := s.step(t, k), "ann 4400000 300000; bob 0 300000"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := s.step(t, k); got != "" {
		t.Errorf("nothing has changed, and the market is told %s", got)
	}
	s.unposted = 3
	if got, want := s.step(t, k), "ann 3200000 300000; bob 0 300000"; got != want {
		t.Errorf("three intervals: %s, want %s", got, want)
	}
	s.held["bob"], s.state = 10_000_000, "2"
	if got, want := s.step(t, k), "ann 3200000 300000; bob 8200000 300000"; got != want {
		t.Errorf("a deposit: %s, want %s", got, want)
	}
	if got, known := k.Of("bob"); !known || got != (prepaid.Standing{Held: 10_000_000, Bound: 1_800_000, Free: 8_200_000}) {
		t.Errorf("bob stands at %+v", got)
	}
	if _, known := k.Of("cy"); known {
		t.Error("cy is not prepaid")
	}
	s.dearest, s.state = -10_000, "3" // a day on which energy costs nothing
	if got, want := s.step(t, k), "ann 5000000 0; bob 10000000 0"; got != want {
		t.Errorf("a negative price: %s, want %s", got, want)
	}
}

// TestTradesAreReleasedAfterTheBalance frees what was reserved for an interval only once the
// market has the balance of which that interval is part; and not at all while the ledger is
// down.
func TestTradesAreReleasedAfterTheBalance(t *testing.T) {
	s, k := open()
	s.unreleased = []grid.Interval{noon().Shift(-2), noon().Shift(-1)}
	s.step(t, k)
	if len(s.unreleased) == 0 {
		t.Fatal("released before it is posted")
	}
	s.posted[noon().Shift(-2)], s.state, s.down = true, "2", true
	if err := k.Step(t.Context()); !errors.Is(err, errDown) || len(s.unreleased) == 0 {
		t.Errorf("the ledger is down: %v, %d unreleased", err, len(s.unreleased))
	}
	s.down = false
	s.held["ann"] -= 100_000
	if got, want := s.step(t, k), "ann 4300000 300000; bob 0 300000; release 1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestWhoIsNoLongerPrepaidIsNotBounded takes bob out, whom the market had a balance of.
func TestWhoIsNoLongerPrepaidIsNotBounded(t *testing.T) {
	s, k := open()
	s.step(t, k)
	s.prepaid, s.state = []string{"ann"}, "2"
	if got, want := s.step(t, k), fmt.Sprintf("ann 4400000 300000; bob %d 300000", prepaid.Unbounded); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	s.state = "3"
	if got, want := s.step(t, k), "ann 4400000 300000"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestWhoWaitsIsTriedAgain is of a member whose earlier trades hold up its first balance.
func TestWhoWaitsIsTriedAgain(t *testing.T) {
	s, k := open()
	s.busy = "ann"
	s.step(t, k)
	if got, _ := k.Of("ann"); !got.Wait {
		t.Errorf("ann stands at %+v", got)
	}
	if got := s.step(t, k); !strings.Contains(got, "ann 4400000") {
		t.Errorf("again: %s", got)
	}
	s.busy = ""
	s.step(t, k)
	if got := s.step(t, k); got != "" {
		t.Errorf("ann does not wait any more: %s", got)
	}
}
