package evidence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// Told is a reading as it was signed, and the batch that says it.
type Told struct {
	grid.Reading

	Gateway  string
	Sequence uint64
	Digest   proof.Digest // of the batch
}

// Told returns what a member's device told in [from, to), by time, as far as the batches are
// kept: of those that were thinned out nothing is there.
func (e *Log) Told(ctx context.Context, member, device string, from, to time.Time) (all []Told, err error) {
	const longest = `COALESCE((SELECT last - first FROM batches WHERE member = ?1 ORDER BY last - first DESC LIMIT 1), 0)`
	rows, err := e.db.QueryContext(ctx, `SELECT gateway, sequence, digest, signed FROM batches WHERE member = ?1 AND first >= ?2 - `+longest+` AND first < ?3 AND last >= ?2 ORDER BY first`, member, from.UnixMilli(), to.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("evidence of %s: %w", device, err)
	}
	defer rows.Close()
	for rows.Next() {
		var of Told
		var signed []byte
		if err := rows.Scan(&of.Gateway, &of.Sequence, &of.Digest, &signed); err != nil {
			return nil, fmt.Errorf("evidence of %s: %w", device, err)
		}
		b, err := e.read(signed)
		if err != nil {
			continue // thinned out
		}
		for _, r := range b.Readings {
			if r.Device == device && !r.Time.Before(from) && r.Time.Before(to) {
				of.Reading = r
				all = append(all, of)
			}
		}
	}
	return all, rows.Err()
}

func (e *Log) read(kept []byte) (proof.Batch, error) {
	signed, err := e.chain.packer.unpack(kept)
	if err != nil {
		return proof.Batch{}, err
	}
	b, _, err := proof.ReadBatch(signed)
	return b, err
}

// SignedOf returns the bytes of a batch of a member, nil when it has no such, or they are not
// kept any more.
func (e *Log) SignedOf(ctx context.Context, member string, digest proof.Digest) ([]byte, error) {
	var kept []byte
	err := e.db.QueryRowContext(ctx, `SELECT signed FROM batches WHERE digest = ? AND member = ?`, string(digest), member).Scan(&kept)
	if errors.Is(err, sql.ErrNoRows) || err == nil && kept == nil {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("batch %s: %w", digest, err)
	}
	return e.chain.packer.unpack(kept)
}
