package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger/rows"
)

// A DamagedError reports a database that cannot be read as one.
type DamagedError struct{ Reason string }

func (e *DamagedError) Error() string {
	return "the ledger's database is damaged: " + e.Reason + "; restore it from a copy"
}

// Index is what makes a chain searchable and provable: its postings in the
// order of the chain, by account, interval, reason and hash, and the Merkle log
// over them with its signed checkpoints. It follows the chain; removed, it is
// built again from it. Only the checkpoints, and their cosignatures, are worth
// keeping. Beside the postings it has the records that a stranger needs to judge
// them (see IsRecord), in a log of their own.
type Index struct {
	db       *sql.DB
	q        reader  // the database, or a snapshot of it
	snapshot *sql.Tx // nil: it is not one
	hashes   *hashFile
	mu       sync.Mutex
	log      proof.Log
	records  proof.Log // in memory
	next     int64     // block
	accounts map[string]int64
	closed   sync.RWMutex // guards runs and days: who asks for them does not wait for the chain
	runs     map[string]bool
	days     map[string]bool // intervals with a closed run
	signer   note.Signer
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
	return &Index{accounts: map[string]int64{}, runs: map[string]bool{}, days: map[string]bool{}, records: proof.Log{Hashes: &proof.Memory{}}}
}

// reader reads a database.
type reader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
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
		return nil, errors.Join(&DamagedError{Reason: "index: " + err.Error()}, snapshot.Rollback(), x.Close())
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
		return nil, errors.Join(&DamagedError{Reason: fmt.Sprintf("%s: has %d hashes, want %d", HashesFile, len(all), tlog.StoredHashCount(x.log.Size))}, x.Close())
	}
	if err := x.restoreRecords(ctx); err != nil {
		return nil, errors.Join(&DamagedError{Reason: "index: " + err.Error()}, x.Close())
	}
	return x, nil
}

// restoreRecords builds the log of the records anew.
func (x *Index) restoreRecords(ctx context.Context) error {
	x.records = proof.Log{Hashes: &proof.Memory{}}
	return x.Records(ctx, func(record []byte) error {
		_, err := x.records.Add(record)
		return err
	})
}

// Records shows all records in the order of the chain.
func (x *Index) Records(ctx context.Context, see func(record []byte) error) error {
	found, err := x.q.QueryContext(ctx, `SELECT record FROM records ORDER BY n`)
	if err != nil {
		return fmt.Errorf("records: %w", err)
	}
	defer found.Close()
	for found.Next() {
		var record []byte
		if err := found.Scan(&record); err != nil {
			return fmt.Errorf("records: %w", err)
		}
		if err := see(record); err != nil {
			return err
		}
	}
	return found.Err()
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
	return errors.Join(x.restoreAccounts(ctx), x.restoreRecords(ctx))
}

func (x *Index) restoreAccounts(ctx context.Context) error {
	clear(x.accounts)
	found, err := x.db.QueryContext(ctx, `SELECT account, n FROM accounts`)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		var name string
		var n int64
		if err := found.Scan(&name, &n); err != nil {
			return err
		}
		x.accounts[name] = n
	}
	return found.Err()
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

// Follow reads what the chain has more, and signs a checkpoint when that holds
// postings.
func (x *Index) Follow(ctx context.Context, chain Chain) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	var some []Block
	take := func() error {
		if len(some) == 0 {
			return nil
		}
		err := x.take(ctx, some)
		some = some[:0]
		return err
	}
	err := chain.Blocks(ctx, x.next, func(b Block) error {
		if some = append(some, b); len(some) < together {
			return nil
		}
		return take()
	})
	return errors.Join(err, take())
}

// together is how many blocks the index takes in one transaction.
const together = 256

