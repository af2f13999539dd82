package hub

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/billing/desk"
	"github.com/commonwatt/commonwatt/settlement/billing/paper"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

// mailWithin is how long a mail server may take for a letter.
const mailWithin = time.Minute

// openDesk opens the bills of the community.
func (r *records) openDesk(ctx context.Context, dir *disk.Dir, book func() *tariff.Book) (err error) {
	plan := r.site.plan
	of := plan.Billing
	font := paper.DefaultFont()
	if of.Regular != nil {
		if font, err = paper.NewFont(of.Regular, of.Thick); err != nil {
			return usage.Errorf("billing.font: %w", err)
		}
	}
	r.account.desk, err = desk.Open(ctx, dir.File(desk.File), desk.Options{
		Community: plan.Community, Currency: plan.Tariff.Currency, Digits: tariff.MinorDigits(plan.Tariff.Currency), Zone: plan.Money.Zone,
		Sender:  paper.Party{Name: of.Name, Address: of.Address, EMail: of.EMail, IBAN: of.IBAN, BIC: of.BIC, TaxID: of.TaxID, Creditor: of.CreditorID},
		DueDays: of.DueDays, Font: font, Mail: mailer(of),
		Tariffs: billing.OnBook{Book: book, Minutes: plan.Market.Minutes}, Book: r.account.book, Ledger: desk.OnLedger{On: r.ledger},
		People: r.ledger.Persons(), Clock: r.site.clock, Log: r.log,
	})
	return err
}

// mailer returns the mail server, nil when none is configured.
func mailer(b config.Billing) desk.Mailer {
	s := b.SMTP
	if s.Host == "" {
		return nil
	}
	return desk.SMTP{Host: s.Host, Port: s.Port, User: s.User, Password: b.Password, From: s.From, Name: b.Name, Plain: s.Plain, Within: mailWithin}
}

// bills shows the desk to the API. It implements web.Bills.
type bills struct{ desk *desk.Desk }

func summaryOf(r desk.Record) api.BillSummary {
	b := &r.Bill
	s := api.BillSummary{
		Id: r.ID, State: string(r.State), Member: b.Member, Period: b.Period.Name, Currency: b.Currency, Digits: b.Digits,
		Total: int64(b.Total), Due: int64(b.Due), Deliveries: []api.BillDelivery{},
	}
	for from, to := range map[*string]**string{&r.CreditOf: &s.CreditOf, &r.Made.To.Name: &s.Name, &r.Made.DueBy: &s.DueBy, &r.Made.Proof.Hash: &s.Hash} {
		if *from != "" {
			*to = new(*from)
		}
	}
	if r.Number != nil {
		s.Issued = new(r.Made.Issued)
	}
	for _, d := range r.Delivery {
		s.Deliveries = append(s.Deliveries, api.BillDelivery{Recipient: d.Recipient, Channel: d.Channel, Time: d.Time})
	}
	return s
}

func leftOf(all []desk.Left) []api.BillLeft {
	left := make([]api.BillLeft, len(all))
	for k, l := range all {
		left[k] = api.BillLeft{Id: l.ID, Why: l.Why}
	}
	return left
}

// List implements web.Bills.
func (b bills) List(ctx context.Context, period, member, state string) (out []api.BillSummary, err error) {
	all, err := b.desk.List(ctx, desk.Filter{Period: period, Member: member, State: desk.State(state)})
	for _, r := range all {
		out = append(out, summaryOf(r))
	}
	return out, err
}

// Draft implements web.Bills.
func (b bills) Draft(ctx context.Context, month, member string) (out api.BillsDrafted, err error) {
	d, err := b.desk.Draft(ctx, month, member)
	for _, r := range d.Drafts {
		out.Bills = append(out.Bills, summaryOf(r))
	}
	out.Left = leftOf(d.Left)
	return out, err
}

// Get implements web.Bills.
func (b bills) Get(ctx context.Context, id string) (api.Bill, error) {
	r, err := b.desk.Get(ctx, id)
	return api.Bill{Summary: summaryOf(r), Content: r.Bill, Salt: r.Made.Proof.Salt, Words: wordsOf(&r.Bill)}, err
}

// wordsOf says what the kinds of a bill's lines are called, in the order of a bill.
func wordsOf(b *billing.Bill) []api.BillWords {
	lines := b.Corrections
	for _, p := range b.Points {
		lines = slices.Concat(lines, p.Lines)
	}
	has := map[billing.Kind]bool{}
	for _, l := range lines {
		has[l.Kind] = true
	}
	words := []api.BillWords{}
	add := func(e billing.Entry) {
		if has[e.Kind] {
			words = append(words, api.BillWords{Kind: string(e.Kind), Section: string(e.Section), Text: e.Text, Formula: e.Formula})
		}
		delete(has, e.Kind)
	}
	for _, e := range billing.Entries() {
		add(e)
	}
	for _, k := range slices.Sorted(maps.Keys(has)) {
		add(billing.EntryOf(k))
	}
	return words
}

// Approve implements web.Bills.
func (b bills) Approve(ctx context.Context, id string) (api.BillSummary, error) {
	r, err := b.desk.Approve(ctx, id)
	return summaryOf(r), err
}

// Cancel implements web.Bills.
func (b bills) Cancel(ctx context.Context, id string) (api.BillSummary, error) {
	r, err := b.desk.Cancel(ctx, id)
	return summaryOf(r), err
}

// Pay implements web.Bills.
func (b bills) Pay(ctx context.Context, id, reference string) (api.BillSummary, error) {
	r, err := b.desk.Pay(ctx, id, reference)
	return summaryOf(r), err
}

// Print implements web.Bills.
func (b bills) Print(ctx context.Context, id string) ([]byte, error) {
	p, err := b.desk.PDF(ctx, id)
	return p.Data, err
}

// Line implements web.Bills.
func (b bills) Line(ctx context.Context, id, point, kind string, correction bool) (out []api.BillInterval, err error) {
	all, err := b.desk.Open(ctx, id, desk.Line{Point: point, Kind: billing.Kind(kind), Correction: correction})
	for _, o := range all {
		out = append(out, api.BillInterval{Interval: o.Interval.String(), Run: o.Run, Quality: string(o.Quality), Energy: int64(o.Energy), Amount: int64(o.Amount)})
	}
	return out, err
}

// Postings implements web.Bills.
func (b bills) Postings(ctx context.Context, id, point string, i grid.Interval) (out []api.BillPosting, err error) {
	all, err := b.desk.Postings(ctx, id, point, i)
	for _, p := range all {
		out = append(out, api.BillPosting{
			Leaf: p.Leaf, Id: p.ID, Debit: p.Debit, Credit: p.Credit, Amount: int64(p.Amount), Energy: int64(p.Energy), Reason: p.Reason, Reference: p.Reference,
		})
	}
	return out, err
}

// Export implements web.Bills.
func (b bills) Export(ctx context.Context, format, period string) (api.BillFile, error) {
	p, err := b.desk.Export(ctx, format, period)
	return api.BillFile{Name: p.Name, Type: p.Type, Data: p.Data, Left: leftOf(p.Left)}, err
}

// Send implements web.Bills.
func (b bills) Send(ctx context.Context, ids []string) (api.BillsSent, error) {
	sent, left, err := b.desk.Send(ctx, ids)
	if err != nil {
		return api.BillsSent{}, fmt.Errorf("send bills: %w", err)
	}
	return api.BillsSent{Sent: sent, Left: leftOf(left)}, nil
}
