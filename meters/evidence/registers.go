package evidence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// registersSchema is what the signed batches say of energy registers, one row a device and
// instant, so that what is about an instant is found without unpacking batches. The values
// are those that were signed, whatever they are.
const registersSchema = `
CREATE TABLE sources ( -- devices as a gateway read them for a member
	id INTEGER PRIMARY KEY, device TEXT NOT NULL, member TEXT NOT NULL, gateway TEXT NOT NULL,
	imports INTEGER NOT NULL DEFAULT 0, exports INTEGER NOT NULL DEFAULT 0, -- 1: such a register was read
	thinned INTEGER NOT NULL DEFAULT 0, -- unix ms before which they were thinned out
	UNIQUE (device, member, gateway)
);
CREATE TABLE registers (
	source INTEGER NOT NULL REFERENCES sources (id),
	time INTEGER NOT NULL, -- unix ms
	sequence INTEGER NOT NULL, -- of the batch that says it
	import INTEGER, export INTEGER, -- Wh
	estimated INTEGER NOT NULL, -- 1: the gateway's clock was off, or the gateway says so
	PRIMARY KEY (source, time)
) WITHOUT ROWID;`

// Registered is what a device's registers were at an instant.
type Registered struct {
	Time           time.Time
	Import, Export *grid.Energy // Wh as signed, which may be anything; nil: not told
	Estimated      bool         // the gateway's clock was off
	Gateway        string
	Sequence       uint64 // of the batch that says it
}

// registers is the table of what batches say of energy registers.
type registers struct {
	db     *sql.DB
	packer *packer
}

// source is a device as a gateway read it, in the table.
type source struct {
	id, thinned      int64
	imports, exports bool
	newest           int64  // unix ms of what was told last
	sequence         uint64 // of the batch that says it
}

// add notes what a batch says. Where the gateway's clock was put back, what it said of
// later, before that, does not count any more: its batches are in the order in which things
// happened, its clock is not. Of two batches that tell of one instant the later one counts.
func (registers) add(ctx context.Context, tx *sql.Tx, b proof.Batch, counts func(device string) bool) error {
	newest := map[string]int64{}
	for _, r := range b.Readings {
		if (r.Import != nil || r.Export != nil) && (counts == nil || counts(r.Device)) {
			newest[r.Device] = max(newest[r.Device], r.Time.UnixMilli())
		}
	}
	sources := map[string]*source{}
	for device, last := range newest {
		s, err := sourceOf(ctx, tx, device, b.Member, b.Gateway)
		if err != nil {
			return err
		}
		if s.newest > last {
			if _, err := tx.ExecContext(ctx, `DELETE FROM registers WHERE source = ? AND time > ? AND sequence < ?`, s.id, last, b.Sequence); err != nil {
				return err
			}
		}
		sources[device] = s
	}
	off := (time.Duration(b.SkewMS) * time.Millisecond).Abs() > proof.MostSkew
	for _, r := range b.Readings {
		s := sources[r.Device]
		if s == nil || r.Import == nil && r.Export == nil {
			continue
		}
		if err := s.add(ctx, tx, r, b.Sequence, off || r.Quality == grid.Estimated); err != nil {
			return err
		}
	}
	return nil
}

func sourceOf(ctx context.Context, tx *sql.Tx, device, member, gateway string) (*source, error) {
	s := &source{}
	const find = `SELECT s.id, s.thinned, s.imports, s.exports, COALESCE(r.time, 0), COALESCE(r.sequence, 0)
FROM sources s LEFT JOIN registers r ON r.source = s.id AND r.time = (SELECT MAX(time) FROM registers WHERE source = s.id)
WHERE s.device = ? AND s.member = ? AND s.gateway = ?`
	err := tx.QueryRowContext(ctx, find, device, member, gateway).Scan(&s.id, &s.thinned, &s.imports, &s.exports, &s.newest, &s.sequence)
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.QueryRowContext(ctx, `INSERT INTO sources (device, member, gateway) VALUES (?, ?, ?) RETURNING id`, device, member, gateway).Scan(&s.id)
	}
	return s, err
}

