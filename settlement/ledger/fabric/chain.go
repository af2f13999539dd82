package fabric

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/hash"
	fabid "github.com/hyperledger/fabric-gateway/pkg/identity"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
)

// Chain is a channel of a Fabric network. It is safe for concurrent use.
type Chain struct {
	// Patience is how long a call is tried while the network does not answer as it
	// should.
	Patience time.Duration

	profile  Profile
	reader   *identity.Identity // as whom blocks are read
	outbox   *outbox
	log      *slog.Logger
	conns    []*grpc.ClientConn
	at       atomic.Int32 // the connection in use
	doubt    atomic.Bool  // the peer in use may be behind what was committed
	seen     atomic.Int64 // height that has all commits that were seen
	flight   chan struct{}
	mu       sync.Mutex
	gateways map[string]*client.Gateway // by connection and identity

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
	answerWithin    = 2 * time.Second // of a peer that is asked for its height
	behindFor       = 8 * time.Second // that a peer may be, before it is left behind
	recoverFor      = 20 * time.Second
	commitWithin    = 6 * time.Second // then the peer is asked, and the transaction submitted again
)

// Open connects to a channel. What outboxPath holds of an earlier process is
// brought to its end first. reader is as whom blocks are read.
func Open(ctx context.Context, p Profile, reader *identity.Identity, outboxPath string, log *slog.Logger) (*Chain, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("fabric profile: %w", err)
	}
	c := &Chain{Patience: defaultPatience, profile: p, reader: reader, log: log, flight: make(chan struct{}, inFlight), gateways: map[string]*client.Gateway{}}
	var err error
	if c.outbox, err = openOutbox(ctx, outboxPath); err != nil {
		return nil, err
	}
	for _, one := range p.Peers {
		conn, err := Dial(one)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c.conns = append(c.conns, conn)
	}
	if err := c.recover(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("bring earlier transactions to their end: %w", err), c.Close())
	}
	return c, nil
}

// Kind names the driver.
func (*Chain) Kind() string { return "fabric" }

// Close ends the connections.
func (c *Chain) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var problems []error
	for _, g := range c.gateways {
		problems = append(problems, g.Close())
	}
	for _, conn := range c.conns {
		problems = append(problems, conn.Close())
	}
	return errors.Join(append(problems, c.outbox.db.Close())...)
}

// gateway returns the gateway of an identity at the peer in use.
func (c *Chain) gateway(who *identity.Identity) (*client.Gateway, error) {
	return c.gatewayAt(int(c.at.Load()), who)
}

func (c *Chain) gatewayAt(at int, who *identity.Identity) (*client.Gateway, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := strconv.Itoa(at) + string(who.Certificate)
	if g, found := c.gateways[key]; found {
		return g, nil
	}
	certificate, err := identity.Parse(who.Certificate)
	if err != nil {
		return nil, err
	}
	id, err := fabid.NewX509Identity(who.MSP, certificate)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	sign, err := fabid.NewPrivateKeySign(who.Key)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	g, err := client.Connect(id, client.WithSign(sign), client.WithHash(hash.SHA256), client.WithClientConnection(c.conns[at]))
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	c.gateways[key] = g
	return g, nil
}

// another takes the next peer, if the one in use is still the one that failed.
func (c *Chain) another(failed int32) {
	c.doubt.Store(true)
	c.at.CompareAndSwap(failed, (failed+1)%int32(len(c.conns)))
}

// sees notes the height at which a commit was seen.
func (c *Chain) sees(height int64) {
	for {
		now := c.seen.Load()
		if height <= now || c.seen.CompareAndSwap(now, height) {
			return
		}
	}
}

// catchUp waits until every peer that answers has what was committed, for a while: a
// peer that was started again is behind for a moment, and would refuse what builds
// on it. One that stays behind does not hold everything up.
func (c *Chain) catchUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, behindFor)
	defer cancel()
	for attempt := 0; ; attempt++ {
		behind := false
		for at := range c.conns {
			height, err := c.heightAt(ctx, at)
			behind = behind || err == nil && height < c.seen.Load()
		}
		if !behind {
			c.doubt.Store(false)
			return
		}
		if wait(ctx, attempt) != nil {
			return
		}
	}
}

func (c *Chain) heightAt(ctx context.Context, at int) (int64, error) {
	g, err := c.gatewayAt(at, c.reader)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	b, err := g.GetNetwork(c.profile.Channel).GetContract("qscc").EvaluateWithContext(ctx, "GetChainInfo", client.WithArguments(c.profile.Channel))
	if err != nil {
		return 0, err
	}
	info := &common.BlockchainInfo{}
	err = unmarshal(b, info)
	return int64(info.GetHeight()), err
}

