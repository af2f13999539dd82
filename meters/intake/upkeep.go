package intake

import (
	"context"
	"log/slog"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/store"
)

// Upkeep is for how long what came in is kept.
type Upkeep struct {
	// Trim removes from the bus what was taken from it.
	Trim func(ctx context.Context) error
	// Unsettled returns the intervals that are still to be settled, the oldest first.
	Unsettled func() []grid.Interval
	Deadline  time.Duration // for readings, world time
	Keep      store.Keep
}

// How often upkeep is done, in wall time, and for how long evidence is kept whole, in
// world time.
const (
	TrimEvery = 5 * time.Minute
	ThinEvery = time.Hour
	Whole     = 3 * time.Hour
	// AsideEvery is how often batches that were set aside are looked at again.
	AsideEvery = time.Minute
)

const (
	thinFirst = time.Minute // the challenges of before the start are known by then
	// evidenceMargin is how long before an interval that is not settled the readings at
	// its begin may lie.
	evidenceMargin = time.Hour
)

// Maintain keeps what came in small until ctx ends.
func (in *Intake) Maintain(ctx context.Context, u Upkeep) error {
	trim, thin, retire, aside := time.NewTicker(TrimEvery), time.NewTimer(thinFirst), time.NewTicker(ThinEvery), time.NewTicker(AsideEvery)
	defer aside.Stop()
	defer trim.Stop()
	defer thin.Stop()
	defer retire.Stop()
	in.retire(ctx, u)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-trim.C:
			if err := u.Trim(ctx); err != nil {
				in.warn(ctx, "readings stay on the bus for now", err)
			}
		case <-thin.C:
			in.thin(ctx, u)
			thin.Reset(ThinEvery)
		case <-aside.C:
			if err := in.Evidence.Reconsider(ctx, in.Clock(), in.take); err != nil {
				in.warn(ctx, "readings stay set aside", err)
			}
		case <-retire.C:
			in.retire(ctx, u)
		}
	}
}

func (in *Intake) warn(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		in.Log.WarnContext(ctx, what, slog.String("error", err.Error()))
	}
}

// thin reports batches that never came, and thins out old ones.
func (in *Intake) thin(ctx context.Context, u Upkeep) {
	whole, unnamed := u.before(in.Clock())
	if err := in.Evidence.Thin(ctx, whole, unnamed); err != nil {
		in.warn(ctx, "evidence is kept whole for now", err)
	}
	gaps, err := in.Evidence.Gaps(ctx)
	if err != nil {
		in.warn(ctx, "missing readings are not known", err)
	}
	for _, g := range gaps {
		in.Log.WarnContext(ctx, "readings never came", slog.String("gateway", g.Gateway), slog.Uint64("from", g.From), slog.Uint64("to", g.To))
	}
}

// before returns before when evidence is thinned out, and before when what nothing names
// is forgotten: never of an interval that is still to be settled. What challenges are
// proven by is marked.
func (u Upkeep) before(now time.Time) (whole, unnamed time.Time) {
	whole, unnamed = now.Add(-max(Whole, u.Deadline+evidenceMargin)), now.Add(-evidence.Nameable)
	if oldest := u.Unsettled(); len(oldest) > 0 {
		if begin := oldest[0].Begin().Add(-evidenceMargin); begin.Before(whole) {
			whole = begin
		}
		if whole.Before(unnamed) {
			unnamed = whole
		}
	}
	return whole, unnamed
}

// retire turns old telemetry into means, where the store does not do so itself.
func (in *Intake) retire(ctx context.Context, u Upkeep) {
	retirer, able := in.Store.(interface {
		Retire(ctx context.Context, now time.Time, keep store.Keep) error
	})
	if !able {
		return
	}
	if err := retirer.Retire(ctx, in.Clock(), u.Keep); err != nil {
		in.warn(ctx, "old readings are kept in full for now", err)
	}
}

// Together is for how long the readings of a home wait to be signed and stored together,
// wall time. What is written to the disk is for the most part whole pages, one or more a
// home and batch. World time tells how long settlement may have to wait: it gets them well
// before the deadline, which is world time too. They wait least at any rate.
func Together(speed float64, deadline, least time.Duration) time.Duration {
	world := min(5*time.Second, deadline/4)
	return max(time.Duration(float64(world)/max(speed, 1)), least)
}
