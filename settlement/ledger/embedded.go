// Package ledger submits settlement runs exactly once, and reads and proves
// what was recorded.
//
// The embedded ledger runs the contracts of package chaincode in process, over
// SQLite. A transaction is a block: read set, write set, the caller's
// certificate and signature, chained by hash. Every posting is a leaf of a
// Merkle log whose root is signed in a checkpoint with each block.
package ledger

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
	"golang.org/x/mod/sumdb/tlog"
	_ "modernc.org/sqlite" // the driver

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/settlement"
)

const schema = `
CREATE TABLE IF NOT EXISTS blocks (
	number INTEGER PRIMARY KEY, previous BLOB NOT NULL, hash BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS transactions (
	block INTEGER PRIMARY KEY REFERENCES blocks (number), id TEXT NOT NULL UNIQUE,
	function TEXT NOT NULL, args TEXT NOT NULL, -- JSON array of strings
	event TEXT NOT NULL,                        -- JSON
	creator BLOB NOT NULL, signature BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS reads (
	block INTEGER NOT NULL, n INTEGER NOT NULL, key BLOB NOT NULL, version INTEGER, PRIMARY KEY (block, n)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS writes (
	block INTEGER NOT NULL, n INTEGER NOT NULL, key BLOB NOT NULL, value BLOB, PRIMARY KEY (block, n)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (
	key BLOB PRIMARY KEY, value BLOB NOT NULL, block INTEGER NOT NULL, tx INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leaves (leaf INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS hashes (n INTEGER PRIMARY KEY, hash BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS checkpoints (block INTEGER PRIMARY KEY, size INTEGER NOT NULL, note BLOB NOT NULL);`

// File is the name of the database in a data directory, PublicKey that of the
// checkpoints' verifier key, and KeyDir that of the private keys.
const (
	File      = "ledger.db"
	PublicKey = "ledger.pub"
	KeyDir    = "keys"
)

// Embedded is the embedded ledger. It is safe for concurrent use.
type Embedded struct {
	community string
	keys      *Keys
	db        *sql.DB
	contracts *contractapi.ContractChaincode
	mu        sync.Mutex // one transaction at a time
}

// Open opens or begins the community's ledger in the data directory.
func Open(ctx context.Context, dir, community string) (*Embedded, error) {
	keys, err := OpenKeys(filepath.Join(dir, KeyDir), community)
	if err != nil {
		return nil, err
	}
	if err := writeDurably(filepath.Join(dir, PublicKey), []byte(keys.Public+"\n")); err != nil {
		return nil, err
	}
	if err := os.Chmod(filepath.Join(dir, PublicKey), 0o644); err != nil { //nolint:gosec // it is public
		return nil, fmt.Errorf("publish ledger key: %w", err)
	}
	return open(ctx, filepath.Join(dir, File), community, keys)
}

