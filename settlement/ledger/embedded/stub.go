package embedded

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/queryresult"

	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// read is a key that a transaction depends on. Version is the block that wrote
// it, 0 when it did not exist.
type read struct {
	Key     []byte `json:"key"`
	Version int64  `json:"version"`
}

// written is a key's new value. A value that is one of the arguments is not
// written twice: Arg is its number, from 1.
type written struct {
	Key     []byte `json:"key"`
	Value   []byte `json:"value,omitempty"`
	Arg     int    `json:"arg,omitempty"`
	Deleted bool   `json:"deleted,omitempty"`
}

// private is a write to a private collection: on the chain stand only digests.
type private struct {
	Collection string `json:"collection"`
	KeyHash    []byte `json:"key_hash"`
	ValueHash  []byte `json:"value_hash"` // empty: deleted or purged

	key   string
	value []byte
}

type event struct {
	Name    string `json:"name"`
	Payload []byte `json:"payload"`
}

// stub is what a contract sees of the ledger during one transaction: the
// committed state. As on Fabric a transaction does not see its own writes. The
// methods that no contract uses are absent; calling one panics, which the
// ledger turns into a failed transaction.
type stub struct {
	shim.ChaincodeStubInterface

	ctx     context.Context
	db      reader
	txID    string
	call    ledger.Call
	creator []byte

	reads   []read
	ranges  bool // it read a range of keys
	writes  []written
	at      map[string]int // key → its place in writes
	secrets []private
	event   *event
}

func (s *stub) GetFunctionAndParameters() (string, []string) { return s.call.Function, s.call.Args }

func (s *stub) GetTxID() string { return s.txID }

func (s *stub) GetCreator() ([]byte, error) { return s.creator, nil }

func (s *stub) GetTransient() (map[string][]byte, error) { return s.call.Transient, nil }

func (s *stub) GetState(key string) ([]byte, error) {
	value, version, err := s.db.state(s.ctx, []byte(key))
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	s.reads = append(s.reads, read{Key: []byte(key), Version: version})
	return value, nil
}

func (s *stub) PutState(key string, value []byte) error {
	if key == "" || len(value) == 0 {
		return errors.New("empty key or value")
	}
	s.write(written{Key: []byte(key), Value: value})
	return nil
}

func (s *stub) DelState(key string) error {
	s.write(written{Key: []byte(key), Deleted: true})
	return nil
}

func (s *stub) write(w written) {
	for n, arg := range s.call.Args {
		if string(w.Value) == arg {
			w.Arg, w.Value = n+1, nil
		}
	}
	if at, again := s.at[string(w.Key)]; again {
		s.writes[at] = w
		return
	}
	s.at[string(w.Key)] = len(s.writes)
	s.writes = append(s.writes, w)
}

func (s *stub) SetEvent(name string, payload []byte) error {
	s.event = &event{Name: name, Payload: payload}
	return nil
}

func (s *stub) GetPrivateData(collection, key string) ([]byte, error) {
	return s.db.private(s.ctx, collection, key)
}

func (s *stub) PutPrivateData(collection, key string, value []byte) error {
	if key == "" || len(value) == 0 {
		return errors.New("empty key or value")
	}
	s.secret(collection, key, value)
	return nil
}

// PurgePrivateData deletes the value; there is no history that would keep it.
func (s *stub) PurgePrivateData(collection, key string) error {
	s.secret(collection, key, nil)
	return nil
}

func (s *stub) secret(collection, key string, value []byte) {
	keyHash := sha256.Sum256([]byte(key))
	p := private{Collection: collection, KeyHash: keyHash[:], ValueHash: []byte{}, key: key, value: value}
	if value != nil {
		sum := sha256.Sum256(value)
		p.ValueHash = sum[:]
	}
	s.secrets = append(s.secrets, p)
}

func (*stub) CreateCompositeKey(objectType string, attributes []string) (string, error) {
	return ledger.CompositeKey(objectType, attributes...)
}

func (*stub) SplitCompositeKey(key string) (string, []string, error) {
	kind, attributes := ledger.SplitKey(key)
	return kind, attributes, nil
}

