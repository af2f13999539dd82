package desk_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/billing/desk"
	"github.com/commonwatt/commonwatt/settlement/billing/paper"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/tariff"
)

// flat is a tariff without components, with a standing charge of 3 a month and 20 % VAT on it.
type flat struct{}

func (flat) Parts(string, grid.Interval) ([]billing.Part, error) {
	return []billing.Part{{Name: "energy", Kind: "energy", Price: 300_000}, {Name: "feed-in", Kind: "energy", Export: true, Price: 60_000}}, nil
}

func (flat) Standing(_, from, to string) ([]billing.Fixed, error) {
	return []billing.Fixed{{Component: "metering", Version: "t", From: from, To: to, Days: 30, Amount: 3_000_000, VAT: 200_000}}, nil
}
func (flat) Others(billing.Period) ([]billing.Other, error) { return nil, nil }

// people are what is known of two members.
type people map[string]map[string]string

func (p people) Personal(_ context.Context, member string) (map[string]string, error) {
	return p[member], nil
}

// street is a community on an embedded ledger in memory.
type street struct {
	dir    string
	ledger *ledger.Ledger
	calls  *flaky
	book   *statements.Book
	desk   *desk.Desk
	now    time.Time
	mail   *box
	runs   map[grid.Interval][]settlement.Run
}

// flaky is the ledger; it fails when it is told to, before or after it did what it was asked.
type flaky struct {
	desk.OnLedger

	before, after error
}

func (f *flaky) Approve(ctx context.Context, b chaincode.ApprovedBill) error {
	return f.try(func() error { return f.OnLedger.Approve(ctx, b) })
}

func (f *flaky) Cancel(ctx context.Context, c chaincode.CancelledBill) error {
	return f.try(func() error { return f.OnLedger.Cancel(ctx, c) })
}

func (f *flaky) Deposit(ctx context.Context, t chaincode.Transfer) error {
	return f.try(func() error { return f.OnLedger.Deposit(ctx, t) })
}

func (f *flaky) try(do func() error) error {
	if f.before != nil {
		return f.before
	}
	return errors.Join(do(), f.after)
}

// box keeps letters.
type box struct{ letters []desk.Letter }

func (b *box) Send(_ context.Context, l desk.Letter) error {
	b.letters = append(b.letters, l)
	return nil
}

func newStreet(t *testing.T) *street {
	t.Helper()
	s := &street{dir: t.TempDir(), now: time.Date(2026, 7, 4, 8, 0, 0, 0, time.UTC), mail: &box{}, runs: map[grid.Interval][]settlement.Run{}}
	var err error
	if s.ledger, err = embedded.OpenMemory(t.Context(), "elm", "EUR", ledger.SeededNames(3)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.ledger.Close() })
	var devices []grid.Device
	for _, m := range []string{"ann", "bob"} {
		devices = append(devices, grid.Device{ID: m + "/meter", Kind: grid.Meter, Member: m, MeteringPoint: "mp-" + m})
	}
	if err := s.ledger.Register(t.Context(), devices...); err != nil {
		t.Fatal(err)
	}
	if s.book, err = statements.Open(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.book.Close() })
	s.calls = &flaky{OnLedger: desk.OnLedger{On: s.ledger}}
	s.open(t)
	t.Cleanup(func() { _ = s.desk.Close() })
	return s
}

