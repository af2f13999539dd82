package drive

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
)

// Freezer keeps the first message of a subject for good.
type Freezer interface {
	// Freeze returns what the subject holds: data, or what was frozen before.
	Freeze(ctx context.Context, stream, subject string, data []byte) ([]byte, error)
	// Frozen returns what the subject holds, nil when that is nothing.
	Frozen(ctx context.Context, stream, subject string) ([]byte, error)
}

// FrozenRuns keeps the runs of a community in a stream. It implements Runs.
type FrozenRuns struct {
	Community string
	Stream    string
	In        Freezer
}

// AllRuns matches the subjects of a community's runs.
func AllRuns(community string) string { return "settlement." + community + ".>" }

func (f FrozenRuns) subject(i grid.Interval, run int) string {
	return fmt.Sprintf("settlement.%s.%s.%d", f.Community, i, run)
}

// Freeze implements Runs.
func (f FrozenRuns) Freeze(ctx context.Context, i grid.Interval, run settlement.Run) (held settlement.Run, err error) {
	data, err := json.Marshal(run)
	if err != nil {
		return held, fmt.Errorf("freeze %s: %w", i, err)
	}
	frozen, err := f.In.Freeze(ctx, f.Stream, f.subject(i, run.Manifest.Run), data)
	if err != nil {
		return held, err
	}
	if err := json.Unmarshal(frozen, &held); err != nil {
		return held, fmt.Errorf("freeze %s: %w", i, err)
	}
	return held, nil
}

// Frozen implements Runs.
func (f FrozenRuns) Frozen(ctx context.Context, i grid.Interval, run int) (*settlement.Run, error) {
	data, err := f.In.Frozen(ctx, f.Stream, f.subject(i, run))
	if err != nil || data == nil {
		return nil, err
	}
	r := &settlement.Run{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("frozen run %d of %s: %w", run, i, err)
	}
	return r, nil
}
