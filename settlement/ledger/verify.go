package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// Report is what a verification covered.
type Report struct {
	Blocks      int64
	Signatures  int64
	Keys        int
	Postings    int64
	Runs        int
	Intervals   int
	Checkpoints int
	Turnover    grid.Money
	Hash        string // of the last block, hex
	Root        string // of the Merkle log at the last checkpoint, base64
	Signer      string
}

// A TamperedError names what does not match.
type TamperedError struct {
	What     string
	Postings []string // ids of the postings concerned
}

func (e *TamperedError) Error() string {
	if len(e.Postings) == 0 {
		return e.What
	}
	return fmt.Sprintf("posting %s: %s", strings.Join(e.Postings, ", "), e.What)
}

// A DamagedError reports a database that cannot be read as one.
type DamagedError struct{ Reason string }

func (e *DamagedError) Error() string {
	return "the ledger's database is damaged: " + e.Reason + "; restore it from a copy"
}

// Verify checks the whole ledger of a data directory: the database itself, the
// chain of hashes, every signature, every read against the version it saw, the
// state against the chain, the Merkle log against the postings, every
// checkpoint against the log, and that every run sums to zero. The checkpoints
// are verified with the key in the file keyPath, which an auditor keeps; empty,
// with the directory's own. progress is called with the blocks done and the
// blocks there are.
func Verify(ctx context.Context, dir, keyPath string, progress func(done, all int64)) (Report, error) {
	if keyPath == "" {
		keyPath = filepath.Join(dir, PublicKey)
	}
	if _, err := os.Stat(filepath.Join(dir, File)); err != nil {
		return Report{}, fmt.Errorf("no ledger in %s: %w", dir, err)
	}
	public, err := os.ReadFile(keyPath) //nolint:gosec // the path is the auditor's
	if err != nil {
		return Report{}, fmt.Errorf("ledger key: %w", err)
	}
	key, err := note.NewVerifier(strings.TrimSpace(string(public)))
	if err != nil {
		return Report{}, fmt.Errorf("ledger key: %w", err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, KeyDir, caFile+".pem")) //nolint:gosec // the directory is the operator's
	if err != nil {
		return Report{}, fmt.Errorf("CA certificate: %w", err)
	}
	roots, err := certPool(ca)
	if err != nil {
		return Report{}, err
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, File)+"?_pragma=busy_timeout(5000)&_pragma=query_only(1)")
	if err != nil {
		return Report{}, fmt.Errorf("open ledger: %w", err)
	}
	defer db.Close()
	if err := integrity(ctx, db); err != nil {
		return Report{}, err
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Report{}, fmt.Errorf("open ledger: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	v := &verifier{ctx: ctx, db: tx, roots: roots, key: key, state: map[string]stated{}, signs: map[int64]bool{}, closed: map[string]bool{}, report: Report{Signer: key.Name()}}
	for _, step := range []func() error{func() error { return v.chain(progress) }, v.compareState, v.log, v.checkpoints, v.runs} {
		if err := step(); err != nil {
			return v.report, err
		}
	}
	return v.report, nil
}

func integrity(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `PRAGMA integrity_check(10)`)
	if err != nil {
		return &DamagedError{Reason: err.Error()}
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return &DamagedError{Reason: err.Error()}
		}
		if line != "ok" {
			found = append(found, line)
		}
	}
	if err := rows.Err(); err != nil {
		return &DamagedError{Reason: err.Error()}
	}
	if len(found) > 0 {
		return &DamagedError{Reason: strings.Join(found, "; ")}
	}
	return nil
}

type stated struct {
	value []byte
	block int64
}

type verifier struct {
	ctx    context.Context
	db     queryer
	roots  *x509.CertPool
	key    note.Verifier
	state  map[string]stated // as the chain makes it
	order  []string          // posting keys as the chain wrote them
	signs  map[int64]bool    // blocks with postings, each of which signs a checkpoint
	closed map[string]bool
	report Report
}

// chain replays the blocks.
func (v *verifier) chain(progress func(done, all int64)) error {
	all, _, err := head(v.ctx, v.db)
	if err != nil {
		return err
	}
	previous := []byte{}
	for number := int64(1); number <= all; number++ {
		hash, err := v.block(number, previous)
		if err != nil {
			return err
		}
		previous = hash
		v.report.Hash = hex.EncodeToString(hash)
		v.report.Blocks++
		if progress != nil {
			progress(number, all)
		}
	}
	return nil
}

