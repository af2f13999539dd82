package hub

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/usage"
)

// RestoredFile is there from when a directory was made of a backup until the next start, which
// holds it to what is kept elsewhere: the ledger, where that is on a network, and the streams, where
// those are on a bus of others. Both go on by themselves while a backup lies in a drawer.
const RestoredFile = "restored"

// StreamsFile is there while the streams of a community are on a bus elsewhere: a copy of the directory
// alone is half of it.
const StreamsFile = "bus.elsewhere"

// restoration is a directory that was restored from a backup, and what the ledger has.
type restoration struct {
	community, path string
	workings        interface {
		WorkedRun(ctx context.Context, interval string) (run int, err error)
		LastWorking(ctx context.Context) (interval string, err error)
	}
	closed []ledger.ClosedRun
	shared bool // other processes settle as well, whose runs the directory need not tell of
}

// fitsLedger refuses a directory that ends before the ledger does, or does not tell of the last run of an
// interval that it settled: it would settle that anew, and otherwise.
func (r restoration) fitsLedger(ctx context.Context) error {
	last, err := r.workings.LastWorking(ctx)
	if err != nil {
		return err
	}
	for _, run := range r.closed {
		worked, err := r.workings.WorkedRun(ctx, run.Interval)
		if err != nil {
			return err
		}
		if run.Interval > last || worked > 0 && worked < run.Run && !r.shared { // intervals begin with their time
			return usage.Errorf("data directory %s: was restored from a backup that is older than the ledger: it does not tell how run %d of %s came about, which the ledger has: restore a later backup", r.path, run.Run, run.Interval)
		}
	}
	return nil
}

// frozenRuns is a bus as a restoration needs it.
type frozenRuns interface {
	drive.Freezer
	// Last returns the last message on a subject, which may have wildcards, nil when there is none.
	Last(ctx context.Context, stream, subject string) ([]byte, error)
}

// fitsBus refuses a directory that is not of the moment of the bus on which its streams are: one that lacks
// the last run there, or whose last run is not there.
func (r restoration) fitsBus(ctx context.Context, b frozenRuns) error {
	text, err := b.Last(ctx, bus.Settlement, drive.AllRuns(r.community))
	if err != nil {
		return err
	}
	if text != nil {
		var last record.Run
		if err := json.Unmarshal(text, &last); err != nil {
			return fmt.Errorf("the last run on the bus: %w", err)
		}
		worked, err := r.workings.WorkedRun(ctx, last.Manifest.Interval)
		if err != nil {
			return err
		}
		if worked < last.Manifest.Run {
			return usage.Errorf("data directory %s: was restored from a backup that is older than the bus (bus.url): it does not tell how run %d of %s came about, which is there: restore a later backup, or the bus of the same moment", r.path, last.Manifest.Run, last.Manifest.Interval)
		}
	}
	if len(r.closed) == 0 {
		return nil
	}
	run := r.closed[len(r.closed)-1]
	i, err := grid.ParseInterval(run.Interval)
	if err != nil {
		return err
	}
	frozen, err := drive.FrozenRuns{Community: r.community, Stream: bus.Settlement, In: b}.Frozen(ctx, i, run.Run)
	if err == nil && frozen == nil {
		err = usage.Errorf("data directory %s: was restored from a backup, and the bus (bus.url) is older: it lacks run %d of %s, which the ledger has: restore the bus of the same moment", r.path, run.Run, run.Interval)
	}
	return err
}
