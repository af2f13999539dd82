package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/proof"
)

// trees are the Merkle logs over the postings and over the records.
type trees struct {
	mu      sync.Mutex // guards what follows; held by Follow from the first block to the commit
	log     proof.Log
	records proof.Log // in memory
	hashes  *hashFile // of log; nil: they are in memory
}

// Logs returns the Merkle logs over the postings and over the records, to be read.
func (t *trees) Logs() (postings, records proof.Log) { return t.log, t.records }

// Consistency proves that a checkpoint continues an older one, as far as there is
// anything to continue.
func (t *trees) Consistency(newer, older proof.Checkpoint) (c Consistency, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, log := range []struct {
		log          *proof.Log
		newer, older int64
		into         *tlog.TreeProof
	}{
		{&t.log, newer.Size, older.Size, &c.Postings}, {&t.records, newer.Records, older.Records, &c.Records},
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

// Continues refuses logs that do not continue a checkpoint: they are older, or of another past.
// Errors: *OlderError, and those of the disk.
func (t *trees) Continues(before proof.Checkpoint) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if before.Size > t.log.Size || before.Records > t.records.Size {
		return &OlderError{fmt.Sprintf("the ledger has %d postings and %d records, and had %d and %d at that checkpoint: it is older", t.log.Size, t.records.Size, before.Size, before.Records)}
	}
	for _, l := range []struct {
		log  *proof.Log
		size int64
		root tlog.Hash
	}{{&t.log, before.Size, before.Root}, {&t.records, before.Records, before.RecordsRoot}} {
		root, err := l.log.Root(l.size)
		if err != nil {
			return err
		}
		if root != l.root {
			return &OlderError{fmt.Sprintf("the ledger does not continue the checkpoint of %d postings: it is of another past", before.Size)}
		}
	}
	return nil
}

// OlderError says that a ledger does not continue a checkpoint.
type OlderError struct{ What string }

func (e *OlderError) Error() string { return e.What }

// Inclusion proves that a leaf is in the log of a size.
func (t *trees) Inclusion(size, leaf int64) (tlog.RecordProof, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, err := tlog.ProveRecord(size, leaf, &t.log)
	if err != nil {
		return nil, fmt.Errorf("prove posting %d of %d: %w", leaf, size, err)
	}
	return p, nil
}

// checkpoint signs what the logs are now; mu is held.
func (t *trees) checkpoint(ctx context.Context, tx *sql.Tx, signer note.Signer) error {
	root, err := t.log.Root(t.log.Size)
	if err != nil {
		return err
	}
	recordsRoot, err := t.records.Root(t.records.Size)
	if err != nil {
		return err
	}
	signed, err := proof.Checkpoint{
		Origin: signer.Name(), Size: t.log.Size, Root: root, Records: t.records.Size, RecordsRoot: recordsRoot,
	}.Sign(signer)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT OR IGNORE INTO checkpoints VALUES (?, ?, ?)`, t.log.Size, t.records.Size, signed)
	return err
}

// uncommitted takes back hashes that a failed transaction added; mu is held.
func (t *trees) uncommitted() error {
	if t.hashes != nil {
		return t.hashes.cut(tlog.StoredHashCount(t.log.Size))
	}
	m, _ := t.log.Hashes.(*proof.Memory)
	*m = (*m)[:tlog.StoredHashCount(t.log.Size)]
	return nil
}
