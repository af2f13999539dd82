// Package corrections brings the grid operator's values into what is billed: it imports their
// files, records each on the ledger, settles again the intervals that their values change, and
// compares them with what was metered here.
//
// Who makes a Runner runs it (Run) until its context ends, and closes the archive afterwards.
// It may be stopped anywhere: values count from when on the ledger has their file, and what a
// stop left is done at the next start. A Desk starts nothing; both are safe for concurrent use.
package corrections

import (
	"context"
	"log/slog"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official"
	"github.com/commonwatt/commonwatt/meters/official/archive"
)

// File is where a data directory keeps the grid operator's values.
const File = "official.db"

// Values are the grid operator's values of a community, or only those that accepted objections
// became. They implement drive.Official.
type Values struct {
	Archive *archive.Archive
	Which   archive.Which
}

// Of implements drive.Official.
func (g Values) Of(ctx context.Context, i grid.Interval) (map[string]drive.OfficialValue, error) {
	told, err := g.Archive.Of(ctx, g.Which, i)
	if err != nil || len(told) == 0 {
		return nil, err
	}
	values := map[string]drive.OfficialValue{}
	for point, f := range official.Flows(i, told) {
		values[point] = drive.OfficialValue{Import: f.Import, Export: f.Export, Quality: f.Quality.Grid(), Files: f.Files}
	}
	return values, nil
}

// Options are what a Runner works by.
type Options struct {
	Archive *archive.Archive
	Record  func(ctx context.Context, f chaincode.OfficialFile) error // puts a file on the ledger, once
	Settler Settler
	Workers drive.Executor // of settlements
	Bills   bool           // all official values bill; without, accepted objections alone do, and the others are compared
	Clock   func() time.Time
	Log     *slog.Logger
}

// Settler makes the settlement of an interval anew. A *drive.Settler is one.
type Settler interface {
	Correction(i grid.Interval, now func() time.Time, over func(done bool, err error)) (community.Step, drive.Task)
}

// Runner has files of official values recorded on the ledger, and intervals settled again that
// their values change.
type Runner struct {
	Options

	more chan struct{} // holds one where something was imported
}

// New returns a Runner, which waits to be run.
func New(o Options) *Runner { return &Runner{Options: o, more: make(chan struct{}, 1)} }

// imported tells that there is something to do.
func (c *Runner) imported() {
	select {
	case c.more <- struct{}{}:
	default: // it is told already
	}
}

// lookAgain is the wall time after which it is looked again for what an import left, such as
// of an interval that was not settled yet.
const lookAgain = 30 * time.Second

// againAfter is the wall time before what failed at the ledger is tried again.
const againAfter = 5 * time.Second

// Run corrects what is due until ctx ends: at the start what a stop left, then what imports
// bring.
func (c *Runner) Run(ctx context.Context) error {
	for {
		wait := lookAgain
		if err := c.catchUp(ctx); err != nil && ctx.Err() == nil {
			c.Log.ErrorContext(ctx, "official values wait, will try again", slog.String("error", err.Error()))
			wait = againAfter
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.more:
		case <-time.After(wait):
		}
	}
}

// catchUp records what was imported and is not on the ledger, and corrects what is due.
func (c *Runner) catchUp(ctx context.Context) error {
	files, err := c.Archive.Unrecorded(ctx)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := c.put(ctx, f); err != nil {
			return err
		}
	}
	return c.correctAll(ctx)
}

// Billing says by which values intervals are settled again: where the community bills by what
// was metered here, by those alone that somebody decided for in an objection.
func (c *Runner) Billing() archive.Which {
	if c.Bills {
		return archive.All
	}
	return archive.Accepted
}

// put records a file on the ledger, from when on its values count.
func (c *Runner) put(ctx context.Context, f archive.File) error {
	err := c.Record(ctx, chaincode.OfficialFile{
		Digest: f.Digest, Format: string(f.Format), From: f.From.Format(time.RFC3339), Until: f.Until.Format(time.RFC3339), Values: f.Values,
	})
	if err != nil {
		return err
	}
	return c.Archive.Recorded(ctx, f.Digest)
}

// mostAtOnce is how many intervals are looked up at a time.
const mostAtOnce = 1000

// correctAll corrects all intervals that are due and have a run. Each is handed to the worker
// of settlements by itself, so that the first runs of others are not held up.
func (c *Runner) correctAll(ctx context.Context) error {
	for {
		due, err := c.Archive.Pending(ctx, c.Billing(), mostAtOnce)
		if err != nil || len(due) == 0 {
			return err
		}
		corrected := 0
		for _, i := range due {
			done, err := c.correct(ctx, i)
			if err != nil {
				return err
			}
			if !done {
				continue // it is not settled yet
			}
			if err := c.Archive.Corrected(ctx, c.Billing(), i); err != nil {
				return err
			}
			corrected++
		}
		if corrected == 0 {
			return nil
		}
	}
}

// correct has the worker correct an interval, and waits for it.
func (c *Runner) correct(ctx context.Context, i grid.Interval) (done bool, err error) {
	type outcome struct {
		done bool
		err  error
	}
	over := make(chan outcome, 1)
	step, task := c.Settler.Correction(i, c.Clock, func(done bool, err error) { over <- outcome{done, err} })
	c.Workers.Do(ctx, step, task)
	select {
	case o := <-over:
		return o.done, o.err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
