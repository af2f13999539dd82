package monthly_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/guarantee"
	"github.com/commonwatt/commonwatt/settlement/guarantee/monthly"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/tariff"
)

// street is a community with a book of statements, a ledger and kept workings, in memory.
type street struct {
	t       *testing.T
	rng     *rand.Rand
	book    *statements.Book
	runs    map[grid.Interval][]settlement.Run
	ledger  map[string]chaincode.TopUps
	kept    map[string]guarantee.Working
	now     time.Time
	refuse  int // Records, before one is taken
	unknown map[grid.Interval]bool
}

var errDown = errors.New("the ledger is down")

func (s *street) Month(_ context.Context, month string) (string, error) {
	return s.ledger[month].Root, nil
}

func (s *street) Record(_ context.Context, t chaincode.TopUps) error {
	if s.refuse > 0 {
		s.refuse--
		return errDown
	}
	if before, there := s.ledger[t.Month]; there && before.Root != t.Root {
		s.t.Errorf("%s is recorded twice", t.Month)
	}
	s.ledger[t.Month] = t
	return nil
}

func (s *street) Keep(_, root string, w guarantee.Working) error {
	s.kept[root] = w
	return nil
}

func (s *street) Guarantee(_, root string) ([]byte, error) {
	w, there := s.kept[root]
	if !there {
		return nil, nil
	}
	return json.Marshal(w)
}

func (s *street) Run(_ context.Context, i grid.Interval, run int) (settlement.Run, error) {
	if s.unknown[i] {
		return settlement.Run{}, monthly.ErrNotYet
	}
	return s.runs[i][run-1], nil
}

const homes = 5

// settle makes the next run of an interval: the homes buy half of what they draw at 0.300001
// of the last one, so that some are worse off by what is rounded.
func (s *street) settle(i grid.Interval) {
	s.t.Helper()
	rules := settlement.DefaultRules()
	in := settlement.Input{
		Community: "c", Interval: i, Run: len(s.runs[i]) + 1, Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_001, FeedIn: 60_000}, Rules: &rules,
		Points: map[string]settlement.Point{}, ReadingRoot: "r",
	}
	for k := range homes {
		account := fmt.Sprintf("a%d", k)
		in.Points[account] = settlement.Point{Account: account, Member: fmt.Sprintf("m%d", k/2)} // some have two points
		m := record.Metered{MeteringPoint: account, Flow: grid.Flow{Import: 600 + grid.Energy(s.rng.IntN(900))}, Quality: grid.Estimated}
		if k == homes-1 {
			m.Flow = grid.Flow{Export: grid.Energy(s.rng.IntN(3000))}
		} else {
			in.Trades = append(in.Trades, grid.Trade{
				Product: grid.Product{Community: "c", Interval: i}, Seq: uint64(k + 1), Buyer: account, Seller: "a4", Energy: m.Flow.Import / 2, BidPrice: 300_001, OfferPrice: 200_000,
			})
		}
		in.Metered = append(in.Metered, m)
	}
	if before := s.runs[i]; len(before) > 0 {
		in.First = &before[0].Basis
		for _, r := range before {
			in.Previous = append(in.Previous, r.Postings()...)
		}
	}
	run, err := settlement.Settle(in)
	if err != nil {
		s.t.Fatal(err)
	}
	s.runs[i] = append(s.runs[i], run)
	err = s.book.Add(s.t.Context(), func(point string) (string, string, error) { return "of " + point, point, nil }, run)
	if err != nil {
		s.t.Fatal(err)
	}
}

func newStreet(t *testing.T, seed uint64) *street {
	t.Helper()
	book, err := statements.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	return &street{
		t: t, rng: rand.New(rand.NewPCG(seed, 2)), book: book, runs: map[grid.Interval][]settlement.Run{}, ledger: map[string]chaincode.TopUps{}, kept: map[string]guarantee.Working{},
		now: may().Begin(), unknown: map[grid.Interval]bool{},
	}
}

// may is the first interval of May in Berlin.
func may() grid.Interval {
	return grid.IntervalAt(time.Date(2026, 4, 30, 22, 0, 0, 0, time.UTC), 15)
}

// runner is one that has just started.
func (s *street) runner() *monthly.Runner {
	s.t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		s.t.Fatal(err)
	}
	return &monthly.Runner{
		Community: "c", Minutes: 15, Zone: berlin, From: "2026-04", Deadline: 31 * 24 * time.Hour, Clock: func() time.Time { return s.now }, Book: s.book, Runs: s, Ledger: s, Kept: s,
		Available: func(context.Context) (grid.Money, error) { return 1000, nil },
		Blind:     func(what string) (string, error) { return "blind " + what, nil }, Log: slog.New(slog.DiscardHandler),
	}
}

