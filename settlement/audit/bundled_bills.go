package audit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// reasonsOfBills are what bills and credit notes post.
func reasonsOfBills() []string {
	return []string{chaincode.ReasonStanding, chaincode.ReasonVAT, chaincode.ReasonRounding}
}

// billPosting is what a bill or credit note posts to an account for a reason.
type billPosting struct{ reason, reference string }

// bundledBills holds what a bundle of the whole log has for standing charges, VAT and rounding
// against the bills and credit notes among its records: all that they charge, and nothing else.
func bundledBills(records [][]byte, outside []record.Posting) error {
	want := map[billPosting]chaincode.BillCharge{}
	charge := func(n chaincode.BillNumber, c chaincode.BillCharge) {
		want[billPosting{c.Reason, chaincode.BillReference(n, c.Account)}] = c
	}
	bills := map[chaincode.BillNumber][]chaincode.BillCharge{}
	for n, text := range records {
		var r ledger.Record
		if err := json.Unmarshal(text, &r); err != nil {
			return fmt.Errorf("record %d: %w", n, err)
		}
		switch r.Kind {
		case chaincode.KindBill:
			var b chaincode.ApprovedBill
			if err := json.Unmarshal(r.Value, &b); err != nil {
				return fmt.Errorf("record %d: bill: %w", n, err)
			}
			bills[b.BillNumber] = b.Charges
			for _, c := range b.Charges {
				charge(b.BillNumber, c)
			}
		case chaincode.KindCreditNote:
			var credit chaincode.CancelledBill
			if err := json.Unmarshal(r.Value, &credit); err != nil {
				return fmt.Errorf("record %d: credit note: %w", n, err)
			}
			charges, known := bills[credit.Of]
			if !known {
				return &TamperedError{What: fmt.Sprintf("credit note %s cancels bill %s, which is not approved", credit.BillNumber, credit.Of)}
			}
			for _, c := range charges {
				c.Amount = -c.Amount
				charge(credit.BillNumber, c)
			}
		}
	}
	for _, p := range outside {
		if !slices.Contains(reasonsOfBills(), p.Reason) {
			continue
		}
		at := billPosting{p.Reason, p.Reference}
		if c, known := want[at]; !known || c != chargeOf(p) {
			return &TamperedError{What: "is not what its bill charges", Postings: []string{p.ID}}
		}
		delete(want, at)
	}
	if len(want) == 0 {
		return nil
	}
	missing := slices.MinFunc(slices.Collect(maps.Keys(want)), func(a, b billPosting) int {
		return cmp.Or(cmp.Compare(a.reference, b.reference), cmp.Compare(a.reason, b.reason))
	})
	return &TamperedError{What: fmt.Sprintf("bill %s charges %d for %s, which is not posted", missing.reference, want[missing].Amount, missing.reason)}
}
