package chaincode

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
)

// Bills records which bills a community has approved, and which it has cancelled by a credit
// note. Bills and credit notes of a year are numbered in one series, without gaps. What a bill
// says stays off the chain: its record has a salted digest of it, so that it tells nothing to
// who has not got the bill. With the record are posted, all at once, those charges that no
// settlement run posts: standing charges, VAT and the rounding to whole minor units.
type Bills struct {
	contractapi.Contract
}

// BillNumber is a bill's or credit note's place in the series of a year.
type BillNumber struct {
	Year   int `json:"year"`
	Number int `json:"number"` // from 1
}

// String returns the number as it stands on bills, as in 2026-000017.
func (n BillNumber) String() string { return fmt.Sprintf("%04d-%06d", n.Year, n.Number) }

// ApprovedBill is a bill that counts from now on.
type ApprovedBill struct {
	Community string `json:"community"`
	BillNumber
	Hash    string       `json:"hash"` // SHA-256 of the salted bill, 64 digits of hex
	Time    string       `json:"time"` // RFC 3339, UTC
	Charges []BillCharge `json:"charges"`
}

// BillCharge is what a bill charges or refunds to an account outside of the runs.
type BillCharge struct {
	Reason  string `json:"reason"` // ReasonStanding, ReasonVAT or ReasonRounding
	Account string `json:"account"`
	Amount  int64  `json:"amount"` // millionths of the currency unit, + the account receives
}

// CancelledBill is a credit note, which reverses what an approved bill charged.
type CancelledBill struct {
	Community string `json:"community"`
	BillNumber
	Of   BillNumber `json:"of"` // the bill that it cancels
	Hash string     `json:"hash"`
	Time string     `json:"time"`
}

// Keys in the state.
const (
	KindBill       = "bill"      // community, number: an ApprovedBill
	KindCreditNote = "credit"    // community, number of the credit note: a CancelledBill
	kindCancelled  = "cancelled" // community, number of the bill: the number of its credit note
	kindLastBill   = "last-bill" // community, year: the last number
)

// Reasons of what bills post. Their reference is the number and the account.
const (
	ReasonStanding = "standing"
	ReasonVAT      = "vat"
	ReasonRounding = "rounding"
)

// BillReference is the reference of what a bill or credit note posts to an account.
func BillReference(n BillNumber, account string) string { return n.String() + "/" + account }

// billCounterpart returns the system account that takes what a bill charges for a reason.
func billCounterpart(reason string) (string, bool) {
	account, known := map[string]string{ReasonStanding: record.Utility, ReasonVAT: record.Tax, ReasonRounding: record.Rounding}[reason]
	return account, known
}

// Approve takes an ApprovedBill, records it and posts its charges. The same again changes
// nothing; another under its number is a conflict, and so is a number that leaves a gap.
func (*Bills) Approve(ctx contractapi.TransactionContextInterface, arg string) error {
	var b ApprovedBill
	if err := decode(arg, &b); err != nil {
		return err
	}
	if _, err := allow(ctx, b.Community, RoleOperator); err != nil {
		return err
	}
	at, err := checkBill(b.BillNumber, b.Hash, b.Time)
	if err == nil {
		err = b.check()
	}
	if err != nil {
		return err
	}
	created, err := put(ctx, b, KindBill, b.Community, b.String())
	if err != nil || !created {
		return err
	}
	if err := nextBill(ctx, b.Community, b.BillNumber); err != nil {
		return err
	}
	if err := postCharges(ctx, b.Community, b.BillNumber, b.Charges, at); err != nil {
		return err
	}
	return emit(ctx, "bill-approved", b.BillNumber)
}

// Cancel takes a CancelledBill and posts the reverse of what the bill charged. A bill is
// cancelled once.
func (*Bills) Cancel(ctx contractapi.TransactionContextInterface, arg string) error {
	var c CancelledBill
	if err := decode(arg, &c); err != nil {
		return err
	}
	if _, err := allow(ctx, c.Community, RoleOperator); err != nil {
		return err
	}
	at, err := checkBill(c.BillNumber, c.Hash, c.Time)
	if err != nil {
		return err
	}
	created, err := put(ctx, c, KindCreditNote, c.Community, c.String())
	if err != nil || !created {
		return err
	}
	b, err := mustHaveBill(ctx, c.Community, c.Of)
	if err != nil {
		return err
	}
	if _, err := put(ctx, c.BillNumber, kindCancelled, c.Community, c.Of.String()); err != nil {
		return err
	}
	if err := nextBill(ctx, c.Community, c.BillNumber); err != nil {
		return err
	}
	reverse := slices.Clone(b.Charges)
	for k := range reverse {
		reverse[k].Amount = -reverse[k].Amount
	}
	if err := postCharges(ctx, c.Community, c.BillNumber, reverse, at); err != nil {
		return err
	}
	return emit(ctx, "bill-cancelled", c)
}

