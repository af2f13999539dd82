// Package embedded is a ledger in one process: the contracts of package
// chaincode, called through the shim's interface, over SQLite.
//
// A transaction is a block: its arguments, read set with versions, write set,
// event and digests of private writes, chained by hash and signed by the caller.
// The hash covers all but certificate and signature, so that runs of one seed
// agree. Calls that are submitted together are simulated side by side, and
// commit with one sync: one that read what another has changed meanwhile is
// simulated again, as Fabric would make its client do.
package embedded

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
	"github.com/commonwatt/commonwatt/settlement/ledger/rows"
)

const schema = `
CREATE TABLE IF NOT EXISTS blocks (
	number INTEGER PRIMARY KEY, hash BLOB NOT NULL,
	content BLOB NOT NULL, -- JSON, what the hash covers
	creator BLOB NOT NULL, signature BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS state (key BLOB PRIMARY KEY, value BLOB NOT NULL, block INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS private (
	collection TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (collection, key)
) WITHOUT ROWID;`

const (
	insertBlock   = `INSERT INTO blocks VALUES (?, ?, ?, ?, ?)`
	deleteState   = `DELETE FROM state WHERE key = ?`
	upsertPrivate = `INSERT INTO private VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`
	deletePrivate = `DELETE FROM private WHERE collection = ? AND key = ?`
)

func statements() []string {
	return []string{selectState, selectRange, selectPrivate, selectHistory, insertBlock, deleteState, upsertPrivate, deletePrivate}
}

// File is the name of the database in a data directory.
const File = "ledger.db"

// Chain is the embedded chain. It is safe for concurrent use.
type Chain struct {
	db        *sql.DB
	trust     *identity.Trust
	stmts     map[string]*sql.Stmt
	contracts *contractapi.ContractChaincode
	cache     cache
	reading   sync.RWMutex // held to read while nothing commits, so that the cache is of one state
	mu        sync.Mutex   // one commit at a time
}

// Open opens or begins a chain in a file; an empty path begins one in memory
// that is gone when it is closed.
// Callers need a certificate of an authority that it trusts.
func Open(ctx context.Context, path string, trust *identity.Trust) (*Chain, error) {
	db, err := disk.OpenSQLite(path, "secure_delete(1)", "cache_size(-65536)", "wal_autocheckpoint(16384)")
	if path == "" {
		path = "ledger in memory"
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	c := &Chain{db: db, trust: trust, stmts: map[string]*sql.Stmt{}, cache: cache{held: map[string]held{}}}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(disk.Unreadable(path, err), db.Close())
	}
	for _, query := range statements() {
		if c.stmts[query], err = db.PrepareContext(ctx, query); err != nil { //nolint:sqlclosecheck // closed with the database
			return nil, errors.Join(disk.Unreadable(path, err), db.Close())
		}
	}
	if c.contracts, err = chaincode.New(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return c, nil
}

// Kind names the driver.
func (*Chain) Kind() string { return "embedded" }

// Close closes the database.
func (c *Chain) Close() error { return c.db.Close() }

// Evaluate runs a contract's function without committing anything.
func (c *Chain) Evaluate(ctx context.Context, call ledger.Call) (string, error) {
	c.reading.RLock()
	defer c.reading.RUnlock()
	_, result, err := c.simulate(ctx, reader{c.stmts, &c.cache}, call)
	return result, err
}

// simulated is a call and what came of it.
type simulated struct {
	stub *stub
	err  error
}

// Submit commits each call that is not refused as a block of its own; one that
// writes nothing makes none. All are durable when it returns.
func (c *Chain) Submit(ctx context.Context, calls ...ledger.Call) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := c.simulateAll(ctx, calls)
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin block: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	stmts := map[string]*sql.Stmt{}
	for query, s := range c.stmts {
		stmts[query] = tx.StmtContext(ctx, s)
	}
	next, err := head(ctx, tx)
	if err != nil {
		return err
	}
	var refused []error
	for k := range done {
		s := &done[k]
		if s.err == nil {
			if err := c.validate(ctx, reader{stmts: stmts}, calls[k], s, k > 0); err != nil {
				return err
			}
		}
		var no *ledger.ContractError
		switch {
		case errors.As(s.err, &no):
			refused = append(refused, s.err)
		case s.err != nil:
			return s.err
		case len(s.stub.writes)+len(s.stub.secrets) > 0:
			if next, err = commit(ctx, tx, stmts, next, calls[k], s.stub); err != nil {
				return fmt.Errorf("%s: commit block %d: %w", calls[k].Function, next.number+1, err)
			}
		}
	}
	c.reading.Lock()
	defer c.reading.Unlock()
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit blocks to %d: %w", next.number, err)
	}
	for _, s := range done {
		if s.stub != nil {
			c.cache.drop(s.stub.writes)
		}
	}
	return errors.Join(refused...)
}

