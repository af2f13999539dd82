package billing_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/tariff"
)

var prices = tariff.Tariff{Version: "t1", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}

// flat is a tariff of energy and grid, with a standing charge and VAT that is added.
type flat struct{}

func (flat) Parts(string, grid.Interval) ([]billing.Part, error) {
	return []billing.Part{
		{Name: "energy", Kind: "energy", Price: 200_000, VAT: 190_000},
		{Name: "grid", Kind: "grid", Price: 100_000, VAT: 190_000},
		{Name: "feed-in", Kind: "energy", Export: true, Price: 60_000},
	}, nil
}

func (flat) Standing(_, from, to string) ([]billing.Fixed, error) {
	a, _ := time.Parse(time.DateOnly, from)
	b, err := time.Parse(time.DateOnly, to)
	days := int(b.Sub(a).Hours() / 24)
	return []billing.Fixed{{Component: "metering", Version: "t1", From: from, To: to, Days: days, Amount: grid.Money(days) * 100_000, VAT: 190_000}}, err
}

func (flat) Others(billing.Period) ([]billing.Other, error) { return []billing.Other{other{}}, nil }

// other is a tariff of 0.40 and 0.10.
type other struct{}

func (other) Name() string { return "sunny" }
func (other) Parts(grid.Interval) ([]billing.Part, error) {
	return []billing.Part{{Name: "energy", Price: 400_000, VAT: 190_000, Gross: true}, {Name: "feed-in", Export: true, Price: 100_000}}, nil
}
func (other) Standing(string, string) ([]billing.Fixed, error) { return nil, nil }

func owner(point string) (member, account string, err error) {
	return "m" + point[len(point)-1:], "account " + point, nil
}

// street settles intervals over some months and keeps them in a book.
type street struct {
	rng   *rand.Rand
	book  *statements.Book
	runs  map[grid.Interval][]settlement.Run
	posts []record.Posting // outside of the runs, by leaf
	all   []record.Posting // of the runs
}

func newStreet(t *testing.T, seed uint64) *street {
	t.Helper()
	book, err := statements.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	return &street{rng: rand.New(rand.NewPCG(seed, 2)), book: book, runs: map[grid.Interval][]settlement.Run{}}
}

