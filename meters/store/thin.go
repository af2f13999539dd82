package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/proof"
)

// thinSchema is what thinning works with: the batches that something on the
// ledger names, and what is left of those that were forgotten. The partial indexes
// find the batches that were not looked at yet, and those that may be forgotten
// later.
const thinSchema = `
CREATE TABLE IF NOT EXISTS named (digest TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS forgotten ( -- runs of batches, first to last
	gateway TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
	previous TEXT NOT NULL, digest TEXT NOT NULL, -- of the batch before the first, of the last
	PRIMARY KEY (gateway, first)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS batches_whole ON batches (gateway, first) WHERE kept = 0;
CREATE INDEX IF NOT EXISTS batches_needed ON batches (gateway, last) WHERE kept = 1;`

// upgrade brings a database of before forgetting up to date: all that it holds
// counts as named.
func upgrade(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil || version > 0 {
		return err
	}
	var old bool
	if err := db.QueryRowContext(ctx, `SELECT NOT EXISTS (SELECT 1 FROM pragma_table_info('batches') WHERE name = 'kept')`).Scan(&old); err != nil {
		return err
	}
	statements := thinSchema + `PRAGMA user_version = 1;`
	if old {
		statements = `ALTER TABLE batches ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;` + thinSchema +
			`INSERT INTO named SELECT digest FROM batches WHERE signed IS NOT NULL; PRAGMA user_version = 1;`
	}
	_, err := db.ExecContext(ctx, `BEGIN IMMEDIATE;`+statements+`COMMIT;`)
	return err
}

// Name keeps batches for good: something on the ledger names them.
func (e *Evidence) Name(ctx context.Context, digests ...proof.Digest) error {
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("name batches: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	for _, d := range digests {
		if d == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO named (digest) VALUES (?) ON CONFLICT DO NOTHING`, string(d)); err != nil {
			return fmt.Errorf("name batches: %w", err)
		}
	}
	return tx.Commit()
}

// raster is the shortest one on which a boundary of an interval can lie, in ms.
const raster = 5 * 60 * 1000

// Nameable is for how long after it a settlement run may still name a batch: as
// long as batches may come late, and a day.
const Nameable = mostLate + 24*time.Hour

// Thin forgets batches of before whole but for those that a bill can need: of each
// device the readings beside every boundary at which an interval can begin, and
// the last and first ones beside a silence. Of before unnamed it forgets all that
// nothing names. The chain stays: of what was forgotten the ends are known. A
// gateway's last batch and those without readings stay.
func (e *Evidence) Thin(ctx context.Context, whole, unnamed time.Time) error {
	gateways, err := e.gateways(ctx)
	if err != nil {
		return fmt.Errorf("thin out evidence: %w", err)
	}
	for _, g := range gateways {
		for more := true; more; {
			if more, err = e.thin(ctx, g, whole.UnixMilli()); err != nil {
				return fmt.Errorf("thin out evidence: %w", err)
			}
		}
		if err := e.forgetUnnamed(ctx, g, unnamed.UnixMilli()); err != nil {
			return fmt.Errorf("thin out evidence: %w", err)
		}
	}
	return nil
}

func (e *Evidence) gateways(ctx context.Context) (all []string, err error) {
	rows, err := e.db.QueryContext(ctx, `SELECT DISTINCT gateway FROM keys`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var g string
		if err := rows.Scan(&g); err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, rows.Err()
}

// link is a batch in its chain.
type link struct {
	sequence         uint64
	previous, digest string
	signed           []byte
	named            bool
}

// querier is a database or a transaction of it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// links reads batches of a gateway in their order; signed is the column with their
// bytes, or another.
func links(ctx context.Context, from querier, signed, where string, args ...any) (all []link, err error) {
	rows, err := from.QueryContext(ctx, `SELECT sequence, previous, digest, `+signed+`, digest IN (SELECT digest FROM named) FROM batches WHERE `+where+` ORDER BY sequence`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var l link
		if err := rows.Scan(&l.sequence, &l.previous, &l.digest, &l.signed, &l.named); err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, rows.Err()
}

// thin looks at the oldest batches around one boundary that were not looked at yet
// and tells whether there may be more to do. What comes meanwhile is looked at the
// next time, and what is named meanwhile stays.
func (e *Evidence) thin(ctx context.Context, gateway string, whole int64) (more bool, err error) {
	var oldest sql.NullInt64
	err = e.db.QueryRowContext(ctx, `SELECT MIN(first) FROM batches WHERE gateway = ? AND kept = 0 AND first IS NOT NULL`, gateway).Scan(&oldest)
	if err != nil || !oldest.Valid {
		return false, err
	}
	boundary := (oldest.Int64 + raster/2) / raster * raster
	if boundary+raster/2 > whole {
		return false, nil
	}
	around, err := links(ctx, e.db, "signed", `gateway = ? AND kept = 0 AND first < ?`, gateway, boundary+raster/2)
	if err != nil {
		return false, err
	}
	needed := besides(around, time.UnixMilli(boundary))
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	var rest []link
	for _, l := range around {
		if needed[l.digest] {
			_, err = tx.ExecContext(ctx, `UPDATE batches SET kept = 1 WHERE gateway = ? AND sequence = ?`, gateway, l.sequence)
		} else {
			l.named, err = isNamed(ctx, tx, l.digest)
			rest = append(rest, l)
		}
		if err != nil {
			return false, err
		}
	}
	if err := forget(ctx, tx, gateway, rest); err != nil {
		return false, err
	}
	return true, tx.Commit()
}

func isNamed(ctx context.Context, tx *sql.Tx, digest string) (named bool, err error) {
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM named WHERE digest = ?)`, digest).Scan(&named)
	return named, err
}

