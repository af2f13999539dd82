package archive

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official"
)

// the last file counts: SQLite takes the other columns from the row with the maximum.
const lastOfEach = `SELECT point, start, code, direction, minutes, wh, quality, source, max(o.file), f.digest
FROM official o JOIN files f ON f.file = o.file WHERE ` + counting + ` AND o.start >= ? AND o.start < ? GROUP BY point, start, code, direction`

// Known returns the values that count and begin in [from, until), unix seconds, in the order
// of their keys.
func (a *Archive) Known(ctx context.Context, from, until int64) (all []official.Told, err error) {
	return a.known(ctx, All, from, until)
}

func (a *Archive) known(ctx context.Context, which Which, from, until int64) (all []official.Told, err error) {
	rows, err := a.db.QueryContext(ctx, lastOfEach, which, from, until)
	if err != nil {
		return nil, fmt.Errorf("official values: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		k, err := scanTold(rows)
		if err != nil {
			return nil, fmt.Errorf("official values: %w", err)
		}
		all = append(all, k)
	}
	slices.SortFunc(all, func(x, y official.Told) int { return x.Key.Compare(y.Key) })
	return all, rows.Err()
}

func scanTold(rows *sql.Rows) (k official.Told, err error) {
	var file int64
	err = rows.Scan(&k.Point, &k.Start, &k.Code, &k.Direction, &k.Minutes, &k.Energy, &k.Quality, &k.Source, &file, &k.File)
	return k, err
}

// Of returns the values that count in an interval of the community, of all files or of those
// that objections became alone, in the order of their keys.
func (a *Archive) Of(ctx context.Context, which Which, i grid.Interval) ([]official.Told, error) {
	return a.known(ctx, which, i.Start, i.End().Unix())
}

// History returns what files said of a key, the last first.
func (a *Archive) History(ctx context.Context, k official.Key) (all []official.Told, err error) {
	rows, err := a.db.QueryContext(ctx, `SELECT point, start, code, direction, minutes, wh, quality, source, o.file, f.digest
FROM official o JOIN files f ON f.file = o.file WHERE point = ? AND start = ? AND code = ? AND direction = ? ORDER BY o.file DESC`, k.Point, k.Start, k.Code, k.Direction)
	if err != nil {
		return nil, fmt.Errorf("official values: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		k, err := scanTold(rows)
		if err != nil {
			return nil, fmt.Errorf("official values: %w", err)
		}
		all = append(all, k)
	}
	return all, rows.Err()
}
