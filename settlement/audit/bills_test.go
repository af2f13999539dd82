package audit

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// TestWhatBillsPostIsHeldToThem audits a bill and its credit note; whatever else is posted for
// them, or is not, is found.
func TestWhatBillsPostIsHeldToThem(t *testing.T) {
	bill := chaincode.ApprovedBill{Community: "c", BillNumber: chaincode.BillNumber{Year: 2026, Number: 1}, Charges: []chaincode.BillCharge{{Reason: "vat", Account: "a", Amount: -60}}}
	credit := chaincode.CancelledBill{Community: "c", BillNumber: chaincode.BillNumber{Year: 2026, Number: 2}, Of: bill.BillNumber}
	vat := record.Posting{ID: "c/vat/2026-000001/a", Debit: "a", Credit: record.Tax, Amount: 60, Reason: "vat"}
	back := record.Posting{ID: "c/vat/2026-000002/a", Debit: record.Tax, Credit: "a", Amount: 60, Reason: "vat"}
	write := func(kind string, v any) ledger.Write {
		key, err1 := ledger.CompositeKey(kind, "c", "n")
		value, err2 := json.Marshal(v)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		return ledger.Write{Key: key, Value: value}
	}
	more, other := vat, vat
	more.Amount, other.Debit = 61, "b"
	for name, c := range map[string]struct {
		billed, credited []record.Posting // of the two transactions
		want             string           // of the error; empty: it is right
	}{
		"as it is":           {[]record.Posting{vat}, []record.Posting{back}, ""},
		"more":               {[]record.Posting{more}, nil, "is not what its bill charges"},
		"another account":    {[]record.Posting{other}, nil, "is not what its bill charges"},
		"twice":              {[]record.Posting{vat, vat}, nil, "is not what its bill charges"},
		"nothing":            {nil, nil, "which is not posted"},
		"not given back":     {[]record.Posting{vat}, nil, "which is not posted"},
		"charged once again": {[]record.Posting{vat}, []record.Posting{vat}, "is not what its bill charges"},
	} {
		a := NewAuditor()
		err := a.charges(ledger.Transaction{ID: "1", Writes: []ledger.Write{write(chaincode.KindBill, bill)}}, [][]record.Posting{c.billed})
		if err == nil {
			err = a.charges(ledger.Transaction{ID: "2", Writes: []ledger.Write{write(chaincode.KindCreditNote, credit)}}, [][]record.Posting{c.credited})
		}
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	a := NewAuditor()
	if err := a.charges(ledger.Transaction{ID: "3"}, [][]record.Posting{{vat}}); err == nil {
		t.Error("VAT without a bill is not found")
	}
	if err := a.charges(ledger.Transaction{ID: "4", Writes: []ledger.Write{write(chaincode.KindCreditNote, credit)}}, nil); err == nil {
		t.Error("a credit note of no bill is not found")
	}
}

// TestBundledBills holds the postings of a bundle against its bills, when nobody sealed what
// the bill says.
func TestBundledBills(t *testing.T) {
	line := func(kind string, v any) []byte {
		value, err1 := json.Marshal(v)
		text, err2 := json.Marshal(ledger.Record{Kind: kind, At: []string{"c", "n"}, Value: value})
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		return text
	}
	bill := chaincode.ApprovedBill{Community: "c", BillNumber: chaincode.BillNumber{Year: 2026, Number: 1}, Charges: []chaincode.BillCharge{{Reason: "vat", Account: "a", Amount: -60}}}
	credit := chaincode.CancelledBill{Community: "c", BillNumber: chaincode.BillNumber{Year: 2026, Number: 2}, Of: bill.BillNumber}
	vat := record.Posting{ID: "c/vat/2026-000001/a", Debit: "a", Credit: record.Tax, Amount: 60, Reason: "vat", Reference: "2026-000001/a"}
	back := record.Posting{ID: "c/vat/2026-000002/a", Debit: record.Tax, Credit: "a", Amount: 60, Reason: "vat", Reference: "2026-000002/a"}
	deposit := record.Posting{ID: "c/deposit/1", Debit: record.Bank, Credit: "a", Amount: 60, Reason: "deposit", Reference: "1"}
	more, other := vat, vat
	more.Amount, other.Debit = 61, "b"
	both := [][]byte{line(chaincode.KindBill, bill), line(chaincode.KindCreditNote, credit)}
	for name, c := range map[string]struct {
		records [][]byte
		posted  []record.Posting
		want    string
	}{
		"as it is":               {both, []record.Posting{deposit, back, vat}, ""},
		"more":                   {both, []record.Posting{more, back}, "is not what its bill charges"},
		"another account":        {both, []record.Posting{other, back}, "is not what its bill charges"},
		"twice":                  {both, []record.Posting{vat, vat, back}, "is not what its bill charges"},
		"nothing":                {both, []record.Posting{back}, "bill 2026-000001/a charges -60 for vat, which is not posted"},
		"not given back":         {both, []record.Posting{vat}, "bill 2026-000002/a charges 60 for vat, which is not posted"},
		"without a bill":         {nil, []record.Posting{vat}, "is not what its bill charges"},
		"credit note of no bill": {both[1:], []record.Posting{back}, "which is not approved"},
	} {
		err := bundledBills(c.records, c.posted)
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