// simulateAll simulates the calls on the committed state, side by side.
func (c *Chain) simulateAll(ctx context.Context, calls []ledger.Call) []simulated {
	done := make([]simulated, len(calls))
	var workers sync.WaitGroup
	work := make(chan int)
	for range min(len(calls), runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for k := range work {
				done[k].stub, _, done[k].err = c.simulate(ctx, reader{c.stmts, &c.cache}, calls[k])
			}
		})
	}
	for k := range calls {
		work <- k
	}
	close(work)
	workers.Wait()
	return done
}

// validate checks that what a call read is still so, and otherwise simulates it
// again on what is.
func (c *Chain) validate(ctx context.Context, r reader, call ledger.Call, s *simulated, others bool) error {
	again := others && s.stub.ranges // keys may have come into the range
	for _, was := range s.stub.reads {
		if again || !others {
			break
		}
		_, version, err := r.state(ctx, was.Key)
		if err != nil {
			return fmt.Errorf("%s: validate: %w", call.Function, err)
		}
		again = version != was.Version
	}
	if again {
		s.stub, _, s.err = c.simulate(ctx, r, call)
	}
	return nil
}

// simulate calls the contract on a state.
func (c *Chain) simulate(ctx context.Context, db reader, call ledger.Call) (s *stub, result string, err error) {
	creator, err := call.As.Serialize()
	if err != nil {
		return nil, "", err
	}
	if _, err := c.trust.Organisation(creator); err != nil {
		return nil, "", ledger.Refusal(call.Function, chaincode.CodeDenied+": "+err.Error())
	}
	sum := sha256.Sum256([]byte(call.Function + "\x00" + strings.Join(call.Args, "\x00")))
	s = &stub{ctx: ctx, db: db, txID: hex.EncodeToString(sum[:]), call: call, creator: creator, at: map[string]int{}}
	defer func() {
		if r := recover(); r != nil {
			err = &ledger.ContractError{Function: call.Function, Message: fmt.Sprintf("contract panicked: %v", r)}
		}
	}()
	response := c.contracts.Invoke(s)
	if response.GetStatus() != 200 {
		return nil, "", ledger.Refusal(call.Function, response.GetMessage())
	}
	return s, string(response.GetPayload()), nil
}

// content is what a block's hash covers.
type content struct {
	Number   int64     `json:"number"`
	Previous []byte    `json:"previous"`
	ID       string    `json:"id"`
	Function string    `json:"function"`
	Args     []string  `json:"args"`
	Reads    []read    `json:"reads"`
	Writes   []written `json:"writes"`
	Private  []private `json:"private,omitempty"`
	Event    *event    `json:"event"`
}

// value returns what a write wrote.
func (c content) value(w written) ([]byte, error) {
	switch {
	case w.Arg == 0:
		return w.Value, nil
	case w.Arg > len(c.Args) || w.Value != nil:
		return nil, fmt.Errorf("block %d writes an argument that it does not have", c.Number)
	default:
		return []byte(c.Args[w.Arg-1]), nil
	}
}

// tip is the end of the chain.
type tip struct {
	number int64
	hash   []byte
}

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func head(ctx context.Context, db queryer) (tip, error) {
	at := tip{hash: []byte{}}
	err := db.QueryRowContext(ctx, `SELECT number, hash FROM blocks ORDER BY number DESC LIMIT 1`).Scan(&at.number, &at.hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return tip{}, fmt.Errorf("read head of the chain: %w", err)
	}
	return at, nil
}