func (s *stub) GetStateByPartialCompositeKey(objectType string, attributes []string) (shim.StateQueryIteratorInterface, error) {
	prefix, err := ledger.CompositeKey(objectType, attributes...)
	if err != nil {
		return nil, err
	}
	s.ranges = true
	it := &iterator{}
	err = s.db.scan(s.ctx, []byte(prefix), func(key, value []byte, version int64) {
		s.reads = append(s.reads, read{Key: key, Version: version})
		it.left = append(it.left, &queryresult.KV{Key: string(key), Value: value})
	})
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	return it, nil
}

// GetHistoryForKey finds what was written under a key, the last first, in the
// blocks themselves.
func (s *stub) GetHistoryForKey(key string) (shim.HistoryQueryIteratorInterface, error) {
	it := &history{}
	err := s.db.history(s.ctx, []byte(key), func(c content, w written) error {
		value, err := c.value(w)
		it.left = append(it.left, &queryresult.KeyModification{TxId: c.ID, Value: value, IsDelete: w.Deleted})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	return it, nil
}

// results are read one by one.
type results[T any] struct{ left []T }

type (
	iterator = results[*queryresult.KV]
	history  = results[*queryresult.KeyModification]
)

func (it *results[T]) HasNext() bool { return len(it.left) > 0 }

func (it *results[T]) Next() (one T, err error) {
	if len(it.left) == 0 {
		return one, errors.New("no more results")
	}
	one = it.left[0]
	it.left = it.left[1:]
	return one, nil
}

func (*results[T]) Close() error { return nil }

// reader reads the committed state, alone or within the transaction that
// commits the next block.
type reader struct {
	stmts map[string]*sql.Stmt
	cache *cache // nil within a transaction
}

// cache keeps committed keys that contracts read again and again, such as
// metering points. What is committed updates it.
type cache struct {
	mu   sync.RWMutex
	held map[string]held
}

type held struct {
	value   []byte
	version int64
}

// cacheSize is how many keys are held; then it begins anew.
const cacheSize = 1 << 16

func (c *cache) get(key []byte) (held, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	h, found := c.held[string(key)]
	return h, found
}

func (c *cache) put(key []byte, h held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.held) >= cacheSize {
		clear(c.held)
	}
	c.held[string(key)] = h
}

func (c *cache) drop(writes []written) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range writes {
		delete(c.held, string(w.Key))
	}
}

const (
	selectState   = `SELECT value, block FROM state WHERE key = ?`
	selectRange   = `SELECT key, value, block FROM state WHERE key >= ? AND key < ? ORDER BY key`
	selectPrivate = `SELECT value FROM private WHERE collection = ? AND key = ?`
	selectHistory = `SELECT content FROM blocks WHERE instr(content, ?) > 0 ORDER BY number DESC`
)

func (r reader) state(ctx context.Context, key []byte) (value []byte, version int64, err error) {
	if r.cache != nil {
		if h, found := r.cache.get(key); found {
			return h.value, h.version, nil
		}
	}
	err = r.stmts[selectState].QueryRowContext(ctx, key).Scan(&value, &version)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, nil
	}
	if err == nil && r.cache != nil {
		r.cache.put(key, held{value, version})
	}
	return value, version, err
}

func (r reader) scan(ctx context.Context, prefix []byte, see func(key, value []byte, version int64)) error {
	rows, err := r.stmts[selectRange].QueryContext(ctx, prefix, append(append([]byte{}, prefix...), 0xff))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var key, value []byte
		var version int64
		if err := rows.Scan(&key, &value, &version); err != nil {
			return err
		}
		see(key, value, version)
	}
	return rows.Err()
}

// history shows the writes of a key, the last first.
func (r reader) history(ctx context.Context, key []byte, see func(c content, w written) error) error {
	quoted, err := json.Marshal(key) // as blocks have it
	if err != nil {
		return err
	}
	rows, err := r.stmts[selectHistory].QueryContext(ctx, quoted)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text []byte
		if err := rows.Scan(&text); err != nil {
			return err
		}
		var c content
		if err := json.Unmarshal(text, &c); err != nil {
			return err
		}
		for _, w := range c.Writes {
			if bytes.Equal(w.Key, key) {
				if err := see(c, w); err != nil {
					return err
				}
			}
		}
	}
	return rows.Err()
}

func (r reader) private(ctx context.Context, collection, key string) (value []byte, err error) {
	err = r.stmts[selectPrivate].QueryRowContext(ctx, collection, key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return value, err
}
