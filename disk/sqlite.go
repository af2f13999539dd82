package disk

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // the driver
)

// OpenSQLite opens or creates a database of which what was committed survives whatever
// happens, unless a pragma says that it need not. The pragmas that are given go first, in
// order: some count only before others. Transactions begin as writers, so that two of
// them do not wait for each other for ever. An empty path is a database in memory, which
// is gone when it is closed.
func OpenSQLite(path string, pragmas ...string) (*sql.DB, error) {
	if path == "" {
		db, err := open(":memory:")
		if err == nil {
			db.SetMaxOpenConns(1) // each connection would have a database of its own
		}
		return db, err
	}
	for _, one := range []string{"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)"} {
		name, _, _ := strings.Cut(one, "(")
		if !slices.ContainsFunc(pragmas, func(p string) bool { return strings.HasPrefix(p, name+"(") }) {
			pragmas = append(pragmas, one)
		}
	}
	if err := private(path); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return open("file:" + path + "?_pragma=" + strings.Join(pragmas, "&_pragma=") + "&_txlock=immediate")
}

// private makes the file of a database, and those beside it that the program of before left,
// readable to their owner alone. The driver gives the files that it makes beside it the same
// mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, Private) //nolint:gosec // the path is the caller's
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	for _, beside := range []string{"", "-wal", "-shm"} {
		if err := os.Chmod(path+beside, Private); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
			return err
		}
	}
	return nil
}

// ReadSQLite opens a database to look at it; a program may be writing it.
func ReadSQLite(path string) (*sql.DB, error) {
	return open("file:" + path + "?_pragma=busy_timeout(5000)&_pragma=query_only(1)")
}

func open(source string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return db, nil
}

// Column returns the first column of all rows that a query finds.
func Column[T any](ctx context.Context, db *sql.DB, query string, args ...any) (all []T, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}
