package evidence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/commonwatt/commonwatt/disk"
)

// workings tell how settlement runs came about.
type workings struct {
	db     *sql.DB
	packer *packer
}

// KeepWorking keeps how a settlement run came about, by the reading root that it
// led to: of several tries the ledger has one.
func (w workings) KeepWorking(ctx context.Context, interval string, run int, root string, working []byte) error {
	_, err := w.db.ExecContext(ctx, `INSERT INTO workings (interval, run, root, working) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET working = excluded.working`, interval, run, root, w.packer.pack(working))
	if err != nil {
		return fmt.Errorf("keep working of %s run %d: %w", interval, run, err)
	}
	return nil
}

// Working returns how a run came about, by its reading root; nil when it is not kept.
func (w workings) Working(ctx context.Context, interval string, run int, root string) (working []byte, err error) {
	err = w.db.QueryRowContext(ctx, `SELECT working FROM workings WHERE interval = ? AND run = ? AND root = ?`, interval, run, root).Scan(&working)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err == nil {
		working, err = w.packer.unpack(working)
	}
	if err != nil {
		return nil, fmt.Errorf("working of %s run %d: %w", interval, run, err)
	}
	return working, nil
}

// Workings shows what is kept, by interval and run, with its reading root.
func (w workings) Workings(ctx context.Context, see func(root string, working []byte) error) error {
	rows, err := w.db.QueryContext(ctx, `SELECT root, working FROM workings ORDER BY interval, run, root`)
	if err != nil {
		return fmt.Errorf("workings: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var root string
		var working []byte
		if err := rows.Scan(&root, &working); err != nil {
			return fmt.Errorf("workings: %w", err)
		}
		if working, err = w.packer.unpack(working); err != nil {
			return fmt.Errorf("working of %s: %w", root, err)
		}
		if err := see(root, working); err != nil {
			return err
		}
	}
	return rows.Err()
}

// WorkingsOf shows what is kept of the runs of one interval, by run, with its reading root.
func (w workings) WorkingsOf(ctx context.Context, interval string, see func(run int, root string, working []byte) error) error {
	rows, err := w.db.QueryContext(ctx, `SELECT run, root, working FROM workings WHERE interval = ? ORDER BY run, root`, interval)
	if err != nil {
		return fmt.Errorf("workings of %s: %w", interval, err)
	}
	defer rows.Close()
	for rows.Next() {
		var run int
		var root string
		var working []byte
		if err := rows.Scan(&run, &root, &working); err != nil {
			return fmt.Errorf("workings of %s: %w", interval, err)
		}
		if working, err = w.packer.unpack(working); err != nil {
			return fmt.Errorf("working of %s run %d: %w", interval, run, err)
		}
		if err := see(run, root, working); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Covers refuses evidence that lacks how a run came about that the ledger has closed, by
// its interval: it is an older copy. That of a program which kept no workings is not judged.
func (e *Log) Covers(ctx context.Context, interval string) error {
	var some, this bool
	err := e.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM workings), EXISTS (SELECT 1 FROM workings WHERE interval = ?)`, interval).Scan(&some, &this)
	if err != nil {
		return fmt.Errorf("workings: %w", err)
	}
	if interval != "" && some && !this {
		return disk.Mismatch(e.path, "is older than the ledger: it does not tell how "+interval+" was settled, which the ledger has")
	}
	return nil
}

// WorkedRun returns the last run of an interval of which it is kept how it came about; 0: none is.
func (w workings) WorkedRun(ctx context.Context, interval string) (run int, err error) {
	if err = w.db.QueryRowContext(ctx, `SELECT coalesce(max(run), 0) FROM workings WHERE interval = ?`, interval).Scan(&run); err != nil {
		return 0, fmt.Errorf("workings of %s: %w", interval, err)
	}
	return run, nil
}

// LastWorking returns the last interval of which it is kept how a run came about; empty: none is.
func (w workings) LastWorking(ctx context.Context) (interval string, err error) {
	if err = w.db.QueryRowContext(ctx, `SELECT coalesce(max(interval), '') FROM workings`).Scan(&interval); err != nil {
		return "", fmt.Errorf("workings: %w", err)
	}
	return interval, nil
}