// OpenMemory begins a ledger that is gone when it is closed.
func OpenMemory(ctx context.Context, community string) (*Embedded, error) {
	dir, err := os.MkdirTemp("", "commonwatt-keys-")
	if err != nil {
		return nil, fmt.Errorf("open ledger in memory: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system clears its temporary directory as well
	keys, err := OpenKeys(dir, community)
	if err != nil {
		return nil, err
	}
	l, err := open(ctx, ":memory:", community, keys)
	if err != nil {
		return nil, err
	}
	l.db.SetMaxOpenConns(1) // each connection would have a database of its own
	return l, nil
}

func open(ctx context.Context, path, community string, keys *Keys) (*Embedded, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	contracts, err := chaincode.New()
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Embedded{community: community, keys: keys, db: db, contracts: contracts}, nil
}

// Kind names the driver.
func (*Embedded) Kind() string { return "embedded" }

// Close closes the database.
func (l *Embedded) Close() error { return l.db.Close() }

// A ContractError is a contract's refusal.
type ContractError struct {
	Function string
	Code     string // one of chaincode's codes, empty for others
	Message  string
}

func (e *ContractError) Error() string { return e.Function + ": " + e.Message }

// Invoke runs a contract's function and commits what it wrote as a block. A
// transaction that writes nothing makes no block.
func (l *Embedded) Invoke(ctx context.Context, who *Identity, function string, args ...string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", function, err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	number, previous, err := head(ctx, tx)
	if err != nil {
		return fmt.Errorf("%s: %w", function, err)
	}
	s, _, err := l.simulate(ctx, tx, number+1, who, function, args)
	if err != nil {
		return err
	}
	if len(s.writes) == 0 {
		return nil
	}
	if err := l.commit(ctx, tx, number+1, previous, who, s); err != nil {
		return fmt.Errorf("%s: commit block %d: %w", function, number+1, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%s: commit block %d: %w", function, number+1, err)
	}
	return nil
}

// Evaluate runs a contract's function without committing anything.
func (l *Embedded) Evaluate(ctx context.Context, who *Identity, function string, args ...string) (string, error) {
	_, result, err := l.simulate(ctx, l.db, 0, who, function, args)
	return result, err
}

// simulate calls the contract on the committed state.
func (l *Embedded) simulate(ctx context.Context, db queryer, block int64, who *Identity, function string, args []string) (s *stub, result string, err error) {
	creator, err := serialized(who.certificate)
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256([]byte(strconv.FormatInt(block, 10) + "\x00" + function + "\x00" + strings.Join(args, "\x00")))
	s = &stub{ctx: ctx, db: db, txID: hex.EncodeToString(sum[:]), name: function, args: args, creator: creator}
	defer func() {
		if r := recover(); r != nil {
			err = &ContractError{Function: function, Message: fmt.Sprintf("contract panicked: %v", r)}
		}
	}()
	response := l.contracts.Invoke(s)
	if response.GetStatus() != 200 {
		code, _, found := strings.Cut(response.GetMessage(), ":")
		if !found {
			code = ""
		}
		return nil, "", &ContractError{Function: function, Code: code, Message: response.GetMessage()}
	}
	return s, string(response.GetPayload()), nil
}

// content is what a block's hash covers: all but certificates and signatures,
// so that runs of one seed agree.
type content struct {
	Number   int64     `json:"number"`
	Previous []byte    `json:"previous"`
	ID       string    `json:"id"`
	Function string    `json:"function"`
	Args     []string  `json:"args"`
	Reads    []read    `json:"reads"`
	Writes   []written `json:"writes"`
	Event    *event    `json:"event"`
}

func (c content) hash() ([]byte, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("hash block %d: %w", c.Number, err)
	}
	sum := sha256.Sum256(b)
	return sum[:], nil
}

func head(ctx context.Context, db queryer) (number int64, hash []byte, err error) {
	err = db.QueryRowContext(ctx, `SELECT number, hash FROM blocks ORDER BY number DESC LIMIT 1`).Scan(&number, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, []byte{}, nil
	}
	if err != nil {
		return 0, nil, fmt.Errorf("read head of the chain: %w", err)
	}
	return number, hash, nil
}

func (l *Embedded) commit(ctx context.Context, tx *sql.Tx, number int64, previous []byte, who *Identity, s *stub) error {
	c := content{Number: number, Previous: previous, ID: s.txID, Function: s.name, Args: s.args, Reads: s.reads, Writes: s.writes, Event: s.event}
	hash, err := c.hash()
	if err != nil {
		return err
	}
	signature, err := who.sign(hash)
	if err != nil {
		return err
	}
	args, err := json.Marshal(s.args)
	if err != nil {
		return err
	}
	ev, err := json.Marshal(s.event)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO blocks VALUES (?, ?, ?)`, number, previous, hash); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?, ?)`,
		number, s.txID, s.name, string(args), string(ev), s.creator, signature); err != nil {
		return err
	}
	for i, r := range s.reads {
		var at any
		if r.Version != nil {
			at = r.Version.Block
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO reads VALUES (?, ?, ?, ?)`, number, i, r.Key, at); err != nil {
			return err
		}
	}
	for i, w := range s.writes {
		if _, err := tx.ExecContext(ctx, `INSERT INTO writes VALUES (?, ?, ?, ?)`, number, i, w.Key, w.Value); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO state VALUES (?, ?, ?, 0) ON CONFLICT (key) DO UPDATE SET value = excluded.value, block = excluded.block`,
			w.Key, w.Value, number); err != nil {
			return err
		}
	}
	return l.logPostings(ctx, tx, number, s.writes)
}

// logPostings appends the block's postings to the Merkle log and signs it.
func (l *Embedded) logPostings(ctx context.Context, tx *sql.Tx, block int64, writes []written) error {
	size, err := logSize(ctx, tx)
	if err != nil {
		return err
	}
	stored := hashReader(ctx, tx)
	begun := size
	for _, w := range writes {
		if kind, _ := splitKey(w.Key); kind != chaincode.KindPosting {
			continue
		}
		hashes, err := tlog.StoredHashes(size, w.Value, stored)
		if err != nil {
			return fmt.Errorf("log posting: %w", err)
		}
		at := tlog.StoredHashIndex(0, size)
		for i, h := range hashes {
			if _, err := tx.ExecContext(ctx, `INSERT INTO hashes VALUES (?, ?)`, at+int64(i), h[:]); err != nil {
				return fmt.Errorf("log posting: %w", err)
			}
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO leaves VALUES (?, ?)`, size, w.Key); err != nil {
			return fmt.Errorf("log posting: %w", err)
		}
		size++
	}
	if size == begun {
		return nil
	}
	root, err := tlog.TreeHash(size, stored)
	if err != nil {
		return fmt.Errorf("log posting: %w", err)
	}
	signed, err := proof.Checkpoint{Origin: l.keys.Signer.Name(), Size: size, Root: root}.Sign(l.keys.Signer)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO checkpoints VALUES (?, ?, ?)`, block, size, signed)
	return err
}

func logSize(ctx context.Context, db queryer) (int64, error) {
	var size int64
	if err := db.QueryRowContext(ctx, `SELECT COALESCE(MAX(leaf) + 1, 0) FROM leaves`).Scan(&size); err != nil {
		return 0, fmt.Errorf("size of the log: %w", err)
	}
	return size, nil
}

func hashReader(ctx context.Context, db queryer) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			var b []byte
			if err := db.QueryRowContext(ctx, `SELECT hash FROM hashes WHERE n = ?`, at).Scan(&b); err != nil {
				return nil, fmt.Errorf("hash %d of the log: %w", at, err)
			}
			if len(b) != tlog.HashSize {
				return nil, fmt.Errorf("hash %d of the log has %d bytes", at, len(b))
			}
			hashes[i] = tlog.Hash(b)
		}
		return hashes, nil
	})
}

