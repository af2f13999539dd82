package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/proof"
)

const (
	// askAtStart is for how long a gateway that starts waits for what the hub has of it.
	askAtStart = 2 * time.Second
	askAgain   = 100 * time.Millisecond
	// sayAgain is after how long the same refusal is told once more.
	sayAgain = time.Minute
)

// receipts are what the hub says of the batches that this gateway sent.
type receipts struct {
	log     *slog.Logger
	subject string
	ask     func(ctx context.Context, subject string, question []byte) ([]byte, error)

	mu      sync.Mutex // guards what follows
	heard   bool       // the hub has said what it has of this gateway
	outcome proof.Outcome
	reason  string // of the last refusal that was told
	told    time.Time
	untold  int
}

// question asks what became of batches, none of which may be left out by the answer.
func (r *receipts) question(ctx context.Context, marks []proof.Mark) (proof.Receipt, error) {
	q, err := json.Marshal(proof.Question{Batches: marks})
	if err != nil {
		return proof.Receipt{}, err
	}
	answer, err := r.ask(ctx, r.subject, q)
	if err != nil {
		return proof.Receipt{}, fmt.Errorf("the hub does not say what it accepted: is its program older than this one? %w", err)
	}
	receipt, err := proof.ReadReceipt(answer, len(marks))
	if err != nil {
		return receipt, fmt.Errorf("the hub does not say what it accepted: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = true
	return receipt, nil
}

// known tells whether the hub has said what it has of this gateway.
func (r *receipts) known() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard
}

// tell says what the hub did not accept: a new reason at once, the same one now and then.
func (r *receipts) tell(m proof.Mark, v proof.Verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v.Outcome == r.outcome && v.Reason == r.reason && time.Since(r.told) < sayAgain {
		r.untold++
		return
	}
	what := "the hub refuses readings: they do not count"
	if v.Outcome == proof.Aside {
		what = "the hub sets readings aside: they do not count as things are"
	}
	r.log.Error(what, slog.Uint64("batch", m.Sequence), slog.String("reason", v.Reason), slog.Int("more_before", r.untold))
	r.outcome, r.reason, r.told, r.untold = v.Outcome, v.Reason, time.Now(), 0
}

// decided tells of how many of the first of some batches the hub has decided, and says what
// it did not accept.
func (n *gateway) decided(ctx context.Context, waiting [][]byte) (int, error) {
	waiting = waiting[:min(len(waiting), proof.MostAsked)]
	marks := make([]proof.Mark, len(waiting))
	for k, signed := range waiting {
		b, digest, err := proof.ReadBatch(signed)
		if err != nil {
			return k, fmt.Errorf("a batch that waits for the hub: %w", err)
		}
		marks[k] = proof.Mark{Sequence: b.Sequence, Digest: digest}
	}
	receipt, err := n.receipts.question(ctx, marks)
	if err != nil {
		return 0, err
	}
	n.follow(receipt.Last)
	for k, v := range receipt.Verdicts {
		switch v.Outcome {
		case proof.Accepted:
		case proof.Refused, proof.Aside:
			n.receipts.tell(marks[k], v)
		default:
			return k, nil
		}
	}
	return len(marks), nil
}

// follow goes on after the last batch that the hub accepted of this gateway, if that is not
// one that this machine signed.
func (n *gateway) follow(last proof.Mark) {
	if n.signer.Follow(last) {
		n.Log.Error("the hub has batches of this gateway that this machine does not know: its store was lost or is an old copy, or another machine signs with the same key; it goes on after them",
			slog.Uint64("batch", last.Sequence))
	}
}

// errUnknown keeps readings from being signed.
var errUnknown = errors.New("the store of this gateway was lost, and the hub has not said yet which batch it has last: readings wait until it does")

// settle finds out what the hub has of this gateway. A gateway that has read before and has
// lost its store signs nothing until the hub has said that; any other one goes on without.
func (n *gateway) settle(ctx context.Context, lost bool) {
	n.mustAsk = lost
	asking, cancel := context.WithTimeout(ctx, askAtStart)
	defer cancel()
	for asking.Err() == nil && !n.asked(asking) {
		select {
		case <-asking.Done():
		case <-time.After(askAgain):
		}
	}
	if lost && !n.receipts.known() {
		n.Log.ErrorContext(ctx, errUnknown.Error())
	}
}

// asked asks the hub what it has of this gateway, and tells whether it said so.
func (n *gateway) asked(ctx context.Context) bool {
	receipt, err := n.receipts.question(ctx, nil)
	if err != nil {
		return false
	}
	n.follow(receipt.Last)
	return true
}
