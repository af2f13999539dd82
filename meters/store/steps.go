package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
)

// stepsSchema is where readings go that are too old to be kept in full. The
// first and the last registers of a step stay as they were read, so that the
// energy of an interval, which ends where steps do, stays exact.
const stepsSchema = `
CREATE TABLE IF NOT EXISTS steps (
	device  INTEGER NOT NULL REFERENCES devices (id),
	minutes INTEGER NOT NULL, -- 1 or 15
	time    INTEGER NOT NULL, -- of its start, unix ms
	n       INTEGER NOT NULL, -- readings
	power   INTEGER NOT NULL, powers   INTEGER NOT NULL, -- sum and number
	charge  INTEGER NOT NULL, charges  INTEGER NOT NULL,
	voltage INTEGER NOT NULL, voltages INTEGER NOT NULL,
	hertz   INTEGER NOT NULL, hertzes  INTEGER NOT NULL,
	import  INTEGER, export INTEGER, -- the highest
	took    INTEGER NOT NULL, -- the longest
	doubted INTEGER NOT NULL, -- readings that are not good
	first_time INTEGER, first_import INTEGER, first_export INTEGER, first_quality TEXT,
	last_time  INTEGER, last_import  INTEGER, last_export  INTEGER, last_quality  TEXT,
	PRIMARY KEY (device, minutes, time)
) WITHOUT ROWID;`

// stepMinutes are the lengths of steps.
func stepMinutes() []int64 { return []int64{1, 15} }

// quarter is the longest step in ms.
const quarter = 15 * 60_000

// retireAtOnce is the span of readings that one transaction turns into steps, so
// that writers do not wait long.
const retireAtOnce = 4 * quarter

// Retire turns readings from before now − keep.Raw into steps of a minute and of
// a quarter of an hour, and forgets minutes from before now − keep.Minutes. A
// reading that comes later still is added to its steps; written twice then, it
// counts twice in their means.
func (s *SQLite) Retire(ctx context.Context, now time.Time, keep Keep) error {
	horizon := now.Add(-keep.Raw).UnixMilli() / quarter * quarter
	devices, err := s.deviceIDs(ctx)
	if err != nil {
		return fmt.Errorf("retire readings: %w", err)
	}
	for _, device := range devices {
		for more := true; more; {
			if more, err = s.retire(ctx, device, horizon); err != nil {
				return fmt.Errorf("retire readings: %w", err)
			}
		}
	}
	_, err = s.db.ExecContext(ctx, `DELETE FROM steps WHERE minutes = 1 AND time < ?`, now.Add(-keep.Minutes).UnixMilli())
	if err != nil {
		return fmt.Errorf("retire minutes: %w", err)
	}
	return disk.GiveBack(ctx, s.db)
}

func (s *SQLite) deviceIDs(ctx context.Context) ([]int64, error) {
	return disk.Column[int64](ctx, s.db, `SELECT id FROM devices`)
}