// Register records a device and its metering point.
func (l *Embedded) Register(ctx context.Context, d grid.Device) error {
	point, err := json.Marshal(chaincode.MeteringPoint{Community: l.community, ID: d.MeteringPoint, Member: d.Member})
	if err != nil {
		return err
	}
	if err := l.Invoke(ctx, l.keys.Installer, "registry:RegisterMeteringPoint", string(point)); err != nil {
		return err
	}
	device, err := json.Marshal(chaincode.Device{Community: l.community, ID: d.ID, Kind: string(d.Kind), MeteringPoint: d.MeteringPoint, Serial: d.Serial})
	if err != nil {
		return err
	}
	return l.Invoke(ctx, l.keys.Installer, "registry:RegisterDevice", string(device))
}

// SubmitRun records a run: manifest, batches, closing. Submitting it again,
// whole or after a crash in the middle, changes nothing that is there.
func (l *Embedded) SubmitRun(ctx context.Context, run settlement.Run) error {
	calls := []struct {
		function string
		arg      any
	}{{"settlement:OpenRun", run.Manifest}}
	for _, b := range run.Batches {
		calls = append(calls, struct {
			function string
			arg      any
		}{"settlement:PostBatch", b})
	}
	m := run.Manifest
	calls = append(calls, struct {
		function string
		arg      any
	}{"settlement:CloseRun", map[string]any{"community": m.Community, "interval": m.Interval, "run": m.Run}})
	for _, c := range calls {
		arg, err := json.Marshal(c.arg)
		if err != nil {
			return fmt.Errorf("submit %s run %d: %w", m.Interval, m.Run, err)
		}
		if err := l.Invoke(ctx, l.keys.Operator, c.function, string(arg)); err != nil {
			return fmt.Errorf("submit %s run %d: %w", m.Interval, m.Run, err)
		}
	}
	return nil
}

