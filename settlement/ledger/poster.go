package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
)

// Frozen is where frozen runs wait to be submitted.
type Frozen interface {
	// Consume hands over messages until ctx ends; what handle fails on comes again.
	Consume(ctx context.Context, stream, subject, durable string, handle func(context.Context, [][]byte) error, failed func(error)) error
	// Count returns how many messages a subject has.
	Count(ctx context.Context, stream, subject string) (uint64, error)
	// Rewind has a durable consumer begin anew.
	Rewind(ctx context.Context, stream, durable string) error
}

// Poster submits frozen runs to the ledger. Its owner opens it, runs Run and Fold until it
// stops, and closes the ledger afterwards.
type Poster struct {
	Ledger   *Ledger
	Frozen   Frozen
	Stream   string           // which has the runs
	Subject  string           // of the community's runs
	Clock    func() time.Time // world time
	Log      *slog.Logger
	Recorded func(i grid.Interval, run int) // is told what the ledger has

	settled atomic.Int64
}

// Consumer is the durable name by which runs are taken: several communities may share a
// bus.
func (p *Poster) Consumer() string { return "ledger-" + p.Ledger.community }

// Settled returns how many intervals have a closed run.
func (p *Poster) Settled() int64 { return p.settled.Load() }

// Open hands every frozen run to the ledger again when it lacks any, as after it was
// restored from a copy.
func (p *Poster) Open(ctx context.Context) error {
	if err := p.count(ctx); err != nil {
		return err
	}
	frozen, err := p.Frozen.Count(ctx, p.Stream, p.Subject)
	if err != nil {
		return err
	}
	closed, err := p.Ledger.ClosedRuns(ctx)
	if err != nil || uint64(closed) >= frozen {
		return err
	}
	return p.Frozen.Rewind(ctx, p.Stream, p.Consumer())
}

// Run submits runs until ctx ends.
func (p *Poster) Run(ctx context.Context) error {
	return p.Frozen.Consume(ctx, p.Stream, p.Subject, p.Consumer(), p.post, func(err error) {
		if aside := (interface{ IsSetAside() bool })(nil); errors.As(err, &aside) {
			p.Log.ErrorContext(ctx, "a settlement run is not on the ledger", slog.String("error", err.Error()))
			return
		}
		p.Log.WarnContext(ctx, "will try again", slog.String("error", err.Error()))
	})
}

// post submits some runs. One that fails does not hold up the others; all come again,
// which changes nothing for those that are recorded. They are counted before anybody is
// told of them.
func (p *Poster) post(ctx context.Context, messages [][]byte) error {
	var problems []error
	recorded := map[int]grid.Interval{}
	runs := make([]record.Run, len(messages))
	for k, m := range messages {
		err := json.Unmarshal(m, &runs[k])
		if err == nil {
			recorded[k], err = p.submit(ctx, runs[k])
		}
		if err != nil {
			delete(recorded, k)
			problems = append(problems, fmt.Errorf("frozen run: %w", err))
		}
	}
	problems = append(problems, p.count(ctx))
	for k := range runs {
		if i, is := recorded[k]; is {
			p.Recorded(i, runs[k].Manifest.Run)
		}
	}
	if err := p.Ledger.Cosign(ctx); err != nil {
		p.Log.ErrorContext(ctx, "the utility's witness does not cosign", slog.String("error", err.Error()))
	}
	return errors.Join(problems...)
}

func (p *Poster) count(ctx context.Context) error {
	count, err := p.Ledger.Intervals(ctx)
	if err == nil {
		p.settled.Store(count)
	}
	return err
}

func (p *Poster) submit(ctx context.Context, run record.Run) (grid.Interval, error) {
	i, err := grid.ParseInterval(run.Manifest.Interval)
	if err != nil {
		return i, err
	}
	return i, p.Ledger.SubmitRun(ctx, run)
}

// foldAfter is how long after a day (world time) its balances are folded: most of
// its late readings have come by then. againAfter is the wall time before what failed is
// tried again.
const (
	foldAfter  = 6 * time.Hour
	foldLooks  = time.Second
	againAfter = 5 * time.Second
)

// Fold folds the balances of each day that is over, until ctx ends.
func (p *Poster) Fold(ctx context.Context) error {
	folded, wait := "", foldLooks
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = foldLooks
		day := p.Clock().Add(-foldAfter).AddDate(0, 0, -1)
		name := day.UTC().Format(time.DateOnly)
		if name == folded {
			continue
		}
		if err := p.Ledger.Fold(ctx, day); err != nil {
			if ctx.Err() == nil {
				p.Log.WarnContext(ctx, "balances not folded, will try again", slog.String("day", name), slog.String("error", err.Error()))
			}
			wait = againAfter
			continue
		}
		folded = name
	}
}
