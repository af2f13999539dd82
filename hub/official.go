package hub

import (
	"context"
	"log/slog"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official"
	"github.com/commonwatt/commonwatt/meters/official/archive"
)

// OfficialFile is where a data directory keeps the grid operator's values.
const OfficialFile = "official.db"

// gridValues are the grid operator's values of a community. They implement drive.Official.
type gridValues struct{ archive *archive.Archive }

// Of implements drive.Official.
func (g gridValues) Of(ctx context.Context, i grid.Interval) (map[string]drive.OfficialValue, error) {
	told, err := g.archive.Of(ctx, i)
	if err != nil || len(told) == 0 {
		return nil, err
	}
	values := map[string]drive.OfficialValue{}
	for point, f := range official.Flows(i, told) {
		values[point] = drive.OfficialValue{Import: f.Import, Export: f.Export, Quality: f.Quality.Grid(), Files: f.Files}
	}
	return values, nil
}

// corrections has files of official values recorded on the ledger, and intervals settled
// again that their values change.
type corrections struct {
	archive *archive.Archive
	record  func(ctx context.Context, f chaincode.OfficialFile) error
	settler *drive.Settler
	workers drive.Workers
	bills   bool // official values bill
	clock   func() time.Time
	log     *slog.Logger
	more    chan struct{} // holds one where something was imported
}

func openCorrections(ctx context.Context, dir *disk.Dir, m *market) (*corrections, error) {
	a, err := archive.Open(ctx, dir.File(OfficialFile))
	if err != nil {
		return nil, err
	}
	c := &corrections{
		archive: a, record: m.records.ledger.RecordOfficial, settler: m.settle, workers: m.workers, bills: m.site.plan.Market.OfficialBills,
		clock: m.site.clock, log: m.log, more: make(chan struct{}, 1),
	}
	if c.bills {
		m.settle.Official = gridValues{a}
	}
	return c, nil
}

// imported tells that there is something to do.
func (c *corrections) imported() {
	select {
	case c.more <- struct{}{}:
	default: // it is told already
	}
}

// lookAgain is the wall time after which it is looked again for what an import left, such as
// of an interval that was not settled yet.
const lookAgain = 30 * time.Second

// run corrects what is due until ctx ends: at the start what a stop left, then what imports
// bring.
func (c *corrections) run(ctx context.Context) error {
	for {
		wait := lookAgain
		if err := c.catchUp(ctx); err != nil && ctx.Err() == nil {
			c.log.ErrorContext(ctx, "official values wait, will try again", slog.String("error", err.Error()))
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
func (c *corrections) catchUp(ctx context.Context) error {
	files, err := c.archive.Unrecorded(ctx)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := c.put(ctx, f); err != nil {
			return err
		}
	}
	if !c.bills {
		return nil
	}
	return c.correctAll(ctx)
}

// put records a file on the ledger, from when on its values count.
func (c *corrections) put(ctx context.Context, f archive.File) error {
	err := c.record(ctx, chaincode.OfficialFile{
		Digest: f.Digest, Format: string(f.Format), From: f.From.Format(time.RFC3339), Until: f.Until.Format(time.RFC3339), Values: f.Values,
	})
	if err != nil {
		return err
	}
	return c.archive.Recorded(ctx, f.Digest)
}

// mostAtOnce is how many intervals are looked up at a time.
const mostAtOnce = 1000

// correctAll corrects all intervals that are due and have a run. Each is handed to the worker
// of settlements by itself, so that the first runs of others are not held up.
func (c *corrections) correctAll(ctx context.Context) error {
	for {
		due, err := c.archive.Pending(ctx, mostAtOnce)
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
			if err := c.archive.Corrected(ctx, i); err != nil {
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
func (c *corrections) correct(ctx context.Context, i grid.Interval) (done bool, err error) {
	type outcome struct {
		done bool
		err  error
	}
	over := make(chan outcome, 1)
	step, task := c.settler.Correction(i, c.clock, func(done bool, err error) { over <- outcome{done, err} })
	c.workers.Do(ctx, step, task)
	select {
	case o := <-over:
		return o.done, o.err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