// besides returns the digests of the batches that hold, of any device, the last
// reading at or before a boundary, the first at or after it, and the first and the
// last of all.
func besides(batches []link, boundary time.Time) map[string]bool {
	type nearest struct{ first, before, after, last string }
	devices := map[string]*nearest{}
	for _, l := range batches {
		b, _, err := proof.ReadBatch(l.signed)
		if err != nil {
			continue // forgotten or erased
		}
		for _, r := range b.Readings {
			key := r.Device
			if r.Import == nil { // apart: it tells less
				key += " without import"
			}
			n := devices[key]
			if n == nil {
				n = &nearest{first: l.digest}
				devices[key] = n
			}
			if n.last = l.digest; !r.Time.After(boundary) {
				n.before = l.digest
			}
			if n.after == "" && !r.Time.Before(boundary) {
				n.after = l.digest
			}
		}
	}
	needed := map[string]bool{}
	for _, n := range devices {
		needed[n.first], needed[n.before], needed[n.after], needed[n.last] = true, true, true, true
	}
	return needed
}

// forgetUnnamed forgets the batches that nothing can name any more; the others
// stay for good.
func (e *Evidence) forgetUnnamed(ctx context.Context, gateway string, before int64) error {
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	rest, err := links(ctx, tx, "NULL", `gateway = ? AND kept = 1 AND last < ?`, gateway, before)
	if err != nil {
		return err
	}
	if err := forget(ctx, tx, gateway, rest); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE batches SET kept = 2 WHERE gateway = ? AND kept = 1 AND last < ?`, gateway, before); err != nil {
		return err
	}
	return tx.Commit()
}

// forget deletes batches of a gateway, which are in order, but for its last one and
// those that are named, which are kept, and remembers the ends of what was a piece
// of the chain.
func forget(ctx context.Context, tx *sql.Tx, gateway string, batches []link) error {
	var newest uint64
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(sequence), 0) FROM batches WHERE gateway = ?`, gateway).Scan(&newest); err != nil {
		return err
	}
	stays := func(l link) bool { return l.named || l.sequence == newest }
	for len(batches) > 0 {
		if stays(batches[0]) {
			if _, err := tx.ExecContext(ctx, `UPDATE batches SET kept = MAX(kept, 1) WHERE gateway = ? AND sequence = ?`, gateway, batches[0].sequence); err != nil {
				return err
			}
			batches = batches[1:]
			continue
		}
		n := 1
		for n < len(batches) && batches[n].sequence == batches[n-1].sequence+1 && !stays(batches[n]) {
			n++
		}
		first, last := batches[0], batches[n-1]
		if _, err := tx.ExecContext(ctx, `DELETE FROM batches WHERE gateway = ? AND sequence BETWEEN ? AND ?`, gateway, first.sequence, last.sequence); err != nil {
			return err
		}
		if err := remember(ctx, tx, gateway, first, last); err != nil {
			return err
		}
		batches = batches[n:]
	}
	return nil
}

// remember notes a piece of a chain that was forgotten, joined with those beside
// it.
func remember(ctx context.Context, tx *sql.Tx, gateway string, first, last link) error {
	err := tx.QueryRowContext(ctx, `DELETE FROM forgotten WHERE gateway = ? AND last = ? RETURNING first, previous`, gateway, first.sequence-1).
		Scan(&first.sequence, &first.previous)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	err = tx.QueryRowContext(ctx, `DELETE FROM forgotten WHERE gateway = ? AND first = ? RETURNING last, digest`, gateway, last.sequence+1).
		Scan(&last.sequence, &last.digest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO forgotten (gateway, first, last, previous, digest) VALUES (?, ?, ?, ?, ?)`,
		gateway, first.sequence, last.sequence, first.previous, last.digest)
	return err
}
