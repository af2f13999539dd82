// Package purse keeps members' money on the ledger: what their accounts hold, what is paid in
// and paid out, what who is prepaid owes, and what the community's fund holds and stands in for.
//
// Amounts are a member's: + is what it has, or gets. Everything is read from the ledger or
// booked on it; nothing is kept elsewhere. A Purse starts nothing, and is safe for concurrent
// use once its Keeper is set.
package purse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/fund"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/prepaid"
	"github.com/commonwatt/commonwatt/tariff"
)

// Options are what a Purse works by.
type Options struct {
	Ledger    *ledger.Ledger
	Community string
	Currency  string         // ISO 4217
	Zone      *time.Location // of the months
	Clock     func() time.Time
	Points    func(member string) []string // metering points, sorted
}

// Purse keeps the members' money. It implements prepaid.Ledger.
type Purse struct {
	Options

	// Keeper knows who is prepaid. It reads the ledger through the Purse, so that it is made
	// afterwards and set before anything is asked.
	Keeper *prepaid.Keeper

	mu   sync.Mutex // guards sums and next
	sums fund.Sums
	next int64 // leaf of the ledger that is not summed up yet
}

// New returns a Purse without a Keeper.
func New(o Options) *Purse { return &Purse{Options: o, sums: fund.Sums{Zone: o.Zone}} }

// RefusedError says why what the operator asked for is not done, and what to do.
type RefusedError struct {
	Why  Why
	Text string
}

// Why is the kind of a RefusedError.
type Why int

// What the operator can mend.
const (
	Wrong    Why = iota // what was asked for
	Unknown             // a member or a metering point
	Conflict            // what the ledger has stands against it
)

func (e *RefusedError) Error() string { return e.Text }

// accounts returns those of a member on the ledger, by metering point.
func (p *Purse) accounts(member string) (accounts []string, err error) {
	points := p.Points(member)
	if len(points) == 0 {
		return nil, &RefusedError{Unknown, fmt.Sprintf("member %q has no metering point: no device of the community names it", member)}
	}
	for _, point := range points {
		account, err := p.Ledger.Account(member, point)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, account)
	}
	return accounts, nil
}

// Held returns what a member's accounts hold together.
func (p *Purse) Held(ctx context.Context, member string) (sum grid.Money, err error) {
	accounts, err := p.accounts(member)
	if err != nil {
		return 0, err
	}
	for _, account := range accounts {
		balance, err := p.Ledger.Balance(ctx, account)
		if err != nil {
			return 0, err
		}
		if sum, err = sum.Add(balance); err != nil {
			return 0, fmt.Errorf("balance of member %s: %w", member, err)
		}
	}
	return sum, nil
}

// Has implements prepaid.Ledger.
func (p *Purse) Has(i grid.Interval) bool {
	return p.Ledger.IsClosed(record.Manifest{Community: p.Community, Interval: i.String(), Run: 1})
}

// State implements prepaid.Ledger.
func (p *Purse) State(ctx context.Context) (string, error) {
	_, root, err := p.Ledger.Head(ctx)
	return root, err
}

// Balance is how a member's money stands.
type Balance struct {
	Held    grid.Money // by its accounts together
	Prepaid bool
	Bound   grid.Money // of a prepaid member: kept back for what is not posted yet
	Free    grid.Money // of a prepaid member: what it may trade with, at least 0
}

// Balance returns how a member's money stands. Errors: *RefusedError.
func (p *Purse) Balance(ctx context.Context, member string) (b Balance, err error) {
	b.Held, err = p.Held(ctx, member)
	if s, is := p.Keeper.Of(member); is {
		b.Prepaid, b.Bound, b.Free = true, s.Bound, min(max(b.Held-s.Bound, 0), prepaid.Unbounded)
	}
	return b, err
}

// Payment is what a member paid in (a positive amount) or was paid out.
type Payment struct {
	Member    string
	Point     string // whose account is meant; empty: the member's first
	Reference string // of this payment alone
	Amount    grid.Money
}

// Transfer books a payment, once for each reference. Errors: *RefusedError.
func (p *Purse) Transfer(ctx context.Context, of Payment) error {
	accounts, err := p.accounts(of.Member)
	if err != nil {
		return err
	}
	at := 0
	if of.Point != "" {
		if at = slices.Index(p.Points(of.Member), of.Point); at < 0 {
			return &RefusedError{Unknown, fmt.Sprintf("metering_point: %q is none of member %q", of.Point, of.Member)}
		}
	}
	if minor := p.minor(); of.Amount%minor != 0 {
		return &RefusedError{Wrong, fmt.Sprintf("amount: %d millionths of %s are no whole number of its minor unit, which has %d: money moves in those", of.Amount, p.Currency, minor)}
	}
	operator := p.Ledger.As(p.Ledger.People.Operator)
	t := chaincode.Transfer{
		Community: p.Community, Reference: of.Reference, Account: accounts[at], Amount: int64(max(of.Amount, -of.Amount)), Time: p.Clock().UTC().Truncate(time.Second).Format(time.RFC3339),
	}
	switch {
	case of.Amount > 0:
		err = operator.Settlement.Deposit(ctx, t)
	case of.Amount < 0:
		err = operator.Settlement.Withdraw(ctx, t)
	default:
		return &RefusedError{Wrong, "amount: is 0: write what was paid in as a positive amount, what was paid out as a negative one"}
	}
	return refused(err, of.Reference)
}

// minor is the currency's minor unit, in millionths of the currency unit.
func (p *Purse) minor() grid.Money {
	unit := grid.Money(1_000_000)
	for range tariff.MinorDigits(p.Currency) {
		unit /= 10
	}
	return unit
}

// refused makes what the contract refuses the operator's to mend.
func refused(err error, reference string) error {
	why := (*ledger.ContractError)(nil)
	if !errors.As(err, &why) {
		return err
	}
	switch why.Code {
	case chaincode.CodeConflict:
		return &RefusedError{Conflict, fmt.Sprintf("reference: %q was booked already, for another account or amount: each payment has a reference of its own", reference)}
	case chaincode.CodeFunds:
		return &RefusedError{Conflict, "amount: is more than the account holds: commonwatt member balance shows what that is"}
	default:
		return &RefusedError{Wrong, why.Message}
	}
}
