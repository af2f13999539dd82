package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/queryresult"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

// version is the transaction that wrote a key: block and position.
type version struct {
	Block int64 `json:"block"`
	Tx    int   `json:"tx"`
}

type read struct {
	Key     []byte   `json:"key"`
	Version *version `json:"version"` // nil: the key did not exist
}

type written struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value"` // nil: deleted
}

// stub is what a contract sees of the ledger during one transaction: the
// committed state. As on Fabric a transaction does not see its own writes. The
// methods that no contract uses are absent; calling one panics, which the
// ledger turns into a failed transaction.
type stub struct {
	shim.ChaincodeStubInterface

	ctx     context.Context
	db      queryer
	txID    string
	name    string
	args    []string
	creator []byte

	reads  []read
	writes []written
	event  *event
}

type event struct {
	Name    string `json:"name"`
	Payload []byte `json:"payload"`
}

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (s *stub) GetFunctionAndParameters() (string, []string) { return s.name, s.args }

func (s *stub) GetTxID() string { return s.txID }

func (s *stub) GetCreator() ([]byte, error) { return s.creator, nil }

func (s *stub) GetState(key string) ([]byte, error) {
	var value []byte
	var v version
	err := s.db.QueryRowContext(s.ctx, `SELECT value, block, tx FROM state WHERE key = ?`, []byte(key)).Scan(&value, &v.Block, &v.Tx)
	if errors.Is(err, sql.ErrNoRows) {
		s.reads = append(s.reads, read{Key: []byte(key)})
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	s.reads = append(s.reads, read{Key: []byte(key), Version: &v})
	return value, nil
}

func (s *stub) PutState(key string, value []byte) error {
	if key == "" {
		return errors.New("empty key")
	}
	for i := range s.writes {
		if bytes.Equal(s.writes[i].Key, []byte(key)) {
			s.writes[i].Value = value
			return nil
		}
	}
	s.writes = append(s.writes, written{Key: []byte(key), Value: value})
	return nil
}

func (s *stub) SetEvent(name string, payload []byte) error {
	s.event = &event{Name: name, Payload: payload}
	return nil
}

// Composite keys are built as Fabric builds them: a zero byte, then each part
// followed by one.
func (*stub) CreateCompositeKey(objectType string, attributes []string) (string, error) {
	return compositeKey(objectType, attributes)
}

func compositeKey(objectType string, attributes []string) (string, error) {
	var b strings.Builder
	b.WriteByte(0)
	for _, part := range append([]string{objectType}, attributes...) {
		if !utf8.ValidString(part) || strings.ContainsAny(part, "\x00\U0010FFFF") {
			return "", fmt.Errorf("part %q of a composite key: not valid UTF-8 without U+0000 and U+10FFFF", part)
		}
		b.WriteString(part)
		b.WriteByte(0)
	}
	return b.String(), nil
}

func (*stub) SplitCompositeKey(key string) (string, []string, error) {
	kind, attributes := splitKey([]byte(key))
	return kind, attributes, nil
}

func splitKey(key []byte) (kind string, attributes []string) {
	parts := strings.Split(strings.Trim(string(key), "\x00"), "\x00")
	return parts[0], parts[1:]
}

func (s *stub) GetStateByPartialCompositeKey(objectType string, attributes []string) (shim.StateQueryIteratorInterface, error) {
	prefix, err := compositeKey(objectType, attributes)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.QueryContext(s.ctx, `SELECT key, value, block, tx FROM state WHERE key >= ? AND key < ? ORDER BY key`,
		[]byte(prefix), append([]byte(prefix), 0xff))
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	defer rows.Close()
	it := &iterator{}
	for rows.Next() {
		var key, value []byte
		var v version
		if err := rows.Scan(&key, &value, &v.Block, &v.Tx); err != nil {
			return nil, fmt.Errorf("read state: %w", err)
		}
		s.reads = append(s.reads, read{Key: key, Version: &v})
		it.left = append(it.left, &queryresult.KV{Key: string(key), Value: value})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	return it, nil
}

type iterator struct{ left []*queryresult.KV }

func (it *iterator) HasNext() bool { return len(it.left) > 0 }

func (it *iterator) Next() (*queryresult.KV, error) {
	if len(it.left) == 0 {
		return nil, errors.New("no more results")
	}
	kv := it.left[0]
	it.left = it.left[1:]
	return kv, nil
}

func (*iterator) Close() error { return nil }

// certificateOf returns the PEM inside a serialized identity.
func certificateOf(creator []byte) ([]byte, error) {
	id := &msp.SerializedIdentity{}
	if err := proto.Unmarshal(creator, id); err != nil {
		return nil, fmt.Errorf("creator: %w", err)
	}
	return id.GetIdBytes(), nil
}
