package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official"
)

// AUTOINCREMENT: a number is never given twice, also after an objection was erased.
const objectionSchema = `
CREATE TABLE IF NOT EXISTS objections ( -- of members to what was metered, and what became of each
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	member TEXT NOT NULL, point TEXT NOT NULL, start INTEGER NOT NULL, minutes INTEGER NOT NULL,
	claimed_import INTEGER NOT NULL, claimed_export INTEGER NOT NULL, -- Wh, what the member says
	metered_import INTEGER NOT NULL, metered_export INTEGER NOT NULL, -- Wh, what was metered here
	reason TEXT NOT NULL, filed INTEGER NOT NULL, -- unix seconds of world time
	state TEXT NOT NULL DEFAULT 'open',
	answer TEXT NOT NULL DEFAULT '', role TEXT NOT NULL DEFAULT '', decided INTEGER NOT NULL DEFAULT 0, -- why, by whom and when
	quality INTEGER NOT NULL DEFAULT 0, digest TEXT NOT NULL DEFAULT '' -- of the value and the file that it became
);
CREATE UNIQUE INDEX IF NOT EXISTS objections_open ON objections (point, start, minutes) WHERE state = 'open';
CREATE INDEX IF NOT EXISTS objections_member ON objections (member);
CREATE INDEX IF NOT EXISTS objections_digest ON objections (digest);`

// ObjectionState says what became of an objection.
type ObjectionState string

// The states. An objection goes from Open to one of the others, and stays there.
const (
	StateOpen      ObjectionState = "open"
	StateAccepted  ObjectionState = "accepted"
	StateRefused   ObjectionState = "refused"
	StateWithdrawn ObjectionState = "withdrawn"
)

// ObjectionStates are all of them.
func ObjectionStates() []ObjectionState {
	return []ObjectionState{StateOpen, StateAccepted, StateRefused, StateWithdrawn}
}

// Objection is what a member says against what was metered at a metering point in an interval.
type Objection struct {
	ID            int64
	Member, Point string
	Interval      grid.Interval
	Claimed       grid.Flow // what the member says that flowed
	Metered       grid.Flow // what had been metered here, or put in its place
	Reason        string
	Filed         time.Time // world time
	State         ObjectionState
	Decision      Decision // what there is of it depends on the State

	Recorded  bool // accepted, and its value counts
	Corrected bool // and the interval was settled again by it, or nothing had to be
}

// Decision is what somebody decided about an objection.
type Decision struct {
	State   ObjectionState
	Answer  string // why
	Role    string // of who decided
	Time    time.Time
	Quality official.Quality // of the value of an accepted one
	Digest  string           // of its file
}

// What is wrong with an objection.
var (
	ErrOpenAlready = errors.New("an objection to this value is open already")
	ErrDecided     = errors.New("the objection is not open any more")
	ErrNoObjection = errors.New("there is no such objection")
)

// Object keeps an objection, and returns it with its number. Errors: ErrOpenAlready, where one
// to the same value is open.
func (a *Archive) Object(ctx context.Context, o Objection) (Objection, error) {
	added, err := a.db.ExecContext(ctx, `INSERT INTO objections (member, point, start, minutes, claimed_import, claimed_export, metered_import, metered_export, reason, filed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING`, o.Member, o.Point, o.Interval.Start, o.Interval.Minutes, o.Claimed.Import, o.Claimed.Export, o.Metered.Import, o.Metered.Export, o.Reason, o.Filed.Unix())
	if err != nil {
		return o, fmt.Errorf("objection: %w", err)
	}
	if n, err := added.RowsAffected(); err != nil || n == 0 {
		return o, errors.Join(ErrOpenAlready, err)
	}
	if o.ID, err = added.LastInsertId(); err != nil {
		return o, fmt.Errorf("objection: %w", err)
	}
	return a.Objection(ctx, o.ID)
}

// ReadObjections returns the objections in the archive at path, in one state where one is named, the
// last first. It only looks at the file, which a program may be writing; nothing was ever objected
// to where there is none.
func ReadObjections(ctx context.Context, path string, state ObjectionState) (all []Objection, err error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	db, err := disk.ReadSQLite(path)
	if err != nil {
		return nil, fmt.Errorf("objections: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tables, err := disk.Column[string](ctx, db, `SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'objections'`)
	if err != nil || len(tables) == 0 { // of an earlier version, which took none
		return nil, err
	}
	return (&Archive{db}).Objections(ctx, "", state, -1)
}

const objections = `SELECT id, member, point, start, minutes, claimed_import, claimed_export, metered_import, metered_export, reason, filed, state, answer, role, decided, quality, o.digest,
	coalesce(f.recorded, 0), NOT EXISTS (SELECT 1 FROM pending p WHERE p.file = f.file)
FROM objections o LEFT JOIN files f ON o.digest <> '' AND f.digest = o.digest`

func scanObjection(row interface{ Scan(into ...any) error }) (o Objection, err error) {
	var filed, decided int64
	d := &o.Decision
	err = row.Scan(&o.ID, &o.Member, &o.Point, &o.Interval.Start, &o.Interval.Minutes, &o.Claimed.Import, &o.Claimed.Export, &o.Metered.Import, &o.Metered.Export, &o.Reason, &filed,
		&o.State, &d.Answer, &d.Role, &decided, &d.Quality, &d.Digest, &o.Recorded, &o.Corrected)
	o.Filed, d.State = time.Unix(filed, 0).UTC(), o.State
	if o.Corrected = o.Corrected && o.Recorded; o.State != StateOpen {
		d.Time = time.Unix(decided, 0).UTC()
	}
	return o, err
}

// Objection returns one by its number. Errors: ErrNoObjection.
func (a *Archive) Objection(ctx context.Context, id int64) (Objection, error) {
	o, err := scanObjection(a.db.QueryRowContext(ctx, objections+` WHERE id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return o, ErrNoObjection
	}
	if err != nil {
		return o, fmt.Errorf("objection %d: %w", id, err)
	}
	return o, nil
}

// Objections returns at most so many, all where that is negative, the last first: of one member where
// one is named, in one state where one is.
func (a *Archive) Objections(ctx context.Context, member string, state ObjectionState, most int) (all []Objection, err error) {
	rows, err := a.db.QueryContext(ctx, objections+` WHERE (? = '' OR member = ?) AND (? = '' OR state = ?) ORDER BY id DESC LIMIT ?`, member, member, state, state, most)
	if err != nil {
		return nil, fmt.Errorf("objections: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		o, err := scanObjection(rows)
		if err != nil {
			return nil, fmt.Errorf("objections: %w", err)
		}
		all = append(all, o)
	}
	return all, rows.Err()
}

// Decide decides about an open objection. With a file it is staged in the same transaction:
// either both are kept or nothing is. Errors: ErrDecided, ErrNoObjection.
func (a *Archive) Decide(ctx context.Context, id int64, d Decision, f *File, news News) error {
	return a.within(ctx, fmt.Sprintf("objection %d", id), func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE objections SET state = ?, answer = ?, role = ?, decided = ?, quality = ?, digest = ? WHERE id = ? AND state = 'open'`,
			d.State, d.Answer, d.Role, d.Time.Unix(), d.Quality, d.Digest, id)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(a.missing(ctx, tx, id), err)
		}
		if f == nil {
			return nil
		}
		return stage(ctx, tx, *f, news)
	})
}

// missing says why an objection is not open.
func (*Archive) missing(ctx context.Context, tx *sql.Tx, id int64) error {
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM objections WHERE id = ?`, id).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return ErrNoObjection
	}
	return ErrDecided
}