func (v *verifier) block(number int64, previous []byte) ([]byte, error) {
	var storedPrevious, storedHash, creator, signature []byte
	var args, ev string
	c := content{Number: number, Previous: previous}
	err := v.db.QueryRowContext(v.ctx, `SELECT previous, hash, id, function, args, event, creator, signature
FROM blocks JOIN transactions ON block = number WHERE number = ?`, number).
		Scan(&storedPrevious, &storedHash, &c.ID, &c.Function, &args, &ev, &creator, &signature)
	if err != nil {
		return nil, &TamperedError{What: fmt.Sprintf("block %d cannot be read: %v", number, err)}
	}
	if c.Reads, err = v.reads(number); err != nil {
		return nil, err
	}
	if c.Writes, err = v.writes(number); err != nil {
		return nil, err
	}
	argsErr := json.Unmarshal([]byte(args), &c.Args)
	evErr := json.Unmarshal([]byte(ev), &c.Event)
	if !bytes.Equal(storedPrevious, previous) {
		return nil, &TamperedError{What: fmt.Sprintf("block %d does not follow block %d: its previous hash differs", number, number-1)}
	}
	hash, err := c.hash()
	if err != nil {
		return nil, err
	}
	if argsErr != nil || evErr != nil || !canonical(args, c.Args) || !canonical(ev, c.Event) || !bytes.Equal(hash, storedHash) {
		return nil, &TamperedError{What: fmt.Sprintf("block %d does not match its hash", number), Postings: v.suspects(c, args)}
	}
	certificate, err := certificateOf(creator)
	if err == nil {
		err = verifySigned(v.roots, certificate, hash, signature)
	}
	if err != nil {
		return nil, &TamperedError{What: fmt.Sprintf("block %d: %v", number, err)}
	}
	v.report.Signatures++
	return hash, v.replay(c)
}

// canonical tells whether the text is exactly how v is written.
func canonical(text string, v any) bool {
	b, err := json.Marshal(v)
	return err == nil && string(b) == text
}

// suspects names the postings of a block whose write, argument or state differ
// from the others or from their leaf in the Merkle log.
func (v *verifier) suspects(c content, args string) []string {
	var names []string
	var decoded []string
	_ = json.Unmarshal([]byte(args), &decoded) // unreadable arguments contain nothing
	argument := strings.Join(decoded, "")
	for _, w := range c.Writes {
		kind, _ := splitKey(w.Key)
		if kind != chaincode.KindPosting {
			continue
		}
		same := strings.Contains(argument, string(w.Value)) && v.leafMatches(w.Key, w.Value)
		var value []byte
		err := v.db.QueryRowContext(v.ctx, `SELECT value FROM state WHERE key = ?`, w.Key).Scan(&value)
		if err != nil || !same || !bytes.Equal(value, w.Value) {
			names = append(names, postingID(w.Key))
		}
	}
	return names
}

func (v *verifier) leafMatches(key, value []byte) bool {
	var leaf int64
	if err := v.db.QueryRowContext(v.ctx, `SELECT leaf FROM leaves WHERE key = ?`, key).Scan(&leaf); err != nil {
		return false
	}
	hashes, err := hashReader(v.ctx, v.db).ReadHashes([]int64{tlog.StoredHashIndex(0, leaf)})
	return err == nil && hashes[0] == tlog.RecordHash(value)
}

// postingID gives the id of the posting under a key.
func postingID(key []byte) string {
	_, parts := splitKey(key)
	if len(parts) > 0 {
		last := strings.TrimLeft(parts[len(parts)-1], "0")
		if last == "" {
			last = "0"
		}
		parts[len(parts)-1] = last
	}
	return strings.Join(parts, "/")
}

func (v *verifier) reads(number int64) ([]read, error) {
	rows, err := v.db.QueryContext(v.ctx, `SELECT key, version FROM reads WHERE block = ? ORDER BY n`, number)
	if err != nil {
		return nil, &DamagedError{Reason: err.Error()}
	}
	defer rows.Close()
	var reads []read
	for rows.Next() {
		var r read
		var at sql.NullInt64
		if err := rows.Scan(&r.Key, &at); err != nil {
			return nil, &DamagedError{Reason: err.Error()}
		}
		if at.Valid {
			r.Version = &version{Block: at.Int64}
		}
		reads = append(reads, r)
	}
	return reads, rows.Err()
}

func (v *verifier) writes(number int64) ([]written, error) {
	rows, err := v.db.QueryContext(v.ctx, `SELECT key, value FROM writes WHERE block = ? ORDER BY n`, number)
	if err != nil {
		return nil, &DamagedError{Reason: err.Error()}
	}
	defer rows.Close()
	var writes []written
	for rows.Next() {
		var w written
		if err := rows.Scan(&w.Key, &w.Value); err != nil {
			return nil, &DamagedError{Reason: err.Error()}
		}
		writes = append(writes, w)
	}
	return writes, rows.Err()
}

