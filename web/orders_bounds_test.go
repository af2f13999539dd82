package web

import (
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/web/api"
)

// counting is a market that counts the batches that reach it.
type counting struct {
	Orders

	batches int
}

func (c *counting) Begin(r community.Request) func() ([]community.Outcome, error) {
	c.batches++
	return func() ([]community.Outcome, error) {
		return make([]community.Outcome, len(r.Submissions)+len(r.Changes)), nil
	}
}

// TestTheOrderEntryKeepsBoundsOfItsOwn asks it past the schema of the API, which refuses
// the same before it: what is too much is the caller's mistake and not a matter of time.
func TestTheOrderEntryKeepsBoundsOfItsOwn(t *testing.T) {
	market := &counting{}
	e, err := NewOrderEntry("demo", market, time.Now, map[string]Trader{"key": {Name: "a1", Member: "ann", Rate: 2}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	trader := e.traders["a1"]
	batch := func(n, periods int) []api.OrderRequest {
		all := make([]api.OrderRequest, n)
		for k := range all {
			all[k] = api.OrderRequest{Interval: "2026-06-01T12:00:00Z/15", Side: "bid", Energy: 1, Price: 100, Periods: &periods}
		}
		return all
	}
	submit := func(n, periods int) error {
		_, err := e.submit(trader, batch(n, periods))
		return err
	}
	change := func(n int) error {
		_, err := e.cancel(trader, make([]string, n))
		return err
	}
	for what, err := range map[string]error{
		"1001 orders": submit(1001, 1), "1001 cancellations": change(1001), "no period": submit(1, 0), "256 periods": submit(1, 256),
	} {
		var refused *refusal
		if !errors.As(err, &refused) || refused.code != http.StatusBadRequest || refused.retry != 0 {
			t.Errorf("%s: %+v, want a bad request", what, err)
		}
	}
	if market.batches != 0 {
		t.Errorf("%d batches beyond the bounds reached the market", market.batches)
	}
	if err := errors.Join(submit(1, 255), submit(1, 1)); err != nil || market.batches != 2 {
		t.Errorf("within the bounds: %d batches of 2 reached the market, %v", market.batches, err)
	}
}
