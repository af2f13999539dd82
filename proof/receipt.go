package proof

import (
	"encoding/json"
	"errors"
	"fmt"
)

// A gateway on another machine keeps what it sent until the hub says what became of it: it
// asks with a Question, and the answer is a Receipt. That the hub's bus has a batch says
// nothing yet.

// Mark is a batch by its number and digest.
type Mark struct {
	Sequence uint64 `json:"sequence"`
	Digest   Digest `json:"digest"`
}

// Question asks what became of batches.
type Question struct {
	Batches []Mark `json:"batches"`
}

// Outcome is what became of a batch.
type Outcome string

// The outcomes.
const (
	Accepted Outcome = "accepted" // it is evidence
	Refused  Outcome = "refused"  // it is not taken, nor will it be
	Aside    Outcome = "aside"    // the hub keeps it, and takes it once things are otherwise
	Unknown  Outcome = "unknown"  // the hub has not looked at it yet, or has forgotten that it did
)

// Verdict is what became of a batch, and why it was not accepted.
type Verdict struct {
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason,omitempty"`
}

// Receipt answers a Question.
type Receipt struct {
	Last     Mark      `json:"last"`     // the last batch of the gateway that was accepted; of number 0: none
	Verdicts []Verdict `json:"verdicts"` // of the batches that were asked for, in their order
}

// MostAsked bounds how many batches a Question asks for.
const MostAsked = 512

// mostQuestion bounds a Question's bytes.
const mostQuestion = 128 * MostAsked

// ReadQuestion reads what a gateway asks, within bounds; an empty message asks for the last
// batch alone.
func ReadQuestion(text []byte) (q Question, err error) {
	if len(text) > mostQuestion {
		return q, fmt.Errorf("question: it has %d bytes, and may have %d", len(text), mostQuestion)
	}
	if len(text) == 0 {
		return q, nil
	}
	if err := json.Unmarshal(text, &q); err != nil {
		return q, fmt.Errorf("question: %w", err)
	}
	if len(q.Batches) > MostAsked {
		return q, fmt.Errorf("question: it asks for %d batches, and may ask for %d", len(q.Batches), MostAsked)
	}
	return q, nil
}

// ReadReceipt reads what a hub answered to a question for so many batches.
func ReadReceipt(text []byte, asked int) (r Receipt, err error) {
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("receipt: %w", err)
	}
	if len(r.Verdicts) != asked {
		return r, errors.New("receipt: it does not tell of the batches that were asked for")
	}
	return r, nil
}

// ReceiptSubject is where on a bus a gateway asks what became of its batches.
func ReceiptSubject(community, gateway string) string {
	return "receipts." + community + "." + gateway
}
