package disk

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
)

// holdWithin bounds, in milliseconds, how long a database is waited for that somebody is
// writing: who asks may hold others up meanwhile.
const holdWithin = 500

// HoldSQLite keeps everybody from writing to a database until it is let go; who wants to write
// waits for as long as its busy_timeout says. It is an error when others write for too long.
func HoldSQLite(ctx context.Context, path string) (letGo func() error, err error) {
	db, err := open(fmt.Sprintf("file:%s?_pragma=busy_timeout(%d)&_txlock=immediate", path, holdWithin))
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hold %s: %w", path, err), db.Close())
	}
	return func() error { return errors.Join(tx.Rollback(), db.Close()) }, nil
}

// Frozen is a database as it was at one moment, whatever is written to it since. Nobody who
// writes waits for it, but what is written since stays in the log beside the database until it
// is closed.
type Frozen struct {
	Size int64 // bytes

	path string
	db   *sql.DB
	tx   *sql.Tx
}

// FreezeSQLite has a database looked at as it is now. The caller closes what it returns.
func FreezeSQLite(ctx context.Context, path string) (_ *Frozen, err error) {
	f := &Frozen{path: path}
	if f.db, err = ReadSQLite(path); err != nil {
		return nil, err
	}
	if f.tx, err = f.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}); err != nil {
		return nil, errors.Join(Unreadable(path, err), f.db.Close())
	}
	var tables int64
	err = f.tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_schema`).Scan(&tables) // the moment
	if err == nil {
		err = f.tx.QueryRowContext(ctx, `SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`).Scan(&f.Size)
	}
	if err != nil {
		return nil, errors.Join(Unreadable(path, err), f.Close())
	}
	return f, nil
}

// Write writes the database as a file that can be opened as one.
func (f *Frozen) Write(ctx context.Context, w io.Writer) error {
	rows, err := f.tx.QueryContext(ctx, `SELECT data FROM sqlite_dbpage ORDER BY pgno`)
	if err != nil {
		return fmt.Errorf("copy %s: %w", f.path, err)
	}
	defer rows.Close()
	var page sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&page); err != nil {
			return fmt.Errorf("copy %s: %w", f.path, err)
		}
		if _, err := w.Write(page); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("copy %s: %w", f.path, err)
	}
	return nil
}

// Close lets go of the database.
func (f *Frozen) Close() error { return errors.Join(f.tx.Rollback(), f.db.Close()) }

// Sound checks that a database is whole. The error of one that is damaged says what to do.
func Sound(ctx context.Context, path string) (err error) {
	db, err := ReadSQLite(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	found, err := Column[string](ctx, db, `PRAGMA integrity_check(1)`)
	if err != nil {
		return Unreadable(path, err)
	}
	if len(found) != 1 || found[0] != "ok" {
		return Mismatch(path, fmt.Sprintf("is damaged (%s)", found))
	}
	return nil
}
