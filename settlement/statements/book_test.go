package statements_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/tariff"
)

var prices = tariff.Tariff{Version: "t1", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}

// owner gives each point an account and a member of its own.
func owner(point string) (member, account string, err error) {
	return "of " + point, "account " + point, nil
}

// street settles random intervals, some of them several times.
type street struct {
	rng   *rand.Rand
	first grid.Interval
	runs  map[grid.Interval][]settlement.Run
	all   []settlement.Run // as they were frozen
}

func newStreet(seed uint64) *street {
	return &street{
		rng: rand.New(rand.NewPCG(seed, 1)), runs: map[grid.Interval][]settlement.Run{},
		first: grid.IntervalAt(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), 15),
	}
}

const points = 5

// settle makes the next run of an interval.
func (s *street) settle(t *testing.T, i grid.Interval) {
	t.Helper()
	rules := settlement.DefaultRules()
	in := settlement.Input{Community: "c", Interval: i, Run: len(s.runs[i]) + 1, Tariff: prices, Rules: &rules, Points: map[string]settlement.Point{}, ReadingRoot: "r"}
	for k := range points {
		point := fmt.Sprintf("mp-%d", k)
		in.Points[point] = settlement.Point{Account: "account " + point, Member: fmt.Sprintf("m%d", k%3)}
		m := record.Metered{MeteringPoint: point, Flow: grid.Flow{Import: grid.Energy(s.rng.IntN(900)), Export: grid.Energy(s.rng.IntN(900))}, Quality: grid.Good}
		if s.rng.IntN(6) == 0 {
			m.Quality = grid.Estimated
		}
		in.Metered = append(in.Metered, m)
	}
	for n := range s.rng.IntN(4) {
		in.Trades = append(in.Trades, grid.Trade{
			Product: grid.Product{Community: "c", Interval: i}, Seq: uint64(n + 1), Buyer: fmt.Sprintf("mp-%d", s.rng.IntN(2)), Seller: fmt.Sprintf("mp-%d", 2+s.rng.IntN(3)),
			Energy: grid.Energy(1 + s.rng.IntN(500)), BidPrice: grid.Price(s.rng.IntN(400_000) - 50_000), OfferPrice: grid.Price(s.rng.IntN(300_000) - 50_000),
		})
	}
	if before := s.runs[i]; len(before) > 0 {
		in.First = &before[0].Basis
		for _, run := range before {
			in.Previous = append(in.Previous, run.Postings()...)
		}
	}
	run, err := settlement.Settle(in)
	if err != nil {
		t.Fatal(err)
	}
	for k := range run.Statements {
		if s.rng.IntN(3) == 0 { // its battery would have moved otherwise
			run.Statements[k].Without, run.Statements[k].WithoutEstimated = new(grid.Money(s.rng.IntN(200_000)-100_000)), true
		}
	}
	run.Frozen = i.End().Add(time.Duration(len(s.all)) * time.Hour)
	s.runs[i] = append(s.runs[i], run)
	s.all = append(s.all, run)
}

// some settles n runs, of intervals at random.
func (s *street) some(t *testing.T, n int) {
	t.Helper()
	for range n {
		s.settle(t, s.first.Shift(s.rng.IntN(20)))
	}
}