// Head returns the number of blocks and the hash of the last.
func (c *Chain) Head(ctx context.Context) (height int64, hash []byte, err error) {
	at, err := head(ctx, c.db)
	return at.number, at.hash, err
}

func commit(ctx context.Context, tx *sql.Tx, stmts map[string]*sql.Stmt, before tip, call ledger.Call, s *stub) (tip, error) {
	number := before.number + 1
	id := sha256.Sum256([]byte(strconv.FormatInt(number, 10) + "\x00" + s.txID))
	c := content{
		Number: number, Previous: before.hash, ID: hex.EncodeToString(id[:]), Function: call.Function, Args: call.Args,
		Reads: s.reads, Writes: s.writes, Private: s.secrets, Event: s.event,
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		return before, err
	}
	hash := sha256.Sum256(encoded)
	signature, err := call.As.Sign(hash[:])
	if err != nil {
		return before, err
	}
	if _, err := stmts[insertBlock].ExecContext(ctx, number, hash[:], encoded, s.creator, signature); err != nil {
		return before, err
	}
	put := rows.New(tx, `INSERT INTO state`, 3, `ON CONFLICT (key) DO UPDATE SET value = excluded.value, block = excluded.block`)
	for _, w := range s.writes {
		value, err := c.value(w)
		if err != nil {
			return before, err
		}
		if w.Deleted {
			_, err = stmts[deleteState].ExecContext(ctx, w.Key)
		} else {
			err = put.Add(ctx, w.Key, value, number)
		}
		if err != nil {
			return before, err
		}
	}
	if err := put.Flush(ctx); err != nil {
		return before, err
	}
	for _, p := range s.secrets {
		if p.value == nil {
			_, err = stmts[deletePrivate].ExecContext(ctx, p.Collection, p.key)
		} else {
			_, err = stmts[upsertPrivate].ExecContext(ctx, p.Collection, p.key, p.value)
		}
		if err != nil {
			return before, err
		}
	}
	return tip{number, hash[:]}, nil
}

// Blocks shows the committed blocks from a number on.
func (c *Chain) Blocks(ctx context.Context, from int64, see func(ledger.Block) error) error {
	for {
		some, err := c.page(ctx, from)
		if err != nil || len(some) == 0 {
			return err
		}
		for _, b := range some {
			if err := see(b); err != nil {
				return err
			}
		}
		from = some[len(some)-1].Number + 1
	}
}

// pageSize is how many blocks are read at once: no reader holds up the writer.
const pageSize = 64

func (c *Chain) page(ctx context.Context, from int64) ([]ledger.Block, error) {
	rows, err := c.db.QueryContext(ctx, `SELECT content FROM blocks WHERE number >= ? ORDER BY number LIMIT ?`, from, pageSize)
	if err != nil {
		return nil, fmt.Errorf("read blocks: %w", err)
	}
	defer rows.Close()
	var some []ledger.Block
	for rows.Next() {
		var encoded []byte
		if err := rows.Scan(&encoded); err != nil {
			return nil, fmt.Errorf("read blocks: %w", err)
		}
		var c content
		if err := json.Unmarshal(encoded, &c); err != nil {
			return nil, fmt.Errorf("read blocks: %w", err)
		}
		b, err := c.block()
		if err != nil {
			return nil, err
		}
		some = append(some, b)
	}
	return some, rows.Err()
}

// block is the content as the ledger follows it.
func (c content) block() (ledger.Block, error) {
	t := ledger.Transaction{ID: c.ID, Function: c.Function, Args: c.Args, Writes: make([]ledger.Write, len(c.Writes))}
	for k, w := range c.Writes {
		value, err := c.value(w)
		if err != nil {
			return ledger.Block{}, err
		}
		t.Writes[k] = ledger.Write{Key: string(w.Key), Value: value, Deleted: w.Deleted}
	}
	return ledger.Block{Number: c.Number, Transactions: []ledger.Transaction{t}}, nil
}