// Balance returns an account's balance.
func (l *Embedded) Balance(ctx context.Context, account string) (grid.Money, error) {
	s, err := l.Evaluate(ctx, l.keys.Operator, "settlement:Balance", l.community, account)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("balance of %s: %w", account, err)
	}
	return grid.Money(v), nil
}

// Head returns the number of blocks and the hash of the last, in hex.
func (l *Embedded) Head(ctx context.Context) (height int64, root string, err error) {
	height, hash, err := head(ctx, l.db)
	return height, hex.EncodeToString(hash), err
}

// Postings returns all postings of an interval over its runs, in log order.
func (l *Embedded) Postings(ctx context.Context, i grid.Interval) ([]settlement.Posting, error) {
	prefix, err := compositeKey(chaincode.KindPosting, []string{l.community, i.String()})
	if err != nil {
		return nil, err
	}
	rows, err := l.db.QueryContext(ctx, `SELECT state.value FROM leaves JOIN state USING (key) WHERE key >= ? AND key < ? ORDER BY leaf`,
		[]byte(prefix), append([]byte(prefix), 0xff))
	if err != nil {
		return nil, fmt.Errorf("postings of %s: %w", i, err)
	}
	defer rows.Close()
	var postings []settlement.Posting
	for rows.Next() {
		var value []byte
		if err := rows.Scan(&value); err != nil {
			return nil, fmt.Errorf("postings of %s: %w", i, err)
		}
		var p settlement.Posting
		if err := json.Unmarshal(value, &p); err != nil {
			return nil, fmt.Errorf("postings of %s: %w", i, err)
		}
		postings = append(postings, p)
	}
	return postings, rows.Err()
}

func certPool(ca []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, errors.New("CA certificate: not PEM")
	}
	return pool, nil
}

// Intervals returns how many intervals have a closed run.
func (l *Embedded) Intervals(ctx context.Context) (int64, error) {
	intervals, _, err := l.closed(ctx)
	return intervals, err
}

// ClosedRuns returns how many runs are closed.
func (l *Embedded) ClosedRuns(ctx context.Context) (int64, error) {
	_, runs, err := l.closed(ctx)
	return runs, err
}

func (l *Embedded) closed(ctx context.Context) (intervals, runs int64, err error) {
	prefix, err := compositeKey(chaincode.KindClosing, []string{l.community})
	if err != nil {
		return 0, 0, err
	}
	rows, err := l.db.QueryContext(ctx, `SELECT key FROM state WHERE key >= ? AND key < ?`, []byte(prefix), append([]byte(prefix), 0xff))
	if err != nil {
		return 0, 0, fmt.Errorf("closed runs: %w", err)
	}
	defer rows.Close()
	seen := map[string]bool{}
	for rows.Next() {
		var key []byte
		if err := rows.Scan(&key); err != nil {
			return 0, 0, fmt.Errorf("closed runs: %w", err)
		}
		_, parts := splitKey(key)
		seen[parts[1]] = true
		runs++
	}
	return int64(len(seen)), runs, rows.Err()
}