func mustHaveBill(ctx context, community string, n BillNumber) (b ApprovedBill, err error) {
	found, err := get(ctx, &b, KindBill, community, n.String())
	if err == nil && !found {
		err = fail(CodeMissing, "bill %s is not approved", n)
	}
	return b, err
}

// nextBill refuses a number that is not the next one of its year.
func nextBill(ctx context, community string, n BillNumber) error {
	var last int
	year := n.String()[:len("2026")]
	if _, err := get(ctx, &last, kindLastBill, community, year); err != nil {
		return err
	}
	if n.Number != last+1 {
		return fail(CodeConflict, "number: %s, the next one of the year is %s", n, BillNumber{n.Year, last + 1})
	}
	return set(ctx, n.Number, kindLastBill, community, year)
}

func postCharges(ctx context, community string, n BillNumber, charges []BillCharge, at time.Time) error {
	for _, c := range charges {
		other, _ := billCounterpart(c.Reason)
		p := record.Posting{Debit: other, Credit: c.Account, Amount: grid.Money(c.Amount), Reason: c.Reason, Reference: BillReference(n, c.Account)}
		if c.Amount < 0 {
			p.Debit, p.Credit, p.Amount = c.Account, other, grid.Money(-c.Amount)
		}
		created, err := post(ctx, community, p, at)
		if err != nil {
			return err
		}
		if !created {
			return fail(CodeConflict, "%s of bill %s to account %s is posted already", c.Reason, n, c.Account)
		}
	}
	return nil
}

// The numbers that a bill can have.
const (
	firstYear, lastYear = 2000, 9999
	mostBills           = 999_999
)

func checkBill(n BillNumber, hash, at string) (time.Time, error) {
	if n.Year < firstYear || n.Year > lastYear {
		return time.Time{}, fail(CodeInvalid, "year: %d is out of range", n.Year)
	}
	if n.Number < 1 || n.Number > mostBills {
		return time.Time{}, fail(CodeInvalid, "number: %d is out of range", n.Number)
	}
	if sum, err := hex.DecodeString(hash); err != nil || len(sum) != digestBytes {
		return time.Time{}, fail(CodeInvalid, "hash: must be 64 digits of hex")
	}
	return instant("time", at)
}

// mostCharge bounds a charge, so that it can be turned.
const mostCharge = 1 << 60

func (b ApprovedBill) check() error {
	for k, c := range b.Charges {
		_, known := billCounterpart(c.Reason)
		switch {
		case !known:
			return fail(CodeInvalid, "charges[%d].reason: %q, want %s, %s or %s", k, c.Reason, ReasonStanding, ReasonVAT, ReasonRounding)
		case slices.Contains(record.SystemAccounts(), c.Account):
			return fail(CodeInvalid, "charges[%d].account: %q is not a member's", k, c.Account)
		case c.Amount == 0 || c.Amount > mostCharge || c.Amount < -mostCharge:
			return fail(CodeInvalid, "charges[%d].amount: %d is nothing, or out of range", k, c.Amount)
		case k > 0 && compareCharges(b.Charges[k-1], c) >= 0:
			return fail(CodeInvalid, "charges[%d]: must come after the one before, by reason and account, each once", k)
		}
	}
	return nil
}

func compareCharges(a, b BillCharge) int {
	return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Account, b.Account))
}

// Get returns {"bill": ApprovedBill, "credit_note": number or null} of a number as it stands
// on the bill.
func (*Bills) Get(ctx contractapi.TransactionContextInterface, community, number string) (string, error) {
	if _, err := allow(ctx, community, RoleOperator, RoleUtility); err != nil {
		return "", err
	}
	var found struct {
		Bill       *ApprovedBill `json:"bill"`
		CreditNote *BillNumber   `json:"credit_note"`
	}
	if _, err := get(ctx, &found.Bill, KindBill, community, number); err != nil {
		return "", err
	}
	if found.Bill == nil {
		return "", fail(CodeMissing, "bill %s is not approved", number)
	}
	if _, err := get(ctx, &found.CreditNote, kindCancelled, community, number); err != nil {
		return "", err
	}
	return text(found)
}
