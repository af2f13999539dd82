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

// chain are the batches that are kept, each of which names the one before it.
type chain struct {
	db     *sql.DB
	packer *packer
}

// usedTwice tells of a batch in whose place another one is kept.
const usedTwice = "another batch with this number is kept: the gateway's key is used twice, or its chain was rewritten"

// fits checks that a batch fits those beside it, and tells whether it is kept already.
func (chain) fits(ctx context.Context, tx *sql.Tx, a arrival) (already bool, err error) {
	var kept, previous, next string
	var forgotten bool
	const around = `SELECT COALESCE((SELECT digest FROM batches WHERE gateway = ?1 AND sequence = ?2), ''),
	COALESCE((SELECT digest FROM batches WHERE gateway = ?1 AND sequence = ?2 - 1), (SELECT digest FROM forgotten WHERE gateway = ?1 AND last = ?2 - 1), ''),
	COALESCE((SELECT previous FROM batches WHERE gateway = ?1 AND sequence = ?2 + 1), (SELECT previous FROM forgotten WHERE gateway = ?1 AND first = ?2 + 1), ''),
	COALESCE((SELECT last >= ?2 FROM forgotten WHERE gateway = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1), FALSE)`
	if err := tx.QueryRowContext(ctx, around, a.Gateway, a.Sequence).Scan(&kept, &previous, &next, &forgotten); err != nil {
		return false, err
	}
	switch {
	case forgotten:
		return false, a.refuse("a batch with this number was there, and was thinned out long ago")
	case kept == string(a.digest):
		return true, nil
	case kept != "":
		return false, a.refuse("%s", usedTwice)
	case previous != "" && previous != string(a.Previous), next != "" && next != string(a.digest), a.Sequence == 1 && a.Previous != "":
		return false, a.refuse("the chain is broken: it does not fit the batch beside it")
	}
	return false, nil
}

// add keeps a batch that fits.
func (c chain) add(ctx context.Context, tx *sql.Tx, a arrival, s span) error {
	const insert = `INSERT INTO batches (gateway, sequence, member, first, last, previous, digest, signed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	_, err := tx.ExecContext(ctx, insert, a.Gateway, a.Sequence, a.Member, s.first, s.last, string(a.Previous), string(a.digest), c.packer.pack(a.signed))
	return err
}

// Missing is a run of batches that a gateway sent and that never came.
type Missing struct {
	Gateway  string
	From, To uint64 // sequences, both missing
}

// Gaps returns what is missing between the batches that are kept.
func (c chain) Gaps(ctx context.Context) ([]Missing, error) {
	rows, err := c.db.QueryContext(ctx, `SELECT gateway, before + 1, sequence - 1 FROM
	(SELECT gateway, sequence, LAG(last, 1, 0) OVER (PARTITION BY gateway ORDER BY sequence) AS before FROM
		(SELECT gateway, sequence, sequence AS last FROM batches UNION ALL SELECT gateway, first, last FROM forgotten))
WHERE sequence > before + 1 ORDER BY gateway, sequence`)
	if err != nil {
		return nil, fmt.Errorf("gaps: %w", err)
	}
	defer rows.Close()
	var gaps []Missing
	for rows.Next() {
		var m Missing
		if err := rows.Scan(&m.Gateway, &m.From, &m.To); err != nil {
			return nil, fmt.Errorf("gaps: %w", err)
		}
		gaps = append(gaps, m)
	}
	return gaps, rows.Err()
}

// Last returns the number and digest of a gateway's last batch, 0 when there is
// none.
func (c chain) Last(ctx context.Context, gateway string) (sequence uint64, digest proof.Digest, err error) {
	err = c.db.QueryRowContext(ctx, `SELECT sequence, digest FROM batches WHERE gateway = ? ORDER BY sequence DESC LIMIT 1`, gateway).Scan(&sequence, &digest)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, "", nil
	}
	return sequence, digest, err
}

// nearby bounds how many batches around an instant are looked into.
const nearby = 512

// Around returns the digests of the batches by which the registers of a member's
// device at t are known: that with the last reading at or before t, and that with
// the first at or after it; empty where there is none. What it looks at is bounded on
// both sides of t, however long the history is: a batch that reaches to t began no
// earlier than the longest one of the member lasts.
func (c chain) Around(ctx context.Context, member, device string, t time.Time) (before, after proof.Digest, err error) {
	ms := t.UnixMilli()
	before, err = c.holding(ctx, device, `SELECT digest, signed FROM batches WHERE member = ?1 AND first <= ?2 ORDER BY first DESC LIMIT ?3`, member, ms, func(r grid.Reading) bool { return !r.Time.After(t) })
	if err != nil {
		return "", "", err
	}
	const longest = `COALESCE((SELECT last - first FROM batches WHERE member = ?1 ORDER BY last - first DESC LIMIT 1), 0)`
	after, err = c.holding(ctx, device, `SELECT digest, signed FROM batches WHERE member = ?1 AND first >= ?2 - `+longest+` AND last >= ?2 ORDER BY first LIMIT ?3`, member, ms, func(r grid.Reading) bool { return !r.Time.Before(t) })
	return before, after, err
}

func (c chain) holding(ctx context.Context, device, query, member string, ms int64, fits func(grid.Reading) bool) (proof.Digest, error) {
	rows, err := c.db.QueryContext(ctx, query, member, ms, nearby)
	if err != nil {
		return "", fmt.Errorf("evidence of %s: %w", device, err)
	}
	defer rows.Close()
	for rows.Next() {
		var digest proof.Digest
		var signed []byte
		if err := rows.Scan(&digest, &signed); err != nil {
			return "", fmt.Errorf("evidence of %s: %w", device, err)
		}
		if signed, err = c.packer.unpack(signed); err != nil {
			return "", fmt.Errorf("evidence of %s: batch %s: %w", device, digest, err)
		}
		b, _, err := proof.ReadBatch(signed)
		if err != nil {
			continue // thinned out
		}
		for _, r := range b.Readings {
			if r.Device == device && r.Registers() != nil && fits(r) {
				return digest, nil
			}
		}
	}
	return "", rows.Err()
}

// Signed returns the bytes of a batch, nil when they are not kept any more.
func (c chain) Signed(ctx context.Context, digest proof.Digest) (signed []byte, err error) {
	err = c.db.QueryRowContext(ctx, `SELECT signed FROM batches WHERE digest = ?`, string(digest)).Scan(&signed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if signed, err = c.packer.unpack(signed); err != nil {
		return nil, fmt.Errorf("batch %s: %w", digest, err)
	}
	return signed, nil
}
