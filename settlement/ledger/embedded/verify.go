package embedded

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
)

// Verify checks a whole chain in a file: the database itself, the chain of
// hashes, every signature, every read against the version that the chain had,
// every batch and run summed up again by the auditor, the state and the private
// collections against the chain. index names what it has of a block's postings.
// Errors: *audit.TamperedError, *ledger.DamagedError.
func Verify(ctx context.Context, path string, trust *identity.Trust, index *ledger.Index, progress func(done, all int64)) (*audit.Auditor, error) {
	db, err := disk.ReadSQLite(path)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	defer db.Close()
	if err := integrity(ctx, db); err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	v := &verifier{
		ctx: ctx, db: tx, trust: trust, index: index, auditor: audit.NewAuditor(),
		state: map[string]stated{}, private: map[string][]byte{}, progress: progress,
	}
	for _, step := range []func() error{v.chain, v.auditor.Close, v.compareState, v.comparePrivate} {
		if err := step(); err != nil {
			return v.auditor, err
		}
	}
	return v.auditor, nil
}

func integrity(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `PRAGMA integrity_check(10)`)
	if err != nil {
		return &ledger.DamagedError{Reason: err.Error()}
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return &ledger.DamagedError{Reason: err.Error()}
		}
		if line != "ok" {
			found = append(found, line)
		}
	}
	if err := rows.Err(); err != nil {
		return &ledger.DamagedError{Reason: err.Error()}
	}
	if len(found) > 0 {
		return &ledger.DamagedError{Reason: strings.Join(found, "; ")}
	}
	return nil
}

// stated is a key as the chain makes it: the digest of its value, and where to
// find that.
type stated struct {
	hash  [sha256.Size]byte
	block int64
}

type verifier struct {
	ctx      context.Context
	db       *sql.Tx
	trust    *identity.Trust
	index    *ledger.Index
	auditor  *audit.Auditor
	state    map[string]stated
	private  map[string][]byte // collection and digest of the key → digest of the value
	progress func(done, all int64)
}

// row is a stored block, and what was found out about it by itself.
type row struct {
	number                            int64
	hash, encoded, creator, signature []byte

	content  content
	prepared audit.Prepared
	err      error
}

// chain goes through the blocks: each by itself side by side, then in order.
func (v *verifier) chain() error {
	at, err := head(v.ctx, v.db)
	if err != nil {
		return &ledger.DamagedError{Reason: err.Error()}
	}
	ctx, stop := context.WithCancel(v.ctx)
	defer stop()
	rows := v.read(ctx)
	previous := []byte{}
	next := int64(1)
	for future := range rows {
		r := <-future
		if r.err != nil {
			return r.err
		}
		if r.number != next {
			return &audit.TamperedError{What: fmt.Sprintf("block %d is missing", next)}
		}
		if r.content.Number != r.number || !bytes.Equal(r.content.Previous, previous) {
			return &audit.TamperedError{What: fmt.Sprintf("block %d does not follow block %d: its previous hash differs", r.number, r.number-1)}
		}
		if err := v.replay(r); err != nil {
			return err
		}
		previous = r.hash
		next++
		v.auditor.Report.Signatures++
		v.auditor.Report.Hash = hex.EncodeToString(r.hash)
		if v.progress != nil {
			v.progress(r.number, at.number)
		}
	}
	return nil
}

// read reads the blocks and checks each by itself, side by side; they come out
// in order.
func (v *verifier) read(ctx context.Context) <-chan chan row {
	out := make(chan chan row, 2*runtime.GOMAXPROCS(0))
	work := make(chan struct{}, runtime.GOMAXPROCS(0))
	go func() {
		defer close(out)
		send := func(r row, check bool) bool {
			future := make(chan row, 1)
			if check {
				work <- struct{}{}
				go func() {
					future <- v.check(r)
					<-work
				}()
			} else {
				future <- r
			}
			select {
			case out <- future:
				return true
			case <-ctx.Done():
				return false
			}
		}
		rows, err := v.db.QueryContext(ctx, `SELECT number, hash, content, creator, signature FROM blocks ORDER BY number`)
		if err != nil {
			send(row{err: &ledger.DamagedError{Reason: err.Error()}}, false)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var r row
			if err := rows.Scan(&r.number, &r.hash, &r.encoded, &r.creator, &r.signature); err != nil {
				send(row{err: &ledger.DamagedError{Reason: err.Error()}}, false)
				return
			}
			if !send(r, true) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			send(row{err: &ledger.DamagedError{Reason: err.Error()}}, false)
		}
	}()
	return out
}

// check verifies a block by itself: hash, signature, form.
func (v *verifier) check(r row) row {
	sum := sha256.Sum256(r.encoded)
	if !bytes.Equal(sum[:], r.hash) {
		r.err = &audit.TamperedError{What: fmt.Sprintf("block %d does not match its hash", r.number), Postings: v.suspects(r)}
		return r
	}
	if _, err := v.trust.Verify(r.creator, r.hash, r.signature); err != nil {
		r.err = &audit.TamperedError{What: fmt.Sprintf("block %d: %v", r.number, err)}
		return r
	}
	dec := json.NewDecoder(bytes.NewReader(r.encoded))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r.content); err != nil {
		r.err = &audit.TamperedError{What: fmt.Sprintf("block %d: %v", r.number, err)}
		return r
	}
	b, err := r.content.block()
	if err == nil {
		r.prepared, err = audit.Prepare(b)
	}
	if err != nil {
		r.err = &audit.TamperedError{What: err.Error()}
	}
	return r
}

