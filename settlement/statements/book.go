// Package statements is the book of what every settled interval meant for every metering
// point: how its energy was covered, at which rates, what it is worth, and what the postings
// of the run moved, summed up by reason. Bills, the guarantee and pages read it, where the
// ledger alone would have to be gone through posting by posting.
//
// # Model
//
// The book has one packed row for every settlement run. A row is added when its run is
// frozen, and never changed. Its place in the book, counted from 1 without gaps, orders the
// runs by when they came: all that happened up to a place is a state of the book that can be
// read again at any time later, whatever came since. A bill notes the place up to which it
// went, so that what later runs change in months that were billed is found exactly once.
//
// What an interval meant after several runs is what the last run's statements say and what
// the postings of all of them sum up to.
//
// # Durability
//
// The book is derived: everything in it comes from the frozen runs, in their order. Follower
// adds them as they come, and begins anew when the book has fewer of them than there are, as
// after a crash or when its file is gone or old. Adding a run twice changes nothing.
//
// Whoever opens a Book closes it. It is safe for concurrent use.
//
// # Signs
//
// Of a Sum, money is + where the account receives, energy in Wh is + where the account takes
// it. Everything else is as in package settlement.
package statements

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// File is where a data directory keeps the book.
const File = "statements.db"

// Members stands for all accounts that are not system accounts, as a counterpart.
const Members = "members"

// Sum is what the postings of one reason moved between an account and a counterpart, of
// energy that the account took or, by itself, of energy that it gave.
type Sum struct {
	Reason      string
	Counterpart string // a system account, or Members
	Money       grid.Money
	Energy      grid.Energy
}

// Point is what an interval meant for one metering point.
type Point struct {
	MeteringPoint string
	Member        string // whose it was, by the community's own name; empty: was forgotten
	Account       string // on the ledger; empty: cannot be told any more
	Quality       grid.Quality
	Metered       grid.Flow
	Cover         settlement.Cover
	Deviation     settlement.Deviation
	Rates         tariff.Rates
	Components    grid.Money // what neighbours' energy paid to the utility beside its price, + pays
	Net           grid.Money // + receives, over all runs
	RetailOnly    grid.Money // the metered energy at its own tariff alone
	// Without is what the home would have got without the community; that is an estimate
	// where WithoutEstimated says so.
	Without          grid.Money
	WithoutEstimated bool
	// WithoutFlow is what its meter would have counted then; nil: as it did where Without is
	// RetailOnly, and not known else. See Apart.
	WithoutFlow *grid.Flow
	Sums        []Sum // of the account's postings, in no order
}

// Apart returns what the meter would have counted without the community; known is false where that was
// not noted, as in earlier versions.
func (p *Point) Apart() (f grid.Flow, known bool) {
	if p.WithoutFlow != nil {
		return *p.WithoutFlow, true
	}
	return p.Metered, p.Without == p.RetailOnly
}

// Account is what the postings moved at an account that is no metering point's.
type Account struct {
	Name string
	Sums []Sum
}

// Interval is what an interval meant, after its last run or, in Runs, what one run was.
type Interval struct {
	Interval  grid.Interval
	Run       int       // the last one that counts here
	Place     int64     // of that run in the book
	Frozen    time.Time // of that run, world time; the end of the interval where it was not noted
	Estimated bool      // of that run: not every value was metered
	Points    []Point   // by metering point, as settlement orders them
	Others    []Account // system accounts, and accounts of points that cannot be told any more
}

// Owner tells whose a metering point is and what its account on the ledger is; both are
// empty where that cannot be told any more.
type Owner func(point string) (member, account string, err error)

// Book is the book of a community.
type Book struct {
	db *sql.DB

	adding sync.Mutex // held while a row is added
	mu     sync.RWMutex
	names  []string // by id, guarded by mu
	ids    map[string]uint64
}

// Open opens a book, or begins it. An empty path is a book in memory.
func Open(ctx context.Context, path string) (*Book, error) {
	db, err := disk.OpenSQLite(path)
	if err != nil {
		return nil, err
	}
	b := &Book{db: db, ids: map[string]uint64{}}
	if err := b.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("statement book %s: %w", path, err), db.Close())
	}
	return b, nil
}

