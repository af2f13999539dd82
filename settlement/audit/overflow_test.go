package audit_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// TestNoSumOfAnAuditWraps gives the auditor a transaction whose postings give an account twice
// as much as an account can have. Both would wrap alike with the balance that it claims.
func TestNoSumOfAnAuditWraps(t *testing.T) {
	batch := record.Batch{Community: "c", Interval: "2026-06-01T12:00:00Z/15", Run: 1, Postings: []record.Posting{
		{ID: "p1", Debit: "a", Credit: "b", Amount: math.MaxInt64}, {ID: "p2", Debit: "a", Credit: "b", Amount: math.MaxInt64},
	}}
	value, err := json.Marshal(batch)
	must(t, err)
	b := ledger.Block{Transactions: []ledger.Transaction{{ID: "t", Writes: []ledger.Write{{Key: strings.Join([]string{"", chaincode.KindPostings, "c", batch.Interval, "1", "0", ""}, "\x00"), Value: value}}}}}
	p, err := audit.Prepare(b)
	must(t, err)
	if err := audit.NewAuditor().Audit(p); err == nil || !strings.Contains(err.Error(), "overflow") {
		t.Errorf("%v, want an overflow", err)
	}
}