// lateWithin is how far back it is looked whether a batch that comes late was overtaken by
// one of before its time.
const lateWithin = int64(time.Hour / time.Millisecond)

// add notes a reading, unless a later batch tells of an earlier time, or of the same.
func (s *source) add(ctx context.Context, tx *sql.Tx, r grid.Reading, sequence uint64, estimated bool) error {
	const insert = `INSERT INTO registers (source, time, sequence, import, export, estimated) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (source, time) DO UPDATE SET sequence = excluded.sequence, import = excluded.import, export = excluded.export, estimated = excluded.estimated
WHERE excluded.sequence >= sequence`
	ms := r.Time.UnixMilli()
	if s.sequence > sequence { // it comes late
		const overtaken = `SELECT EXISTS (SELECT 1 FROM registers WHERE source = ?1 AND time < ?2 AND time >= ?2 - ?4 AND sequence > ?3)`
		var is bool
		if err := tx.QueryRowContext(ctx, overtaken, s.id, ms, sequence, lateWithin).Scan(&is); err != nil || is {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, insert, s.id, ms, sequence, r.Import, r.Export, estimated); err != nil {
		return err
	}
	imports, exports := s.imports || r.Import != nil, s.exports || r.Export != nil
	if imports == s.imports && exports == s.exports && ms >= s.thinned {
		return nil
	}
	s.imports, s.exports, s.thinned = imports, exports, min(s.thinned, ms)
	_, err := tx.ExecContext(ctx, `UPDATE sources SET imports = ?, exports = ?, thinned = ? WHERE id = ?`, imports, exports, s.thinned, s.id)
	return err
}

// Registers returns what was told of a member's device in [from, to], by time.
func (r registers) Registers(ctx context.Context, member, device string, from, to time.Time) ([]Registered, error) {
	return r.list(ctx, device, &member, `AND time >= ? AND time <= ? ORDER BY time`, from.UnixMilli(), to.UnixMilli())
}

// RegistersBeside returns the last n that were told of a member's device before t and the
// first n after it, each within reach, by time.
func (r registers) RegistersBeside(ctx context.Context, member, device string, t time.Time, reach time.Duration, n int) (before, after []Registered, err error) {
	ms := t.UnixMilli()
	before, err1 := r.list(ctx, device, &member, `AND time < ? AND time >= ? ORDER BY time DESC LIMIT ?`, ms, ms-reach.Milliseconds(), n)
	after, err2 := r.list(ctx, device, &member, `AND time > ? AND time <= ? ORDER BY time LIMIT ?`, ms, ms+reach.Milliseconds(), n)
	return before[max(len(before)-n, 0):], after[:min(len(after), n)], errors.Join(err1, err2)
}

// sources returns the numbers of a device in the table, by the gateways that read it; member
// nil asks for all members that it belonged to.
func (r registers) sources(ctx context.Context, device string, member *string) (map[int64]string, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT id, gateway FROM sources WHERE device = ? AND member = COALESCE(?, member)`, device, member)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[int64]string{}
	for rows.Next() {
		var id int64
		var gateway string
		if err := rows.Scan(&id, &gateway); err != nil {
			return nil, err
		}
		all[id] = gateway
	}
	return all, rows.Err()
}

// list returns registers of a device by time, however many gateways tell of it. What
// bounds and orders them is asked of each source, which the table is ordered by.
func (r registers) list(ctx context.Context, device string, member *string, where string, args ...any) (all []Registered, err error) {
	sources, err := r.sources(ctx, device, member)
	if err != nil {
		return nil, fmt.Errorf("registers of %s: %w", device, err)
	}
	for id, gateway := range sources {
		if all, err = r.appendFrom(ctx, all, gateway, where, append([]any{id}, args...)); err != nil {
			return nil, fmt.Errorf("registers of %s: %w", device, err)
		}
	}
	slices.SortStableFunc(all, func(a, b Registered) int { return a.Time.Compare(b.Time) })
	return all, nil
}

func (r registers) appendFrom(ctx context.Context, all []Registered, gateway, where string, args []any) ([]Registered, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT time, sequence, import, export, estimated FROM registers WHERE source = ? `+where, args...) //nolint:gosec // what bounds and orders is written in this package
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		one := Registered{Gateway: gateway}
		var ms int64
		if err := rows.Scan(&ms, &one.Sequence, &one.Import, &one.Export, &one.Estimated); err != nil {
			return nil, err
		}
		one.Time = time.UnixMilli(ms).UTC()
		all = append(all, one)
	}
	return all, rows.Err()
}