func open(t *testing.T, path string) *statements.Book {
	t.Helper()
	b, err := statements.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// balances sums up postings by account.
func balances(t *testing.T, runs []settlement.Run) map[string]grid.Money {
	t.Helper()
	all := map[string]grid.Money{}
	for _, run := range runs {
		for _, p := range run.Postings() {
			all[p.Debit] -= p.Amount
			all[p.Credit] += p.Amount
		}
	}
	return all
}

// TestTheBookSaysWhatThePostingsSay holds, at every cut-off, that what the book says of every
// account is what the postings up to there sum up to, and that a statement's net is that sum
// as well: two ways of the same money.
func TestTheBookSaysWhatThePostingsSay(t *testing.T) {
	for seed := range uint64(20) {
		s := newStreet(seed)
		s.some(t, 40)
		b := open(t, "")
		if err := b.Add(t.Context(), owner, s.all...); err != nil {
			t.Fatal(err)
		}
		for cut := range int64(len(s.all) + 1) {
			got := map[string]grid.Money{}
			var last grid.Interval
			err := b.EachAt(t.Context(), time.Time{}, s.first.Shift(1000).Begin(), cut, func(i *statements.Interval) error {
				if i.Interval.Compare(last) <= 0 {
					t.Errorf("%s comes after %s", i.Interval, last)
				}
				last = i.Interval
				for _, p := range i.Points {
					var net grid.Money
					for _, sum := range p.Sums {
						net += sum.Money
					}
					if net != p.Net {
						t.Fatalf("seed %d, cut %d, %s: %s has postings of %d and a net of %d", seed, cut, i.Interval, p.MeteringPoint, net, p.Net)
					}
					got[p.Account] += net
				}
				for _, a := range i.Others {
					for _, sum := range a.Sums {
						got[a.Name] += sum.Money
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for account, want := range balances(t, s.all[:cut]) {
				if got[account] != want {
					t.Fatalf("seed %d, cut %d: account %s has %d in the book, %d by the postings", seed, cut, account, got[account], want)
				}
			}
		}
	}
}

// TestRowsComeBackAsTheyWere compares what is read with the statements of the runs.
func TestRowsComeBackAsTheyWere(t *testing.T) {
	s := newStreet(7)
	s.some(t, 30)
	without := grid.Money(-123_456)
	s.all[3].Statements[2].Without, s.all[3].Statements[2].WithoutEstimated = &without, true
	s.all[3].Statements[2].WithoutFlow = &grid.Flow{Import: 400, Export: 3}
	s.all[3].Statements[1].WithoutFlow = &grid.Flow{}
	path := filepath.Join(t.TempDir(), statements.File)
	b := open(t, path)
	for _, run := range s.all {
		if err := b.Add(t.Context(), owner, run); err != nil {
			t.Fatal(err)
		}
	}
	_ = b.Close()
	b = open(t, path)
	n := 0
	err := b.Since(t.Context(), 0, statements.Always, func(i *statements.Interval) error {
		run := s.all[n]
		n++
		if i.Place != int64(n) || i.Interval.String() != run.Manifest.Interval || i.Run != run.Manifest.Run || !i.Frozen.Equal(run.Frozen) || i.Estimated != run.Manifest.Estimated {
			t.Errorf("row %d is %s run %d of %s", n, i.Interval, i.Run, i.Frozen)
		}
		for k, st := range run.Statements {
			p := i.Points[k]
			p.Sums = nil
			member, account, _ := owner(st.MeteringPoint)
			want := statements.Point{
				MeteringPoint: st.MeteringPoint, Member: member, Account: account, Quality: st.Quality, Metered: st.Metered, Cover: st.Cover, Deviation: st.Deviation, Components: st.Components, Rates: prices.Rates(),
				Net: st.Net, RetailOnly: st.RetailOnly, Without: st.Alone(), WithoutEstimated: st.WithoutEstimated, WithoutFlow: st.WithoutFlow,
			}
			if !reflect.DeepEqual(p, want) {
				t.Errorf("row %d: %+v, want %+v", n, p, want)
			}
		}
		return nil
	})
	if err != nil || n != len(s.all) {
		t.Errorf("%d rows of %d, %v", n, len(s.all), err)
	}
}

// TestAddingTwiceChangesNothing adds runs again, in another order and under other owners.
func TestAddingTwiceChangesNothing(t *testing.T) {
	s := newStreet(3)
	s.some(t, 20)
	b := open(t, "")
	if err := b.Add(t.Context(), owner, s.all...); err != nil {
		t.Fatal(err)
	}
	before := dump(t, b)
	again := slices.Clone(s.all)
	slices.Reverse(again)
	if err := b.Add(t.Context(), func(string) (string, string, error) { return "x", "y", nil }, again...); err != nil {
		t.Fatal(err)
	}
	if after := dump(t, b); after != before {
		t.Errorf("adding twice makes\n%s\nof\n%s", after, before)
	}
}

func dump(t *testing.T, b *statements.Book) (text string) {
	t.Helper()
	err := b.Each(t.Context(), time.Time{}, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), func(i *statements.Interval) error {
		text += fmt.Sprintf("%+v\n", *i)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestNothingIsHalfAdded refuses a run whose owner cannot be told, with all that came with it;
// what is added afterwards is read by its right names.
func TestNothingIsHalfAdded(t *testing.T) {
	s := newStreet(4)
	s.some(t, 6)
	b := open(t, "")
	fail := errors.New("the names are locked")
	err := b.Add(t.Context(), func(point string) (string, string, error) {
		if point == "mp-4" {
			return "", "", fail
		}
		return "a wrong one", "another", nil
	}, s.all...)
	if last, _ := b.Last(t.Context()); !errors.Is(err, fail) || last != 0 {
		t.Fatalf("%d rows, %v", last, err)
	}
	if err := b.Add(t.Context(), owner, s.all...); err != nil {
		t.Fatal(err)
	}
	want := open(t, "")
	if err := want.Add(t.Context(), owner, s.all...); err != nil {
		t.Fatal(err)
	}
	if got, want := dump(t, b), dump(t, want); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestALaterRunKeepsTheOwners lets a point change its member between the runs of an interval.
func TestALaterRunKeepsTheOwners(t *testing.T) {
	s := newStreet(5)
	s.settle(t, s.first)
	s.settle(t, s.first)
	b := open(t, "")
	if err := b.Add(t.Context(), owner, s.all[0]); err != nil {
		t.Fatal(err)
	}
	if err := b.Add(t.Context(), func(string) (string, string, error) { return "new", "new account", nil }, s.all[1]); err != nil {
		t.Fatal(err)
	}
	i, err := b.At(t.Context(), s.first, statements.Always)
	if err != nil || i == nil || i.Run != 2 || i.Points[0].Member != "of mp-0" || i.Points[0].Account != "account mp-0" {
		t.Errorf("%+v, %v", i, err)
	}
}

// TestForget takes a member's name and its account out of what is there.
func TestForget(t *testing.T) {
	s := newStreet(6)
	s.some(t, 5)
	path := filepath.Join(t.TempDir(), statements.File)
	b := open(t, path)
	if err := b.Add(t.Context(), owner, s.all...); err != nil {
		t.Fatal(err)
	}
	if err := b.Forget(t.Context(), "of mp-2"); err != nil {
		t.Fatal(err)
	}
	if all, err := b.Accounts(t.Context()); err != nil || len(all) != points-1 || all[2].Account != "account mp-3" || all[2].Member != "of mp-3" || all[2].Point != "mp-3" {
		t.Errorf("accounts %v, %v", all, err)
	}
	for range 2 {
		err := b.Each(t.Context(), time.Time{}, s.first.Shift(1000).Begin(), func(i *statements.Interval) error {
			if p := i.Points[2]; p.Member != "" || p.Account != "" || i.Points[1].Member != "of mp-1" || i.Points[1].Account != "account mp-1" {
				t.Errorf("%+v", p)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		_ = b.Close()
		b = open(t, path)
	}
}

// stream is a durable stream of frozen runs in memory.
type stream struct {
	messages [][]byte
	acked    int
}

func (s *stream) Consume(ctx context.Context, _, _, _ string, handle func(context.Context, [][]byte) error, failed func(error)) error {
	for ; s.acked < len(s.messages); s.acked++ {
		if err := handle(ctx, s.messages[s.acked:s.acked+1]); err != nil {
			failed(err)
			return err
		}
	}
	return nil
}

func (s *stream) Count(context.Context, string, string) (uint64, error) {
	return uint64(len(s.messages)), nil
}
func (s *stream) Rewind(context.Context, string, string) error { s.acked = 0; return nil }

// TestABookThatWasLostIsMadeAnew stops after every run in turn, once before its row was
// acknowledged and once with the file gone: what the book says in the end is the same,
// places and all.
func TestABookThatWasLostIsMadeAnew(t *testing.T) {
	s := newStreet(8)
	s.some(t, 25)
	from := &stream{}
	for _, run := range s.all {
		text, err := json.Marshal(run)
		if err != nil {
			t.Fatal(err)
		}
		from.messages = append(from.messages, text)
	}
	follow := func(b *statements.Book) string {
		f := &statements.Follower{Book: b, Frozen: from, Community: "c", Owner: owner, Log: slog.New(slog.DiscardHandler)}
		if err := f.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		return dump(t, b)
	}
	want := follow(open(t, ""))
	for k := range s.all {
		b := open(t, filepath.Join(t.TempDir(), statements.File))
		if err := b.Add(t.Context(), owner, s.all[:k]...); err != nil {
			t.Fatal(err)
		}
		from.acked = max(k-1, 0) // killed before the last one was acknowledged
		if k%2 == 0 {
			from.acked = len(s.all) // the book is an older copy
		}
		if got := follow(b); got != want {
			t.Fatalf("after %d runs:\n%s\nwant\n%s", k, got, want)
		}
	}
}
