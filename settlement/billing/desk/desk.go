// Package desk keeps the bills of a community: it drafts them, approves them under numbers
// without gaps, hands them out, and notes what became of them.
//
// # States
//
// A bill is a draft, which may be made anew, until it is approved: then it has a number and is
// locked, and its salted digest stands on the ledger with what it charges beside the
// settlement runs. From there it is sent and paid, or cancelled by a credit note, after which
// the period is billed anew. A later bill of a member is cancelled before an earlier one.
//
// # Durability
//
// A bill gets its number in the store before the ledger hears of it, and counts as approved
// when the ledger has it. What a crash left in between goes on when the desk is opened: the
// ledger takes the same again, so that no number is lost and nothing is posted twice.
//
// Who opens a Desk closes it. It starts nothing of its own. It is safe for concurrent use.
package desk

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/billing/paper"
	"github.com/commonwatt/commonwatt/settlement/statements"
)

// File is where a data directory keeps the bills.
const File = "bills.db"

// Ledger is what the desk asks of the ledger.
type Ledger interface {
	Approve(ctx context.Context, b chaincode.ApprovedBill) error
	Cancel(ctx context.Context, c chaincode.CancelledBill) error
	// Deposit and Withdraw book what was paid in for an account, or out of it.
	Deposit(ctx context.Context, t chaincode.Transfer) error
	Withdraw(ctx context.Context, t chaincode.Transfer) error
	// Size returns the number of postings.
	Size(ctx context.Context) (int64, error)
	// Outside shows the postings outside of the runs from a leaf on.
	Outside(ctx context.Context, from int64, see func(billing.Posted) error) error
	// Of returns the postings of an account in an interval.
	Of(ctx context.Context, account, interval string) ([]Posting, error)
	// Checkpoint returns the last signed size and root of the log.
	Checkpoint(ctx context.Context) (postings int64, root string, err error)
}

// People know the members' persons.
type People interface {
	// Personal returns what is known of a member, by the names of package chaincode.
	Personal(ctx context.Context, member string) (map[string]string, error)
}

// Rewards know what batteries earned.
type Rewards interface {
	// Earned returns what the batteries of each member earned in a period, in order of device.
	Earned(ctx context.Context, p billing.Period) (map[string][]billing.Reward, error)
}

// Options are what a desk works with.
type Options struct {
	Community string
	Currency  string
	Digits    int
	Zone      *time.Location
	Sender    paper.Party
	DueDays   int // from approval
	Font      *paper.Font
	Mail      Mailer // nil: none is set up

	Tariffs billing.Tariffs
	Book    *statements.Book
	Ledger  Ledger
	People  People
	Rewards Rewards          // nil: there are none
	Clock   func() time.Time // world time
	Log     *slog.Logger
}

// Desk keeps the bills.
type Desk struct {
	Options

	db *sql.DB
	mu sync.Mutex // held while bills change
}

// A RefusedError says why something cannot be done with a bill. Conflict: it is locked, or
// its state does not allow it; else there is no such bill, or the request is wrong.
type RefusedError struct {
	Conflict, Missing bool
	Reason            string
}

func (e *RefusedError) Error() string { return e.Reason }

func conflict(format string, args ...any) error {
	return &RefusedError{Conflict: true, Reason: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return &RefusedError{Reason: fmt.Sprintf(format, args...)}
}

// Open opens the bills in a file, and goes on with what a crash interrupted. That the ledger
// does not answer is logged: Resume goes on with it then.
func Open(ctx context.Context, path string, o Options) (*Desk, error) {
	db, err := disk.OpenSQLite(path)
	if err != nil {
		return nil, err
	}
	d := &Desk{Options: o, db: db}
	_, err = db.ExecContext(ctx, `
		CREATE TABLE IF NOT EXISTS bills (
			id TEXT PRIMARY KEY, year INTEGER, number INTEGER, of TEXT NOT NULL DEFAULT '', member TEXT NOT NULL, period TEXT NOT NULL,
			ends INTEGER NOT NULL, state TEXT NOT NULL, changed INTEGER NOT NULL, bill TEXT NOT NULL, made TEXT NOT NULL DEFAULT '', UNIQUE (year, number)
		);
		CREATE INDEX IF NOT EXISTS by_member ON bills (member, ends);
		CREATE TABLE IF NOT EXISTS deliveries (id TEXT NOT NULL, recipient TEXT NOT NULL, channel TEXT NOT NULL, time INTEGER NOT NULL);`)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("bills %s: %w", path, err), db.Close())
	}
	if err := d.Resume(ctx); err != nil {
		o.Log.WarnContext(ctx, "a bill waits for the ledger", slog.String("error", err.Error()))
	}
	return d, nil
}

// Close closes the desk.
func (d *Desk) Close() error { return d.db.Close() }

// State is how far a bill came.
type State string

// States of a bill. Approving and cancelling are those of one that the ledger has not
// confirmed yet.
const (
	Draft      State = "draft"
	Approving  State = "approving"
	Approved   State = "approved"
	Sent       State = "sent"
	Paid       State = "paid"
	Cancelled  State = "cancelled"
	Cancelling State = "cancelling"
)

// Made is what approving adds to a bill, kept as it was then.
type Made struct {
	Issued time.Time   `json:"issued"`
	DueBy  string      `json:"due_by"`
	From   paper.Party `json:"from"`
	To     paper.Party `json:"to"`
	Proof  paper.Proof `json:"proof"`
}

// Record is a bill or credit note with its state.
type Record struct {
	ID       string // number as in 2026-000017; of a draft draft-PERIOD-MEMBER
	Number   *chaincode.BillNumber
	CreditOf string // the bill that it cancels
	State    State
	Changed  time.Time
	Bill     billing.Bill
	Made     Made // zero of a draft
	Delivery []Delivery
}

// Delivery is to whom a bill was handed out, and when.
type Delivery struct {
	Recipient string    `json:"recipient"`
	Channel   string    `json:"channel"` // e-mail
	Time      time.Time `json:"time"`
}

// DraftID is the name of a member's draft for a period.
func DraftID(period, member string) string { return "draft-" + period + "-" + member }

// Document is what is printed of a record.
func (r Record) Document() paper.Document {
	doc := paper.Document{CreditOf: r.CreditOf, Bill: r.Bill, Issued: r.Made.Issued, DueBy: r.Made.DueBy, From: r.Made.From, To: r.Made.To, Proof: r.Made.Proof}
	if r.Number != nil {
		doc.Number = r.ID
	}
	return doc
}

// party returns a member as a bill is addressed to.
func (d *Desk) party(ctx context.Context, member string) (paper.Party, error) {
	p := paper.Party{Number: member, Name: member}
	details, err := d.People.Personal(ctx, member)
	if err != nil {
		return p, fmt.Errorf("person of member %s: %w", member, err)
	}
	if name := details[chaincode.DetailName]; name != "" {
		p.Name = name
	}
	if number := details[chaincode.DetailNumber]; number != "" {
		p.Number = number
	}
	p.Address = lines(details[chaincode.DetailAddress])
	p.EMail, p.Mandate, p.Signed = details[chaincode.DetailEMail], details[chaincode.DetailMandate], details[chaincode.DetailMandateDate]
	if iban := details[chaincode.DetailIBAN]; iban != "" {
		if p.IBAN, err = paper.CheckIBAN(iban); err != nil {
			return p, invalid("member %s: iban: %v", member, err)
		}
	}
	return p, nil
}

// Refused tells who only knows the error's methods what it is.
func (e *RefusedError) Refused() (missing, conflict bool) { return e.Missing, e.Conflict }
