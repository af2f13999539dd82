package hub

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/drive"
)

// planning has the homes plan anew when something changes, and keeps their forecast models young.
type planning struct {
	traders *agent.Traders
	quotes  drive.Executor // carries out what the agents do
	clock   func() time.Time
	log     *slog.Logger

	looked  time.Time // world time
	waiting atomic.Bool
}

// lookEvery is how often (world time) it is looked whether a home wants another plan.
const lookEvery = time.Minute

// look has the homes plan anew of which something changed at once. It is a task for the worker
// that quotes, so that a gate never waits for it; there is one at a time.
func (p *planning) look(ctx context.Context) {
	now := p.clock()
	if now.Sub(p.looked) < lookEvery || p.waiting.Swap(true) {
		return
	}
	p.looked = now
	p.quotes.Do(ctx, community.Quote, func(ctx context.Context) error {
		defer p.waiting.Store(false)
		err := p.traders.Replan(ctx, p.clock())
		if err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "no new plan", slog.String("error", err.Error()))
		}
		return err
	})
}

// A worker fits one model after another, with a pause between so that the rest goes on.
const (
	fitPause  = 100 * time.Millisecond
	fittedAll = 5 * time.Second
)

// refit keeps the homes' forecast models young until ctx ends.
func (p *planning) refit(ctx context.Context) error {
	for {
		did, err := p.traders.Refit(ctx, p.clock())
		if err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "a forecast model is not fitted, will try again", slog.String("error", err.Error()))
			did = false
		}
		wait := fitPause
		if !did {
			wait = fittedAll
		}
		if !pause(ctx, wait) {
			return nil
		}
	}
}
