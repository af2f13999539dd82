package ledger

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/commonwatt/commonwatt/chaincode"
)

// Record is a value of the ledger's state that the checkpoints commit to beside
// the postings. Of a key the last one counts.
type Record struct {
	Kind  string          `json:"kind"`
	At    []string        `json:"at"`
	Value json.RawMessage `json:"value"` // null: it was deleted
}

// IsRecord tells whether values of a kind are records: what a stranger needs to
// judge postings and rewards.
func IsRecord(kind string) bool {
	return slices.Contains([]string{
		chaincode.KindManifest, chaincode.KindClosing, chaincode.KindMeteringPoint, chaincode.KindDevice, chaincode.KindGateway,
		chaincode.KindProgramme, chaincode.KindEpoch, chaincode.KindGuarantee, chaincode.KindOfficialFile, chaincode.KindBill, chaincode.KindCreditNote,
	}, kind)
}

// RecordOf returns the canonical form of a write.
func RecordOf(w Write) ([]byte, error) {
	r := Record{Value: w.Value}
	r.Kind, r.At = SplitKey(w.Key)
	if w.Deleted {
		r.Value = nil
	}
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("record %s %v: %w", r.Kind, r.At, err)
	}
	return b, nil
}
