package desk

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/billing/paper"
)

const saltBytes = 16

// Content is what the digest of a bill is over, after the salt.
type Content struct {
	Number   string       `json:"number"`
	CreditOf string       `json:"credit_of,omitempty"`
	Bill     billing.Bill `json:"bill"`
}

// Digest returns the SHA-256 of a salt and a bill's content as JSON, in hex.
func Digest(salt []byte, c Content) (string, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("digest of bill %s: %w", c.Number, err)
	}
	h := sha256.New()
	h.Write(salt)
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Approve locks a draft under the next number. Approving what is approved changes nothing.
func (d *Desk) Approve(ctx context.Context, id string) (Record, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.Get(ctx, id)
	if err != nil {
		return r, err
	}
	switch r.State {
	case Draft:
	case Approving:
		return d.finish(ctx, r)
	case Cancelled, Cancelling:
		return r, conflict("bill %s is cancelled", id)
	case Approved, Sent, Paid:
		return r, nil
	}
	priors, err := d.priors(ctx, r.Bill.Member)
	if err != nil {
		return r, err
	}
	if last := priors[r.Bill.Member]; last.Cut != r.Bill.After || last.Number != r.Bill.Previous {
		return r, conflict("draft %s begins where an older bill ended: draft %s again", id, r.Bill.Period.Name)
	}
	if r.Made.To, err = d.party(ctx, r.Bill.Member); err != nil {
		return r, err
	}
	if r, err = d.number(ctx, r, id); err != nil {
		return r, err
	}
	return d.finish(ctx, r)
}

