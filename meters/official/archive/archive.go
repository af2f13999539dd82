// Package archive keeps which files of the grid operator's values were imported, and what
// they say: the last file that tells of a metering point, time and code counts, and what
// earlier ones said is kept as well.
//
// An import is one transaction (Stage): after a crash the file is there whole or not at all.
// Its values count once the ledger has the file's digest (Recorded); what was staged and not
// recorded is told by Unrecorded after a start. With its values an import notes which
// intervals they change (Pending), until each has been corrected (Corrected).
//
// Members object to what was metered at their metering points (Object), and say what is right.
// Who decides accepts an objection, which becomes a file with its one interval, or refuses it
// (Decide), once and for all. An objection is durable when the call returns, and its
// acceptance is one transaction with the file.
//
// Who opens an Archive closes it; it starts nothing and is safe for concurrent use.
package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official"
)

// Archive is what was imported.
type Archive struct{ db *sql.DB }

// Open opens or creates the database at path.
func Open(ctx context.Context, path string) (*Archive, error) {
	db, err := disk.OpenSQLite(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	const schema = `
CREATE TABLE IF NOT EXISTS files (
	file INTEGER PRIMARY KEY, -- in the order of their import
	content TEXT NOT NULL, mapping TEXT NOT NULL, -- SHA-256, hex; mapping is empty without one
	salt TEXT NOT NULL, digest TEXT NOT NULL UNIQUE, -- as on the ledger
	name TEXT NOT NULL, format TEXT NOT NULL, imported INTEGER NOT NULL, -- unix seconds of world time
	first INTEGER NOT NULL, last INTEGER NOT NULL, -- unix seconds, half-open
	told INTEGER NOT NULL, changed INTEGER NOT NULL, -- how many values it has, and how many of them were news
	recorded INTEGER NOT NULL DEFAULT 0, -- 1: the ledger has it
	UNIQUE (content, mapping)
);
CREATE TABLE IF NOT EXISTS official (
	point TEXT NOT NULL, start INTEGER NOT NULL, code TEXT NOT NULL, direction TEXT NOT NULL, file INTEGER NOT NULL,
	minutes INTEGER NOT NULL, wh INTEGER NOT NULL, quality INTEGER NOT NULL, source TEXT NOT NULL,
	PRIMARY KEY (point, start, code, direction, file)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS official_start ON official (start);
CREATE TABLE IF NOT EXISTS owners ( -- whose a metering point was when values of it were imported
	point TEXT NOT NULL, member TEXT NOT NULL,
	PRIMARY KEY (member, point)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pending ( -- intervals of the community that are still to be corrected
	start INTEGER NOT NULL, minutes INTEGER NOT NULL, file INTEGER NOT NULL,
	PRIMARY KEY (start, minutes, file)
) WITHOUT ROWID;` + objectionSchema
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return &Archive{db}, nil
}

// Close closes the database.
func (a *Archive) Close() error { return a.db.Close() }

// File is an imported file.
type File struct {
	Content, Mapping string // SHA-256, hex; Mapping is empty without a mapping file
	Salt, Digest     string // as on the ledger (chaincode.OfficialFile)
	Name             string
	Format           official.Format
	Imported         time.Time
	From, Until      time.Time
	Values           int // that it has
	Changed          int // of them, that were news
	Recorded         bool
}

const fileColumns = `content, mapping, salt, digest, name, format, imported, first, last, told, changed, recorded`

func scanFile(row interface{ Scan(into ...any) error }) (f File, err error) {
	var imported, first, last int64
	err = row.Scan(&f.Content, &f.Mapping, &f.Salt, &f.Digest, &f.Name, &f.Format, &imported, &first, &last, &f.Values, &f.Changed, &f.Recorded)
	f.Imported, f.From, f.Until = time.Unix(imported, 0).UTC(), time.Unix(first, 0).UTC(), time.Unix(last, 0).UTC()
	return f, err
}

// Find returns the file of this content that was imported with this mapping, nil when there
// is none.
func (a *Archive) Find(ctx context.Context, content, mapping string) (*File, error) {
	f, err := scanFile(a.db.QueryRowContext(ctx, `SELECT `+fileColumns+` FROM files WHERE content = ? AND mapping = ?`, content, mapping))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find imported file: %w", err)
	}
	return &f, nil
}

// Files returns all files, the last import first.
func (a *Archive) Files(ctx context.Context) ([]File, error) {
	return a.files(ctx, `SELECT `+fileColumns+` FROM files ORDER BY file DESC`)
}

// Unrecorded returns the files whose values do not count yet, the oldest first.
func (a *Archive) Unrecorded(ctx context.Context) ([]File, error) {
	return a.files(ctx, `SELECT `+fileColumns+` FROM files WHERE recorded = 0 ORDER BY file`)
}

func (a *Archive) files(ctx context.Context, query string) (all []File, err error) {
	rows, err := a.db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("imported files: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		f, err := scanFile(rows)
		if err != nil {
			return nil, fmt.Errorf("imported files: %w", err)
		}
		all = append(all, f)
	}
	return all, rows.Err()
}