// Counts tells whether registers of import and of export were ever told of a member's
// device.
func (r registers) Counts(ctx context.Context, member, device string) (imports, exports bool, err error) {
	const has = `SELECT COALESCE(MAX(imports), 0), COALESCE(MAX(exports), 0) FROM sources WHERE device = ? AND member = ?`
	if err := r.db.QueryRowContext(ctx, has, device, member).Scan(&imports, &exports); err != nil {
		return false, false, fmt.Errorf("registers of %s: %w", device, err)
	}
	return imports, exports, nil
}

// Totals returns the last registers that were told of a device, import and export each on
// its own, nil when there are none. The time is that of the older one: what either gained
// since was gained after it.
func (r registers) Totals(ctx context.Context, device string) (*grid.Reading, error) {
	last := grid.Reading{Device: device, Quality: grid.Good}
	for column, to := range map[string]**grid.Energy{"import": &last.Import, "export": &last.Export} {
		known, err := r.list(ctx, device, nil, `AND `+column+` BETWEEN 0 AND ? ORDER BY time DESC LIMIT 1`, int64(grid.MostTotal))
		if err != nil {
			return nil, err
		}
		if len(known) == 0 {
			continue
		}
		newest := known[len(known)-1]
		if *to = newest.Import; column == "export" {
			*to = newest.Export
		}
		if last.Time.IsZero() || newest.Time.Before(last.Time) {
			last.Time = newest.Time
		}
	}
	if last.Import == nil && last.Export == nil {
		return nil, nil
	}
	return &last, nil
}

// BatchOf returns the digest of the batch that tells of some registers, empty when it is not
// kept any more.
func (r registers) BatchOf(ctx context.Context, one Registered) (digest proof.Digest, err error) {
	const find = `SELECT digest FROM batches WHERE gateway = ? AND sequence = ? AND signed IS NOT NULL`
	err = r.db.QueryRowContext(ctx, find, one.Gateway, one.Sequence).Scan(&digest)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("batch %d of gateway %q: %w", one.Sequence, one.Gateway, err)
	}
	return digest, nil
}

// LastTotals returns the last registers of each span of a member's device in [from, to), by
// the spans' begins; spans are counted from the beginning of unix time.
func (r registers) LastTotals(ctx context.Context, member, device string, from, to time.Time, span time.Duration) (map[int64]Registered, error) {
	ms := span.Milliseconds()
	rows, err := r.db.QueryContext(ctx, `SELECT r.time / ?5, MAX(r.time), r.import, r.export FROM sources s JOIN registers r ON r.source = s.id
WHERE s.device = ?1 AND s.member = ?2 AND r.time >= ?3 AND r.time < ?4 GROUP BY 1`, device, member, from.UnixMilli(), to.UnixMilli(), ms)
	if err != nil {
		return nil, fmt.Errorf("registers of %s: %w", device, err)
	}
	defer rows.Close()
	all := map[int64]Registered{}
	for rows.Next() {
		var k, at int64
		var one Registered
		if err := rows.Scan(&k, &at, &one.Import, &one.Export); err != nil {
			return nil, fmt.Errorf("registers of %s: %w", device, err)
		}
		one.Time = time.UnixMilli(at).UTC()
		all[k*ms/1000] = one
	}
	return all, rows.Err()
}

// erase forgets what was told of a member's devices.
func (r registers) erase(ctx context.Context, member string) error {
	for _, forget := range []string{
		`DELETE FROM registers WHERE source IN (SELECT id FROM sources WHERE member = ?)`, `DELETE FROM sources WHERE member = ?`,
	} {
		if _, err := r.db.ExecContext(ctx, forget, member); err != nil {
			return err
		}
	}
	return nil
}
