package ledger

import (
	"context"
	"encoding/json"

	"github.com/commonwatt/commonwatt/chaincode"
)

// ChangePersonal puts a member's chaincode.Personal, to whose bytes the member's commitment
// is the digest, in the place of the one that is kept.
func (c Registry) ChangePersonal(ctx context.Context, m chaincode.Member, personal json.RawMessage) error {
	return c.private(ctx, "ChangePersonal", m, map[string][]byte{chaincode.CollectionPersonal: personal})
}

// Guarantee calls the contract of that name: what the fund topped up of a local month.
type Guarantee struct{ contract }

// Record records a month and posts the payments.
func (c Guarantee) Record(ctx context.Context, t chaincode.TopUps) error {
	return c.submit(ctx, "Record", t)
}

// Get returns the record of a month, as in 2026-06.
func (c Guarantee) Get(ctx context.Context, month string) (chaincode.GuaranteedMonth, error) {
	return ask[chaincode.GuaranteedMonth](ctx, c.contract, "Get", month)
}

// Bills calls the contract of that name: which bills were approved, and which cancelled.
type Bills struct{ contract }

// RecordedBill is a bill as the ledger has it.
type RecordedBill struct {
	Bill       chaincode.ApprovedBill `json:"bill"`
	CreditNote *chaincode.BillNumber  `json:"credit_note"` // by which it was cancelled; nil: it counts
}

// Approve records a bill and posts its charges.
func (c Bills) Approve(ctx context.Context, b chaincode.ApprovedBill) error {
	return c.submit(ctx, "Approve", b)
}

// Cancel records a credit note and posts the reverse of the charges.
func (c Bills) Cancel(ctx context.Context, b chaincode.CancelledBill) error {
	return c.submit(ctx, "Cancel", b)
}

// Get returns a bill by its number, as it stands on it.
func (c Bills) Get(ctx context.Context, number string) (RecordedBill, error) {
	return ask[RecordedBill](ctx, c.contract, "Get", number)
}
