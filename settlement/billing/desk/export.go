package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/settlement/billing/paper"
)

// Printed is a file of bills.
type Printed struct {
	Name string
	Type string // MIME
	Data []byte
	Left []Left // bills that are not in it
}

// PDF prints a bill or draft.
func (d *Desk) PDF(ctx context.Context, id string) (p Printed, err error) {
	r, err := d.Get(ctx, id)
	if err != nil {
		return p, err
	}
	return d.pdf(r)
}

func (d *Desk) pdf(r Record) (p Printed, err error) {
	p.Name, p.Type = r.ID+".pdf", "application/pdf"
	p.Data, err = paper.PDF(r.Document(), d.Font)
	if missing := (*paper.MissingLetterError)(nil); errors.As(err, &missing) {
		err = invalid("%v", err)
	}
	return p, err
}

// Formats of Export.
const (
	CSV     = "csv"
	XLSX    = "xlsx"
	Collect = "sepa-collection"
	Payout  = "sepa-payouts"
)

// Export writes the bills and credit notes of a period as one file; those that are cancelled
// are in the tables and in no SEPA file.
func (d *Desk) Export(ctx context.Context, format, period string) (p Printed, err error) {
	all, err := d.List(ctx, Filter{Period: period})
	if err != nil {
		return p, err
	}
	var docs []paper.Document
	var drafts []Left
	sepa := format == Collect || format == Payout
	for _, r := range all {
		if sepa && (r.CreditOf != "" || r.State != Approved && r.State != Sent) {
			continue // nothing is due any more, or not yet
		}
		if r.State == Draft {
			drafts = append(drafts, Left{r.ID, "it is a draft: approve it first"})
			continue
		}
		docs = append(docs, r.Document())
	}
	if len(docs) == 0 {
		return p, &RefusedError{Missing: true, Reason: fmt.Sprintf("there is no bill of %s to export", period)}
	}
	name := "bills-" + period
	p.Left = drafts
	switch format {
	case CSV:
		p.Name, p.Type = name+".csv", "text/csv"
		p.Data, err = paper.CSV(docs)
		return p, err
	case XLSX:
		p.Name, p.Type = name+".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
		p.Data, err = paper.XLSX(docs)
		return p, err
	case Collect, Payout:
		return d.sepa(format, period, docs)
	default:
		return p, invalid("format %q: want pdf, csv, xlsx, sepa-collection or sepa-payouts", format)
	}
}

// sepa writes the file for the bank. Its message is named after the bills, so that the bank
// refuses the same file twice.
func (d *Desk) sepa(format, period string, docs []paper.Document) (p Printed, err error) {
	last, due := docs[0].Issued, docs[0].DueBy
	for _, doc := range docs {
		if doc.Issued.After(last) {
			last = doc.Issued
		}
		due = max(due, doc.DueBy)
	}
	kind := "C"
	if format == Payout {
		kind = "P" // some banks keep the names of both kinds of messages together
	}
	o := paper.SEPAOptions{ID: fmt.Sprintf("%s%s-%s-%s", kind, period, docs[0].Number, last.Format("0102150405")), Made: last, On: due, From: d.Sender}
	write := paper.Collection
	if format == Payout {
		write = paper.Payouts
	}
	text, left, err := write(docs, o)
	if err != nil {
		return p, invalid("%v", err)
	}
	for _, l := range left {
		p.Left = append(p.Left, Left{l.Number, l.Why})
	}
	p.Name, p.Type, p.Data = format+"-"+period+".xml", "application/xml", text
	return p, nil
}

// Mailer sends letters by e-mail.
type Mailer interface {
	// Send hands a letter over to the mail server.
	Send(ctx context.Context, l Letter) error
}

// Letter is an e-mail, with a file where that has a name.
type Letter struct {
	ID      string // that stays the same when it is sent again
	To      string
	Subject string
	Text    string
	File    Printed
	Off     string // the address at which one request ends such letters (RFC 8058); empty: there is none
}

// Send sends bills and credit notes by e-mail, each to its member, and notes the delivery. One
// that was sent to the address is not sent again. After a crash between the server's answer
// and the note a letter goes out twice, under the same message id.
func (d *Desk) Send(ctx context.Context, ids []string) (sent []string, left []Left, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Mail == nil {
		return nil, nil, invalid("billing.smtp: missing: no mail server is set up")
	}
	for _, id := range ids {
		why, err := d.send(ctx, id)
		if err != nil {
			var refused *RefusedError
			if !errors.As(err, &refused) && ctx.Err() != nil {
				return sent, left, err
			}
			why = err.Error()
		}
		if why != "" {
			left = append(left, Left{id, why})
			continue
		}
		sent = append(sent, id)
	}
	return sent, left, nil
}

func (d *Desk) send(ctx context.Context, id string) (why string, err error) {
	r, err := d.Get(ctx, id)
	switch {
	case err != nil:
		return "", err
	case r.State == Draft || r.State == Approving:
		return "it is a draft: approve it first", nil
	case r.State == Cancelled || r.State == Cancelling:
		return "it is cancelled", nil
	case r.Made.To.EMail == "":
		return "no e-mail address of the member is known: print it with commonwatt bill export", nil
	}
	for _, done := range r.Delivery {
		if done.Recipient == r.Made.To.EMail && done.Channel == "e-mail" {
			return "it was sent to " + done.Recipient + " at " + done.Time.Format(time.RFC3339), nil
		}
	}
	file, err := d.pdf(r)
	if err != nil {
		return "", err
	}
	if err := d.Mail.Send(ctx, letter(r, file)); err != nil {
		return "", fmt.Errorf("send %s to %s: %w", id, r.Made.To.EMail, err)
	}
	now := d.Clock()
	if _, err := d.db.ExecContext(ctx, `INSERT INTO deliveries (id, recipient, channel, time) VALUES (?, ?, 'e-mail', ?)`, id, r.Made.To.EMail, now.Unix()); err != nil {
		return "", fmt.Errorf("note the delivery of %s: %w", id, err)
	}
	if r.State == Approved {
		return "", d.set(ctx, d.db, id, Sent)
	}
	return "", nil
}

func letter(r Record, file Printed) Letter {
	b, from := &r.Bill, r.Made.From
	what, amount := "bill", paper.Amount(b.Due, b.Digits)+" "+b.Currency
	if r.CreditOf != "" {
		what = "credit note"
	}
	text := fmt.Sprintf("Dear %s,\n\nattached is your %s %s for %s.\n\n", r.Made.To.Name, what, r.ID, paper.PeriodText(b.Period, b.Zone))
	switch {
	case r.CreditOf != "":
		text += fmt.Sprintf("It cancels bill %s.\n", r.CreditOf)
	case b.Due < 0:
		text += fmt.Sprintf("You pay %s, due by %s.\n", amount, r.Made.DueBy)
	case b.Due > 0:
		text += fmt.Sprintf("You get %s.\n", amount)
	default:
		text += "Nothing is due.\n"
	}
	return Letter{ID: b.Community + "." + r.ID, To: r.Made.To.EMail, Subject: fmt.Sprintf("%s %s, %s", from.Name, r.ID, paper.PeriodText(b.Period, b.Zone)), Text: text + "\n" + from.Name + "\n", File: file}
}