// replay checks that the block read what the chain had, and applies it.
func (v *verifier) replay(c content) error {
	for _, r := range c.Reads {
		at, found := v.state[string(r.Key)]
		if found != (r.Version != nil) || found && at.block != r.Version.Block {
			return &TamperedError{What: fmt.Sprintf("block %d read a version of %q that the chain did not have", c.Number, r.Key)}
		}
	}
	for _, w := range c.Writes {
		kind, parts := splitKey(w.Key)
		switch kind {
		case chaincode.KindPosting:
			v.order = append(v.order, string(w.Key))
			v.signs[c.Number] = true
		case chaincode.KindClosing:
			v.closed[strings.Join(parts, "/")] = true
		}
		v.state[string(w.Key)] = stated{value: w.Value, block: c.Number}
	}
	if c.Function == postBatch {
		return v.announced(c)
	}
	return nil
}

const postBatch = "settlement:PostBatch"

// announced checks that a block's postings are those of its argument, and the
// argument the batch that the run's manifest announced.
func (v *verifier) announced(c content) error {
	wrong := &TamperedError{What: fmt.Sprintf("block %d does not hold the batch that its manifest announced", c.Number)}
	var b chaincode.Batch
	if len(c.Args) != 1 || json.Unmarshal([]byte(c.Args[0]), &b) != nil {
		return wrong
	}
	key, err := compositeKey(chaincode.KindManifest, []string{b.Community, b.Interval, strconv.Itoa(b.Run)})
	if err != nil {
		return wrong
	}
	var m chaincode.Manifest
	if err := json.Unmarshal(v.state[key].value, &m); err != nil {
		return wrong
	}
	sum := sha256.Sum256([]byte(c.Args[0]))
	if b.Batch < 0 || b.Batch >= len(m.BatchDigests) || m.BatchDigests[b.Batch] != hex.EncodeToString(sum[:]) {
		return wrong
	}
	left := b.Postings
	for _, w := range c.Writes {
		if kind, _ := splitKey(w.Key); kind != chaincode.KindPosting {
			continue
		}
		var p chaincode.Posting
		if len(left) == 0 || json.Unmarshal(w.Value, &p) != nil || p != left[0] {
			return differing(w.Key, wrong.What)
		}
		left = left[1:]
	}
	if len(left) > 0 {
		return wrong
	}
	return nil
}

// compareState holds the state table against the chain, both ways.
func (v *verifier) compareState() error {
	rows, err := v.db.QueryContext(v.ctx, `SELECT key, value, block, tx FROM state ORDER BY key`)
	if err != nil {
		return &DamagedError{Reason: err.Error()}
	}
	defer rows.Close()
	stored := map[string]bool{}
	for rows.Next() {
		var key, value []byte
		var block, tx int64
		if err := rows.Scan(&key, &value, &block, &tx); err != nil {
			return &DamagedError{Reason: err.Error()}
		}
		want, found := v.state[string(key)]
		if !found || want.block != block || tx != 0 || !bytes.Equal(want.value, value) {
			return differing(key, "the stored value differs from what the chain recorded")
		}
		stored[string(key)] = true
		v.report.Keys++
	}
	if err := rows.Err(); err != nil {
		return &DamagedError{Reason: err.Error()}
	}
	for _, key := range slices.Sorted(maps.Keys(v.state)) {
		if !stored[key] {
			return differing([]byte(key), "the chain recorded it, but the stored value is gone")
		}
	}
	return nil
}

func differing(key []byte, what string) error {
	kind, parts := splitKey(key)
	if kind == chaincode.KindPosting {
		return &TamperedError{What: what, Postings: []string{postingID(key)}}
	}
	return &TamperedError{What: fmt.Sprintf("%s %s: %s", kind, strings.Join(parts, "/"), what)}
}

// log rebuilds the Merkle log from the postings.
func (v *verifier) log() error {
	size, err := logSize(v.ctx, v.db)
	if err != nil {
		return err
	}
	if size != int64(len(v.order)) {
		return &TamperedError{What: fmt.Sprintf("the Merkle log has %d postings, the chain %d", size, len(v.order))}
	}
	stored := hashReader(v.ctx, v.db)
	for leaf, key := range v.order {
		var logged []byte
		if err := v.db.QueryRowContext(v.ctx, `SELECT key FROM leaves WHERE leaf = ?`, leaf).Scan(&logged); err != nil || string(logged) != key {
			return differing([]byte(key), fmt.Sprintf("leaf %d of the Merkle log is another posting", leaf))
		}
		want, err := tlog.StoredHashes(int64(leaf), v.state[key].value, stored)
		if err != nil {
			return &TamperedError{What: err.Error()}
		}
		at := tlog.StoredHashIndex(0, int64(leaf))
		for i, h := range want {
			got, err := stored.ReadHashes([]int64{at + int64(i)})
			if err != nil || got[0] != h {
				return differing([]byte(key), fmt.Sprintf("hash %d of the Merkle log does not match", at+int64(i)))
			}
		}
		v.report.Postings++
	}
	return nil
}

