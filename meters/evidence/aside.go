package evidence

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/proof"
)

// setAside are the batches that their gateways may not report as things are.
type setAside struct{ db *sql.DB }

// add sets a batch aside.
func (setAside) add(ctx context.Context, tx *sql.Tx, b proof.Batch, signed []byte, now time.Time) error {
	const insert = `INSERT INTO set_aside (gateway, sequence, signed, came) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`
	_, err := tx.ExecContext(ctx, insert, b.Gateway, b.Sequence, signed, now.UnixMilli())
	return err
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