func (s *street) step(r *monthly.Runner, want string) {
	s.t.Helper()
	if month, err := r.Step(s.t.Context()); err != nil || month != want {
		s.t.Fatalf("step: %q %v, want %q", month, err, want)
	}
}

func (s *street) month(name string) guarantee.Month {
	s.t.Helper()
	m, err := s.kept[s.ledger[name].Root].Read()
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// TestMonthsAndTheirCorrections guarantees two months. Between them come a second run of an
// interval of the first and the first run of one that was missing: both count in the second
// month, so that the months together are what the last runs come to, whatever came when.
func TestMonthsAndTheirCorrections(t *testing.T) {
	for seed := range uint64(20) {
		s := newStreet(t, seed)
		for k := -8; k < 8; k++ {
			if k != -3 {
				s.settle(may().Shift(k))
			}
		}
		s.settle(may().Shift(-7)) // before April is reckoned
		r := s.runner()
		s.step(r, "")
		s.now = may().Begin().AddDate(0, 0, 31).Add(-time.Second)
		s.step(r, "")
		s.now = s.now.Add(time.Second)
		s.refuse = 1
		if _, err := r.Step(t.Context()); !errors.Is(err, errDown) {
			t.Fatalf("a ledger that is down: %v", err)
		}
		s.step(s.runner(), "2026-04") // it was stopped, and starts again
		april := s.month("2026-04")
		if len(april.Runs) != 2 || april.Begin != "2026-04-30T20:00:00Z" || april.End != "2026-04-30T22:00:00Z" || len(april.Corrections) != 0 {
			t.Fatalf("april: %+v", april.Head)
		}
		s.settle(may().Shift(-7))
		s.settle(may().Shift(-5))
		s.settle(may().Shift(-5))
		s.settle(may().Shift(-3))
		s.settle(may().Shift(2))
		s.now = may().Begin().AddDate(0, 2, 15)
		s.unknown[may()] = true
		if _, err := s.runner().Step(t.Context()); err != nil { // April is there
			t.Fatal(err)
		}
		r = s.runner()
		s.step(r, "2026-04")
		if _, err := r.Step(t.Context()); !errors.Is(err, monthly.ErrNotYet) {
			t.Fatalf("a run that the ledger does not have: %v", err)
		}
		delete(s.unknown, may())
		s.step(r, "2026-05")
		s.step(r, "")
		if got, want := fmt.Sprint(s.month("2026-05").Corrections), "[{2026-04-30T20:15:00Z/15 2 3} {2026-04-30T20:45:00Z/15 1 3} {2026-04-30T21:15:00Z/15 0 1}]"; got != want {
			t.Errorf("corrections %s, want %s", got, want)
		}
		s.compare()
	}
}

// compare holds what the months say of each member together against its last runs.
func (s *street) compare() {
	s.t.Helper()
	want, got := guarantee.Tally{}, guarantee.Tally{}
	for _, all := range s.runs {
		of, err := guarantee.Of(all[len(all)-1])
		if err == nil {
			err = want.Take(of, 1)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	paid := grid.Money(0)
	for _, name := range []string{"2026-04", "2026-05"} {
		m := s.month(name)
		sum := grid.Money(0)
		for _, l := range m.Leaves {
			if err := got.Take(map[string]guarantee.Sums{l.Member: l.Sums}, 1); err != nil {
				s.t.Fatal(err)
			}
			sum += l.Paid
		}
		for _, p := range s.ledger[name].Payments {
			sum -= grid.Money(p.Amount)
			paid += grid.Money(p.Amount)
		}
		if sum != 0 {
			s.t.Errorf("%s: the leaves are paid %d more than the ledger says", name, sum)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("the months come to %v, the last runs to %v", got, want)
	}
	if len(want) != 3 {
		s.t.Errorf("%d members", len(want))
	}
}

// TestAMonthWithoutItsWorkingStops is of a folder that was lost: what later runs change
// cannot be told without it.
func TestAMonthWithoutItsWorkingStops(t *testing.T) {
	s := newStreet(t, 1)
	s.settle(may().Shift(-1))
	s.settle(may())
	s.now = may().Begin().AddDate(0, 3, 0)
	r := s.runner()
	s.step(r, "2026-04")
	s.kept = map[string]guarantee.Working{}
	if _, err := r.Step(t.Context()); err == nil || !strings.Contains(err.Error(), "restore the folder") {
		t.Errorf("%v", err)
	}
}

// TestAMonthWithoutIntervalsIsPassed begins with months in which nothing was settled.
func TestAMonthWithoutIntervalsIsPassed(t *testing.T) {
	s := newStreet(t, 1)
	s.settle(may())
	s.now = may().Begin().AddDate(0, 3, 0)
	r := s.runner()
	s.step(r, "2026-04")
	s.step(r, "2026-05")
	if _, there := s.ledger["2026-04"]; there || s.ledger["2026-05"].Root == "" {
		t.Errorf("recorded: %v", s.ledger)
	}
}