// open opens the desk, as after a start.
func (s *street) open(t *testing.T) {
	t.Helper()
	if s.desk != nil {
		_ = s.desk.Close()
	}
	zone, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	s.desk, err = desk.Open(t.Context(), filepath.Join(s.dir, desk.File), desk.Options{
		Community: "elm", Currency: "EUR", Digits: 2, Zone: zone, DueDays: 14, Font: paper.DefaultFont(), Mail: s.mail,
		Sender:  paper.Party{Name: "Elm", IBAN: "AT611904300234573201", Creditor: "AT61ZZZ01234567890"},
		Tariffs: flat{}, Book: s.book, Ledger: s.calls, Clock: func() time.Time { return s.now }, Log: slog.New(slog.DiscardHandler),
		People: people{
			"ann": {chaincode.DetailName: "Ann Ames", chaincode.DetailEMail: "ann@example.org", chaincode.DetailIBAN: "DE89370400440532013000", chaincode.DetailMandate: "M-1", chaincode.DetailMandateDate: "2026-01-02"},
			"bob": {chaincode.DetailName: "Bob"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *street) owner(point string) (member, account string, err error) {
	member = strings.TrimPrefix(point, "mp-")
	account, err = s.ledger.Account(member, point)
	return member, account, err
}

// settle settles an interval, on the ledger and in the book.
func (s *street) settle(t *testing.T, i grid.Interval, ann, bob grid.Flow) {
	t.Helper()
	rules := settlement.DefaultRules()
	in := settlement.Input{
		Community: "elm", Interval: i, Run: len(s.runs[i]) + 1, Rules: &rules, Salt: "s", ReadingRoot: "r", Points: map[string]settlement.Point{},
		Tariff:  tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000},
		Metered: []record.Metered{{MeteringPoint: "mp-ann", Flow: ann, Quality: grid.Good}, {MeteringPoint: "mp-bob", Flow: bob, Quality: grid.Good}},
	}
	for _, m := range in.Metered {
		member, account, err := s.owner(m.MeteringPoint)
		if err != nil {
			t.Fatal(err)
		}
		in.Points[m.MeteringPoint] = settlement.Point{Account: account, Member: member}
	}
	for k, run := range s.runs[i] {
		if k == 0 {
			in.First = &run.Basis
		}
		in.Previous = append(in.Previous, run.Postings()...)
	}
	run, err := settlement.Settle(in)
	if err == nil {
		err = errors.Join(s.ledger.SubmitRun(t.Context(), run.Record()), s.book.Add(t.Context(), s.owner, run))
	}
	if err != nil {
		t.Fatal(err)
	}
	s.runs[i] = append(s.runs[i], run)
}

func noon(day int) grid.Interval {
	return grid.IntervalAt(time.Date(2026, 6, day, 12, 0, 0, 0, time.UTC), 15)
}

func (s *street) draft(t *testing.T, month string) []desk.Record {
	t.Helper()
	d, err := s.desk.Draft(t.Context(), month, "")
	if err != nil {
		t.Fatal(err)
	}
	return d.Drafts
}

func (s *street) approve(t *testing.T, id string) desk.Record {
	t.Helper()
	r, err := s.desk.Approve(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// balance is what an account of a member has on the ledger.
func (s *street) balance(t *testing.T, member string) grid.Money {
	t.Helper()
	_, account, err := s.owner("mp-" + member)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.ledger.Balance(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestABillFromDraftToCreditNote goes the whole way. Of June: Ann drew 1,000 Wh and 500 Wh;
// Bob gave 600 Wh of the first. By hand, with retail 0.30, feed-in 0.06 and the pool in the
// middle: Ann pays 600 × 0.18 + 400 × 0.30 + 500 × 0.30 = 0.108 + 0.120 + 0.150 = 0.378, a
// standing charge of 3.00 and 20 % VAT on that, 0.60: 3.978, rounded 3.98. Bob gets 0.108, and
// pays 3.60: 3.492, rounded 3.49.
func TestABillFromDraftToCreditNote(t *testing.T) {
	s := newStreet(t)
	s.settle(t, noon(10), grid.Flow{Import: 1000}, grid.Flow{Export: 600})
	s.settle(t, noon(11), grid.Flow{Import: 500}, grid.Flow{})
	drafts := s.draft(t, "2026-06")
	if len(drafts) != 2 || drafts[0].ID != "draft-2026-06-ann" || drafts[0].Bill.Total != -3_980_000 || drafts[0].Bill.Rounding != -2_000 || drafts[1].Bill.Total != -3_490_000 {
		t.Fatalf("%+v", drafts)
	}
	ann := s.approve(t, "draft-2026-06-ann")
	if ann.ID != "2026-000001" || ann.State != desk.Approved || ann.Made.DueBy != "2026-07-18" || s.balance(t, "ann") != -3_980_000 {
		t.Errorf("%s is %s, due by %s, and Ann has %d", ann.ID, ann.State, ann.Made.DueBy, s.balance(t, "ann"))
	}
	salt, err := hex.DecodeString(ann.Made.Proof.Salt)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := desk.Digest(salt, desk.Content{Number: ann.ID, Bill: ann.Bill})
	onLedger, err2 := s.ledger.As(s.ledger.People.Operator).Bills.Get(t.Context(), ann.ID)
	if err := errors.Join(err, err2); err != nil || hash != ann.Made.Proof.Hash || onLedger.Bill.Hash != hash {
		t.Errorf("digest %s, on the bill %s, on the ledger %s, %v", hash, ann.Made.Proof.Hash, onLedger.Bill.Hash, err)
	}
	refused := (*desk.RefusedError)(nil)
	if _, err := s.desk.Draft(t.Context(), "2026-06", "ann"); !errors.As(err, &refused) || !refused.Conflict || !strings.Contains(err.Error(), "2026-000001") {
		t.Errorf("drafting what is billed: %v", err)
	}
	s.lines(t, ann)
	s.send(t, ann, s.approve(t, "draft-2026-06-bob"))

	credit, err := s.desk.Cancel(t.Context(), ann.ID)
	if err != nil || credit.ID != "2026-000003" || credit.CreditOf != ann.ID || credit.Bill.Total != 3_980_000 || s.balance(t, "ann") != -378_000 {
		t.Fatalf("%s cancels %q over %d, and Ann has %d: %v", credit.ID, credit.CreditOf, credit.Bill.Total, s.balance(t, "ann"), err)
	}
	if _, err := s.desk.Cancel(t.Context(), ann.ID); !errors.As(err, &refused) || !refused.Conflict {
		t.Errorf("cancelled twice: %v", err)
	}
	// What came meanwhile is on the bill that is made anew: 100 Wh more from the grid.
	s.settle(t, noon(11), grid.Flow{Import: 600}, grid.Flow{})
	again := s.draft(t, "2026-06")
	if len(again) != 1 || again[0].Bill.Total != -4_010_000 { // 3.978 + 0.030, rounded
		t.Errorf("%+v", again)
	}
	if r := s.approve(t, again[0].ID); r.ID != "2026-000004" {
		t.Errorf("number %s", r.ID)
	}
}

// lines opens the lines of a bill: their intervals sum up to them.
func (s *street) lines(t *testing.T, r desk.Record) {
	t.Helper()
	for _, p := range r.Bill.Points {
		for _, l := range p.Lines {
			opened, err := s.desk.Open(t.Context(), r.ID, desk.Line{Point: p.Point, Kind: l.Kind})
			if err != nil || len(opened) != l.Intervals {
				t.Errorf("%s opens to %d intervals of %d, %v", l.Kind, len(opened), l.Intervals, err)
			}
			for _, o := range opened {
				l.Amount -= o.Amount
				l.Energy -= o.Energy
				postings, err := s.desk.Postings(t.Context(), r.ID, p.Point, o.Interval)
				if err != nil || len(postings) == 0 {
					t.Errorf("%s has %d postings, %v", o.Interval, len(postings), err)
				}
			}
			if l.Amount != 0 || l.Energy != 0 {
				t.Errorf("the intervals of %s miss %d and %d Wh", l.Kind, l.Amount, l.Energy)
			}
		}
	}
	refused := (*desk.RefusedError)(nil)
	if _, err := s.desk.Open(t.Context(), r.ID, desk.Line{Point: "mp-ann", Kind: "trade-sold"}); !errors.As(err, &refused) || !refused.Missing {
		t.Errorf("a line that there is not: %v", err)
	}
}

// send sends bills: Ann has an address, Bob has none; nobody gets a letter twice.
func (s *street) send(t *testing.T, ann, bob desk.Record) {
	t.Helper()
	for range 2 {
		if _, left, err := s.desk.Send(t.Context(), []string{ann.ID, bob.ID, "2026-000099"}); err != nil || len(left) < 2 {
			t.Errorf("left %v, %v", left, err)
		}
	}
	if len(s.mail.letters) != 1 || s.mail.letters[0].To != "ann@example.org" || !strings.Contains(s.mail.letters[0].Text, "You pay 3.98 EUR, due by 2026-07-18") || !bytes.HasPrefix(s.mail.letters[0].File.Data, []byte("%PDF")) {
		t.Errorf("%d letters: %.300v", len(s.mail.letters), s.mail.letters)
	}
	if r, err := s.desk.Get(t.Context(), ann.ID); err != nil || r.State != desk.Sent || len(r.Delivery) != 1 {
		t.Errorf("%s with deliveries %v, %v", r.State, r.Delivery, err)
	}
	for _, format := range []string{desk.CSV, desk.XLSX, desk.Collect, desk.Payout} {
		p, err := s.desk.Export(t.Context(), format, "2026-06")
		again, err2 := s.desk.Export(t.Context(), format, "2026-06")
		if err != nil || err2 != nil || !bytes.Equal(p.Data, again.Data) {
			t.Errorf("%s: %v, %v, alike %t", format, err, err2, bytes.Equal(p.Data, again.Data))
		}
		if format == desk.Collect && (len(p.Left) != 1 || !strings.Contains(string(p.Data), "<CtrlSum>3.98</CtrlSum>")) {
			t.Errorf("collects %s, leaves %v", p.Data, p.Left)
		}
	}
	paid, err := s.desk.Pay(t.Context(), bob.ID, "bank 7")
	if err != nil || paid.State != desk.Paid || s.balance(t, "bob") != 0 {
		t.Errorf("%s, and Bob has %d: %v", paid.State, s.balance(t, "bob"), err)
	}
}

// TestCorrectionsAndPaymentsOnTheNextBill bills June, lets a run and a payment come in, and
// bills July. By hand: the run takes 200 Wh of Ann's grid energy back, 0.06; she paid 3.74 of
// the bill, and July has 1,000 Wh for 0.30 and the standing charge with VAT of 3.60.
func TestCorrectionsAndPaymentsOnTheNextBill(t *testing.T) {
	s := newStreet(t)
	s.settle(t, noon(10), grid.Flow{Import: 450}, grid.Flow{})
	s.draft(t, "2026-06")
	june := s.approve(t, "draft-2026-06-ann") // 0.135 + 3.60 = 3.735, rounded 3.74
	if _, err := s.desk.Pay(t.Context(), june.ID, ""); err != nil {
		t.Fatal(err)
	}
	s.settle(t, noon(10), grid.Flow{Import: 250}, grid.Flow{})
	s.settle(t, noon(40), grid.Flow{Import: 1000}, grid.Flow{})
	s.now = time.Date(2026, 8, 2, 8, 0, 0, 0, time.UTC)
	s.draft(t, "2026-07")
	july := s.approve(t, "draft-2026-07-ann")
	b := july.Bill
	if len(b.Corrections) != 1 || b.Corrections[0].Amount != 60_000 || b.Corrections[0].Energy != -200 || !slices.Equal(b.Corrections[0].Months, []string{"2026-06"}) {
		t.Errorf("corrections %+v", b.Corrections)
	}
	if b.Brought != -3_740_000 || len(b.Payments) != 1 || b.Payments[0].Amount != 3_740_000 || b.Total != -3_840_000 || b.Due != -3_840_000 {
		t.Errorf("brought forward %d, payments %+v, total %d, due %d", b.Brought, b.Payments, b.Total, b.Due)
	}
	if opened, err := s.desk.Open(t.Context(), july.ID, desk.Line{Point: "mp-ann", Kind: "imbalance-retail", Correction: true}); err != nil || len(opened) != 1 || opened[0].Amount != 60_000 || opened[0].Run != 2 {
		t.Errorf("the correction opens to %+v, %v", opened, err)
	}
	if s.balance(t, "ann") != b.Due {
		t.Errorf("Ann has %d on the ledger, the bill says %d", s.balance(t, "ann"), b.Due)
	}
	refused := (*desk.RefusedError)(nil)
	if _, err := s.desk.Cancel(t.Context(), june.ID); !errors.As(err, &refused) || !refused.Conflict {
		t.Errorf("an earlier bill is cancelled: %v", err)
	}
}

// TestNumbersLeaveNoGap stops between the steps of approving and cancelling, before and after
// the ledger has heard of it, and starts again: every number is used once, and nothing is
// posted twice.
func TestNumbersLeaveNoGap(t *testing.T) {
	for _, when := range []string{"before", "after"} {
		s := newStreet(t)
		s.settle(t, noon(10), grid.Flow{Import: 450}, grid.Flow{Import: 100})
		s.draft(t, "2026-06")
		killed := errors.New("killed")
		kill := func() {
			if when == "before" {
				s.calls.before = killed
			} else {
				s.calls.after = killed
			}
		}
		start := func() {
			s.calls.before, s.calls.after = nil, nil
			s.open(t)
		}
		kill()
		if _, err := s.desk.Approve(t.Context(), "draft-2026-06-ann"); !errors.Is(err, killed) {
			t.Fatal(err)
		}
		start()
		if r := s.approve(t, "draft-2026-06-bob"); r.ID != "2026-000002" {
			t.Errorf("%s: the second number is %s", when, r.ID)
		}
		kill()
		if _, err := s.desk.Cancel(t.Context(), "2026-000001"); !errors.Is(err, killed) {
			t.Fatal(err)
		}
		start()
		all, err := s.desk.List(t.Context(), desk.Filter{})
		var said []string
		for _, r := range all {
			said = append(said, fmt.Sprint(r.ID, " ", r.State, r.CreditOf))
		}
		want := []string{"2026-000001 cancelled", "2026-000002 approved", "2026-000003 approved2026-000001"}
		if err != nil || !slices.Equal(said, want) {
			t.Errorf("%s: %q, want %q, %v", when, said, want, err)
		}
		if a, b := s.balance(t, "ann"), s.balance(t, "bob"); a != -135_000 || b != -3_630_000 {
			t.Errorf("%s: Ann has %d, Bob %d", when, a, b)
		}
	}
}

// TestMonthsThatCannotBeBilled asks for a month before anything was settled, and for one
// whose last intervals are not settled yet: their energy would be on no line of it.
func TestMonthsThatCannotBeBilled(t *testing.T) {
	s := newStreet(t)
	refused := (*desk.RefusedError)(nil)
	if _, err := s.desk.Draft(t.Context(), "2026-06", ""); !errors.As(err, &refused) || !strings.Contains(err.Error(), "nothing was settled") {
		t.Errorf("before anything is settled: %v", err)
	}
	s.settle(t, noon(30), grid.Flow{Import: 1000}, grid.Flow{})
	if _, err := s.desk.Draft(t.Context(), "2025-06", ""); !errors.As(err, &refused) || !strings.Contains(err.Error(), "2026-06-30T14:00:00+02:00") {
		t.Errorf("a year before: %v", err)
	}
	s.now = time.Date(2026, 6, 30, 22, 1, 0, 0, time.UTC) // a minute into July
	if _, err := s.desk.Draft(t.Context(), "2026-06", ""); !errors.As(err, &refused) || !refused.Conflict || !strings.Contains(err.Error(), "2026-06-30T14:15:00+02:00") {
		t.Errorf("before the last intervals are settled: %v", err)
	}
	last := grid.IntervalAt(time.Date(2026, 6, 30, 21, 45, 0, 0, time.UTC), 15)
	s.settle(t, last, grid.Flow{Import: 1000}, grid.Flow{})
	if drafts := s.draft(t, "2026-06"); len(drafts) != 2 || drafts[0].Bill.Points[0].Intervals != 2 {
		t.Errorf("%+v", drafts)
	}
}

// earned are rewards of ann's battery in June.
type earned struct{}

// Earned implements desk.Rewards.
func (earned) Earned(_ context.Context, p billing.Period) (map[string][]billing.Reward, error) {
	if p.Name != "2026-06" {
		return nil, fmt.Errorf("asked for %s", p.Name)
	}
	return map[string][]billing.Reward{"ann": {{Device: "ann/battery", Days: 2, Tokens: 31}}}, nil
}

// TestRewardsStandOnTheBill has a bill tell the tokens of the member's own battery, which
// change nothing of its money.
func TestRewardsStandOnTheBill(t *testing.T) {
	s := newStreet(t)
	s.settle(t, noon(11), grid.Flow{Import: 900}, grid.Flow{Export: 400})
	before := s.draft(t, "2026-06")
	s.desk.Rewards = earned{}
	for k, r := range s.draft(t, "2026-06") {
		want := 0
		if r.Bill.Member == "ann" {
			want = 1
		}
		if len(r.Bill.Rewards) != want || r.Bill.Due != before[k].Bill.Due || len(before[k].Bill.Rewards) > 0 {
			t.Errorf("%s: rewards %v, due %d; before %v, due %d", r.Bill.Member, r.Bill.Rewards, r.Bill.Due, before[k].Bill.Rewards, before[k].Bill.Due)
		}
	}
}

// TestAPaymentIsBookedOnce cuts a payment off after the ledger has it. It is noted again
// under another reference, as by somebody who reads the bank's statement anew.
func TestAPaymentIsBookedOnce(t *testing.T) {
	s := newStreet(t)
	s.settle(t, noon(10), grid.Flow{Import: 1000}, grid.Flow{})
	s.draft(t, "2026-06")
	ann := s.approve(t, "draft-2026-06-ann")
	s.calls.after = errors.New("cut off")
	if r, err := s.desk.Pay(t.Context(), ann.ID, "bank 7"); err == nil {
		t.Errorf("%s in spite of the failure", r.State)
	}
	s.calls.after = nil
	r, err := s.desk.Pay(t.Context(), ann.ID, "")
	if err != nil || r.State != desk.Paid || s.balance(t, "ann") != 0 {
		t.Errorf("%s, and Ann has %d: %v", r.State, s.balance(t, "ann"), err)
	}
}

// TestDraftsThatCannotBePrinted are made, and said to be ones before they are locked under
// that name.
func TestDraftsThatCannotBePrinted(t *testing.T) {
	s := newStreet(t)
	s.settle(t, noon(10), grid.Flow{Import: 1000}, grid.Flow{})
	s.desk.People = people{"ann": {chaincode.DetailName: "王小明"}, "bob": {chaincode.DetailName: "Bob", chaincode.DetailAddress: "Elm 1\nשדרות"}}
	d, err := s.desk.Draft(t.Context(), "2026-06", "")
	if err != nil || len(d.Drafts) != 2 || len(d.Left) != 2 || d.Left[0].ID != "draft-2026-06-ann" || !strings.Contains(d.Left[0].Why, "billing.font") || !strings.Contains(d.Left[1].Why, "in other letters, before it is approved") {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestASkippedMonthIsNamed drafts July before June: June's energy is on it as a correction,
// its standing charges are nowhere.
func TestASkippedMonthIsNamed(t *testing.T) {
	s := newStreet(t)
	s.now = time.Date(2026, 8, 4, 8, 0, 0, 0, time.UTC)
	s.settle(t, noon(10), grid.Flow{Import: 1000}, grid.Flow{})
	s.settle(t, noon(40), grid.Flow{Import: 1000}, grid.Flow{}) // 10 July
	d, err := s.desk.Draft(t.Context(), "2026-07", "ann")
	if err != nil || len(d.Drafts) != 1 || len(d.Left) != 1 || !strings.Contains(d.Left[0].Why, "has 2026-06 as corrections") {
		t.Errorf("%+v, %v", d.Left, err)
	}
	s.draft(t, "2026-06")
	s.approve(t, "draft-2026-06-ann")
	s.settle(t, noon(10), grid.Flow{Import: 900}, grid.Flow{}) // a correction of what is billed
	if d, err = s.desk.Draft(t.Context(), "2026-07", "ann"); err != nil || len(d.Drafts) != 1 || len(d.Left) != 0 || len(d.Drafts[0].Bill.Corrections) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}
