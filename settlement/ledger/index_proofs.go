package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/proof"
)

// Logs returns the Merkle logs over the postings and over the records, to be read.
func (x *Index) Logs() (postings, records proof.Log) { return x.log, x.records }

// Checkpoint returns the last checkpoint, signed; nil when there is none yet.
func (x *Index) Checkpoint(ctx context.Context) (signed []byte, size int64, err error) {
	err = x.q.QueryRowContext(ctx, `SELECT note, size FROM checkpoints ORDER BY size DESC, records DESC LIMIT 1`).Scan(&signed, &size)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("checkpoint: %w", err)
	}
	return signed, size, nil
}

// Cosigned keeps a checkpoint that got further signatures.
func (x *Index) Cosigned(ctx context.Context, c proof.Checkpoint, signed []byte) error {
	_, err := x.db.ExecContext(ctx, `UPDATE checkpoints SET note = ? WHERE size = ? AND records = ?`, signed, c.Size, c.Records)
	if err != nil {
		return fmt.Errorf("keep cosignature: %w", err)
	}
	return nil
}

// Checkpoints shows all checkpoints by size.
func (x *Index) Checkpoints(ctx context.Context, see func(size int64, signed []byte) error) error {
	found, err := x.q.QueryContext(ctx, `SELECT size, note FROM checkpoints ORDER BY size, records`)
	if err != nil {
		return fmt.Errorf("checkpoints: %w", err)
	}
	defer found.Close()
	for found.Next() {
		var size int64
		var signed []byte
		if err := found.Scan(&size, &signed); err != nil {
			return fmt.Errorf("checkpoints: %w", err)
		}
		if err := see(size, signed); err != nil {
			return err
		}
	}
	return found.Err()
}

// Consistency proves that a checkpoint continues an older one, as far as there is
// anything to continue.
func (x *Index) Consistency(newer, older proof.Checkpoint) (c Consistency, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, log := range []struct {
		log          *proof.Log
		newer, older int64
		into         *tlog.TreeProof
	}{
		{&x.log, newer.Size, older.Size, &c.Postings}, {&x.records, newer.Records, older.Records, &c.Records},
	} {
		if log.older == 0 || log.older >= log.newer {
			continue
		}
		if *log.into, err = tlog.ProveTree(log.newer, log.older, log.log); err != nil {
			return c, fmt.Errorf("prove that %d continues %d: %w", log.newer, log.older, err)
		}
	}
	return c, nil
}

// Inclusion proves that a leaf is in the log of a size.
func (x *Index) Inclusion(size, leaf int64) (tlog.RecordProof, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	p, err := tlog.ProveRecord(size, leaf, &x.log)
	if err != nil {
		return nil, fmt.Errorf("prove posting %d of %d: %w", leaf, size, err)
	}
	return p, nil
}