func (b *Book) begin(ctx context.Context) error {
	_, err := b.db.ExecContext(ctx, `
		CREATE TABLE IF NOT EXISTS names (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
		CREATE TABLE IF NOT EXISTS owners (account TEXT PRIMARY KEY, member TEXT NOT NULL, point TEXT NOT NULL) WITHOUT ROWID;
		CREATE TABLE IF NOT EXISTS runs (
			start INTEGER NOT NULL, minutes INTEGER NOT NULL, run INTEGER NOT NULL, place INTEGER NOT NULL UNIQUE, row BLOB NOT NULL,
			PRIMARY KEY (start, minutes, run)
		) WITHOUT ROWID;`)
	if err != nil {
		return err
	}
	rows, err := b.db.QueryContext(ctx, `SELECT name FROM names ORDER BY id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		b.ids[name] = uint64(len(b.names))
		b.names = append(b.names, name)
	}
	return rows.Err()
}

// Close closes the book.
func (b *Book) Close() error { return b.db.Close() }

// Last returns the place of the last row, which is how many there are; 0: none.
func (b *Book) Last(ctx context.Context) (place int64, err error) {
	err = b.db.QueryRowContext(ctx, `SELECT coalesce(max(place), 0) FROM runs`).Scan(&place)
	if err != nil {
		return 0, fmt.Errorf("statement book: %w", err)
	}
	return place, nil
}

// Span returns when the first interval of the book begins and when the last one ends; both
// are zero where there is none.
func (b *Book) Span(ctx context.Context) (begin, end time.Time, err error) {
	var from, to sql.NullInt64
	err = b.db.QueryRowContext(ctx, `SELECT (SELECT min(start) FROM runs), (SELECT start + 60 * minutes FROM runs ORDER BY start DESC, minutes DESC LIMIT 1)`).Scan(&from, &to)
	if err != nil {
		return begin, end, fmt.Errorf("statement book: %w", err)
	}
	if from.Valid && to.Valid {
		begin, end = time.Unix(from.Int64, 0).UTC(), time.Unix(to.Int64, 0).UTC()
	}
	return begin, end, nil
}

// Add adds the rows of runs, all or none; those that are there already stay as they are. A
// later run of an interval takes from the first one whose the metering points were.
func (b *Book) Add(ctx context.Context, owner Owner, runs ...settlement.Run) (err error) {
	b.adding.Lock()
	defer b.adding.Unlock()
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("statement book: %w", err)
	}
	a := &adding{book: b, tx: tx, owner: owner, known: len(b.names)}
	for _, run := range runs {
		if err = a.add(ctx, run); err != nil {
			err = fmt.Errorf("statement book: %s run %d: %w", run.Manifest.Interval, run.Manifest.Run, err)
			break
		}
	}
	if err == nil {
		err = tx.Commit()
	} else {
		err = errors.Join(err, tx.Rollback())
	}
	if err != nil {
		b.forgetNames(a.known)
	}
	return err
}

// forgetNames drops the names that were not kept.
func (b *Book) forgetNames(from int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range b.names[from:] {
		delete(b.ids, name)
	}
	b.names = b.names[:from]
}

// Owned is an account that the book knows, and whose it is.
type Owned struct{ Account, Member, Point string }

// Accounts returns the accounts of metering points that the book has met, in their order.
func (b *Book) Accounts(ctx context.Context) (all []Owned, err error) {
	rows, err := b.db.QueryContext(ctx, `SELECT account, member, point FROM owners ORDER BY account`)
	if err != nil {
		return nil, fmt.Errorf("statement book: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var o Owned
		if err := rows.Scan(&o.Account, &o.Member, &o.Point); err != nil {
			return nil, fmt.Errorf("statement book: %w", err)
		}
		all = append(all, o)
	}
	return all, rows.Err()
}

// Forget forgets whose the metering points of a member were, in all rows: of a member who is
// erased the book tells neither the name nor which account on the ledger was that of which
// metering point.
func (b *Book) Forget(ctx context.Context, member string) error {
	b.adding.Lock()
	defer b.adding.Unlock()
	forgotten := map[string]string{ofMember + member: ofMember} // and what stays
	err := b.Since(ctx, 0, Always, func(i *Interval) error {
		for _, p := range i.Points {
			if p.Member == member && p.Account != "" {
				forgotten[ofAccount+p.Account] = ofAccount
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("statement book: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM owners WHERE member = ?`, member); err != nil {
		return errors.Join(fmt.Errorf("statement book: forget a name: %w", err), tx.Rollback())
	}
	for _, name := range slices.Sorted(maps.Keys(forgotten)) {
		if _, err := tx.ExecContext(ctx, `UPDATE names SET name = ? WHERE name = ?`, forgotten[name], name); err != nil {
			return errors.Join(fmt.Errorf("statement book: forget a name: %w", err), tx.Rollback())
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("statement book: forget a name: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.names = slices.Clone(b.names) // who reads has the slice as it was
	for name, rest := range forgotten {
		if id, found := b.ids[name]; found {
			delete(b.ids, name)
			b.names[id] = rest
		}
	}
	return nil
}
