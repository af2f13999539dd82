package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
)

// SQLite is the embedded driver. It is safe for concurrent use.
type SQLite struct {
	db *sql.DB

	mu  sync.Mutex
	ids map[string]int64 // of devices, once they are committed
}

// OpenEmbedded opens or creates the database at path. One that is damaged is set aside, and
// another one begun: the evidence has every signed reading, and bills need no telemetry.
func OpenEmbedded(ctx context.Context, path string, log *slog.Logger) (Store, error) {
	s, err := OpenSQLite(ctx, path)
	if disk.IsDamaged(err) {
		log.WarnContext(ctx, "the telemetry database is damaged: it is set aside, as ….damaged, and a new one is begun; bills come from the signed readings", slog.String("file", path), slog.String("error", err.Error()))
		if err = disk.SetAside(path); err == nil {
			s, err = OpenSQLite(ctx, path)
		}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// OpenSQLite opens or creates the database at path.
func OpenSQLite(ctx context.Context, path string) (*SQLite, error) {
	db, err := disk.OpenElastic(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	const schema = `
CREATE TABLE IF NOT EXISTS devices (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS readings (
	device  INTEGER NOT NULL REFERENCES devices (id),
	time    INTEGER NOT NULL, -- unix ms
	power   INTEGER, import INTEGER, export INTEGER, charge INTEGER, voltage INTEGER, hertz INTEGER,
	took    INTEGER NOT NULL, -- µs
	quality TEXT NOT NULL,
	PRIMARY KEY (device, time)
) WITHOUT ROWID;`
	_, err = db.ExecContext(ctx, schema+stepsSchema)
	if err == nil {
		err = disk.MakeElastic(ctx, db)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return &SQLite{db: db, ids: map[string]int64{}}, nil
}

// Kind names the driver.
func (*SQLite) Kind() string { return "embedded" }

// Close closes the database.
func (s *SQLite) Close() error { return s.db.Close() }

// Write keeps the readings in one transaction.
func (s *SQLite) Write(ctx context.Context, readings []grid.Reading) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write readings: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	const insert = `
INSERT INTO readings (device, time, power, import, export, charge, voltage, hertz, took, quality)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (device, time) DO UPDATE SET power = excluded.power, import = excluded.import, export = excluded.export,
	charge = excluded.charge, voltage = excluded.voltage, hertz = excluded.hertz, took = excluded.took, quality = excluded.quality`
	statement, err := tx.PrepareContext(ctx, insert)
	if err != nil {
		return fmt.Errorf("write readings: %w", err)
	}
	defer statement.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	added := map[string]int64{}
	for _, r := range readings {
		id, known := s.ids[r.Device]
		if !known {
			if id, known = added[r.Device]; !known {
				const add = `INSERT INTO devices (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET name = name RETURNING id`
				if err := tx.QueryRowContext(ctx, add, r.Device).Scan(&id); err != nil {
					return fmt.Errorf("write readings: %w", err)
				}
				added[r.Device] = id
			}
		}
		if _, err := statement.ExecContext(ctx, id, r.Time.UnixMilli(), r.Power, r.Import, r.Export, r.Charge,
			r.Voltage, r.Hertz, r.Took.Microseconds(), string(r.Quality)); err != nil {
			return fmt.Errorf("write reading of %s: %w", r.Device, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write readings: %w", err)
	}
	maps.Copy(s.ids, added)
	return nil
}

const columns = `time, power, import, export, charge, voltage, hertz, took, quality`

// Last returns the latest reading.
func (s *SQLite) Last(ctx context.Context, device string) (*grid.Reading, error) {
	rows, err := s.query(ctx, device, `SELECT `+columns+` FROM readings
WHERE device = (SELECT id FROM devices WHERE name = ?) ORDER BY time DESC LIMIT 1`, device)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// Range returns the readings of [from, to).
func (s *SQLite) Range(ctx context.Context, device string, from, to time.Time, step Step) ([]grid.Reading, error) {
	if step == Raw {
		return s.query(ctx, device, `SELECT `+columns+` FROM readings
WHERE device = (SELECT id FROM devices WHERE name = ?) AND time >= ? AND time < ? ORDER BY time`,
			device, from.UnixMilli(), to.UnixMilli())
	}
	ms := time.Duration(step).Milliseconds()
	// Registers only grow, so the last of a step is its maximum; means are
	// rounded half away from zero.
	return s.query(ctx, device, `WITH parts AS (
	SELECT time, power, power IS NOT NULL AS powers, charge, charge IS NOT NULL AS charges, voltage, voltage IS NOT NULL AS voltages,
		hertz, hertz IS NOT NULL AS hertzes, import, export, took, quality <> 'good' AS doubted
	FROM readings WHERE device = (SELECT id FROM devices WHERE name = ?2) AND time >= ?3 AND time < ?4
	UNION ALL
	SELECT time, power, powers, charge, charges, voltage, voltages, hertz, hertzes, import, export, took, doubted
	FROM steps WHERE device = (SELECT id FROM devices WHERE name = ?2) AND minutes = ?5 AND time >= ?3 AND time < ?4)
SELECT time / ?1 * ?1, `+rounded("power", "powers")+`, MAX(import), MAX(export), `+rounded("charge", "charges")+`, `+
		rounded("voltage", "voltages")+`, `+rounded("hertz", "hertzes")+`, MAX(took),
	CASE WHEN SUM(doubted) = 0 THEN 'good' ELSE 'suspect' END
FROM parts GROUP BY 1 ORDER BY 1`,
		ms, device, from.UnixMilli(), to.UnixMilli(), longest(ms))
}

// longest returns the minutes of the longest steps that make up one of so many ms.
func longest(ms int64) int64 {
	if ms%quarter == 0 {
		return 15
	}
	return 1
}

// rounded is a mean in SQL.
func rounded(sum, n string) string {
	return fmt.Sprintf("CAST(ROUND(1.0 * SUM(%s) / NULLIF(SUM(%s), 0)) AS INTEGER)", sum, n)
}

func (s *SQLite) query(ctx context.Context, device, query string, args ...any) ([]grid.Reading, error) {
	readings, err := scanReadings(s.db.QueryContext(ctx, query, args...))
	if err != nil {
		return nil, fmt.Errorf("readings of %s: %w", device, err)
	}
	for i := range readings {
		readings[i].Device = device
	}
	return readings, nil
}

// scanReadings reads the columns of readings; the devices are left out.
func scanReadings(rows *sql.Rows, err error) ([]grid.Reading, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var readings []grid.Reading
	for rows.Next() {
		var r grid.Reading
		var ms, took int64
		if err := rows.Scan(&ms, &r.Power, &r.Import, &r.Export, &r.Charge, &r.Voltage, &r.Hertz, &took, &r.Quality); err != nil {
			return nil, err
		}
		r.Time, r.Took = time.UnixMilli(ms).UTC(), time.Duration(took)*time.Microsecond
		readings = append(readings, r)
	}
	return readings, rows.Err()
}

// Around returns the registers on both sides of t.
func (s *SQLite) Around(ctx context.Context, device string, t time.Time, reach time.Duration) (before, after *grid.Registers, err error) {
	at := t.UnixMilli()
	before, err1 := s.registers(ctx, device, `AND time <= ? AND time >= ? ORDER BY time DESC`, at, at-reach.Milliseconds())
	retiredBefore, err2 := s.registersInSteps(ctx, device, at, reach.Milliseconds(), false)
	after, err3 := s.registers(ctx, device, `AND time >= ? AND time <= ? ORDER BY time`, at, at+reach.Milliseconds())
	retiredAfter, err4 := s.registersInSteps(ctx, device, at, reach.Milliseconds(), true)
	return nearest(before, retiredBefore, false), nearest(after, retiredAfter, true), errors.Join(err1, err2, err3, err4)
}

func (s *SQLite) registers(ctx context.Context, device, where string, from, to int64) (*grid.Registers, error) {
	var ms int64
	var r grid.Registers
	err := s.db.QueryRowContext(ctx, `SELECT time, import, export, quality FROM readings
WHERE device = (SELECT id FROM devices WHERE name = ?) AND import IS NOT NULL AND export IS NOT NULL `+where+` LIMIT 1`,
		device, from, to).Scan(&ms, &r.Import, &r.Export, &r.Quality)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("registers of %s: %w", device, err)
	}
	r.Time = time.UnixMilli(ms).UTC()
	return &r, nil
}

// Count returns how many readings were kept, those that are means by now too.
func (s *SQLite) Count(ctx context.Context) (int64, error) {
	var n int64
	const count = `SELECT (SELECT COUNT(*) FROM readings) + (SELECT COALESCE(SUM(n), 0) FROM steps WHERE minutes = 15)`
	if err := s.db.QueryRowContext(ctx, count).Scan(&n); err != nil {
		return 0, fmt.Errorf("count readings: %w", err)
	}
	return n, nil
}

// Totals returns the last registers that were read.
func (s *SQLite) Totals(ctx context.Context, device string) (*grid.Reading, error) {
	imported, at1, err1 := s.lastOf(ctx, "import", device)
	exported, at2, err2 := s.lastOf(ctx, "export", device)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("last registers of %s: %w", device, err)
	}
	return totals(device, imported, at1, exported, at2), nil
}

// lastOf returns the last value of a register, and when it was read: of a retired
// reading the start of its step. A reading that came late may be older than those.
func (s *SQLite) lastOf(ctx context.Context, register, device string) (last *grid.Energy, at time.Time, err error) {
	for _, from := range []struct {
		table string
		span  time.Duration
	}{{"readings WHERE", 0}, {"steps WHERE minutes = 15 AND", quarter * time.Millisecond}} {
		var value grid.Energy
		var ms int64
		err := s.db.QueryRowContext(ctx, fmt.Sprintf(`SELECT time, %[1]s FROM %[2]s device = (SELECT id FROM devices WHERE name = ?)
AND %[1]s IS NOT NULL ORDER BY time DESC LIMIT 1`, register, from.table), device).Scan(&ms, &value)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, at, err
		}
		if t := time.UnixMilli(ms).UTC(); last == nil || t.Add(from.span).After(at) {
			last, at = &value, t
		}
	}
	return last, at, nil
}