// Submit submits the calls side by side and returns when all are committed.
func (c *Chain) Submit(ctx context.Context, calls ...ledger.Call) error {
	problems := make([]error, len(calls))
	var working sync.WaitGroup
	for k, call := range calls {
		c.flight <- struct{}{}
		working.Go(func() {
			defer func() { <-c.flight }()
			problems[k] = c.submit(ctx, call)
		})
	}
	working.Wait()
	return errors.Join(problems...)
}

// submit makes transactions of a call until one is committed, or the contract
// refuses it.
func (c *Chain) submit(ctx context.Context, call ledger.Call) error {
	ctx, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	sure := false // that a refusal is not one of a peer that is behind
	for attempt := 0; ; attempt++ {
		at := c.at.Load()
		code, err := c.once(ctx, call)
		var refused *ledger.ContractError
		switch {
		case err == nil && code == peer.TxValidationCode_VALID:
			return nil
		case errors.As(err, &refused) && sure:
			return refused
		case errors.As(err, &refused):
			c.catchUp(ctx)
			sure = true
			continue
		case err != nil:
			c.another(at)
			sure = false
		case code == peer.TxValidationCode_MVCC_READ_CONFLICT || code == peer.TxValidationCode_PHANTOM_READ_CONFLICT:
			c.Conflicts.Add(1)
		default: // an organisation changed its mind, as when a peer had not caught up
			err = fmt.Errorf("%s: the network refused it: %s", call.Function, code)
		}
		if err != nil {
			c.log.DebugContext(ctx, "trying again", slog.String("function", call.Function), slog.String("error", err.Error()))
		}
		if wait(ctx, attempt) != nil {
			if err == nil {
				err = fmt.Errorf("%s: the network refused it: %s", call.Function, code)
			}
			return fmt.Errorf("%s: gave up after %s: %w", call.Function, c.Patience, err)
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
func (c *Chain) once(ctx context.Context, call ledger.Call) (peer.TxValidationCode, error) {
	tx, err := c.endorse(ctx, call)
	if err != nil {
		return 0, err
	}
	if writes, err := writesAnything(tx, c.profile.Chaincode); err != nil || !writes {
		return peer.TxValidationCode_VALID, err
	}
	signed, err := tx.Bytes() // also signs it
	if err != nil {
		return 0, &Error{StageEndorse, tx.TransactionID(), err}
	}
	if err := c.outbox.keep(ctx, tx.TransactionID(), signed); err != nil {
		return 0, err
	}
	code, err := c.deliver(ctx, call.As, tx.TransactionID(), signed)
	if err != nil {
		return 0, err // it stays in the outbox
	}
	return code, c.outbox.drop(ctx, tx.TransactionID())
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

func (c *Chain) contract(who *identity.Identity) (*client.Contract, error) {
	g, err := c.gateway(who)
	if err != nil {
		return nil, err
	}
	return g.GetNetwork(c.profile.Channel).GetContract(c.profile.Chaincode), nil
}

func (c *Chain) endorse(ctx context.Context, call ledger.Call) (*client.Transaction, error) {
	contract, err := c.contract(call.As)
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

// deliver submits a signed transaction until the network says what became of
// it: the same bytes each time.
func (c *Chain) deliver(ctx context.Context, who *identity.Identity, id string, signed []byte) (peer.TxValidationCode, error) {
	for attempt := 0; ; attempt++ {
		at := c.at.Load()
		code, err := c.attempt(ctx, who, signed)
		if err == nil {
			return code, nil
		}
		if code, found, _ := c.lookUp(ctx, id); found {
			if height, err := c.heightAt(ctx, int(c.at.Load())); err == nil {
				c.sees(height)
			}
			return code, nil
		}
		c.Resubmitted.Add(1)
		c.log.DebugContext(ctx, "submitting again", slog.String("transaction", id), slog.String("error", err.Error()))
		c.another(at)
		if wait(ctx, attempt) != nil {
			return 0, err
		}
	}
}

// attempt submits and waits a while for the commit.
func (c *Chain) attempt(ctx context.Context, who *identity.Identity, signed []byte) (peer.TxValidationCode, error) {
	g, err := c.gateway(who)
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
	c.sees(int64(result.BlockNumber) + 1)
	return result.Code, nil
}

// lookUp asks the peer for a transaction by its id.
func (c *Chain) lookUp(ctx context.Context, id string) (code peer.TxValidationCode, found bool, err error) {
	b, err := c.system(ctx, "GetTransactionByID", c.profile.Channel, id)
	if err != nil {
		return 0, false, err
	}
	t := &peer.ProcessedTransaction{}
	if err := unmarshal(b, t); err != nil {
		return 0, false, err
	}
	return peer.TxValidationCode(t.GetValidationCode()), true, nil
}

// system asks Fabric's own query contract.
func (c *Chain) system(ctx context.Context, function string, args ...string) ([]byte, error) {
	g, err := c.gateway(c.reader)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, submitWithin)
	defer cancel()
	return g.GetNetwork(c.profile.Channel).GetContract("qscc").EvaluateWithContext(ctx, function, client.WithArguments(args...))
}

// recover brings what an earlier process had signed to its end.
func (c *Chain) recover(ctx context.Context) error {
	left, err := c.outbox.left(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, recoverFor)
	defer cancel()
	for _, k := range left {
		if _, found, _ := c.lookUp(ctx, k.id); !found {
			// What cannot be brought to its end now is kept: whoever called will call
			// again, and no call is made twice.
			if _, err := c.deliver(ctx, c.reader, k.id, k.signed); err != nil {
				c.log.WarnContext(ctx, "an earlier transaction waits", slog.String("transaction", k.id), slog.String("error", err.Error()))
				continue
			}
		}
		if err := c.outbox.drop(ctx, k.id); err != nil {
			return err
		}
	}
	return nil
}

// Evaluate asks one peer and commits nothing.
func (c *Chain) Evaluate(ctx context.Context, call ledger.Call) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	for attempt := 0; ; attempt++ {
		if c.doubt.Load() {
			c.catchUp(ctx)
		}
		at := c.at.Load()
		contract, err := c.contract(call.As)
		if err != nil {
			return "", err
		}
		result, err := contract.EvaluateWithContext(ctx, call.Function, client.WithArguments(call.Args...), client.WithTransient(call.Transient))
		if err == nil {
			return string(result), nil
		}
		err = refusal(call.Function, err)
		var refused *ledger.ContractError
		if errors.As(err, &refused) || !passing(err) {
			return "", err
		}
		c.another(at)
		if wait(ctx, attempt) != nil {
			return "", fmt.Errorf("%s: gave up after %s: %w", call.Function, c.Patience, err)
		}
	}
}

// passing tells whether an error may pass by itself.
func passing(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Aborted, codes.FailedPrecondition, codes.ResourceExhausted, codes.Unknown:
		return true
	default:
		return false
	}
}

// Head returns the height and the hash of the last block.
func (c *Chain) Head(ctx context.Context) (height int64, hash []byte, err error) {
	for attempt := 0; ; attempt++ {
		at := c.at.Load()
		var b []byte
		if b, err = c.system(ctx, "GetChainInfo", c.profile.Channel); err == nil {
			info := &common.BlockchainInfo{}
			err = unmarshal(b, info)
			return int64(info.GetHeight()), info.GetCurrentBlockHash(), err
		}
		c.another(at)
		if attempt >= len(c.conns) {
			return 0, nil, fmt.Errorf("head of the chain: %w", err)
		}
	}
}

// Blocks shows the blocks from a number to the last that there is now.
func (c *Chain) Blocks(ctx context.Context, from int64, see func(ledger.Block) error) error {
	if c.doubt.Load() {
		c.catchUp(ctx)
	}
	return c.raw(ctx, from, func(b *common.Block) error {
		block, err := blockOf(b, c.profile.Chaincode)
		if err != nil {
			return err
		}
		return see(block)
	})
}

// Raw returns all blocks as the peer has them.
func (c *Chain) Raw(ctx context.Context) (all []*common.Block, err error) {
	err = c.raw(ctx, 0, func(b *common.Block) error {
		all = append(all, b)
		return nil
	})
	return all, err
}

// raw shows blocks as the peer has them.
func (c *Chain) raw(ctx context.Context, from int64, see func(*common.Block) error) error {
	height, _, err := c.Head(ctx)
	if err != nil || from >= height {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, err := c.gateway(c.reader)
	if err != nil {
		return err
	}
	blocks, err := g.GetNetwork(c.profile.Channel).BlockEvents(ctx, client.WithStartBlock(uint64(from)))
	if err != nil {
		return fmt.Errorf("read blocks: %w", err)
	}
	for b := range blocks {
		if err := see(b); err != nil {
			return err
		}
		if from = int64(b.GetHeader().GetNumber()) + 1; from >= height {
			return nil
		}
	}
	return fmt.Errorf("read blocks: the stream ended at %d of %d: %w", from, height, cmp.Or(ctx.Err(), io.ErrUnexpectedEOF))
}

// HeightAt asks one peer how many blocks it has.
func HeightAt(ctx context.Context, p Peer, channel string, who *identity.Identity) (height int64, err error) {
	conn, err := Dial(p)
	if err != nil {
		return 0, err
	}
	c := &Chain{profile: Profile{Channel: channel}, reader: who, conns: []*grpc.ClientConn{conn}, gateways: map[string]*client.Gateway{}}
	defer func() { err = errors.Join(err, conn.Close()) }()
	b, err := c.system(ctx, "GetChainInfo", channel)
	if err != nil {
		return 0, err
	}
	info := &common.BlockchainInfo{}
	err = unmarshal(b, info)
	return int64(info.GetHeight()), err
}
