package evidence

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/proof"
)

// setAside are the batches that cannot be taken as things are: their gateways may not report
// them, or their time has not come.
type setAside struct{ db *sql.DB }

// Bounds of what is set aside of one gateway.
const (
	mostAside      = 20_000
	mostAsideBytes = 32 << 20
)

// add sets a batch aside, and refuses it for a reason. Of more than may be set aside of a
// gateway nothing is kept.
func (setAside) add(ctx context.Context, tx *sql.Tx, a arrival, now time.Time, reason error) error {
	var n, bytes int64
	const there = `SELECT COUNT(*), COALESCE(SUM(LENGTH(signed)), 0) FROM set_aside WHERE gateway = ?`
	if err := tx.QueryRowContext(ctx, there, a.Gateway).Scan(&n, &bytes); err != nil {
		return err
	}
	if n >= mostAside || bytes+int64(len(a.signed)) > mostAsideBytes {
		return a.refuse("%v: and %d batches of this gateway are set aside already, more are not kept", reason, n)
	}
	const insert = `INSERT INTO set_aside (gateway, sequence, signed, came) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`
	if _, err := tx.ExecContext(ctx, insert, a.Gateway, a.Sequence, a.signed, now.UnixMilli()); err != nil {
		return err
	}
	refused := a.refuse("%v: it is set aside until then, for 30 days at most", reason)
	refused.Aside = true
	return refused
}

// expire forgets what was set aside before t.
func (s setAside) expire(ctx context.Context, t time.Time) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM set_aside WHERE came < ?`, t.UnixMilli())
	return err
}

// each shows the batches that were set aside, in order, until see returns false.
func (s setAside) each(ctx context.Context, see func(b proof.Batch, signed []byte) bool) error {
	rows, err := s.db.QueryContext(ctx, `SELECT signed FROM set_aside ORDER BY gateway, sequence`)
	if err != nil {
		return fmt.Errorf("batches set aside: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var signed []byte
		if err := rows.Scan(&signed); err != nil {
			return fmt.Errorf("batches set aside: %w", err)
		}
		if b, _, err := proof.ReadBatch(signed); err == nil && !see(b, signed) {
			break
		}
	}
	return rows.Err()
}

// drop forgets batches that were set aside.
func (s setAside) drop(ctx context.Context, batches []proof.Batch) error {
	for _, b := range batches {
		if _, err := s.db.ExecContext(ctx, `DELETE FROM set_aside WHERE gateway = ? AND sequence = ?`, b.Gateway, b.Sequence); err != nil {
			return err
		}
	}
	return nil
}
