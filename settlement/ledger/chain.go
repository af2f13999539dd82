package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
)

// Chain is where transactions go: the embedded chain, or a channel of a Fabric
// network.
type Chain interface {
	// Kind names the driver.
	Kind() string
	// Submit runs each call as a transaction of its own and returns when all are
	// committed; they may be committed in any order. A call that is refused does
	// not hold up the others: the error joins a *ContractError for each.
	Submit(ctx context.Context, calls ...Call) error
	// Evaluate runs a call and commits nothing.
	Evaluate(ctx context.Context, call Call) (string, error)
	// Blocks shows the committed blocks from a number to the last one there is.
	Blocks(ctx context.Context, from int64, see func(Block) error) error
	// Head returns the number of blocks and the hash of the last.
	Head(ctx context.Context) (height int64, hash []byte, err error)
	Close() error
}

// Call is a function of a contract with its arguments.
type Call struct {
	As        *identity.Identity
	Function  string // contract:Function
	Args      []string
	Transient map[string][]byte // private: never on the chain
}

// Block is a committed block, of which only the valid transactions count.
type Block struct {
	Number       int64 // from 1 on the embedded chain, from 0 on Fabric
	Transactions []Transaction
}

// Transaction is what a valid transaction wrote.
type Transaction struct {
	ID       string
	Function string
	Args     []string
	Writes   []Write
}

// Write is a key's new value.
type Write struct {
	Key     string
	Value   []byte
	Deleted bool
}

// A ContractError is a contract's refusal.
type ContractError struct {
	Function string
	Code     string // one of chaincode's codes, empty for others
	Message  string
}

func (e *ContractError) Error() string { return e.Function + ": " + e.Message }

// Refusal makes a ContractError of a contract's message.
func Refusal(function, message string) *ContractError {
	code, _, found := strings.Cut(message, ":")
	if !found || strings.ToUpper(code) != code {
		code = ""
	}
	return &ContractError{Function: function, Code: code, Message: message}
}

// Refused tells whether every part of the error is a contract's refusal with
// the code.
func Refused(err error, code string) bool {
	var refused *ContractError
	return errors.As(err, &refused) && refused.Code == code
}

// CompositeKey builds a key as Fabric builds them: a zero byte, then each part
// followed by one.
func CompositeKey(kind string, attributes ...string) (string, error) {
	var b strings.Builder
	b.WriteByte(0)
	for _, part := range append([]string{kind}, attributes...) {
		if !utf8.ValidString(part) || strings.ContainsAny(part, "\x00\U0010FFFF") {
			return "", fmt.Errorf("part %q of a composite key: not valid UTF-8 without U+0000 and U+10FFFF", part)
		}
		b.WriteString(part)
		b.WriteByte(0)
	}
	return b.String(), nil
}

// SplitKey takes a composite key apart.
func SplitKey(key string) (kind string, attributes []string) {
	parts := strings.Split(strings.Trim(key, "\x00"), "\x00")
	return parts[0], parts[1:]
}

// Postings returns the postings that a transaction wrote, write by write.
func (t Transaction) Postings() ([][]record.Posting, error) {
	all := make([][]record.Posting, len(t.Writes))
	for k, w := range t.Writes {
		if w.Deleted {
			continue
		}
		kind, _ := SplitKey(w.Key)
		var err error
		if all[k], err = chaincode.PostingsOf(kind, w.Value); err != nil {
			return nil, fmt.Errorf("postings of transaction %s: %w", t.ID, err)
		}
	}
	return all, nil
}
