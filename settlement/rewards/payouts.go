package rewards

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// payouts say how batteries stand, and what they were paid. They are safe for concurrent
// use.
type payouts struct {
	*participants

	as ledger.Contracts // as the operator calls them

	mu   sync.Mutex // guards paid; no other lock is taken under it
	paid chaincode.EpochClosing
}

// Standing returns how a battery stands.
func (p *payouts) Standing(ctx context.Context, b Battery) (s chaincode.Standing, err error) {
	name, err := p.pseudonym(b)
	if err != nil {
		return s, err
	}
	return p.as.Rewards.GetStanding(ctx, name)
}

// Epoch returns a closed epoch, with the batteries by their own names.
func (p *payouts) Epoch(ctx context.Context, day string) (c chaincode.EpochClosing, err error) {
	if c, err = p.as.Rewards.GetEpoch(ctx, day); err != nil {
		return c, fmt.Errorf("epoch %s: %w", day, err)
	}
	for k, reward := range c.Rewards {
		c.Rewards[k].Battery = cmp.Or(p.device(reward.Battery), reward.Battery)
	}
	return c, nil
}

// Paid returns the tokens that a battery got for the last epoch that was closed; ok
// is false while there is none, or it was not in it.
func (p *payouts) Paid(device string) (tokens int64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.IndexFunc(p.paid.Rewards, func(reward chaincode.Reward) bool { return reward.Battery == device })
	if at < 0 {
		return 0, false
	}
	return p.paid.Rewards[at].Tokens, true
}

// remember keeps the last epoch that was closed.
func (p *payouts) remember(ctx context.Context, day string) error {
	c, err := p.Epoch(ctx, day)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.Epoch > p.paid.Epoch {
		p.paid = c
	}
	return nil
}
