package shown

import (
	"context"
	"fmt"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/billing/desk"
	"github.com/commonwatt/commonwatt/web/api"
)

// Bills shows the bills. It implements web.Bills.
type Bills struct{ Desk *desk.Desk }

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
func (b Bills) List(ctx context.Context, period, member, state string) (out []api.BillSummary, err error) {
	all, err := b.Desk.List(ctx, desk.Filter{Period: period, Member: member, State: desk.State(state)})
	for _, r := range all {
		out = append(out, summaryOf(r))
	}
	return out, err
}

// Draft implements web.Bills.
func (b Bills) Draft(ctx context.Context, month, member string) (out api.BillsDrafted, err error) {
	d, err := b.Desk.Draft(ctx, month, member)
	for _, r := range d.Drafts {
		out.Bills = append(out.Bills, summaryOf(r))
	}
	out.Left = leftOf(d.Left)
	return out, err
}

// Get implements web.Bills.
func (b Bills) Get(ctx context.Context, id string) (api.Bill, error) {
	r, err := b.Desk.Get(ctx, id)
	return api.Bill{Summary: summaryOf(r), Content: r.Bill, Salt: r.Made.Proof.Salt, Words: wordsOf(&r.Bill)}, err
}

// wordsOf says what the kinds of a bill's lines are called, in the order of a bill.
func wordsOf(b *billing.Bill) []api.BillWords {
	words := []api.BillWords{}
	for _, e := range b.Entries() {
		words = append(words, api.BillWords{Kind: string(e.Kind), Section: string(e.Section), Text: e.Text, Formula: e.Formula})
	}
	return words
}

// Approve implements web.Bills.
func (b Bills) Approve(ctx context.Context, id string) (api.BillSummary, error) {
	r, err := b.Desk.Approve(ctx, id)
	return summaryOf(r), err
}

// Cancel implements web.Bills.
func (b Bills) Cancel(ctx context.Context, id string) (api.BillSummary, error) {
	r, err := b.Desk.Cancel(ctx, id)
	return summaryOf(r), err
}

// Pay implements web.Bills.
func (b Bills) Pay(ctx context.Context, id, reference string) (api.BillSummary, error) {
	r, err := b.Desk.Pay(ctx, id, reference)
	return summaryOf(r), err
}

// Print implements web.Bills.
func (b Bills) Print(ctx context.Context, id string) ([]byte, error) {
	p, err := b.Desk.PDF(ctx, id)
	return p.Data, err
}

// Line implements web.Bills.
func (b Bills) Line(ctx context.Context, id, point, kind string, correction bool) (out []api.BillInterval, err error) {
	all, err := b.Desk.Open(ctx, id, desk.Line{Point: point, Kind: billing.Kind(kind), Correction: correction})
	for _, o := range all {
		out = append(out, api.BillInterval{Interval: o.Interval.String(), Run: o.Run, Quality: string(o.Quality), Energy: int64(o.Energy), Amount: int64(o.Amount)})
	}
	return out, err
}

// Postings implements web.Bills.
func (b Bills) Postings(ctx context.Context, id, point string, i grid.Interval) (out []api.BillPosting, err error) {
	all, err := b.Desk.Postings(ctx, id, point, i)
	for _, p := range all {
		out = append(out, api.BillPosting{
			Leaf: p.Leaf, Id: p.ID, Debit: p.Debit, Credit: p.Credit, Amount: int64(p.Amount), Energy: int64(p.Energy), Reason: p.Reason, Reference: p.Reference,
		})
	}
	return out, err
}

// Export implements web.Bills.
func (b Bills) Export(ctx context.Context, format, period string) (api.BillFile, error) {
	p, err := b.Desk.Export(ctx, format, period)
	return api.BillFile{Name: p.Name, Type: p.Type, Data: slices.Concat([]byte{}, p.Data), Left: leftOf(p.Left)}, err
}

// Send implements web.Bills.
func (b Bills) Send(ctx context.Context, ids []string) (api.BillsSent, error) {
	sent, left, err := b.Desk.Send(ctx, ids)
	if err != nil {
		return api.BillsSent{}, fmt.Errorf("send bills: %w", err)
	}
	return api.BillsSent{Sent: sent, Left: leftOf(left)}, nil
}