// retire turns the oldest readings of a device into steps and tells whether there
// may be more to do.
func (s *SQLite) retire(ctx context.Context, device, horizon int64) (more bool, err error) {
	var oldest sql.NullInt64
	err = s.db.QueryRowContext(ctx, `SELECT MIN(time) FROM readings WHERE device = ?`, device).Scan(&oldest)
	if err != nil || !oldest.Valid || oldest.Int64 >= horizon {
		return false, err
	}
	end := min(oldest.Int64/quarter*quarter+retireAtOnce, horizon)
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	readings, err := scanReadings(tx.QueryContext(ctx, `SELECT `+columns+` FROM readings WHERE device = ? AND time < ? ORDER BY time`, device, end))
	if err != nil {
		return false, err
	}
	for _, minutes := range stepMinutes() {
		if err := addToSteps(ctx, tx, device, minutes, readings); err != nil {
			return false, err
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM readings WHERE device = ? AND time < ?`, device, end); err != nil {
		return false, err
	}
	return true, tx.Commit()
}

// addToSteps adds readings, which are in order, to the steps that they fall into.
func addToSteps(ctx context.Context, tx *sql.Tx, device, minutes int64, readings []grid.Reading) error {
	for len(readings) > 0 {
		begin := readings[0].Time.UnixMilli() / (minutes * 60_000) * (minutes * 60_000)
		end := time.UnixMilli(begin + minutes*60_000)
		n := 1
		for n < len(readings) && readings[n].Time.Before(end) {
			n++
		}
		sum, err := loadStep(ctx, tx, device, minutes, begin)
		if err != nil {
			return err
		}
		for i := range readings[:n] {
			sum.add(&readings[i])
		}
		if err := sum.save(ctx, tx, device, minutes, begin); err != nil {
			return err
		}
		readings = readings[n:]
	}
	return nil
}

// stepSum is what is known of a step.
type stepSum struct {
	n                             int64
	power, charge, voltage, hertz mean
	imported, exported            *int64
	took, doubted                 int64
	first, last                   stepRegisters
}

// mean is a sum and its number of values.
type mean struct{ sum, n int64 }

// stepRegisters are both registers of one reading; a nil time is none.
type stepRegisters struct {
	time, imported, exported *int64
	quality                  *string
}

func (m *mean) add(v *int64) {
	if v != nil {
		m.sum += *v
		m.n++
	}
}

func (s *stepSum) add(r *grid.Reading) {
	s.n++
	s.power.add((*int64)(r.Power))
	if r.Charge != nil {
		s.charge.add(new(int64(*r.Charge)))
	}
	s.voltage.add(r.Voltage)
	s.hertz.add(r.Hertz)
	s.imported = highest(s.imported, (*int64)(r.Import))
	s.exported = highest(s.exported, (*int64)(r.Export))
	s.took = max(s.took, r.Took.Microseconds())
	if r.Quality != grid.Good {
		s.doubted++
	}
	if r.Import == nil || r.Export == nil {
		return
	}
	at := stepRegisters{new(r.Time.UnixMilli()), (*int64)(r.Import), (*int64)(r.Export), new(string(r.Quality))}
	if s.first.time == nil || *at.time < *s.first.time {
		s.first = at
	}
	if s.last.time == nil || *at.time >= *s.last.time {
		s.last = at
	}
}

func highest(a, b *int64) *int64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

const stepColumns = `n, power, powers, charge, charges, voltage, voltages, hertz, hertzes, import, export, took, doubted,
	first_time, first_import, first_export, first_quality, last_time, last_import, last_export, last_quality`

// fields returns where the columns are.
func (s *stepSum) fields() []any {
	return append([]any{
		&s.n, &s.power.sum, &s.power.n, &s.charge.sum, &s.charge.n, &s.voltage.sum, &s.voltage.n, &s.hertz.sum, &s.hertz.n,
		&s.imported, &s.exported, &s.took, &s.doubted,
	}, append(s.first.fields(), s.last.fields()...)...)
}

func (r *stepRegisters) fields() []any { return []any{&r.time, &r.imported, &r.exported, &r.quality} }

func loadStep(ctx context.Context, tx *sql.Tx, device, minutes, begin int64) (*stepSum, error) {
	s := &stepSum{}
	err := tx.QueryRowContext(ctx, `SELECT `+stepColumns+` FROM steps WHERE device = ? AND minutes = ? AND time = ?`, device, minutes, begin).Scan(s.fields()...)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	return s, nil
}

func (s *stepSum) save(ctx context.Context, tx *sql.Tx, device, minutes, begin int64) error {
	_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO steps (device, minutes, time, `+stepColumns+`)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, append([]any{device, minutes, begin}, s.fields()...)...)
	return err
}

// registersInSteps returns the registers of retired readings that are nearest to
// at on one side, nil when there are none within reach of it.
func (s *SQLite) registersInSteps(ctx context.Context, device string, at, reach int64, after bool) (*grid.Registers, error) {
	var best *grid.Registers
	for _, minutes := range stepMinutes() {
		// The step that at falls into may have registers on both sides of it.
		where := `AND time <= ? AND time > ? AND first_time <= ? ORDER BY time DESC`
		args := []any{device, minutes, at, at - reach - minutes*60_000, at}
		if after {
			where = `AND time > ? AND time <= ? AND last_time >= ? ORDER BY time`
			args = []any{device, minutes, at - minutes*60_000, at + reach, at}
		}
		var sum stepSum
		err := s.db.QueryRowContext(ctx, `SELECT `+stepColumns+` FROM steps
WHERE device = (SELECT id FROM devices WHERE name = ?) AND minutes = ? `+where+` LIMIT 1`, args...).Scan(sum.fields()...)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("registers of %s: %w", device, err)
		}
		near, far := sum.last, sum.first
		if after {
			near, far = sum.first, sum.last
		}
		if (*near.time < at) == after && *near.time != at {
			near = far
		}
		best = nearest(best, near.registers(), after)
	}
	if best != nil && (best.Time.UnixMilli() < at-reach || best.Time.UnixMilli() > at+reach) {
		return nil, nil
	}
	return best, nil
}

func (r *stepRegisters) registers() *grid.Registers {
	return &grid.Registers{
		Time: time.UnixMilli(*r.time).UTC(), Import: grid.Energy(*r.imported), Export: grid.Energy(*r.exported), Quality: grid.Quality(*r.quality),
	}
}

// nearest returns the earlier one of what comes after a time, else the later
// one.
func nearest(a, b *grid.Registers, after bool) *grid.Registers {
	if a == nil || b != nil && b.Time.Before(a.Time) == after {
		return b
	}
	return a
}