// News are what a file brings.
type News struct {
	Values  []official.Value
	Minutes int                       // of an interval of the community
	Owner   func(point string) string // member
}

// Stage takes a file in with those of its values that are news, and notes the intervals of
// the community that they change. It is done whole or not at all. The same file again is
// refused by the database: look for it with Find before.
func (a *Archive) Stage(ctx context.Context, f File, news News) error {
	return a.within(ctx, "import", func(tx *sql.Tx) error { return stage(ctx, tx, f, news) })
}

// within does something whole or not at all.
func (a *Archive) within(ctx context.Context, what string, do func(*sql.Tx) error) error {
	tx, err := a.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := do(tx); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", what, err), tx.Rollback())
	}
	return tx.Commit()
}

func stage(ctx context.Context, tx *sql.Tx, f File, news News) error {
	added, err := tx.ExecContext(ctx, `INSERT INTO files (`+fileColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`,
		f.Content, f.Mapping, f.Salt, f.Digest, f.Name, f.Format, f.Imported.Unix(), f.From.Unix(), f.Until.Unix(), f.Values, len(news.Values))
	if err != nil {
		return err
	}
	file, err := added.LastInsertId()
	if err != nil {
		return err
	}
	return insert(ctx, tx, file, news)
}

// insert writes what a file brings.
func insert(ctx context.Context, tx *sql.Tx, file int64, news News) error {
	value, err := tx.PrepareContext(ctx, `INSERT INTO official (point, start, code, direction, file, minutes, wh, quality, source) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer value.Close()
	changed, points := map[int64]bool{}, map[string]bool{}
	for _, v := range news.Values {
		if _, err := value.ExecContext(ctx, v.Point, v.Start, v.Code, v.Direction, file, v.Minutes, v.Energy, v.Quality, v.Source); err != nil {
			return err
		}
		points[v.Point] = true
		if v.Code == official.Total {
			changed[grid.IntervalAt(time.Unix(v.Start, 0), news.Minutes).Start] = true
		}
	}
	for start := range changed {
		if _, err := tx.ExecContext(ctx, `INSERT INTO pending (start, minutes, file) VALUES (?, ?, ?)`, start, news.Minutes, file); err != nil {
			return err
		}
	}
	for point := range points {
		if _, err := tx.ExecContext(ctx, `INSERT INTO owners (point, member) VALUES (?, ?) ON CONFLICT DO NOTHING`, point, news.Owner(point)); err != nil {
			return err
		}
	}
	return nil
}

// Recorded tells that the ledger has a file: its values count from now on.
func (a *Archive) Recorded(ctx context.Context, digest string) error {
	if _, err := a.db.ExecContext(ctx, `UPDATE files SET recorded = 1 WHERE digest = ?`, digest); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	return nil
}

// Which says of which files something is asked.
type Which int

// All files, or only those that objections became.
const (
	All Which = iota
	Accepted
)

// counting is the condition under which a file's values count: which of them is its parameter.
const counting = `recorded = 1 AND (? = 0 OR digest IN (SELECT digest FROM objections))`

// Pending returns at most so many intervals that are still to be corrected by values of such
// files that count, the oldest first.
func (a *Archive) Pending(ctx context.Context, which Which, most int) (all []grid.Interval, err error) {
	rows, err := a.db.QueryContext(ctx, `SELECT DISTINCT start, minutes FROM pending WHERE file IN (SELECT file FROM files WHERE `+counting+`) ORDER BY start LIMIT ?`, which, most)
	if err != nil {
		return nil, fmt.Errorf("pending corrections: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var i grid.Interval
		if err := rows.Scan(&i.Start, &i.Minutes); err != nil {
			return nil, fmt.Errorf("pending corrections: %w", err)
		}
		all = append(all, i)
	}
	return all, rows.Err()
}

// Waiting returns how many intervals are still to be corrected.
func (a *Archive) Waiting(ctx context.Context) (n int, err error) {
	err = a.db.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT DISTINCT start, minutes FROM pending WHERE file IN (SELECT file FROM files WHERE `+counting+`))`, All).Scan(&n)
	return n, err
}

// Corrected tells that an interval was corrected by all values of such files that counted by then.
func (a *Archive) Corrected(ctx context.Context, which Which, i grid.Interval) error {
	_, err := a.db.ExecContext(ctx, `DELETE FROM pending WHERE start = ? AND minutes = ? AND file IN (SELECT file FROM files WHERE `+counting+`)`, i.Start, i.Minutes, which)
	if err != nil {
		return fmt.Errorf("correction of %s: %w", i, err)
	}
	return nil
}

// Erase forgets all values of the metering points that were a member's, and its objections. The
// files stay listed.
func (a *Archive) Erase(ctx context.Context, member string) error {
	return a.within(ctx, "erase official values", func(tx *sql.Tx) error {
		for _, query := range []string{
			`DELETE FROM official WHERE point IN (SELECT point FROM owners WHERE member = ?)`, `DELETE FROM owners WHERE member = ?`, `DELETE FROM objections WHERE member = ?`,
		} {
			if _, err := tx.ExecContext(ctx, query, member); err != nil {
				return err
			}
		}
		return nil
	})
}