func (s *street) settle(t *testing.T, i grid.Interval, trades []grid.Trade, metered ...record.Metered) {
	t.Helper()
	rules := settlement.DefaultRules()
	in := settlement.Input{Community: "c", Interval: i, Run: len(s.runs[i]) + 1, Tariff: prices, Rules: &rules, Points: map[string]settlement.Point{}, ReadingRoot: "r", Metered: metered, Trades: trades}
	for _, m := range metered {
		member, account, _ := owner(m.MeteringPoint)
		in.Points[m.MeteringPoint] = settlement.Point{Account: account, Member: member}
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
	s.runs[i] = append(s.runs[i], run)
	s.all = append(s.all, run.Postings()...)
	if err := s.book.Add(t.Context(), owner, run); err != nil {
		t.Fatal(err)
	}
}

// random settles an interval at random; mp-a1 and mp-b1 are of one member.
func (s *street) random(t *testing.T, i grid.Interval) {
	t.Helper()
	var metered []record.Metered
	for _, p := range []string{"mp-a1", "mp-b1", "mp-a2", "mp-a3"} {
		metered = append(metered, record.Metered{MeteringPoint: p, Flow: grid.Flow{Import: grid.Energy(s.rng.IntN(900)), Export: grid.Energy(s.rng.IntN(900))}, Quality: grid.Good})
	}
	var trades []grid.Trade
	for n := range s.rng.IntN(4) {
		bid := grid.Price(s.rng.IntN(400_000) - 50_000)
		trades = append(trades, grid.Trade{
			Product: grid.Product{Community: "c", Interval: i}, Seq: uint64(n + 1), Buyer: []string{"mp-a1", "mp-a2"}[s.rng.IntN(2)], Seller: []string{"mp-b1", "mp-a3"}[s.rng.IntN(2)],
			Energy: grid.Energy(1 + s.rng.IntN(500)), BidPrice: bid, OfferPrice: bid - grid.Price(s.rng.IntN(2)*20_000),
		})
	}
	s.settle(t, i, trades, metered...)
}

// post has money come in from outside, as a deposit or what a dispute brought.
func (s *street) post(account, reason string, amount grid.Money) {
	s.posts = append(s.posts, record.Posting{ID: fmt.Sprintf("c/%s/%d", reason, len(s.posts)), Debit: record.Bank, Credit: account, Amount: amount, Reason: reason, Reference: fmt.Sprint(len(s.posts))})
}

func (s *street) cut(t *testing.T) billing.Cut {
	t.Helper()
	last, err := s.book.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return billing.Cut{Place: last, Leaf: int64(len(s.posts))}
}

func (s *street) draft(t *testing.T, p billing.Period, cut billing.Cut, prior map[string]billing.Prior) []billing.Bill {
	t.Helper()
	d, err := billing.NewDrafter(billing.Options{Community: "c", Currency: "EUR", Digits: 2, Zone: p.From.Location(), Period: p, Cut: cut, Tariffs: flat{}, Prior: prior})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.book.EachAt(t.Context(), p.From, p.To, cut.Place, d.Interval); err != nil {
		t.Fatal(err)
	}
	if err := s.book.Since(t.Context(), d.Since([]string{"m1", "m2", "m3"}), cut.Place, d.Earlier); err != nil {
		t.Fatal(err)
	}
	for leaf, post := range s.posts {
		member, _, _ := owner(post.Credit)
		d.Post(member, billing.Posted{Leaf: int64(leaf), ID: post.ID, Reason: post.Reason, Reference: post.Reference, Account: post.Credit, Amount: post.Amount})
	}
	bills, err := d.Bills()
	if err != nil {
		t.Fatal(err)
	}
	return bills
}

func month(t *testing.T, name string) billing.Period {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	p, err := billing.Month(name, zone)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestBillsSumUpToThePostings bills months at random cut-off dates, with corrections of
// earlier months, a bill that is cancelled and billed anew, and money from outside: at every
// cut-off, all bills of a member sum up to exactly the postings to its accounts, and what the
// last period has not reached yet is all that is missing.
func TestBillsSumUpToThePostings(t *testing.T) {
	for seed := range uint64(30) {
		s := newStreet(t, seed)
		prior := map[string]billing.Prior{}
		billed := map[string]grid.Money{} // by member, without standing charges, VAT and rounding
		for _, name := range []string{"2026-03", "2026-04", "2026-05", "2026-06"} {
			p := month(t, name)
			for range 15 {
				i := grid.IntervalAt(p.From, 15).Shift(s.rng.IntN(2900 * 2)) // this month and the next
				if s.rng.IntN(3) == 0 && len(s.runs) > 0 {
					i = slices.SortedFunc(keys(s.runs), grid.Interval.Compare)[s.rng.IntN(len(s.runs))]
				}
				s.random(t, i)
			}
			s.post("account mp-a"+fmt.Sprint(1+s.rng.IntN(3)), []string{"deposit", "adjustment"}[s.rng.IntN(2)], grid.Money(1+s.rng.IntN(50))*10_000)
			cut := s.cut(t)
			bills := s.draft(t, p, cut, prior)
			if s.rng.IntN(3) == 0 { // cancelled: what came meanwhile is on the one that is made anew
				s.random(t, grid.IntervalAt(p.From, 15).Shift(s.rng.IntN(100)))
				cut = s.cut(t)
				bills = s.draft(t, p, cut, prior)
			}
			for _, b := range bills {
				charged, err := b.Charged()
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range b.VAT {
					charged -= v.Amount
				}
				for _, st := range b.Standing {
					charged -= st.Amount
				}
				for _, pay := range b.Payments {
					charged += pay.Amount
				}
				billed[b.Member] += charged
				if b.Total%10_000 != 0 || b.Due != b.Total+b.Brought+sum(b.Payments) {
					t.Errorf("seed %d: %s of %s has the total %d and is due for %d", seed, name, b.Member, b.Total, b.Due)
				}
				prior[b.Member] = billing.Prior{Number: name, Cut: cut, Through: p.To, Brought: b.Due}
			}
			for member, want := range s.balances(p.To) {
				if billed[member] != want {
					t.Fatalf("seed %d, after %s: the bills of %s sum up to %d, the postings to %d", seed, name, member, billed[member], want)
				}
			}
		}
	}
}

func sum(all []billing.Posted) (sum grid.Money) {
	for _, p := range all {
		sum += p.Amount
	}
	return sum
}

func keys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// balances sums up all postings by member, of the runs those of intervals before a time.
func (s *street) balances(before time.Time) map[string]grid.Money {
	all := map[string]grid.Money{}
	add := func(account string, amount grid.Money) {
		if len(account) > 8 && account[:8] == "account " {
			member, _, _ := owner(account)
			all[member] += amount
		}
	}
	for _, p := range append(slices.Clone(s.all), s.posts...) {
		if text := record.IntervalOf(p.ID); text != "" {
			if i, err := grid.ParseInterval(text); err != nil || !i.Begin().Before(before) {
				continue
			}
		}
		add(p.Debit, -p.Amount)
		add(p.Credit, p.Amount)
	}
	return all
}

// TestDraftingAgainGivesTheSameBytes drafts up to a cut before and after later runs came.
func TestDraftingAgainGivesTheSameBytes(t *testing.T) {
	s := newStreet(t, 99)
	p := month(t, "2026-04")
	first := grid.IntervalAt(p.From, 15)
	for n := range 40 {
		s.random(t, first.Shift(n*7%30))
	}
	cut := s.cut(t)
	text := func() string {
		b, err := json.Marshal(s.draft(t, p, cut, nil))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	before := text()
	for n := range 20 {
		s.random(t, first.Shift(n))
	}
	s.post("account mp-a1", "deposit", 1_000_000)
	if after := text(); after != before {
		t.Errorf("drafted again:\n%s\nwas\n%s", after, before)
	}
}
