package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/client"
	"github.com/commonwatt/commonwatt/grid"
)

// tradeEvery is how often a member sends an order.
const tradeEvery = 60 * time.Millisecond

// countEvery is how often it is looked how many readings are stored.
const countEvery = 200 * time.Millisecond

// trade has the members trade until the function that it returns is called.
func (s *street) trade(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for k, member := range traders() {
		c, random := s.client(member), rand.New(rand.NewPCG(s.random.Uint64(), uint64(k))) //nolint:gosec // repeatable, not secret
		wg.Go(func() { s.tradeFor(ctx, member, c, random) })
	}
	wg.Go(func() {
		for pause(ctx, countEvery) == nil {
			if n, err := s.stored(ctx); err == nil {
				s.notes.stored(n)
			}
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// tradeFor sends orders of a member, and cancels some, until ctx ends.
func (s *street) tradeFor(ctx context.Context, member string, c *client.Client, random *rand.Rand) {
	for pause(ctx, tradeEvery) == nil {
		market, err := c.Market(ctx)
		if err != nil || market.First == "" {
			continue
		}
		first, err := grid.ParseInterval(market.First)
		if err != nil {
			continue
		}
		o := client.Order{
			ClientID: fmt.Sprintf("%s-%d-%d", member, s.life, s.notes.number()),
			Interval: first.Shift(random.IntN(3)), Side: grid.Bid, Energy: grid.Energy(1 + random.IntN(20)),
			Price: market.Tick * grid.Price(int(120_000/market.Tick)+random.IntN(20)),
		}
		if random.IntN(2) == 0 {
			o.Side = grid.Offer
		}
		s.notes.sending(member, o)
		answers, err := c.Submit(ctx, o)
		if err != nil || len(answers) != 1 || answers[0].Order == nil {
			continue // it is asked for after the next start
		}
		s.problem(s.notes.heard(*answers[0].Order))
		if random.IntN(4) == 0 {
			if stands, err := c.Cancel(ctx, o.ClientID); err == nil {
				s.problem(s.notes.heard(stands))
			}
		}
	}
}

// problem keeps the first thing that was found to be wrong meanwhile.
func (s *street) problem(err error) {
	if err == nil {
		return
	}
	s.notes.mu.Lock()
	defer s.notes.mu.Unlock()
	s.notes.wrong = errors.Join(s.notes.wrong, err)
}

// settleUnknown finds out, after a start, what became of the orders that got no answer. One
// that arrived is not entered again when it is sent again.
func (s *street) settleUnknown(ctx context.Context) error {
	for _, k := range s.notes.unanswered() {
		c := s.client(k.member)
		stands, err := c.Get(ctx, k.order.ClientID)
		if refused := (*client.APIError)(nil); errors.As(err, &refused) && refused.Code == http.StatusNotFound {
			s.notes.forget(k.order.ClientID)
			continue
		}
		if err != nil {
			return fmt.Errorf("order %s: %w", k.order.ClientID, err)
		}
		if err := s.notes.heard(stands); err != nil {
			return err
		}
		answers, err := c.Submit(ctx, k.order)
		if err != nil {
			return fmt.Errorf("order %s, sent again: %w", k.order.ClientID, err)
		}
		if answers[0].Order == nil {
			return fmt.Errorf("order %s, sent again: %s", k.order.ClientID, answers[0].Error)
		}
		if err := s.notes.heard(*answers[0].Order); err != nil {
			return err
		}
	}
	return nil
}
