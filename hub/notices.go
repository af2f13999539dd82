package hub

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/hub/shown"
	"github.com/commonwatt/commonwatt/notices"
	"github.com/commonwatt/commonwatt/notices/push"
	"github.com/commonwatt/commonwatt/said"
	"github.com/commonwatt/commonwatt/settlement/billing/desk"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

// telling is what tells homeowners what they asked to be told.
type telling struct {
	market *market
	desk   *desk.Desk
	live   *web.Live
	mail   desk.Mailer // nil: there is none
	book   *notices.Book
	keys   push.Keys
	runner *notices.Runner
	// account returns who signs in, by id; nil: nobody does yet.
	account func(ctx context.Context, id string) (accounts.Account, error)
	// programs returns the keys of a member's programs; nil: nobody has any yet.
	programs func(ctx context.Context, member string) ([]accounts.Key, error)

	state api.State // as it was looked at last, by the runner alone
	at    time.Time // wall time
}

// openTelling opens what recipients chose. address is that of the pages.
func openTelling(ctx context.Context, dir *disk.Dir, at *market, d *desk.Desk, live *web.Live, address net.Addr) (t *telling, err error) {
	plan := at.site.plan
	t = &telling{market: at, desk: d, live: live, mail: mailer(plan.Billing)}
	if t.book, err = notices.Open(ctx, dir.File(notices.File)); err != nil {
		return nil, err
	}
	text, err := t.book.Key(ctx, "push", push.Make)
	if err == nil {
		t.keys, err = push.Read(text)
	}
	if err != nil {
		return nil, errors.Join(err, t.book.Close())
	}
	catalogue, err := said.Open()
	if err != nil {
		return nil, errors.Join(err, t.book.Close())
	}
	base := publicAddress(plan.Access, address)
	if base == "" {
		t.mail = nil // a letter has links
	}
	t.runner = &notices.Runner{
		Book: t.book, Place: notices.Place{Zone: zoneOf(plan), Currency: plan.Tariff.Currency, Said: catalogue}, Facts: t.facts, Contact: t.contact,
		Push: push.Sender{Keys: t.keys, Contact: sender(plan.Billing.SMTP.From, base), Client: push.Outside()},
		Base: base, Name: cmp.Or(plan.Access.DisplayName, plan.Community), Clock: at.site.clock, Now: time.Now, Log: at.log,
	}
	if t.mail != nil {
		t.runner.Mail = told{t.mail}
	}
	return t, nil
}

// sender is whom a push service may write to: the community's address for bills, else its pages.
func sender(from, base string) string {
	if from == "" && !strings.HasPrefix(base, "https://") {
		return "https://commonwatt.invalid" // a demonstration
	}
	return cmp.Or(from, base)
}

// told are notices as letters of the community's mail server.
type told struct{ by desk.Mailer }

// Send implements notices.Mailer.
func (l told) Send(ctx context.Context, n notices.Letter) error {
	return l.by.Send(ctx, desk.Letter{ID: n.ID, To: n.To, Subject: n.Subject, Text: n.Text, Off: n.Off})
}

// contact returns how a recipient is reached: as the account says; of a demonstration's guests as the
// community's register of persons has the member. Who has another home by now, or none, is gone.
func (t *telling) contact(ctx context.Context, r notices.Recipient) (c notices.Contact, err error) {
	plan := t.market.site.plan
	if web.Recipient(r).Guest() {
		if t.market.site.closed() {
			return notices.Contact{Gone: true}, nil
		}
		details, err := t.market.records.ledger.Persons().Personal(ctx, r.Member)
		return notices.Contact{EMail: details[chaincode.DetailEMail], Language: cmp.Or(details[chaincode.DetailLanguage], plan.Access.Language)}, err
	}
	if t.account == nil {
		return c, errors.New("the accounts are not open yet")
	}
	a, err := t.account(ctx, r.Account)
	switch {
	case errors.Is(err, accounts.ErrNone), err == nil && (string(a.Role) != "homeowner" || a.Member != r.Member):
		return notices.Contact{Gone: true}, nil
	case err != nil:
		return c, err
	}
	return notices.Contact{EMail: a.EMail, Language: cmp.Or(a.Language, plan.Access.Language)}, nil
}

// looked is for how long what the dashboard shows is taken as it was, in wall time.
const looked = 5 * time.Second

// facts returns what is the case at a home.
func (t *telling) facts(ctx context.Context, member string) (f notices.Facts, err error) {
	if time.Since(t.at) > looked {
		t.state, t.at = t.live.State(ctx), time.Now()
	}
	f = notices.Facts{Now: t.market.site.clock(), Zone: zoneOf(t.market.site.plan), Priced: priced(t.state.Intervals, t.market.site.clock())}
	for _, h := range t.state.Homes {
		if h.Id == member {
			f.Silent = silent(h.Devices)
		}
	}
	for _, point := range t.market.traders.Points(member) {
		if p, known := t.market.traders.Planned(point); known {
			f.Unmet = append(f.Unmet, p.Unmet...)
		}
	}
	bills, err := t.desk.List(ctx, desk.Filter{Member: member})
	for _, b := range bills {
		if b.Number != nil && b.CreditOf == "" && (b.State == desk.Approved || b.State == desk.Sent) {
			f.Bills = append(f.Bills, notices.Billed{ID: b.ID, Period: b.Bill.Period.Name, Issued: b.Made.Issued, Due: b.Bill.Due})
		}
	}
	if err == nil && t.programs != nil {
		f.Ending, err = t.ending(ctx, member, time.Now())
	}
	return f, err
}

// ending returns the keys of a member's programs that end soon after a wall time: the doors go by
// that, whatever time it is in the community.
func (t *telling) ending(ctx context.Context, member string, now time.Time) (all []notices.EndingKey, err error) {
	keys, err := t.programs(ctx, member)
	for _, k := range keys {
		if left := k.Ends.Sub(now); left > 0 && left <= accounts.KeyWarning {
			all = append(all, notices.EndingKey{ID: k.ID, Name: k.Name, Ends: k.Ends})
		}
	}
	return all, err
}

// priced returns the price of the latest interval that is not over.
func priced(all []api.Clearing, now time.Time) (latest *notices.Priced) {
	for _, c := range all {
		i := grid.IntervalAt(c.Interval.Start, c.Interval.Minutes)
		if c.Price != nil && i.End().After(now) && (latest == nil || i.Start > latest.Interval.Start) {
			latest = &notices.Priced{Interval: i, Price: grid.Price(*c.Price)}
		}
	}
	return latest
}

// silent returns the devices that were heard once and do not answer.
func silent(devices []api.Device) (all []notices.Silent) {
	for _, d := range devices {
		if !d.Online && d.Time != nil {
			all = append(all, notices.Silent{Device: d.Id, Since: d.Time.Truncate(time.Minute)})
		}
	}
	return all
}

// shown is what the API shows of it.
func (t *telling) shown() shown.Notices {
	return shown.Notices{Book: t.book, Keys: t.keys, Currency: t.market.site.plan.Tariff.Currency, Contact: t.contact, Mail: t.mail != nil, Clock: t.market.site.clock}
}
