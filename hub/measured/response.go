package measured

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Respond returns what a member would have gained by other orders in [from, to) that gains most of those that were tried,
// and the end of the last interval that was looked at.
type Respond func(ctx context.Context, from, to time.Time) (gain grid.Money, until time.Time, err error)

// Response keeps what came of the last whole UTC day that could be cleared anew. It is safe for concurrent use.
type Response struct {
	Ask Respond // nil: it cannot be asked
	Why string  // it cannot

	mu    sync.Mutex // guards all below
	tried time.Time  // end of the last day that was asked about; zero: none
	gain  *grid.Money
	until time.Time
}

// look asks about the day that ended last before a time, once.
func (r *Response) look(ctx context.Context, settled time.Time, log *slog.Logger) {
	end := settled.UTC().Truncate(day)
	if r.Ask == nil || settled.IsZero() || r.was(end) {
		return
	}
	gain, until, err := r.Ask(ctx, end.Add(-day), end)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		log.InfoContext(ctx, "nobody knows what a member would have gained by other orders on the last day", slog.String("until", end.Format(time.RFC3339)), slog.String("error", err.Error()))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tried = end; err == nil {
		r.gain, r.until = &gain, until
	}
}

const day = 24 * time.Hour

// was tells whether it was asked about the day that ends at a time.
func (r *Response) was(end time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return end.Equal(r.tried)
}

// last returns the last figure, and of until when it is; nil where there is none, and why.
func (r *Response) last() (gain *int64, until *time.Time, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.gain != nil:
		return new(int64(*r.gain)), new(r.until.UTC()), ""
	case r.Ask == nil:
		return nil, nil, r.Why
	case r.tried.IsZero():
		return nil, nil, "It is found once a day, after midnight UTC, and the first one is not over."
	}
	return nil, nil, "The last day was not cleared anew: that takes the order log of all of it, and each of its intervals settled without a gap."
}
