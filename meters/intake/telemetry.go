package intake

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

// telemetry writes what was accepted to the store. A store that fails holds nobody up: bills
// are made from the evidence. What it did not take waits in memory, and of more than can
// wait there the oldest goes. It is safe for concurrent use.
type telemetry struct {
	store store.Store
	log   *slog.Logger

	mu      sync.Mutex // guards what follows; held while the store writes
	waiting []grid.Reading
	said    time.Time // when a failure was logged
}

const (
	mostWaiting = 50_000 // readings
	sayEvery    = time.Minute
)

// write keeps readings in the store, now or later. The only error is that ctx has ended:
// then they come again.
func (t *telemetry) write(ctx context.Context, readings []grid.Reading) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := append(t.waiting, readings...)
	if len(all) == 0 {
		return nil
	}
	err := t.store.Write(ctx, all)
	if refused := (*store.RefusedPointsError)(nil); err == nil || errors.As(err, &refused) {
		t.waiting = nil
		if err != nil {
			t.say(ctx, "the telemetry store refuses a reading: pages lack it, bills do not", err, len(refused.Points))
		}
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	lost := max(len(all)-mostWaiting, 0)
	t.waiting = append([]grid.Reading{}, all[lost:]...)
	t.say(ctx, "the telemetry store takes no readings: they wait, and everything else goes on", err, len(t.waiting))
	if lost > 0 {
		t.log.ErrorContext(ctx, "readings lost to the telemetry store: too many wait; the evidence has them", slog.Int("readings", lost))
	}
	return nil
}

// say logs what is wrong with the store, not with every reading.
func (t *telemetry) say(ctx context.Context, what string, err error, n int) {
	if time.Since(t.said) < sayEvery {
		return
	}
	t.said = time.Now()
	t.log.ErrorContext(ctx, what, slog.Int("readings", n), slog.String("error", err.Error()))
}
