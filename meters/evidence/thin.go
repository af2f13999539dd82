package evidence

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
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
CREATE TABLE IF NOT EXISTS moments ( -- at which a device's registers are needed, beside the boundaries; unix ms
	device TEXT NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (device, time)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS batches_whole ON batches (gateway, first) WHERE kept = 0;
CREATE INDEX IF NOT EXISTS batches_needed ON batches (gateway, last) WHERE kept = 1;`

// upgrade brings a database of before forgetting up to date: all that it holds
// counts as named.
func upgrade(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil || version > 1 {
		return err
	}
	if version == 1 {
		_, err := db.ExecContext(ctx, `BEGIN IMMEDIATE;`+thinSchema+`PRAGMA user_version = 2; COMMIT;`)
		return err
	}
	var old bool
	if err := db.QueryRowContext(ctx, `SELECT NOT EXISTS (SELECT 1 FROM pragma_table_info('batches') WHERE name = 'kept')`).Scan(&old); err != nil {
		return err
	}
	statements := thinSchema + `PRAGMA user_version = 2;`
	if old {
		statements = `ALTER TABLE batches ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;` + thinSchema +
			`INSERT INTO named SELECT digest FROM batches WHERE signed IS NOT NULL; PRAGMA user_version = 2;`
	}
	_, err := db.ExecContext(ctx, `BEGIN IMMEDIATE;`+statements+`COMMIT;`)
	return err
}

// thinner forgets the batches that no bill can need any more.
type thinner struct {
	db     *sql.DB
	packer *packer
	counts registers
}

// Name keeps batches for good: something on the ledger names them.
func (t thinner) Name(ctx context.Context, digests ...proof.Digest) error {
	tx, err := t.db.BeginTx(ctx, nil)
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

// Mark keeps what a device said beside some instants as if an interval could begin
// there. It is called before evidence of about then is thinned out.
func (t thinner) Mark(ctx context.Context, device string, instants ...time.Time) error {
	for _, at := range instants {
		if _, err := t.db.ExecContext(ctx, `INSERT INTO moments (device, time) VALUES (?, ?) ON CONFLICT DO NOTHING`, device, at.UnixMilli()); err != nil {
			return fmt.Errorf("mark what %s said: %w", device, err)
		}
	}
	return nil
}

// moments returns the instants of [from, until) that were marked, by device.
func (t thinner) moments(ctx context.Context, from, until int64) (map[string][]int64, error) {
	rows, err := t.db.QueryContext(ctx, `SELECT device, time FROM moments WHERE time >= ? AND time < ?`, from, until)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string][]int64{}
	for rows.Next() {
		var device string
		var ms int64
		if err := rows.Scan(&device, &ms); err != nil {
			return nil, err
		}
		all[device] = append(all[device], ms)
	}
	return all, rows.Err()
}

// raster is the shortest one on which a boundary of an interval can lie, in ms.
const raster = 5 * 60 * 1000

// Nameable is for how long after it a settlement run may still name a batch: as
// long as batches may come late, and a day.
const Nameable = mostLate + 24*time.Hour

// Thin forgets batches of before whole but for those that a bill can need: of each
// device the readings beside every boundary at which an interval can begin and
// beside the instants that were marked, and the last and first ones beside a
// silence. Of before unnamed it forgets all that nothing names. The chain stays: of
// what was forgotten the ends are known. A gateway's last batch and those without
// readings stay. What is free then goes back to the disk.
func (t thinner) Thin(ctx context.Context, whole, unnamed time.Time) error {
	gateways, err := t.gateways(ctx)
	if err != nil {
		return fmt.Errorf("thin out evidence: %w", err)
	}
	for _, g := range gateways {
		for more := true; more; {
			if more, err = t.thin(ctx, g, whole.UnixMilli()); err != nil {
				return fmt.Errorf("thin out evidence: %w", err)
			}
		}
		if err := t.forgetUnnamed(ctx, g, unnamed.UnixMilli()); err != nil {
			return fmt.Errorf("thin out evidence: %w", err)
		}
	}
	if err := t.counts.thin(ctx, whole); err != nil {
		return fmt.Errorf("thin out registers: %w", err)
	}
	if _, err := t.db.ExecContext(ctx, `DELETE FROM moments WHERE time < ?`, unnamed.UnixMilli()); err != nil {
		return fmt.Errorf("thin out evidence: %w", err)
	}
	return disk.GiveBack(ctx, t.db)
}

func (t thinner) gateways(ctx context.Context) ([]string, error) {
	return disk.Column[string](ctx, t.db, `SELECT DISTINCT gateway FROM keys`)
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
func (t thinner) thin(ctx context.Context, gateway string, whole int64) (more bool, err error) {
	var oldest sql.NullInt64
	err = t.db.QueryRowContext(ctx, `SELECT MIN(first) FROM batches WHERE gateway = ? AND kept = 0 AND first IS NOT NULL`, gateway).Scan(&oldest)
	if err != nil || !oldest.Valid {
		return false, err
	}
	boundary := (oldest.Int64 + raster/2) / raster * raster
	if boundary+raster/2 > whole {
		return false, nil
	}
	needed := besides{boundary: boundary}
	around, err := t.read(ctx, `gateway = ? AND kept = 0 AND first < ?`, gateway, boundary+raster/2)
	if err == nil {
		needed.moments, err = t.moments(ctx, boundary-raster, boundary+raster)
	}
	if err == nil {
		needed.earlier, err = t.said(ctx, `gateway = ? AND kept = 1 AND last >= ? AND last < ?`, gateway, boundary-raster, boundary-raster+glance)
	}
	if err == nil {
		needed.later, err = t.said(ctx, `gateway = ? AND kept = 0 AND first >= ? AND first < ?`, gateway, boundary+raster-glance, boundary+raster)
	}
	if err != nil {
		return false, err
	}
	keep := needed.of(around)
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	var rest []link
	for _, b := range around {
		l := b.link
		if keep[l.digest] {
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

// glance is for how long before one boundary, and after another, a device is looked
// for that need not be kept as silent, in ms.
const glance = 30_000

// readBatch is a batch in its chain with its readings, none of one that was
// forgotten or erased.
type readBatch struct {
	link

	readings []grid.Reading
}

// read returns the batches of a gateway with their readings.
func (t thinner) read(ctx context.Context, where string, args ...any) ([]readBatch, error) {
	found, err := links(ctx, t.db, "signed", where, args...)
	if err != nil {
		return nil, err
	}
	all := make([]readBatch, len(found))
	for k, l := range found {
		text, err := t.packer.unpack(l.signed)
		if err != nil {
			return nil, fmt.Errorf("batch %s: %w", l.digest, err)
		}
		b, _, err := proof.ReadBatch(text)
		l.signed = nil
		if all[k] = (readBatch{link: l}); err == nil {
			all[k].readings = b.Readings
		}
	}
	return all, nil
}

// said returns the subjects of the readings of some batches, with the times of their
// first and last ones, in ms.
func (t thinner) said(ctx context.Context, where string, args ...any) (map[string][2]int64, error) {
	batches, err := t.read(ctx, where, args...)
	if err != nil {
		return nil, err
	}
	all := map[string][2]int64{}
	for _, b := range batches {
		for _, r := range b.readings {
			ms := r.Time.UnixMilli()
			span, known := all[subject(r)]
			if !known {
				span = [2]int64{ms, ms}
			}
			all[subject(r)] = [2]int64{min(span[0], ms), max(span[1], ms)}
		}
	}
	return all, nil
}

// subject is what a reading tells of. A reading without import is a subject of its own:
// no interval can be settled by it, so that it may not take the place of one that has it.
func subject(r grid.Reading) string {
	if r.Import == nil {
		return r.Device + " without import"
	}
	return r.Device
}

// besides finds the batches that are needed of those around one boundary, half a
// raster to both sides of it. All times are in ms.
type besides struct {
	boundary       int64
	moments        map[string][]int64  // by device, a raster to both sides
	earlier, later map[string][2]int64 // what is said after the boundary before, and before the one after
}

// of returns the digests of those that hold, of any device, the last reading at or
// before the boundary or a moment, or the first at or after it. The first and the
// last of all are needed by what is beside them if the device is silent there, or
// a moment is near; and so is a batch that reaches further.
func (s besides) of(batches []readBatch) map[string]bool {
	needed := map[string]bool{}
	subjects := map[string]*ends{}
	for _, b := range batches {
		for _, r := range b.readings {
			ms := r.Time.UnixMilli()
			if ms >= s.boundary+raster {
				needed[b.digest] = true
			}
			n := subjects[subject(r)]
			if n == nil {
				n = s.ends(r.Device)
				subjects[subject(r)] = n
			}
			n.see(b.digest, ms)
		}
	}
	for what, n := range subjects {
		for k := range n.instants {
			needed[n.before[k]], needed[n.after[k]] = true, true
		}
		marked := len(n.instants) > 1
		if marked || !s.saidEarlier(what) {
			needed[n.first] = true
		}
		if marked || !s.saidLater(what) {
			needed[n.last] = true
		}
	}
	return needed
}

// ends are the digests of the batches with the readings of one subject that are
// the first and the last ones, and nearest to some instants.
type ends struct {
	instants      []int64
	first, last   string
	before, after []string // by instant; empty where there is none
}

func (s besides) ends(device string) *ends {
	instants := append([]int64{s.boundary}, s.moments[device]...)
	return &ends{instants: instants, before: make([]string, len(instants)), after: make([]string, len(instants))}
}

func (n *ends) see(digest string, ms int64) {
	n.first, n.last = cmp.Or(n.first, digest), digest
	for k, at := range n.instants {
		if ms <= at {
			n.before[k] = digest
		}
		if n.after[k] == "" && ms >= at {
			n.after[k] = digest
		}
	}
}

// saidEarlier tells whether the boundary before this one has its reading after it.
func (s besides) saidEarlier(subject string) bool {
	span, said := s.earlier[subject]
	return said && span[1] >= s.boundary-raster
}

// saidLater tells whether the boundary after this one has its reading before it.
func (s besides) saidLater(subject string) bool {
	span, said := s.later[subject]
	return said && span[0] <= s.boundary+raster
}

// forgetUnnamed forgets the batches that nothing can name any more; the others
// stay for good.
func (t thinner) forgetUnnamed(ctx context.Context, gateway string, before int64) error {
	tx, err := t.db.BeginTx(ctx, nil)
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
