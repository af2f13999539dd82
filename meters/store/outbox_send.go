package store

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
)

const (
	leastPause = time.Second // after the database was away, until it is tried again
	mostPause  = time.Minute
	sendAtOnce = 5000 // readings
	lookEvery  = time.Minute
)

// Run sends what waits until ctx ends.
func (o *Outbox) Run(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	pause := leastPause
	for {
		more, err := o.send(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			o.note(ctx, err)
			rest := time.NewTimer(pause)
			select {
			case <-ctx.Done():
			case <-rest.C:
			}
			rest.Stop()
			pause = min(2*pause, mostPause) //nolint:mnd // twice as long each time
			o.trim(ctx)
			continue
		}
		o.note(ctx, nil)
		if pause = leastPause; more {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-o.wake:
		case <-look.C:
			o.trim(ctx)
		}
	}
}

// parcel is what is sent together.
type parcel struct {
	last     int64 // row
	rows     int
	readings []grid.Reading
}

// send sends the oldest readings that wait, and tells whether there may be more.
func (o *Outbox) send(ctx context.Context) (more bool, err error) {
	if err := o.reach(ctx, reachWithin); err != nil {
		return false, err
	}
	p, err := o.oldest(ctx)
	if err != nil || p.rows == 0 {
		return false, err
	}
	err = o.there().Write(ctx, p.readings)
	if refused := (*RefusedPointsError)(nil); errors.As(err, &refused) {
		o.refused(ctx, refused)
		err = nil
	}
	if err != nil {
		return false, err
	}
	return true, o.drop(ctx, p.last, true)
}

// oldest returns the readings that wait longest. What cannot be read of them is left out.
func (o *Outbox) oldest(ctx context.Context) (p parcel, err error) {
	rows, err := o.db.QueryContext(ctx, `SELECT id, readings FROM waiting ORDER BY id LIMIT ?`, sendAtOnce)
	if err != nil {
		return p, err
	}
	defer rows.Close()
	for rows.Next() && len(p.readings) < sendAtOnce {
		var packed []byte
		if err := rows.Scan(&p.last, &packed); err != nil {
			return p, err
		}
		p.rows++
		readings, err := o.codec.unpack(packed)
		if err != nil {
			o.log.ErrorContext(ctx, "readings that waited for the telemetry database are damaged: they are left out there, the evidence has them", slog.String("error", err.Error()))
			continue
		}
		p.readings = append(p.readings, readings...)
	}
	return p, rows.Err()
}

// drop forgets what waited up to a row: it was sent, or there was too much.
func (o *Outbox) drop(ctx context.Context, last int64, sent bool) error {
	tx, err := o.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	var n int64
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(SUM(n), 0) FROM waiting WHERE id <= ?`, last).Scan(&n); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM waiting WHERE id <= ?`, last); err != nil {
		return err
	}
	if sent {
		if _, err := tx.ExecContext(ctx, `INSERT INTO sent (n) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM sent)`); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE sent SET n = n + ?`, n); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting.Waiting -= n
	return nil
}

// sayEvery is how often refusals are logged at most.
const sayEvery = time.Minute

// refused says that the database does not take readings, now or later. It is no reason to
// wait: the evidence has them.
func (o *Outbox) refused(ctx context.Context, refused *RefusedPointsError) {
	o.mu.Lock()
	o.unsaid += len(refused.Points)
	n := o.unsaid
	quiet := time.Since(o.said) < sayEvery
	if !quiet {
		o.unsaid, o.said = 0, time.Now()
	}
	o.mu.Unlock()
	if quiet {
		return
	}
	p := refused.Points[0]
	o.log.ErrorContext(ctx, "the telemetry database refuses a reading: pages lack it, bills do not, for they are made from the signed readings",
		slog.Int("refused", n), slog.String("device", p.Device), slog.Time("time", p.Time), slog.String("error", p.Err.Error()))
}

// trim drops the oldest readings where more wait than may, and gives free pages back.
func (o *Outbox) trim(ctx context.Context) {
	var bytes, last int64
	err := o.db.QueryRowContext(ctx, `SELECT COALESCE(SUM(LENGTH(readings)), 0), COALESCE(MIN(id) + COUNT(*) / 10, 0) FROM waiting`).Scan(&bytes, &last)
	if err == nil && bytes > o.most {
		o.log.ErrorContext(ctx, "readings dropped: too many wait for the telemetry database, and the oldest tenth goes; the evidence has them", slog.Int64("bytes", bytes))
		err = o.drop(ctx, last, false)
	}
	if err == nil {
		err = disk.GiveBack(ctx, o.db)
	}
	if err != nil && ctx.Err() == nil {
		o.log.WarnContext(ctx, "what waits for the telemetry database was not looked through", slog.String("error", err.Error()))
	}
}