// suspects names the postings of a damaged block in which it differs from the
// index; all of them when it cannot be read.
func (v *verifier) suspects(r row) (names []string) {
	var damaged content
	var written []string
	if json.Unmarshal(r.encoded, &damaged) == nil {
		written = append(written, damaged.Args...)
		for _, w := range damaged.Writes {
			written = append(written, string(w.Value))
		}
	}
	text := strings.Join(written, "\n")
	_ = v.index.Find(v.ctx, ledger.Query{}, func(e ledger.Entry) error { // without an index nothing can be named
		var p record.Posting
		if e.Block == r.number && !strings.Contains(text, string(e.Posting)) && json.Unmarshal(e.Posting, &p) == nil {
			names = append(names, p.ID)
		}
		return nil
	})
	return names
}

// replay checks that the block read what the chain had, and applies it.
func (v *verifier) replay(r row) error {
	for _, was := range r.content.Reads {
		if v.state[string(was.Key)].block != was.Version {
			return &audit.TamperedError{What: fmt.Sprintf("block %d read a version of %q that the chain did not have", r.number, was.Key)}
		}
	}
	for _, w := range r.content.Writes {
		if w.Deleted {
			delete(v.state, string(w.Key))
			continue
		}
		value, err := r.content.value(w)
		if err != nil {
			return &audit.TamperedError{What: err.Error()}
		}
		v.state[string(w.Key)] = stated{hash: sha256.Sum256(value), block: r.number}
	}
	for _, p := range r.content.Private {
		at := p.Collection + "\x00" + string(p.KeyHash)
		if len(p.ValueHash) == 0 {
			delete(v.private, at)
		} else {
			v.private[at] = p.ValueHash
		}
	}
	return v.auditor.Audit(r.prepared)
}

// compareState holds the state table against the chain, both ways.
func (v *verifier) compareState() error {
	rows, err := v.db.QueryContext(v.ctx, `SELECT key, value, block FROM state ORDER BY key`)
	if err != nil {
		return &ledger.DamagedError{Reason: err.Error()}
	}
	defer rows.Close()
	var differing error
	for rows.Next() {
		var key, value []byte
		var block int64
		if err := rows.Scan(&key, &value, &block); err != nil {
			return &ledger.DamagedError{Reason: err.Error()}
		}
		want, found := v.state[string(key)]
		if !found || want.block != block || want.hash != sha256.Sum256(value) {
			differing = v.differs(string(key), value, want)
			break
		}
		delete(v.state, string(key))
		v.auditor.Report.Keys++
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return &ledger.DamagedError{Reason: err.Error()}
	}
	if differing != nil {
		return differing
	}
	for _, key := range slices.Sorted(maps.Keys(v.state)) {
		return v.differs(key, nil, v.state[key])
	}
	return nil
}

// differs names what is wrong with a stored value.
func (v *verifier) differs(key string, got []byte, want stated) error {
	what := "the stored value differs from what the chain recorded"
	if got == nil {
		what = "the chain recorded it, but the stored value is gone"
	}
	var recorded, encoded []byte
	var c content
	err := v.db.QueryRowContext(v.ctx, `SELECT content FROM blocks WHERE number = ?`, want.block).Scan(&encoded)
	if err == nil && json.Unmarshal(encoded, &c) == nil {
		for _, w := range c.Writes {
			if string(w.Key) == key {
				recorded, _ = c.value(w)
			}
		}
	}
	return audit.Tampered(key, recorded, got, what)
}

// comparePrivate holds the private collections against the digests on the
// chain.
func (v *verifier) comparePrivate() error {
	rows, err := v.db.QueryContext(v.ctx, `SELECT collection, key, value FROM private`)
	if err != nil {
		return &ledger.DamagedError{Reason: err.Error()}
	}
	defer rows.Close()
	for rows.Next() {
		var collection, key string
		var value []byte
		if err := rows.Scan(&collection, &key, &value); err != nil {
			return &ledger.DamagedError{Reason: err.Error()}
		}
		keyHash, valueHash := sha256.Sum256([]byte(key)), sha256.Sum256(value)
		at := collection + "\x00" + string(keyHash[:])
		if !bytes.Equal(v.private[at], valueHash[:]) {
			kind, parts := ledger.SplitKey(key)
			return &audit.TamperedError{What: fmt.Sprintf("private value %s %s: differs from its digest on the chain", kind, strings.Join(parts, "/"))}
		}
		delete(v.private, at)
		v.auditor.Report.Private++
	}
	if err := rows.Err(); err != nil {
		return &ledger.DamagedError{Reason: err.Error()}
	}
	if len(v.private) > 0 {
		return &audit.TamperedError{What: fmt.Sprintf("%d private values are gone that were not purged", len(v.private))}
	}
	return nil
}
