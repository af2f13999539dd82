package ledger_test

import (
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// TestBillsAreApprovedOnce approves bills of a year and cancels one: charges are posted once,
// whatever comes again, numbers leave no gap, and a credit note posts the reverse.
func TestBillsAreApprovedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, day int) {
		register(t, l, 2)
		bills := l.As(l.People.Operator).Bills
		account, err := l.Account("m-"+point(0), point(0))
		must(t, err)
		year := 2000 + day%7000
		number := func(n int) chaincode.BillNumber { return chaincode.BillNumber{Year: year, Number: n} }
		bill := chaincode.ApprovedBill{
			Community: community, BillNumber: number(1), Hash: strings.Repeat("ab", 32), Time: "2026-07-01T00:00:00Z",
			Charges: []chaincode.BillCharge{{Reason: "rounding", Account: account, Amount: 4_321}, {Reason: "standing", Account: account, Amount: -9_900_000}, {Reason: "vat", Account: account, Amount: -1_881_000}},
		}
		balances := func() (all [4]grid.Money) {
			for k, a := range []string{account, record.Utility, record.Tax, record.Rounding} {
				all[k], err = l.Balance(t.Context(), a)
				must(t, err)
			}
			return all
		}
		before := balances()
		moved := func(what string, want [4]grid.Money) {
			t.Helper()
			for k, now := range balances() {
				if now-before[k] != want[k] {
					t.Errorf("%s: account %d moved by %d, want %d", what, k, now-before[k], want[k])
				}
			}
		}
		second := bill
		second.BillNumber = number(2)
		expect(t, "a gap", chaincode.CodeConflict, bills.Approve(t.Context(), second))
		moved("refused", [4]grid.Money{})
		for range 2 {
			must(t, bills.Approve(t.Context(), bill))
		}
		charged := [4]grid.Money{4_321 - 9_900_000 - 1_881_000, 9_900_000, 1_881_000, -4_321}
		moved("approved twice", charged)
		other := bill
		other.Hash = strings.Repeat("cd", 32)
		expect(t, "another bill under the number", chaincode.CodeConflict, bills.Approve(t.Context(), other))
		refusesBadBills(t, bills, second)
		expect(t, "the utility approves", chaincode.CodeDenied, l.As(l.People.Utility).Bills.Approve(t.Context(), second))

		credit := chaincode.CancelledBill{Community: community, BillNumber: number(2), Of: number(1), Hash: strings.Repeat("ef", 32), Time: "2026-07-02T00:00:00Z"}
		missing := credit
		missing.Of = number(7)
		expect(t, "a credit note of no bill", chaincode.CodeMissing, bills.Cancel(t.Context(), missing))
		for range 2 {
			must(t, bills.Cancel(t.Context(), credit))
		}
		moved("cancelled", [4]grid.Money{})
		again := credit
		again.BillNumber = number(3)
		expect(t, "a second credit note", chaincode.CodeConflict, bills.Cancel(t.Context(), again))
		if found, err := bills.Get(t.Context(), bill.String()); err != nil || found.Bill.Hash != bill.Hash || found.CreditNote == nil || *found.CreditNote != number(2) {
			t.Errorf("%+v, %v", found, err)
		}
		second.BillNumber = number(3)
		must(t, bills.Approve(t.Context(), second))
	})
}

func refusesBadBills(t *testing.T, bills ledger.Bills, good chaincode.ApprovedBill) {
	t.Helper()
	for field, change := range map[string]func(*chaincode.ApprovedBill){
		"year":   func(b *chaincode.ApprovedBill) { b.Year = 26 },
		"number": func(b *chaincode.ApprovedBill) { b.Number = 0 },
		"hash":   func(b *chaincode.ApprovedBill) { b.Hash = "ab" },
		"time":   func(b *chaincode.ApprovedBill) { b.Time = "today" },
		"charges[0].reason": func(b *chaincode.ApprovedBill) {
			b.Charges = []chaincode.BillCharge{{Reason: "gift", Account: "a", Amount: 1}}
		},
		"charges[0].account": func(b *chaincode.ApprovedBill) {
			b.Charges = []chaincode.BillCharge{{Reason: "vat", Account: record.Fund, Amount: 1}}
		},
		"charges[0].amount": func(b *chaincode.ApprovedBill) { b.Charges = []chaincode.BillCharge{{Reason: "vat", Account: "a"}} },
		"charges[1]":        func(b *chaincode.ApprovedBill) { b.Charges = []chaincode.BillCharge{b.Charges[1], b.Charges[0]} },
	} {
		bad := good
		change(&bad)
		if err := bills.Approve(t.Context(), bad); !ledger.Refused(err, chaincode.CodeInvalid) || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
