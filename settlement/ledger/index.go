package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/proof"
)

// A DamagedError reports a database that cannot be read as one.
type DamagedError struct {
	Reason string
	Index  bool // it is what follows the chain
}

func (e *DamagedError) Error() string {
	if e.Index {
		return "the ledger's index is damaged: " + e.Reason + "; it is built anew from the ledger when the community starts (commonwatt run)"
	}
	return "the ledger's database is damaged: " + e.Reason + "; restore it from a copy"
}

// Index is what makes a chain searchable and provable: its postings in the
// order of the chain, by account, interval, reason and hash, and the Merkle log
// over them with its signed checkpoints. It follows the chain; removed, it is
// built again from it. Only the checkpoints, and their cosignatures, are worth
// keeping. Beside the postings it has the records that a stranger needs to judge
// them (see IsRecord), in a log of their own.
//
// Lock order: the trees' mu, then the closed runs'.
type Index struct {
	finder
	trees
	closedRuns

	db       *sql.DB
	snapshot *sql.Tx        // nil: it is not one
	next     int64          // block; guarded by the trees' mu, as accounts are
	accounts accountNumbers // of postings
	signer   note.Signer
	rebuilt  string // the path of the one that was set aside; empty: none was
}

const indexSchema = `
CREATE TABLE IF NOT EXISTS followed (one INTEGER PRIMARY KEY CHECK (one = 1), next INTEGER NOT NULL, size INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS postings (
	leaf INTEGER PRIMARY KEY, block INTEGER NOT NULL, tx TEXT NOT NULL, interval TEXT NOT NULL,
	reason TEXT NOT NULL, hash INTEGER NOT NULL, -- the first 8 bytes of the leaf's hash
	posting BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS by_interval ON postings (interval);
CREATE INDEX IF NOT EXISTS by_hash ON postings (hash);
CREATE TABLE IF NOT EXISTS accounts (n INTEGER PRIMARY KEY, account TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS by_account (account INTEGER NOT NULL, leaf INTEGER NOT NULL, PRIMARY KEY (account, leaf)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS closings (run TEXT PRIMARY KEY, interval TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (n INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS substituted ON records (n) WHERE instr(record, '"estimated":true') > 0; -- manifests of runs with values that were not read
CREATE TABLE IF NOT EXISTS disputes (id TEXT NOT NULL, part TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (id, part)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checkpoints (size INTEGER NOT NULL, records INTEGER NOT NULL, note BLOB NOT NULL, PRIMARY KEY (size, records)) WITHOUT ROWID;`

// Files of the index in a data directory.
const (
	IndexFile  = "ledger-index.db"
	HashesFile = "ledger-index.log"
)

// OpenIndex opens or begins an index in a directory; an empty one keeps it in
// memory. The signer signs checkpoints.
func OpenIndex(ctx context.Context, dir string, signer note.Signer) (*Index, error) {
	x := newIndex()
	x.signer = signer
	path := "" // in memory
	if dir == "" {
		x.log.Hashes = &proof.Memory{}
	} else {
		var err error
		if x.hashes, err = openHashes(filepath.Join(dir, HashesFile)); err != nil {
			return nil, err
		}
		x.log.Hashes = x.hashes
		path = filepath.Join(dir, IndexFile)
	}
	db, err := disk.OpenSQLite(path, "synchronous(NORMAL)", "cache_size(-65536)", "wal_autocheckpoint(16384)")
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	x.db, x.q = db, db
	if err := x.restore(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open index: %w: move %s and %s away, and start again to build them anew", err, IndexFile, HashesFile), x.Close())
	}
	return x, nil
}

func newIndex() *Index {
	return &Index{
		trees: trees{records: proof.Log{Hashes: &proof.Memory{}}}, closedRuns: closedRuns{runs: map[string]bool{}, days: map[string]bool{}},
		accounts: accountNumbers{},
	}
}

