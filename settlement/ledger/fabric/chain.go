package fabric

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
)

// Chain is a channel of a Fabric network. It is safe for concurrent use.
type Chain struct {
	submitter
	blockReader

	peers *gateways
}

// Open connects to a channel. What outboxPath holds of an earlier process is
// brought to its end first. reader is as whom blocks are read.
func Open(ctx context.Context, p Profile, reader *identity.Identity, outboxPath string, log *slog.Logger) (*Chain, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("fabric profile: %w", err)
	}
	peers := newGateways(p, reader)
	c := &Chain{
		submitter:   submitter{Patience: defaultPatience, peers: peers, log: log, flight: make(chan struct{}, inFlight)},
		blockReader: blockReader{peers}, peers: peers,
	}
	var err error
	if c.outbox, err = openOutbox(ctx, outboxPath); err != nil {
		return nil, err
	}
	if err := peers.dial(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if err := c.recover(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("bring earlier transactions to their end: %w", err), c.Close())
	}
	return c, nil
}

// Kind names the driver.
func (*Chain) Kind() string { return "fabric" }

// Close ends the connections.
func (c *Chain) Close() error { return errors.Join(c.peers.close(), c.outbox.db.Close()) }

// Evaluate asks one peer and commits nothing.
func (c *Chain) Evaluate(ctx context.Context, call ledger.Call) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	for attempt := 0; ; attempt++ {
		if c.peers.doubt.Load() {
			c.peers.catchUp(ctx)
		}
		at := c.peers.at.Load()
		contract, err := c.peers.contract(call.As)
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
		c.peers.another(at)
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