// checkpoints verifies every signed root against the log.
func (v *verifier) checkpoints() error {
	all, err := v.signed()
	if err != nil {
		return err
	}
	stored := hashReader(v.ctx, v.db)
	last := int64(0)
	for _, s := range all {
		c, err := proof.OpenCheckpoint(s.note, v.key)
		if err != nil {
			return &TamperedError{What: fmt.Sprintf("checkpoint of size %d: %v", s.size, err)}
		}
		root, err := tlog.TreeHash(c.Size, stored)
		if err != nil || c.Size != s.size || c.Size <= last || root != c.Root {
			return &TamperedError{What: fmt.Sprintf("checkpoint of size %d does not match the Merkle log", s.size)}
		}
		last = c.Size
		v.report.Checkpoints++
		v.report.Root = c.Root.String()
	}
	if len(all) != len(v.signs) {
		return &TamperedError{What: fmt.Sprintf("%d checkpoints are stored, %d blocks signed one", len(all), len(v.signs))}
	}
	if last != v.report.Postings {
		return &TamperedError{What: fmt.Sprintf("the last checkpoint covers %d of %d postings", last, v.report.Postings)}
	}
	return nil
}

// signedRoot is a stored checkpoint.
type signedRoot struct {
	size int64
	note []byte
}

func (v *verifier) signed() ([]signedRoot, error) {
	rows, err := v.db.QueryContext(v.ctx, `SELECT size, note FROM checkpoints ORDER BY block`)
	if err != nil {
		return nil, &DamagedError{Reason: err.Error()}
	}
	defer rows.Close()
	var all []signedRoot
	for rows.Next() {
		var s signedRoot
		if err := rows.Scan(&s.size, &s.note); err != nil {
			return nil, &DamagedError{Reason: err.Error()}
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		return nil, &DamagedError{Reason: err.Error()}
	}
	return all, nil
}

// runs re-sums every run: the deltas of its accounts must sum to zero and to
// its postings, and its closing record to both.
func (v *verifier) runs() error {
	deltas, byAccount := map[string]grid.Money{}, map[string]int64{}
	turnover, count := map[string]grid.Money{}, map[string]int{}
	for key, s := range v.state {
		kind, parts := splitKey([]byte(key))
		switch kind {
		case chaincode.KindPosting:
			var p chaincode.Posting
			if err := json.Unmarshal(s.value, &p); err != nil {
				return differing([]byte(key), err.Error())
			}
			run := strings.Join(parts[:3], "/")
			turnover[run] += grid.Money(p.Amount)
			count[run]++
			byAccount[run+"/"+p.Debit] -= p.Amount
			byAccount[run+"/"+p.Credit] += p.Amount
		case chaincode.KindDelta:
			var d int64
			if err := json.Unmarshal(s.value, &d); err != nil {
				return differing([]byte(key), err.Error())
			}
			run := parts[0] + "/" + parts[2] + "/" + parts[3]
			deltas[run] += grid.Money(d)
			byAccount[run+"/"+parts[1]] -= d
		}
	}
	for account, difference := range byAccount {
		if difference != 0 {
			return &TamperedError{What: fmt.Sprintf("run and account %s: postings and balance differ by %d", account, difference)}
		}
	}
	intervals := map[string]bool{}
	for key, s := range v.state {
		kind, parts := splitKey([]byte(key))
		if kind != chaincode.KindClosing {
			continue
		}
		var c chaincode.Closing
		run := strings.Join(parts, "/")
		if err := json.Unmarshal(s.value, &c); err != nil {
			return differing([]byte(key), err.Error())
		}
		if deltas[run] != 0 || c.Postings != count[run] || grid.Money(c.Turnover) != turnover[run] {
			return &TamperedError{What: fmt.Sprintf("run %s does not sum to zero or to its closing record", run)}
		}
		v.report.Runs++
		v.report.Turnover += turnover[run]
		intervals[parts[1]] = true
	}
	v.report.Intervals = len(intervals)
	return nil
}
