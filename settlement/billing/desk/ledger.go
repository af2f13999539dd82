package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// OnLedger has a community's ledger record bills. It implements Ledger.
type OnLedger struct{ On *ledger.Ledger }

func (l OnLedger) operator() ledger.Contracts { return l.On.As(l.On.People.Operator) }

// Approve implements Ledger.
func (l OnLedger) Approve(ctx context.Context, b chaincode.ApprovedBill) error {
	return l.operator().Bills.Approve(ctx, b)
}

// Cancel implements Ledger.
func (l OnLedger) Cancel(ctx context.Context, c chaincode.CancelledBill) error {
	return l.operator().Bills.Cancel(ctx, c)
}

// Deposit implements Ledger.
func (l OnLedger) Deposit(ctx context.Context, t chaincode.Transfer) error {
	return l.operator().Settlement.Deposit(ctx, t)
}

// Withdraw implements Ledger.
func (l OnLedger) Withdraw(ctx context.Context, t chaincode.Transfer) error {
	return l.operator().Settlement.Withdraw(ctx, t)
}

// Size implements Ledger.
func (l OnLedger) Size(ctx context.Context) (int64, error) {
	x, err := l.On.Index(ctx)
	if err != nil {
		return 0, err
	}
	postings, _ := x.Logs()
	return postings.Size, nil
}

// outside are the reasons of postings outside of the runs that move members' accounts, but
// those of bills, which bills say themselves.
func outside() []string {
	return []string{chaincode.ReasonDeposit, chaincode.ReasonWithdrawal, chaincode.ReasonAdjustment, chaincode.ReasonGuarantee}
}

// Outside implements Ledger.
func (l OnLedger) Outside(ctx context.Context, from int64, see func(billing.Posted) error) error {
	x, err := l.On.Index(ctx)
	if err != nil {
		return err
	}
	for _, reason := range outside() {
		err := x.Find(ctx, ledger.Query{Reason: reason, From: from}, func(e ledger.Entry) error {
			var p record.Posting
			if err := json.Unmarshal(e.Posting, &p); err != nil {
				return err
			}
			for account, amount := range map[string]grid.Money{p.Debit: -p.Amount, p.Credit: p.Amount} {
				if err := see(billing.Posted{Leaf: e.Leaf, ID: p.ID, Reason: p.Reason, Reference: p.Reference, Account: account, Amount: amount}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("postings outside of the runs: %w", err)
		}
	}
	return nil
}

// Of implements Ledger.
func (l OnLedger) Of(ctx context.Context, account, interval string) (all []Posting, err error) {
	x, err := l.On.Index(ctx)
	if err != nil {
		return nil, err
	}
	err = x.Find(ctx, ledger.Query{Account: account, Interval: interval}, func(e ledger.Entry) error {
		p := Posting{Leaf: e.Leaf}
		err := json.Unmarshal(e.Posting, &p.Posting)
		all = append(all, p)
		return err
	})
	return all, err
}

// Checkpoint implements Ledger.
func (l OnLedger) Checkpoint(ctx context.Context) (postings int64, root string, err error) {
	signed, size, _, err := l.On.Checkpoint(ctx)
	if err != nil || signed == nil {
		return 0, "", err
	}
	const text, at = 5, 2 // a checkpoint's third line is the root
	parts := strings.SplitN(string(signed), "\n", text)
	if len(parts) < text {
		return 0, "", fmt.Errorf("checkpoint of %d postings cannot be read", size)
	}
	return size, parts[at], nil
}
