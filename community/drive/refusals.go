package drive

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
)

// refusalsAgain is after how long (world time) the log tells again that the same is refused to
// the same metering point.
const refusalsAgain = 24 * time.Hour

// refusals tells the log which orders of agents the market refuses, without filling it: the
// same of a metering point once a day. It is safe for concurrent use.
type refusals struct {
	log *slog.Logger

	mu   sync.Mutex
	last map[string]refusal // by metering point
}

// refusal is why an order was refused, since when it is known, and how many more were since.
type refusal struct {
	reason string
	since  time.Time
	more   int
}

// see is told that an order was refused.
func (r *refusals) see(ctx context.Context, a community.Action, point string, o grid.Order, reason string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.last[point]
	if last.reason == reason && now.Sub(last.since) < refusalsAgain {
		last.more++
		r.last[point] = last
		return
	}
	r.last[point] = refusal{reason: reason, since: now}
	r.log.WarnContext(ctx, "order refused", slog.String("order", o.ID), slog.String("reason", reason), slog.String("member", a.Member),
		slog.String("metering_point", point), slog.String("interval", a.Product.Interval.String()), slog.String("side", o.Side.String()),
		slog.Int64("energy", int64(o.Energy)), slog.Int64("price", int64(o.Price)), slog.Int("more_since_last_told", last.more))
}
