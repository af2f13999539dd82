package evidence

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/commonwatt/commonwatt/proof"
)

// fill makes the table of registers, where there is none yet, of the batches that are kept
// and that a settlement run can still need.
func (r registers) fill(ctx context.Context) error {
	var there bool
	err := r.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'registers')`).Scan(&there)
	if err != nil || there {
		return err
	}
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	if _, err := tx.ExecContext(ctx, registersSchema); err != nil {
		return err
	}
	var newest int64
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(last), 0) FROM batches`).Scan(&newest); err != nil {
		return err
	}
	gateways, err := column(ctx, tx, `SELECT DISTINCT gateway FROM batches`)
	if err != nil {
		return err
	}
	for _, gateway := range gateways {
		for after, more := uint64(0), true; more; {
			if after, more, err = r.fillSome(ctx, tx, gateway, after, newest-Nameable.Milliseconds()); err != nil {
				return fmt.Errorf("registers of gateway %q: %w", gateway, err)
			}
		}
	}
	return tx.Commit()
}

// fillAtOnce bounds how many batches are in memory together.
const fillAtOnce = 1000

// fillSome notes what the next batches of a gateway say that reach beyond from, in unix ms, and returns the number of the last
// one, and whether there may be more.
func (r registers) fillSome(ctx context.Context, tx *sql.Tx, gateway string, after uint64, from int64) (last uint64, more bool, err error) {
	const page = `SELECT COALESCE(MAX(sequence), 0), COUNT(*) = ?3 FROM (SELECT sequence FROM batches WHERE gateway = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3)`
	if err := tx.QueryRowContext(ctx, page, gateway, after, fillAtOnce).Scan(&last, &more); err != nil {
		return 0, false, err
	}
	found, err := links(ctx, tx, "signed", `gateway = ? AND sequence > ? AND sequence <= ? AND signed IS NOT NULL AND last >= ?`,
		gateway, after, last, from)
	if err != nil {
		return 0, false, err
	}
	for _, l := range found {
		text, err := r.packer.unpack(l.signed)
		if err != nil {
			return 0, false, fmt.Errorf("batch %s: %w", l.digest, err)
		}
		b, _, err := proof.ReadBatch(text)
		if err != nil {
			continue // it is not kept whole
		}
		if err := r.add(ctx, tx, b, nil); err != nil {
			return 0, false, err
		}
	}
	return last, more, nil
}

func column(ctx context.Context, from querier, query string) (all []string, err error) {
	rows, err := from.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}