// number gives a draft or credit note the next number, durably, in the place of what has
// the id.
func (d *Desk) number(ctx context.Context, r Record, before string) (Record, error) {
	now := d.Clock().UTC().Truncate(time.Second)
	year := now.In(d.Zone).Year()
	err := d.together(ctx, func(tx *sql.Tx) error {
		n := chaincode.BillNumber{Year: year}
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(number), 0) + 1 FROM bills WHERE year = ?`, year).Scan(&n.Number); err != nil {
			return fmt.Errorf("bills: %w", err)
		}
		salt := make([]byte, saltBytes)
		if _, err := rand.Read(salt); err != nil {
			return fmt.Errorf("salt of a bill: %w", err)
		}
		r.ID, r.Number, r.Changed = n.String(), &n, now
		r.Made.Issued, r.Made.From = now, d.Sender
		r.Made.DueBy = now.In(d.Zone).AddDate(0, 0, d.DueDays).Format(time.DateOnly)
		r.Made.Proof = paper.Proof{Salt: hex.EncodeToString(salt)}
		var err error
		if r.Made.Proof.Hash, err = Digest(salt, Content{r.ID, r.CreditOf, r.Bill}); err != nil {
			return err
		}
		r.State = Approving
		if r.CreditOf != "" {
			if err := d.set(ctx, tx, r.CreditOf, Cancelling); err != nil {
				return err
			}
		}
		if before != "" {
			if _, err := tx.ExecContext(ctx, `DELETE FROM bills WHERE id = ?`, before); err != nil {
				return fmt.Errorf("bills: %w", err)
			}
		}
		return put(ctx, tx, r)
	})
	return r, err
}

// finish has the ledger record a bill or credit note that has its number. d.mu is held, or
// nobody knows the desk yet.
func (d *Desk) finish(ctx context.Context, r Record) (Record, error) {
	var err error
	if r.CreditOf == "" {
		var charges []chaincode.BillCharge
		if charges, err = Charges(&r.Bill); err == nil {
			err = d.Ledger.Approve(ctx, chaincode.ApprovedBill{
				Community: d.Community, BillNumber: *r.Number, Hash: r.Made.Proof.Hash, Time: r.Made.Issued.Format(time.RFC3339), Charges: charges,
			})
		}
	} else {
		var of Record
		if of, err = d.Get(ctx, r.CreditOf); err == nil {
			err = d.Ledger.Cancel(ctx, chaincode.CancelledBill{
				Community: d.Community, BillNumber: *r.Number, Of: *of.Number, Hash: r.Made.Proof.Hash, Time: r.Made.Issued.Format(time.RFC3339),
			})
		}
	}
	if err != nil {
		return r, fmt.Errorf("%s has its number and waits for the ledger: %w", r.ID, err)
	}
	if r.Made.Proof.Postings, r.Made.Proof.Root, err = d.Ledger.Checkpoint(ctx); err != nil {
		return r, err
	}
	r.State = Approved
	return r, d.together(ctx, func(tx *sql.Tx) error {
		if r.CreditOf != "" {
			if err := d.set(ctx, tx, r.CreditOf, Cancelled); err != nil {
				return err
			}
		}
		return put(ctx, tx, r)
	})
}

// Resume goes on with what the ledger has not confirmed, in the order of the numbers.
func (d *Desk) Resume(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	waiting, err := d.List(ctx, Filter{State: Approving})
	for _, r := range waiting {
		if err == nil {
			_, err = d.finish(ctx, r)
		}
	}
	return err
}

// Charges returns what a bill posts beside the settlement runs: standing charges to each
// account, VAT that is added, and rounding.
func Charges(b *billing.Bill) ([]chaincode.BillCharge, error) {
	sums := map[[2]string]grid.Money{}
	add := func(reason, account string, amount grid.Money) (err error) {
		k := [2]string{reason, account}
		sums[k], err = sums[k].Add(amount)
		return err
	}
	var problems []error
	for _, s := range b.Standing {
		problems = append(problems, add(chaincode.ReasonStanding, s.Account, s.Amount))
	}
	for _, v := range b.VAT {
		if !v.Included {
			problems = append(problems, add(chaincode.ReasonVAT, b.Account(), v.Amount))
		}
	}
	problems = append(problems, add(chaincode.ReasonRounding, b.Account(), b.Rounding))
	charges := []chaincode.BillCharge{}
	for k, m := range sums {
		if m != 0 {
			charges = append(charges, chaincode.BillCharge{Reason: k[0], Account: k[1], Amount: int64(m)})
		}
	}
	slices.SortFunc(charges, func(a, c chaincode.BillCharge) int {
		return cmp.Or(cmp.Compare(a.Reason, c.Reason), cmp.Compare(a.Account, c.Account))
	})
	return charges, errors.Join(problems...)
}

// Cancel cancels a bill by a credit note, which it returns. Later bills of the member are
// cancelled before.
func (d *Desk) Cancel(ctx context.Context, id string) (Record, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.Get(ctx, id)
	if err != nil {
		return r, err
	}
	switch {
	case r.CreditOf != "":
		return r, conflict("%s is a credit note: the period can be billed anew", id)
	case r.State == Draft:
		return r, conflict("%s is a draft: draft it again instead", id)
	case r.State == Cancelling:
		credit, err := scan(d.db.QueryRowContext(ctx, `SELECT `+columns+` FROM bills WHERE of = ?`, id))
		if err != nil {
			return r, err
		}
		return d.finish(ctx, credit)
	case r.State == Cancelled:
		return r, conflict("bill %s is cancelled", id)
	}
	priors, err := d.priors(ctx, r.Bill.Member)
	if err != nil {
		return r, err
	}
	if last := priors[r.Bill.Member].Number; last != id {
		return r, conflict("bill %s is not the last of member %s: cancel %s first", id, r.Bill.Member, last)
	}
	if r.State == Approving {
		if r, err = d.finish(ctx, r); err != nil {
			return r, err
		}
	}
	credit := Record{CreditOf: id, Bill: billing.Reverse(r.Bill), Made: Made{To: r.Made.To}}
	if credit, err = d.number(ctx, credit, ""); err != nil {
		return credit, err
	}
	return d.finish(ctx, credit)
}

// Pay notes that a bill is paid, and books the money: what the member owed as paid in, what
// it got as paid out. The reference is that of the bank; the same payment again changes
// nothing.
func (d *Desk) Pay(ctx context.Context, id, reference string) (Record, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, err := d.Get(ctx, id)
	if err != nil {
		return r, err
	}
	if r.State != Approved && r.State != Sent || r.CreditOf != "" {
		return r, conflict("%s is %s: only a bill that is approved or sent is paid", id, r.State)
	}
	t := chaincode.Transfer{Community: d.Community, Reference: "bill " + id, Account: r.Bill.Account(), Amount: int64(max(r.Bill.Due, -r.Bill.Due)), Time: d.Clock().UTC().Format(time.RFC3339)}
	booked, err := d.booked(ctx, r, t.Reference)
	if err != nil {
		return r, err
	}
	if reference != "" {
		t.Reference += " " + reference
	}
	switch {
	case booked: // by a call that was cut off, under whatever reference of the bank
	case r.Bill.Due < 0:
		err = d.Ledger.Deposit(ctx, t)
	case r.Bill.Due > 0:
		err = d.Ledger.Withdraw(ctx, t)
	}
	if err != nil {
		return r, err
	}
	r.State = Paid
	return r, d.set(ctx, d.db, id, Paid)
}

// booked tells whether the ledger has a payment of a bill.
func (d *Desk) booked(ctx context.Context, r Record, of string) (is bool, err error) {
	err = d.Ledger.Outside(ctx, r.Bill.Cut.Leaf, func(p billing.Posted) error {
		paid := p.Reason == chaincode.ReasonDeposit || p.Reason == chaincode.ReasonWithdrawal
		is = is || paid && p.Account == r.Bill.Account() && (p.Reference == of || strings.HasPrefix(p.Reference, of+" "))
		return nil
	})
	return is, err
}
