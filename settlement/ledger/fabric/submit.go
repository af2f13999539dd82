package fabric

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/status"

	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
)

// submitter brings calls onto the chain, each once. It is safe for concurrent use.
type submitter struct {
	// Patience is how long a call is tried while the network does not answer as it
	// should.
	Patience time.Duration

	peers  *gateways
	outbox *outbox
	log    *slog.Logger
	flight chan struct{} // as many as are in flight

	// Conflicts counts transactions that the network refused because another had
	// written what they read; they were made anew.
	Conflicts atomic.Int64
	// Resubmitted counts transactions of which nothing was heard, and whose bytes
	// were submitted again.
	Resubmitted atomic.Int64
}

// An Error says at which stage a call failed.
type Error struct {
	Stage string // endorse, submit or commit
	TxID  string // empty before there is one
	Err   error
}

func (e *Error) Error() string {
	if e.TxID == "" {
		return fmt.Sprintf("%s: %v", e.Stage, e.Err)
	}
	return fmt.Sprintf("%s of transaction %s: %v", e.Stage, e.TxID, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Stages of a call.
const (
	StageEndorse = "endorse"
	StageSubmit  = "submit"
	StageCommit  = "commit"
)

const (
	inFlight        = 64
	defaultPatience = 2 * time.Minute
	endorseWithin   = 30 * time.Second
	submitWithin    = 10 * time.Second
	recoverFor      = 20 * time.Second
	commitWithin    = 6 * time.Second // then the peer is asked, and the transaction submitted again
)

// Submit submits the calls side by side and returns when all are committed.
func (s *submitter) Submit(ctx context.Context, calls ...ledger.Call) error {
	problems := make([]error, len(calls))
	var working sync.WaitGroup
	for k, call := range calls {
		s.flight <- struct{}{}
		working.Go(func() {
			defer func() { <-s.flight }()
			problems[k] = s.submit(ctx, call)
		})
	}
	working.Wait()
	return errors.Join(problems...)
}

// submit makes transactions of a call until one is committed, or the contract
// refuses it.
func (s *submitter) submit(ctx context.Context, call ledger.Call) error {
	ctx, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	sure := false // that a refusal is not one of a peer that is behind
	for attempt := 0; ; attempt++ {
		at := s.peers.at.Load()
		code, err := s.once(ctx, call)
		var refused *ledger.ContractError
		switch {
		case err == nil && code == peer.TxValidationCode_VALID:
			return nil
		case errors.As(err, &refused) && sure:
			return refused
		case errors.As(err, &refused):
			s.peers.catchUp(ctx)
			sure = true
			continue
		case err != nil:
			s.peers.another(at)
			sure = false
		case code == peer.TxValidationCode_MVCC_READ_CONFLICT || code == peer.TxValidationCode_PHANTOM_READ_CONFLICT:
			s.Conflicts.Add(1)
		default: // an organisation changed its mind, as when a peer had not caught up
			err = fmt.Errorf("%s: the network refused it: %s", call.Function, code)
		}
		if err != nil {
			s.log.DebugContext(ctx, "trying again", slog.String("function", call.Function), slog.String("error", err.Error()))
		}
		if wait(ctx, attempt) != nil {
			if err == nil {
				err = fmt.Errorf("%s: the network refused it: %s", call.Function, code)
			}
			return fmt.Errorf("%s: gave up after %s: %w", call.Function, s.Patience, err)
		}
	}
}

// wait backs off, from a tenth of a second to two.
func wait(ctx context.Context, attempt int) error {
	const longest = 2 * time.Second
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(min(longest, 100*time.Millisecond<<min(attempt, 5))): //nolint:mnd // 3.2 s is beyond the longest
		return nil
	}
}

// once endorses a call, keeps the signed transaction, and brings it to its end.
// A call that would write nothing is not submitted.
func (s *submitter) once(ctx context.Context, call ledger.Call) (peer.TxValidationCode, error) {
	tx, err := s.endorse(ctx, call)
	if err != nil {
		return 0, err
	}
	if writes, err := writesAnything(tx, s.peers.profile.Chaincode); err != nil || !writes {
		return peer.TxValidationCode_VALID, err
	}
	signed, err := tx.Bytes() // also signs it
	if err != nil {
		return 0, &Error{StageEndorse, tx.TransactionID(), err}
	}
	if err := s.outbox.keep(ctx, tx.TransactionID(), signed); err != nil {
		return 0, err
	}
	code, err := s.deliver(ctx, call.As, tx.TransactionID(), signed)
	if err != nil {
		return 0, err // it stays in the outbox
	}
	return code, s.outbox.drop(ctx, tx.TransactionID())
}

func writesAnything(tx *client.Transaction, chaincode string) (bool, error) {
	b, err := tx.Bytes()
	if err != nil {
		return false, &Error{StageEndorse, tx.TransactionID(), err}
	}
	prepared := &gateway.PreparedTransaction{}
	if err := unmarshal(b, prepared); err != nil {
		return false, err
	}
	t, err := open(prepared.GetEnvelope())
	if err != nil {
		return false, err
	}
	_, some, err := t.writes(chaincode)
	return some, err
}

// endorse has the organisations endorse a call.
func (s *submitter) endorse(ctx context.Context, call ledger.Call) (*client.Transaction, error) {
	contract, err := s.peers.contract(call.As)
	if err != nil {
		return nil, err
	}
	proposal, err := contract.NewProposal(call.Function, client.WithArguments(call.Args...), client.WithTransient(call.Transient))
	if err != nil {
		return nil, &Error{StageEndorse, "", err}
	}
	ctx, cancel := context.WithTimeout(ctx, endorseWithin)
	defer cancel()
	tx, err := proposal.EndorseWithContext(ctx)
	if err != nil {
		return nil, refusal(call.Function, &Error{StageEndorse, proposal.TransactionID(), err})
	}
	return tx, nil
}

// deliver submits a signed transaction until the network says what became of
// it: the same bytes each time.
func (s *submitter) deliver(ctx context.Context, who *identity.Identity, id string, signed []byte) (peer.TxValidationCode, error) {
	for attempt := 0; ; attempt++ {
		at := s.peers.at.Load()
		code, err := s.attempt(ctx, who, signed)
		if err == nil {
			return code, nil
		}
		if code, found, _ := s.peers.lookUp(ctx, id); found {
			if height, err := s.peers.heightAt(ctx, int(s.peers.at.Load())); err == nil {
				s.peers.sees(height)
			}
			return code, nil
		}
		s.Resubmitted.Add(1)
		s.log.DebugContext(ctx, "submitting again", slog.String("transaction", id), slog.String("error", err.Error()))
		s.peers.another(at)
		if wait(ctx, attempt) != nil {
			return 0, err
		}
	}
}

// attempt submits and waits a while for the commit.
func (s *submitter) attempt(ctx context.Context, who *identity.Identity, signed []byte) (peer.TxValidationCode, error) {
	g, err := s.peers.of(who)
	if err != nil {
		return 0, err
	}
	tx, err := g.NewTransaction(signed)
	if err != nil {
		return 0, &Error{StageSubmit, "", err}
	}
	submitting, cancel := context.WithTimeout(ctx, submitWithin)
	defer cancel()
	commit, err := tx.SubmitWithContext(submitting)
	if err != nil {
		return 0, &Error{StageSubmit, tx.TransactionID(), err}
	}
	committing, cancel := context.WithTimeout(ctx, commitWithin)
	defer cancel()
	result, err := commit.StatusWithContext(committing)
	if err != nil {
		return 0, &Error{StageCommit, tx.TransactionID(), err}
	}
	s.peers.sees(int64(result.BlockNumber) + 1)
	return result.Code, nil
}

// recover brings what an earlier process had signed to its end.
func (s *submitter) recover(ctx context.Context) error {
	left, err := s.outbox.left(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, recoverFor)
	defer cancel()
	for _, k := range left {
		if _, found, _ := s.peers.lookUp(ctx, k.id); !found {
			// What cannot be brought to its end now is kept: whoever called will call
			// again, and no call is made twice.
			if _, err := s.deliver(ctx, s.peers.reader, k.id, k.signed); err != nil {
				s.log.WarnContext(ctx, "an earlier transaction waits", slog.String("transaction", k.id), slog.String("error", err.Error()))
				continue
			}
		}
		if err := s.outbox.drop(ctx, k.id); err != nil {
			return err
		}
	}
	return nil
}

// contractSays begins what a peer reports of a contract's refusal.
const contractSays = "chaincode response 500, "

// refusal finds a contract's refusal in an error of the network; others are
// given back.
func refusal(function string, err error) error {
	var messages []string
	for e := err; e != nil; e = errors.Unwrap(e) {
		s, ok := status.FromError(e)
		if !ok {
			continue
		}
		messages = append(messages, s.Message())
		for _, d := range s.Details() {
			if detail, ok := d.(*gateway.ErrorDetail); ok {
				messages = append(messages, detail.GetMessage())
			}
		}
	}
	for _, m := range messages {
		if _, said, found := strings.Cut(m, contractSays); found {
			return ledger.Refusal(function, said)
		}
	}
	return err
}