// ReadIndex opens the index of a data directory to look at it as it is now; a
// program may be writing it.
func ReadIndex(ctx context.Context, dir string) (*Index, error) {
	for _, name := range []string{IndexFile, HashesFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return nil, fmt.Errorf("open index: %w: it is built again when the community starts", err)
		}
	}
	db, err := disk.ReadSQLite(filepath.Join(dir, IndexFile))
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	x := newIndex()
	x.db = db
	snapshot, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // until the database is closed
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open index: %w", err), x.Close())
	}
	x.q = snapshot
	err = x.q.QueryRowContext(ctx, `SELECT next, size FROM followed`).Scan(&x.next, &x.log.Size)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, errors.Join(&DamagedError{Reason: IndexFile + ": " + err.Error(), Index: true}, snapshot.Rollback(), x.Close())
	}
	x.snapshot = snapshot
	// Its hashes are on disk before their number is: more may be there by now.
	hashes, err := os.ReadFile(filepath.Join(dir, HashesFile)) //nolint:gosec // the directory is the operator's
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open index: %w", err), x.Close())
	}
	all := make(proof.Memory, len(hashes)/tlog.HashSize)
	for n := range all {
		all[n] = tlog.Hash(hashes[n*tlog.HashSize:][:tlog.HashSize])
	}
	x.log.Hashes = &all
	if int64(len(all)) < tlog.StoredHashCount(x.log.Size) {
		return nil, errors.Join(&DamagedError{Reason: fmt.Sprintf("%s: has %d hashes, want %d", HashesFile, len(all), tlog.StoredHashCount(x.log.Size)), Index: true}, x.Close())
	}
	if err := x.restoreRecords(ctx); err != nil {
		return nil, errors.Join(&DamagedError{Reason: IndexFile + ": " + err.Error(), Index: true}, x.Close())
	}
	return x, nil
}

func (x *Index) restore(ctx context.Context) error {
	if _, err := x.db.ExecContext(ctx, indexSchema); err != nil {
		return err
	}
	err := x.db.QueryRowContext(ctx, `SELECT next, size FROM followed`).Scan(&x.next, &x.log.Size)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if x.hashes != nil {
		if err := x.hashes.cut(tlog.StoredHashCount(x.log.Size)); err != nil {
			return err
		}
	}
	found, err := x.db.QueryContext(ctx, `SELECT run, interval FROM closings`)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		var run, interval string
		if err := found.Scan(&run, &interval); err != nil {
			return err
		}
		x.runs[run], x.days[interval] = true, true
	}
	if err := errors.Join(found.Err(), found.Close()); err != nil {
		return err
	}
	return errors.Join(x.accounts.restore(ctx, x.db), x.restoreRecords(ctx))
}

// restoreRecords builds the log of the records anew.
func (x *Index) restoreRecords(ctx context.Context) error {
	x.records = proof.Log{Hashes: &proof.Memory{}}
	return x.Records(ctx, func(record []byte) error {
		_, err := x.records.Add(record)
		return err
	})
}

// size is how many postings the index has.
func (x *Index) size() int64 {
	x.trees.mu.Lock()
	defer x.trees.mu.Unlock()
	return x.log.Size
}

// Close closes the index.
func (x *Index) Close() error {
	var err error
	if x.snapshot != nil {
		err = x.snapshot.Rollback()
	}
	err = errors.Join(err, x.db.Close())
	if x.hashes != nil {
		err = errors.Join(err, x.hashes.f.Close())
	}
	return err
}

// Cosigned keeps a checkpoint that got further signatures.
func (x *Index) Cosigned(ctx context.Context, c proof.Checkpoint, signed []byte) error {
	_, err := x.db.ExecContext(ctx, `UPDATE checkpoints SET note = ? WHERE size = ? AND records = ?`, signed, c.Size, c.Records)
	if err != nil {
		return fmt.Errorf("keep cosignature: %w", err)
	}
	return nil
}
