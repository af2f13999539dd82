package audit_test

import (
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// TestBundleOfBills verifies a bundle of a log with a bill, its credit note and the bill anew:
// what they posted belongs to them.
func TestBundleOfBills(t *testing.T) {
	t.Parallel()
	s := newSettled(t, 2)
	account, err := s.l.Account("m-"+point(1), point(1))
	must(t, err)
	bill := chaincode.ApprovedBill{
		Community: community, BillNumber: chaincode.BillNumber{Year: 2026, Number: 1}, Hash: strings.Repeat("ab", 32), Time: "2026-07-01T00:00:00Z",
		Charges: []chaincode.BillCharge{{Reason: "rounding", Account: account, Amount: 4_321}, {Reason: "standing", Account: account, Amount: -9_900_000}, {Reason: "vat", Account: account, Amount: -1_881_000}},
	}
	anew := bill
	anew.Number = 3
	bills := s.l.As(s.l.People.Operator).Bills
	must(t, bills.Approve(t.Context(), bill))
	must(t, bills.Cancel(t.Context(), chaincode.CancelledBill{
		Community: community, BillNumber: chaincode.BillNumber{Year: 2026, Number: 2}, Of: bill.BillNumber, Hash: bill.Hash, Time: bill.Time,
	}))
	must(t, bills.Approve(t.Context(), anew))
	r, err := s.verify(s.bundle(ledger.Query{}, nil), nil)
	if err != nil || !r.Whole || r.Outside != 9 || r.Runs != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}
