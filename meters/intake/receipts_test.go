package intake_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/proof"
)

// TestAGatewayIsToldWhatBecameOfItsBatches answers with the last batch that was accepted,
// and with the outcome of each that is asked for; of what was refused it says why.
func TestAGatewayIsToldWhatBecameOfItsBatches(t *testing.T) {
	s := newStreet(t)
	asked := func(gateway string, marks ...proof.Mark) proof.Receipt {
		t.Helper()
		q, err := json.Marshal(proof.Question{Batches: marks})
		if err != nil {
			t.Fatal(err)
		}
		r, err := proof.ReadReceipt(s.Receipt(t.Context(), gateway, q), len(marks))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := asked("gw-2"); r.Last.Sequence != 0 {
		t.Errorf("before its first batch: %+v", r)
	}
	s.say(t, "gw-2", "bob", "bob/meter")
	signed, digest, err := proof.SignBatch(proof.Batch{Community: "elm", Gateway: "gw-2", Sequence: 1, Member: "bob"}, s.signers["gw-2"].Key)
	if err != nil {
		t.Fatal(err)
	}
	s.wire.messages = [][]byte{signed}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "can be taken") {
		t.Fatalf("the bus is told %v", err)
	}
	r := asked("gw-2", proof.Mark{Sequence: 1, Digest: digest}, proof.Mark{Sequence: 7, Digest: digest})
	if r.Last.Sequence != 1 || r.Last.Digest == digest || r.Verdicts[0].Outcome != proof.Refused || !strings.Contains(r.Verdicts[0].Reason, "key is used twice") || r.Verdicts[1].Outcome != proof.Refused {
		t.Errorf("told %+v", r)
	}
	if of := s.RefusedOf("gw-2"); of.Count != 1 || of.At.IsZero() || !strings.Contains(of.Reason, "used twice") {
		t.Errorf("shown %+v", of)
	}
	if s.RefusedOf("gw-1").Count != 0 {
		t.Error("another gateway is blamed")
	}
	if r := s.Receipt(t.Context(), "gw-2", []byte("{")); !strings.Contains(string(r), `"sequence":1`) {
		t.Errorf("a question that makes no sense: %s", r)
	}
}
