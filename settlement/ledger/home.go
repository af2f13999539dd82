package ledger

import (
	"context"
	"fmt"
)

// CheckHome refuses a ledger that has members of whom the data directory knows none: it is
// another community's, or the wrong directory.
func (l *Ledger) CheckHome(ctx context.Context) error {
	if !l.Names.Empty() {
		return nil
	}
	x, err := l.Index(ctx)
	if err != nil {
		return err
	}
	points, err := x.MeteringPoints(ctx, "")
	if err == nil && len(points) > 0 {
		err = fmt.Errorf("--data: the ledger has %d metering points of this community, and the directory knows nobody: give the directory that the community ran on", len(points))
	}
	return err
}
