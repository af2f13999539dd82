package scenarios

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/usage"
)

// street is a community of three at work, which keeps what one keeps: bob and cat have a kWh over in every interval, and ann
// lacks one. Retail is 0.30, feed-in 0.06, and the pool's price 0.18.
type street struct {
	t        *testing.T
	market   *community.Market
	log      *journal.File
	orders   string
	book     *statements.Book
	workings map[string][][]byte // by interval, in order of their runs
	now      time.Time
}

var streetTariff = tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}

func openStreet(t *testing.T) *street {
	t.Helper()
	s := &street{t: t, orders: filepath.Join(t.TempDir(), "orders"), workings: map[string][][]byte{}, now: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
	var err error
	if s.book, err = statements.Open(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if s.log, _, err = journal.Open(s.orders, 1<<16, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(s.book.Close(), s.log.Close()) })
	s.market, err = community.NewMarket(community.Config{
		Community: "elm", Minutes: 15, GateClosure: 5 * time.Minute, Deadline: 2 * time.Minute, Ahead: community.DefaultAhead, Rules: new(settlement.DefaultRules()),
	}, grid.SingleNode(), streetTariff)
	if err != nil {
		t.Fatal(err)
	}
	admitted, err := s.market.Admissions([]community.Point{{MeteringPoint: "mp-ann", Member: "ann"}, {MeteringPoint: "mp-bob", Member: "bob"}, {MeteringPoint: "mp-cat", Member: "cat"}}, s.now)
	if err != nil {
		t.Fatal(err)
	}
	s.apply(append([]matching.Command{s.market.Begin(s.now)}, append(admitted, s.market.Reprice(s.now)...)...)...)
	return s
}

// apply writes commands down and carries them out.
func (s *street) apply(commands ...matching.Command) {
	s.t.Helper()
	if err := s.log.Append(commands); err != nil {
		s.t.Fatal(err)
	}
	for k := range commands {
		if events := s.market.Apply(&commands[k]); events[0].Kind == matching.Rejected {
			s.t.Fatalf("%+v is rejected: %s", commands[k], events[0].Reason)
		}
	}
}

func (s *street) product(i int) grid.Product {
	return grid.Product{Community: "elm", Interval: grid.IntervalAt(s.now, 15).Shift(4 + i)}
}

// life carries out steps in the life of intervals.
func (s *street) life(step community.Step, intervals ...int) {
	s.t.Helper()
	for _, i := range intervals {
		p := s.product(i)
		at := s.now
		if step == community.Close {
			at = p.Interval.Begin().Add(-5 * time.Minute)
		}
		s.apply(s.market.Command(community.Action{Step: step, Time: at, Product: p}))
	}
}

// order enters an order for a kWh in an interval.
func (s *street) order(i int, id, member string, side grid.Side, price grid.Price) {
	s.t.Helper()
	_, commands, err := s.market.Submit(community.Submission{Product: s.product(i), Time: s.now, Order: grid.Order{
		ID: id, Member: member, MeteringPoint: "mp-" + member, Side: side, Energy: 1000, Price: price,
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.apply(commands...)
}

// amend gives an order another price.
func (s *street) amend(member, id string, price grid.Price) {
	s.t.Helper()
	_, commands, err := s.market.Change(community.Change{Member: member, ClientID: id, Energy: 1000, Price: price, Time: s.now})
	if err != nil {
		s.t.Fatal(err)
	}
	s.apply(commands...)
}

// settle settles intervals; a try that was not the one is kept beside each.
func (s *street) settle(intervals ...int) {
	s.t.Helper()
	for _, k := range intervals {
		i := s.product(k).Interval
		metered := []record.Metered{
			{MeteringPoint: "mp-ann", Flow: grid.Flow{Import: 1000}, Quality: grid.Good},
			{MeteringPoint: "mp-bob", Flow: grid.Flow{Export: 1000}, Quality: grid.Good},
			{MeteringPoint: "mp-cat", Flow: grid.Flow{Export: 1000}, Quality: grid.Good},
		}
		run, err := s.market.Settle(i, 1, metered, "", nil)
		if err != nil {
			s.t.Fatal(err)
		}
		other := metered[0]
		other.Flow.Import = 17
		s.keep(run, []record.Metered{other, metered[1], metered[2]})
		s.keep(run, metered)
		if err := s.book.Add(s.t.Context(), func(point string) (string, string, error) { return point[3:], point, nil }, run); err != nil {
			s.t.Fatal(err)
		}
	}
}

// keep keeps how a run came about.
func (s *street) keep(run settlement.Run, metered []record.Metered) {
	s.t.Helper()
	w := audit.Working{Community: "elm", Interval: run.Manifest.Interval, Run: 1, Tariff: run.Tariff, Basis: run.Basis}
	for _, m := range metered {
		leaf, err := json.Marshal(record.Leaf{Metered: m})
		if err != nil {
			s.t.Fatal(err)
		}
		w.Leaves = append(w.Leaves, leaf)
	}
	text, err := json.Marshal(w)
	if err != nil {
		s.t.Fatal(err)
	}
	s.workings[w.Interval] = append(s.workings[w.Interval], text)
}

func (s *street) recorded() Recorded {
	return Recorded{Orders: s.orders, Book: s.book, Workings: func(_ context.Context, interval string, see func(int, string, []byte) error) error {
		for n, text := range s.workings[interval] {
			if err := see(1, fmt.Sprint(n), text); err != nil {
				return err
			}
		}
		return nil
	}}
}

// deviate tries all members in the two hours around the intervals.
func (s *street) deviate() (*Deviations, error) {
	return s.recorded().Deviate(s.t.Context(), s.now, s.now.Add(2*time.Hour), 3)
}

// gains are what each deviation brought a member.
func gains(m Deviating) string {
	var all []string
	for _, t := range m.Tried {
		all = append(all, fmt.Sprint(t.Money))
	}
	return strings.Join(all, " ")
}

// traded has bob sell ann a kWh at 0.20, which he had offered at 0.22 first: a day of so many intervals.
func (s *street) traded(intervals ...int) {
	s.t.Helper()
	for _, i := range intervals {
		id := fmt.Sprint(i)
		s.order(i, "bob"+id, "bob", grid.Offer, 220_000)
		s.amend("bob", "bob"+id, 200_000)
		s.order(i, "ann"+id, "ann", grid.Bid, 250_000)
	}
}

// TestDeviateInTheOrderLog reckons by hand what each way brings each member in an interval, in the order of deviationsTried.
// Bob's resting offer is what a trade is made at: 5 % of the 0.24 between retail and feed-in are 0.012 more for him. What is not traded
// is shared by the pool at 0.18 among its givers by what they have left: with no orders bob sells it 500 Wh in place of 1000 to ann at 0.20, and
// feeds in the rest at 0.06; with half an order 500 to ann, and 167 of the other 500. Ann pays the pool 0.18 where she does not trade. Cat has nothing to change.
func TestDeviateInTheOrderLog(t *testing.T) {
	t.Parallel()
	s := openStreet(t)
	s.life(community.Open, 0, 1)
	s.traded(0, 1)
	s.life(community.Close, 0, 1)
	s.settle(0, 1)
	d, err := s.deviate()
	if err != nil {
		t.Fatal(err)
	}
	if d.Intervals != 2 || !d.From.Equal(s.product(0).Interval.Begin()) || !d.To.Equal(s.product(1).Interval.End()) || len(d.Members) != 3 {
		t.Fatalf("%+v", d)
	}
	for k, want := range []string{"0 0 0 20000 40000 0", "4800 24000 -96000 -99920 -160000 0", "0 0 0 0 0 0"} {
		if got := gains(d.Members[k]); got != want {
			t.Errorf("%s: %s, want %s", d.Members[k].Member, got, want)
		}
	}
	if *d.Best != (Deviated{Member: "ann", How: "no orders", Gain: 40_000}) {
		t.Errorf("%+v", d.Best)
	}
	var out strings.Builder
	if err := d.Print(&out, "EUR"); err != nil || !strings.Contains(out.String(), "ann                    +0.0400 EUR   no orders") || !strings.Contains(out.String(), "2 intervals") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// TestDeviateAsFarAsTheLogGoesBack begins where the log does: an interval whose gate had closed there is left out, and of an
// interval that was open the orders stay that had come before.
func TestDeviateAsFarAsTheLogGoesBack(t *testing.T) {
	t.Parallel()
	s := openStreet(t)
	s.life(community.Open, 0, 1)
	s.traded(0)
	s.life(community.Close, 0)
	s.order(1, "cat1", "cat", grid.Offer, 100_000)
	s.order(1, "ann-of-cat", "ann", grid.Bid, 250_000)
	s.order(1, "bob1", "bob", grid.Offer, 200_000)
	state, err := s.market.Snapshot()
	if err == nil {
		err = s.log.Snapshot(state)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.order(1, "ann1", "ann", grid.Bid, 250_000)
	s.life(community.Close, 1)
	s.settle(0, 1)
	if d, err := s.deviate(); err != nil || d.Intervals != 2 {
		t.Fatalf("with all of the log: %+v, %v", d, err)
	}
	if err := os.Remove(filepath.Join(s.orders, fmt.Sprintf("%020d.journal", 0))); err != nil {
		t.Fatal(err)
	}
	d, err := s.deviate()
	if err != nil || d.Intervals != 1 || !d.From.Equal(s.product(1).Interval.Begin()) {
		t.Fatalf("%+v, %v", d, err)
	}
	if ann, bob := gains(d.Members[0]), gains(d.Members[1]); ann != "0 0 0 70000 140000 0" || bob != "0 0 0 0 0 0" {
		t.Errorf("ann %s, bob %s", ann, bob)
	}
}

// TestNothingToClearAnew names what is missing.
func TestNothingToClearAnew(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(*street){
		"no interval is settled":           func(s *street) { s.now = s.now.AddDate(0, 0, 1) },
		"it is not kept how 2026-06-01T01": func(s *street) { clear(s.workings) },
		"no longer goes back":              func(s *street) { s.orders = s.t.TempDir() },
		"that are not the 1 by which it was settled": func(s *street) { // a log that goes on otherwise
			s.order(1, "cat1", "cat", grid.Offer, 100_000)
			s.order(1, "ann1", "ann", grid.Bid, 250_000)
			s.settle(1)
			s.market.Apply(new(matching.Command))
			s.order(1, "late", "bob", grid.Offer, 70_000)
			s.order(1, "late2", "ann", grid.Bid, 290_000)
			s.life(community.Close, 1)
		},
	} {
		s := openStreet(t)
		s.life(community.Open, 0, 1)
		s.traded(0)
		s.life(community.Close, 0)
		s.settle(0)
		spoil(s)
		_, err := s.deviate()
		if wrong := (*usage.Error)(nil); err == nil || !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
