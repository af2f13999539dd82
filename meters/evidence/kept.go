package evidence

import (
	"context"
	"fmt"
)

// KeptForGood returns about how many bytes stay for good: the batches that are
// named, and how runs came about.
func (e *Log) KeptForGood(ctx context.Context) (bytes int64, err error) {
	const row = 40 // what is not counted of one
	err = e.db.QueryRowContext(ctx, `SELECT
	(SELECT COALESCE(SUM(LENGTH(signed) + LENGTH(previous) + 3 * LENGTH(digest) + 3 * (LENGTH(gateway) + 10) + 2 * LENGTH(member) + ?1), 0) FROM batches WHERE digest IN (SELECT digest FROM named)) +
	(SELECT COALESCE(SUM(LENGTH(working) + LENGTH(interval) + LENGTH(root) + ?1), 0) FROM workings)`, row).Scan(&bytes)
	if err != nil {
		return 0, fmt.Errorf("evidence that is kept for good: %w", err)
	}
	return bytes, nil
}
