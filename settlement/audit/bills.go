package audit

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// charges checks that what a transaction posts for standing charges, VAT and rounding is what
// the bill says that it recorded, to the last unit, or the reverse where that is a credit
// note; and that nothing is posted for them without a bill.
func (a *Auditor) charges(t ledger.Transaction, postings [][]record.Posting) error {
	want := map[chaincode.BillCharge]bool{}
	for _, w := range t.Writes {
		kind, _ := ledger.SplitKey(w.Key)
		switch kind {
		case chaincode.KindBill:
			var b chaincode.ApprovedBill
			if err := json.Unmarshal(w.Value, &b); err != nil {
				return fmt.Errorf("bill: %w", err)
			}
			a.bills[b.BillNumber] = b.Charges
			for _, c := range b.Charges {
				want[c] = true
			}
		case chaincode.KindCreditNote:
			var c chaincode.CancelledBill
			if err := json.Unmarshal(w.Value, &c); err != nil {
				return fmt.Errorf("credit note: %w", err)
			}
			charges, known := a.bills[c.Of]
			if !known {
				return fmt.Errorf("credit note %s cancels bill %s, which is not approved", c.BillNumber, c.Of)
			}
			for _, b := range charges {
				b.Amount = -b.Amount
				want[b] = true
			}
		}
	}
	for _, p := range slices.Concat(postings...) {
		if !slices.Contains(reasonsOfBills(), p.Reason) {
			continue
		}
		c := chargeOf(p)
		if !want[c] {
			return fmt.Errorf("posting %s is not what its bill charges", p.ID)
		}
		delete(want, c)
	}
	for c := range want {
		return fmt.Errorf("transaction %s: a bill charges %d for %s to account %s, which is not posted", t.ID, c.Amount, c.Reason, c.Account)
	}
	return nil
}

// chargeOf is the charge that a posting stands for.
func chargeOf(p record.Posting) chaincode.BillCharge {
	if slices.Contains(record.SystemAccounts(), p.Debit) {
		return chaincode.BillCharge{Reason: p.Reason, Account: p.Credit, Amount: int64(p.Amount)}
	}
	return chaincode.BillCharge{Reason: p.Reason, Account: p.Debit, Amount: -int64(p.Amount)}
}
