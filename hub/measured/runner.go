package measured

import (
	"context"
	"log/slog"
	"time"
)

// Runner keeps current what takes too long to be found while somebody waits for it. Who opens the community runs it until its
// context ends.
type Runner struct {
	Cars     *Cars
	Response *Response
	Settled  func(ctx context.Context) (until time.Time, err error) // end of the last interval that is settled; zero: none
	Clock    func() time.Time                                       // world time
	Log      *slog.Logger
}

// runEvery is the wall time between two looks.
const runEvery = 30 * time.Second

// Run looks until ctx ends. What fails is tried again at the next look.
func (r *Runner) Run(ctx context.Context) error {
	ticker := time.NewTicker(runEvery)
	defer ticker.Stop()
	for {
		if err := r.Look(ctx); err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "measures wait for the next look", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Look takes in what is new.
func (r *Runner) Look(ctx context.Context) error {
	if err := r.Cars.Follow(ctx, r.Clock()); err != nil {
		return err
	}
	until, err := r.Settled(ctx)
	if err != nil {
		return err
	}
	r.Response.look(ctx, until, r.Log)
	return nil
}
