// Package history says what a home took, gave, paid and earned in the past, by steps from
// five minutes to a month of the site's own time, and what its bill of a time would compare.
//
// # Model
//
// Two sources meet here. The statement book says what every settled interval meant for a home:
// its energy, as it bills, and its money. Telemetry says what the devices behind the meter
// counted. A Keeper puts both together as intervals are settled, one packed row a home and
// local day and one a device and local day, so that a year is read in some milliseconds
// whatever the size of the community. What is not settled yet, and steps that are shorter than
// an interval, come from telemetry when they are asked for, without money.
//
// Days are calendar days of the site's zone: 23 or 25 hours long where the clocks change. An
// interval belongs to the step in which it begins.
//
// What is not known is absent, never zero: a step of which no interval is known has no numbers,
// and one of which some are lacking says so (Point.Quality, Point.Lacking).
//
// # Signs
//
// Energies are in Wh and never negative: import and export, charging and discharging are kept
// apart. Cost is + where the home pays and Earned + where it receives, both in millionths of
// the currency unit; either may be negative where prices are. Without is what the home would
// have got without the community, + receives, as the book has it.
//
// # Durability
//
// The file is derived from the book and telemetry: a lost or damaged one is made again, without
// what telemetry has forgotten meanwhile. Who opens a Keeper closes it, and runs Run in between.
// It is safe for concurrent use.
package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/statements"
)

// File is where a data directory keeps the past of its homes.
const File = "history.db"

// Book is the statement book. What see is shown it must not keep.
type Book interface {
	// Last returns the place of the last row; 0: there is none.
	Last(ctx context.Context) (place int64, err error)
	// Since shows the runs whose place is in (after, upTo], in order of their places.
	Since(ctx context.Context, after, upTo int64, see func(*statements.Interval) error) error
	// Each shows what intervals that begin in [from, to) meant for everybody.
	Each(ctx context.Context, from, to time.Time, see func(*statements.Interval) error) error
	// EachOf is Each of what a member had.
	EachOf(ctx context.Context, member string, from, to time.Time, see func(*statements.Interval) error) error
}

// Telemetry has what the devices said.
type Telemetry interface {
	Range(ctx context.Context, device string, from, to time.Time, step store.Step) ([]grid.Reading, error)
}

// Options are what a Keeper works with.
type Options struct {
	Community string
	Currency  string
	Digits    int // decimals of its minor unit
	Zone      *time.Location
	Minutes   int // of a delivery interval
	Book      Book
	Telemetry Telemetry
	Tariffs   billing.Tariffs
	Devices   func() []grid.Device // of all homes, as they are now
	Clock     func() time.Time     // world time
	Log       *slog.Logger
}

// Keeper keeps the past of the homes.
type Keeper struct {
	Options

	db    *sql.DB
	added chan struct{} // the book has more

	mu      sync.Mutex         // guards what follows
	reckons map[string]reckons // money by member, as it was last reckoned
}

// Open opens the past of the homes in a file, or begins it. An empty path is one in memory.
func Open(ctx context.Context, path string, o Options) (*Keeper, error) {
	k, err := open(ctx, path, o)
	if disk.IsDamaged(err) && path != "" {
		o.Log.WarnContext(ctx, "the past of the homes is damaged: it is set aside, as ….damaged, and made again from the statement book", slog.String("file", path), slog.String("error", err.Error()))
		if err = disk.SetAside(path); err == nil {
			k, err = open(ctx, path, o)
		}
	}
	return k, err
}

func open(ctx context.Context, path string, o Options) (*Keeper, error) {
	db, err := disk.OpenSQLite(path, "synchronous(NORMAL)") // it is derived
	if err != nil {
		return nil, err
	}
	k := &Keeper{Options: o, db: db, added: make(chan struct{}, 1), reckons: map[string]reckons{}}
	if err := k.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("past of the homes %s: %w", path, err), db.Close())
	}
	return k, nil
}

// begin makes the tables. Of another zone, whose days are others, nothing is kept, and nothing
// of a book that has fewer rows than were taken from it.
func (k *Keeper) begin(ctx context.Context) error {
	_, err := k.db.ExecContext(ctx, `
		CREATE TABLE IF NOT EXISTS days (member TEXT NOT NULL, device TEXT NOT NULL, day INTEGER NOT NULL, row BLOB NOT NULL, PRIMARY KEY (member, device, day)) WITHOUT ROWID;
		CREATE TABLE IF NOT EXISTS taken (one INTEGER PRIMARY KEY CHECK (one = 1), place INTEGER NOT NULL, zone TEXT NOT NULL);`)
	if err != nil {
		return err
	}
	var place int64
	var zone string
	err = k.db.QueryRowContext(ctx, `SELECT place, zone FROM taken`).Scan(&place, &zone)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	last, err := k.Book.Last(ctx)
	if err != nil || zone == k.Zone.String() && place <= last {
		return err
	}
	_, err = k.db.ExecContext(ctx, `DELETE FROM days; INSERT OR REPLACE INTO taken (one, place, zone) VALUES (1, 0, ?);`, k.Zone.String())
	return err
}

// Close closes the file.
func (k *Keeper) Close() error { return k.db.Close() }

// Forget forgets in a file the past of a member who is erased. Nobody has it open meanwhile.
func Forget(ctx context.Context, path, member string) error {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil // no past was kept yet
	}
	db, err := disk.OpenSQLite(path)
	if err != nil {
		return err
	}
	if _, err = db.ExecContext(ctx, `DELETE FROM days WHERE member = ?`, member); err == nil {
		_, err = db.ExecContext(ctx, `VACUUM`)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("forget the past of a home: %w", err)
	}
	return nil
}