func (x *Index) take(ctx context.Context, blocks []Block) (err error) {
	tx, err := x.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	before, records := x.log.Size, x.records.Size
	defer func() {
		if err != nil { // the hashes go back to what is on record
			x.log.Size = before
			again := context.WithoutCancel(ctx)
			err = errors.Join(err, tx.Rollback(), x.uncommitted(), x.restoreAccounts(again), x.restoreRecords(again))
		}
	}()
	w := newIndexWriter(tx)
	closed := map[string]string{}
	for _, b := range blocks {
		for _, t := range b.Transactions {
			if err := x.transaction(ctx, w, b.Number, t, closed); err != nil {
				return fmt.Errorf("index block %d: %w", b.Number, err)
			}
		}
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	if x.log.Size > before || x.log.Size > 0 && x.records.Size > records {
		if err := x.checkpoint(ctx, tx); err != nil {
			return err
		}
	}
	next := blocks[len(blocks)-1].Number + 1
	if _, err := tx.ExecContext(ctx, `INSERT INTO followed VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next, size = excluded.size`, next, x.log.Size); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	if err := x.hashes.flush(); err != nil { // before the record of their number
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	x.next = next
	x.closed.Lock()
	defer x.closed.Unlock()
	for run, interval := range closed {
		x.runs[run], x.days[interval] = true, true
	}
	return nil
}

// uncommitted takes back hashes that a failed transaction added.
func (x *Index) uncommitted() error {
	if x.hashes != nil {
		return x.hashes.cut(tlog.StoredHashCount(x.log.Size))
	}
	m, _ := x.log.Hashes.(*proof.Memory)
	*m = (*m)[:tlog.StoredHashCount(x.log.Size)]
	return nil
}

type indexWriter struct{ postings, byAccount, accounts, closings, records *rows.Inserter }

func newIndexWriter(tx *sql.Tx) indexWriter {
	return indexWriter{
		postings: rows.New(tx, `INSERT INTO postings`, 7, ""), byAccount: rows.New(tx, `INSERT OR IGNORE INTO by_account`, 2, ""),
		accounts: rows.New(tx, `INSERT INTO accounts`, 2, ""), closings: rows.New(tx, `INSERT OR IGNORE INTO closings`, 2, ""),
		records: rows.New(tx, `INSERT INTO records`, 2, ""),
	}
}

func (w indexWriter) flush(ctx context.Context) error {
	for _, r := range []*rows.Inserter{w.postings, w.byAccount, w.accounts, w.closings, w.records} {
		if err := r.Flush(ctx); err != nil {
			return fmt.Errorf("index: %w", err)
		}
	}
	return nil
}

func (x *Index) transaction(ctx context.Context, w indexWriter, block int64, t Transaction, closed map[string]string) error {
	for _, wr := range t.Writes {
		kind, at := SplitKey(wr.Key)
		if IsRecord(kind) {
			record, err := RecordOf(wr)
			if err != nil {
				return err
			}
			if err := w.records.Add(ctx, x.records.Size, record); err != nil {
				return err
			}
			if _, err := x.records.Add(record); err != nil {
				return err
			}
		}
		if kind != chaincode.KindClosing {
			continue
		}
		run := strings.Join(at, "/")
		closed[run] = at[1]
		if err := w.closings.Add(ctx, run, at[1]); err != nil {
			return err
		}
	}
	all, err := t.Postings()
	if err != nil {
		return err
	}
	for _, p := range slices.Concat(all...) {
		text, err := json.Marshal(p)
		if err != nil {
			return err
		}
		leaf := x.log.Size
		hash, err := x.log.Add(text)
		if err != nil {
			return err
		}
		if err := w.postings.Add(ctx, leaf, block, t.ID, record.IntervalOf(p.ID), p.Reason, short(hash), text); err != nil {
			return err
		}
		for _, account := range []string{p.Debit, p.Credit} {
			n, err := x.account(ctx, w, account)
			if err != nil {
				return err
			}
			if err := w.byAccount.Add(ctx, n, leaf); err != nil {
				return err
			}
		}
	}
	return nil
}

// account returns an account's number, which it gets at first.
func (x *Index) account(ctx context.Context, w indexWriter, name string) (int64, error) {
	if n, known := x.accounts[name]; known {
		return n, nil
	}
	n := int64(len(x.accounts))
	x.accounts[name] = n
	return n, w.accounts.Add(ctx, n, name)
}

func short(h tlog.Hash) int64 {
	var n int64
	for _, b := range h[:8] {
		n = n<<8 | int64(b)
	}
	return n
}

func (x *Index) checkpoint(ctx context.Context, tx *sql.Tx) error {
	root, err := x.log.Root(x.log.Size)
	if err != nil {
		return err
	}
	recordsRoot, err := x.records.Root(x.records.Size)
	if err != nil {
		return err
	}
	signed, err := proof.Checkpoint{
		Origin: x.signer.Name(), Size: x.log.Size, Root: root, Records: x.records.Size, RecordsRoot: recordsRoot,
	}.Sign(x.signer)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT OR IGNORE INTO checkpoints VALUES (?, ?, ?)`, x.log.Size, x.records.Size, signed)
	return err
}

// Query selects postings; empty fields select all.
type Query struct {
	Account  string
	Interval string
	Reason   string
	Hash     string // of the leaf, base64, as tlog writes it
	ID       string
	From     int64 // first leaf
	Limit    int

	Backwards bool // the last first
}

// Entry is a posting and where it stands.
type Entry struct {
	Leaf     int64
	Block    int64
	Tx       string
	Interval string // empty outside of the runs
	Posting  []byte // canonical JSON
}

// Logs returns the Merkle logs over the postings and over the records, to be read.
func (x *Index) Logs() (postings, records proof.Log) { return x.log, x.records }

// ByAccount shows by which accounts postings are found. Errors: *DamagedError.
func (x *Index) ByAccount(ctx context.Context, see func(leaf int64, account string) error) error {
	found, err := x.q.QueryContext(ctx, `SELECT leaf, accounts.account FROM by_account JOIN accounts ON n = by_account.account`)
	if err != nil {
		return &DamagedError{Reason: "index: " + err.Error()}
	}
	defer found.Close()
	for found.Next() {
		var leaf int64
		var account string
		if err := found.Scan(&leaf, &account); err != nil {
			return &DamagedError{Reason: "index: " + err.Error()}
		}
		if err := see(leaf, account); err != nil {
			return err
		}
	}
	return found.Err()
}

// Find shows the postings that a query selects, in the order of the log.
func (x *Index) Find(ctx context.Context, q Query, see func(Entry) error) error {
	where, args := "leaf >= ?", []any{q.From}
	for clause, value := range map[string]string{
		"interval = ?": q.Interval, "reason = ?": q.Reason, "leaf IN (SELECT leaf FROM by_account JOIN accounts ON n = by_account.account WHERE accounts.account = ?)": q.Account,
	} {
		if value != "" {
			where += " AND " + clause
			args = append(args, value)
		}
	}
	if q.ID != "" {
		where += " AND json_extract(posting, '$.id') = ?"
		args = append(args, q.ID)
		if i := record.IntervalOf(q.ID); i != "" {
			where += " AND interval = ?"
			args = append(args, i)
		}
	}
	if q.Hash != "" {
		h, err := tlog.ParseHash(q.Hash)
		if err != nil {
			return fmt.Errorf("hash %q: %w", q.Hash, err)
		}
		where += " AND hash = ?"
		args = append(args, short(h))
	}
	limit := q.Limit
	if limit == 0 {
		limit = -1
	}
	order := "ASC"
	if q.Backwards {
		order = "DESC"
	}
	found, err := x.q.QueryContext(ctx, `SELECT leaf, block, tx, interval, posting FROM postings WHERE `+where+` ORDER BY leaf `+order+` LIMIT ?`, append(args, limit)...)
	if err != nil {
		return fmt.Errorf("find postings: %w", err)
	}
	defer found.Close()
	for found.Next() {
		var e Entry
		if err := found.Scan(&e.Leaf, &e.Block, &e.Tx, &e.Interval, &e.Posting); err != nil {
			return fmt.Errorf("find postings: %w", err)
		}
		if err := see(e); err != nil {
			return err
		}
	}
	return found.Err()
}

// MeteringPoints returns the metering points of a member, by pseudonyms; all without
// one.
func (x *Index) MeteringPoints(ctx context.Context, member string) (points []string, err error) {
	err = x.Records(ctx, func(text []byte) error {
		var r Record
		if err := json.Unmarshal(text, &r); err != nil || r.Kind != chaincode.KindMeteringPoint {
			return err
		}
		var p struct{ Value chaincode.MeteringPoint }
		err := json.Unmarshal(r.Value, &p)
		if (member == "" || p.Value.Member == member) && !slices.Contains(points, p.Value.ID) {
			points = append(points, p.Value.ID)
		}
		return err
	})
	return points, err
}

// PostingsOf returns the postings of an interval over its runs.
func (x *Index) PostingsOf(ctx context.Context, interval string) (all []record.Posting, err error) {
	err = x.Find(ctx, Query{Interval: interval}, func(e Entry) error {
		var p record.Posting
		err := json.Unmarshal(e.Posting, &p)
		all = append(all, p)
		return err
	})
	return all, err
}

// Closed returns how many intervals and runs are closed.
func (x *Index) Closed() (intervals, runs int64) {
	x.closed.RLock()
	defer x.closed.RUnlock()
	return int64(len(x.days)), int64(len(x.runs))
}

// IsClosed tells whether a run, named community/interval/run, is closed.
func (x *Index) IsClosed(run string) bool {
	x.closed.RLock()
	defer x.closed.RUnlock()
	return x.runs[run]
}

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

// hashFile keeps a log's hashes one after the other. What is appended is in
// memory until it is flushed.
type hashFile struct {
	f       *os.File
	size    int64 // hashes in the file
	pending []tlog.Hash
}

func openHashes(path string) (*hashFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the directory is the operator's
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return &hashFile{f: f}, nil
}

// cut keeps the first hashes, which must be there.
func (h *hashFile) cut(hashes int64) error {
	info, err := h.f.Stat()
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	if info.Size() < hashes*tlog.HashSize {
		return fmt.Errorf("log: has %d bytes, want %d", info.Size(), hashes*tlog.HashSize)
	}
	h.size, h.pending = hashes, nil
	return h.f.Truncate(hashes * tlog.HashSize)
}

// At returns a hash.
func (h *hashFile) At(n int64) (hash tlog.Hash, err error) {
	if n >= h.size {
		if n-h.size >= int64(len(h.pending)) {
			return hash, fmt.Errorf("hash %d of the log: there are %d", n, h.size+int64(len(h.pending)))
		}
		return h.pending[n-h.size], nil
	}
	if _, err := h.f.ReadAt(hash[:], n*tlog.HashSize); err != nil {
		return hash, fmt.Errorf("hash %d of the log: %w", n, err)
	}
	return hash, nil
}

// Append adds hashes.
func (h *hashFile) Append(hashes ...tlog.Hash) error {
	h.pending = append(h.pending, hashes...)
	return nil
}

// flush writes what is pending; nothing in memory is nothing to do.
func (h *hashFile) flush() error {
	if h == nil || len(h.pending) == 0 {
		return nil
	}
	b := make([]byte, 0, len(h.pending)*tlog.HashSize)
	for _, hash := range h.pending {
		b = append(b, hash[:]...)
	}
	if _, err := h.f.WriteAt(b, h.size*tlog.HashSize); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	if err := h.f.Sync(); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	h.size += int64(len(h.pending))
	h.pending = h.pending[:0]
	return nil
}
