package hub

import (
	"context"
	"time"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/billing/desk"
	"github.com/commonwatt/commonwatt/settlement/billing/paper"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/usage"
)

// mailWithin is how long a mail server may take for a letter.
const mailWithin = time.Minute

// openDesk opens the bills of the community, which are made from a statement book.
func openDesk(ctx context.Context, dir *disk.Dir, r *records, book *statements.Book) (d *desk.Desk, err error) {
	plan := r.site.plan
	of := plan.Billing
	font := paper.DefaultFont()
	if of.Regular != nil {
		if font, err = paper.NewFont(of.Regular, of.Thick); err != nil {
			return nil, usage.Errorf("billing.font: %w", err)
		}
	}
	return desk.Open(ctx, dir.File(desk.File), desk.Options{
		Community: plan.Community, Currency: plan.Tariff.Currency, Digits: tariff.MinorDigits(plan.Tariff.Currency), Zone: plan.Money.Zone,
		Sender:  paper.Party{Name: of.Name, Address: of.Address, EMail: of.EMail, IBAN: of.IBAN, BIC: of.BIC, TaxID: of.TaxID, Creditor: of.CreditorID},
		DueDays: of.DueDays, Font: font, Mail: mailer(of),
		Tariffs: billing.OnBook{Book: r.tariffs.Book, Minutes: plan.Market.Minutes}, Book: book, Ledger: desk.OnLedger{On: r.ledger},
		People: r.ledger.Persons(), Clock: r.site.clock, Log: r.log,
	})
}

// mailer returns the mail server, nil when none is configured.
func mailer(b config.Billing) desk.Mailer {
	s := b.SMTP
	if s.Host == "" {
		return nil
	}
	return desk.SMTP{Host: s.Host, Port: s.Port, User: s.User, Password: b.Password, From: s.From, Name: b.Name, Plain: s.Plain, Within: mailWithin}
}
