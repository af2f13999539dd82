package disk

import (
	"context"
	"database/sql"
	"fmt"
)

// OpenElastic opens a database that gives free pages back; that it does so counts only
// before the first page is written. Checkpoints that are rare write a page that
// changes every second once; the log is cut to its limit after them.
func OpenElastic(path string) (*sql.DB, error) {
	return OpenSQLite(path, "auto_vacuum(INCREMENTAL)", "wal_autocheckpoint(4000)", "journal_size_limit(16777216)")
}

// A database keeps a quarter of its pages free for what comes next, and as long as
// it is small all of them; what is free beyond that goes back to the disk.
const (
	spareShare = 4
	spareLeast = 4096 // pages
	freeAtOnce = 256  // pages: writers do not wait long
	rebuild    = 2    // of a database of before: when more than this part is free
)

// MakeElastic lets a database that was made before pages went back give them back
// from now on. That takes a rebuild, which is done when enough is free in it.
func MakeElastic(ctx context.Context, db *sql.DB) error {
	elastic, pages, free, err := pagesOf(ctx, db)
	if err != nil || elastic || free < spareLeast || free < pages/rebuild {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM`)
	return err
}

func pagesOf(ctx context.Context, db *sql.DB) (elastic bool, pages, free int64, err error) {
	err = db.QueryRowContext(ctx, `SELECT auto_vacuum = 2, page_count, freelist_count FROM pragma_auto_vacuum, pragma_page_count, pragma_freelist_count`).Scan(&elastic, &pages, &free)
	return elastic, pages, free, err
}

// GiveBack returns pages that are free to the disk, and empties the log beside the
// database.
func GiveBack(ctx context.Context, db *sql.DB) error {
	for {
		elastic, pages, free, err := pagesOf(ctx, db)
		if err != nil {
			return fmt.Errorf("free pages: %w", err)
		}
		beyond := free - max(pages/spareShare, spareLeast)
		if !elastic || beyond <= 0 {
			break
		}
		if err := each(ctx, db, fmt.Sprintf(`PRAGMA incremental_vacuum(%d)`, min(beyond, freeAtOnce))); err != nil {
			return fmt.Errorf("give back free pages: %w", err)
		}
	}
	if err := each(ctx, db, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return fmt.Errorf("empty the log: %w", err)
	}
	return nil
}

// each carries out a statement that does a part of its work with every row.
func each(ctx context.Context, db *sql.DB, statement string) error {
	rows, err := db.QueryContext(ctx, statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}
