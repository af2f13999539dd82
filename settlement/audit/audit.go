// Package audit holds a community to its ledger: the Auditor goes through the blocks of a
// chain and sums them up again, the Judge computes every settlement run anew from what it
// was made of and from the signed readings, and a proof bundle carries both to a stranger
// who has nothing but the bundle and the keys. What does not match is a *TamperedError,
// which names it.
package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// Report is what a verification covered.
type Report struct {
	Sealed

	Blocks       int64
	Hash         string // of the last block, hex
	Signatures   int64
	Endorsements int64 // on Fabric
	Keys         int   // of state
	Private      int   // values of the private collections
	Postings     int64
	Records      int64 // manifests, keys, devices, closings that the checkpoints commit to
	Runs         int
	Intervals    int
	Turnover     grid.Money
}

// Sealed is what checkpoints say of the Merkle log over the postings.
type Sealed struct {
	Root        string // of the log, base64
	Signer      string
	Checkpoints int
	Cosigned    int64 // postings under a checkpoint that the utility cosigned
	Uncovered   int64 // postings after the last checkpoint
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

// Auditor goes through the blocks of a chain, of whichever kind, and sums them
// up again: every batch is the one that its manifest announced, every
// transaction moves between the accounts what its postings say, every closing
// record is the sum of its run. It builds the Merkle log anew.
type Auditor struct {
	Report Report

	log       proof.Log
	records   proof.Log
	accounts  []uint64                   // of each posting
	manifests map[string]record.Manifest // by run
	closings  map[string]record.Closing
	sums      map[string]runSum
	money     map[string]map[string]grid.Money // deltas and balances by key, then account
	bills     map[chaincode.BillNumber][]chaincode.BillCharge
}

type runSum struct {
	postings int
	turnover grid.Money
}

// NewAuditor begins before the first block.
func NewAuditor() *Auditor {
	return &Auditor{
		log: proof.Log{Hashes: &proof.Memory{}}, records: proof.Log{Hashes: &proof.Memory{}}, manifests: map[string]record.Manifest{}, closings: map[string]record.Closing{},
		sums: map[string]runSum{}, money: map[string]map[string]grid.Money{}, bills: map[chaincode.BillNumber][]chaincode.BillCharge{},
	}
}

// Prepared is a block whose postings were read.
type Prepared struct {
	block    ledger.Block
	postings [][][]record.Posting // by transaction and write
	records  [][][]byte           // canonical JSON of each, by transaction
	accounts []uint64             // of each, as hashOf both summed up
}

// Prepare reads a block's postings. It may be called side by side.
func Prepare(b ledger.Block) (Prepared, error) {
	p := Prepared{block: b}
	for _, t := range b.Transactions {
		all, err := t.Postings()
		if err != nil {
			return p, &TamperedError{What: fmt.Sprintf("block %d: %v", b.Number, err)}
		}
		var records [][]byte
		for _, one := range slices.Concat(all...) {
			record, err := json.Marshal(one)
			if err != nil {
				return p, fmt.Errorf("block %d: %w", b.Number, err)
			}
			records = append(records, record)
			p.accounts = append(p.accounts, hashOf(one.Debit)+hashOf(one.Credit))
		}
		p.postings, p.records = append(p.postings, all), append(p.records, records)
	}
	return p, nil
}

// Audit takes the next block.
func (a *Auditor) Audit(p Prepared) error {
	a.Report.Blocks++
	a.accounts = append(a.accounts, p.accounts...)
	for k, t := range p.block.Transactions {
		if err := a.transaction(t, p.postings[k]); err != nil {
			return &TamperedError{What: fmt.Sprintf("block %d: %v", p.block.Number, err)}
		}
		for _, record := range p.records[k] {
			if _, err := a.log.Add(record); err != nil {
				return err
			}
			a.Report.Postings++
		}
	}
	return nil
}

func (a *Auditor) transaction(t ledger.Transaction, postings [][]record.Posting) error {
	if err := a.charges(t, postings); err != nil {
		return err
	}
	effect := effects{} // of the postings, less what the accounts changed
	for k, w := range t.Writes {
		for _, p := range postings[k] {
			if err := errors.Join(effect.less(p.Debit, p.Amount), effect.add(p.Credit, p.Amount)); err != nil {
				return fmt.Errorf("transaction %s: posting %s: %w", t.ID, p.ID, err)
			}
		}
		kind, at := ledger.SplitKey(w.Key)
		if err := a.record(kind, w); err != nil {
			return err
		}
		var err error
		switch kind {
		case chaincode.KindManifest:
			var m record.Manifest
			err = json.Unmarshal(w.Value, &m)
			a.manifests[strings.Join(at, "/")] = m
		case chaincode.KindPostings:
			err = a.batch(at, w.Value, postings[k])
		case chaincode.KindClosing:
			var c record.Closing
			err = json.Unmarshal(w.Value, &c)
			a.closings[strings.Join(at, "/")] = c
		case chaincode.KindDelta, chaincode.KindBalance:
			err = a.change(w, effect)
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", kind, strings.Join(at, "/"), err)
		}
	}
	for _, account := range slices.Sorted(maps.Keys(effect)) {
		if effect[account] != 0 {
			return fmt.Errorf("transaction %s: what account %s gets and what its postings say differ by %d", t.ID, account, effect[account])
		}
	}
	return nil
}

// effects are what accounts receive.
type effects map[string]grid.Money

func (e effects) add(account string, amount grid.Money) (err error) {
	e[account], err = e[account].Add(amount)
	return err
}

func (e effects) less(account string, amount grid.Money) (err error) {
	e[account], err = e[account].Sub(amount)
	return err
}

// change takes off what a write changed of balances.
func (a *Auditor) change(w ledger.Write, effect effects) error {
	var now map[string]grid.Money
	if !w.Deleted {
		if err := json.Unmarshal(w.Value, &now); err != nil {
			return err
		}
	}
	for _, account := range slices.Sorted(maps.Keys(now)) {
		if err := effect.less(account, now[account]); err != nil {
			return err
		}
	}
	before := a.money[w.Key]
	for _, account := range slices.Sorted(maps.Keys(before)) {
		if err := effect.add(account, before[account]); err != nil {
			return err
		}
	}
	a.money[w.Key] = now
	return nil
}

func (a *Auditor) record(kind string, w ledger.Write) error {
	if !ledger.IsRecord(kind) {
		return nil
	}
	record, err := ledger.RecordOf(w)
	if err != nil {
		return err
	}
	a.Report.Records++
	_, err = a.records.Add(record)
	return err
}

// batch checks that a batch is the one that the manifest announced, and adds
// it to its run.
func (a *Auditor) batch(at []string, value []byte, postings []record.Posting) error {
	run := strings.Join(at[:3], "/")
	n, err := strconv.Atoi(at[3])
	m := a.manifests[run]
	sum := sha256.Sum256(value)
	if err != nil || n < 0 || n >= len(m.BatchDigests) || m.BatchDigests[n] != hex.EncodeToString(sum[:]) {
		return fmt.Errorf("is not the batch that its manifest announced")
	}
	s := a.sums[run]
	for _, p := range postings {
		if p.Amount <= 0 {
			return fmt.Errorf("posting %s has the amount %d", p.ID, p.Amount)
		}
		s.postings++
		if s.turnover, err = s.turnover.Add(p.Amount); err != nil {
			return fmt.Errorf("posting %s: %w", p.ID, err)
		}
	}
	a.sums[run] = s
	return nil
}

// Close checks the closing records against the sums of their runs.
func (a *Auditor) Close() error {
	intervals := map[string]bool{}
	for _, run := range slices.Sorted(maps.Keys(a.closings)) {
		c, s := a.closings[run], a.sums[run]
		if c.Postings != s.postings || c.Turnover != s.turnover {
			return &TamperedError{What: fmt.Sprintf("run %s does not sum to its closing record", run)}
		}
		a.Report.Runs++
		var err error
		if a.Report.Turnover, err = a.Report.Turnover.Add(s.turnover); err != nil {
			return fmt.Errorf("turnover of all runs up to %s: %w", run, err)
		}
		intervals[c.Interval] = true
	}
	a.Report.Intervals = len(intervals)
	root, err := a.log.Root(a.log.Size)
	if err != nil {
		return err
	}
	a.Report.Root = root.String()
	return nil
}

// Checkpoints checks the index against the log that was built anew: its
// postings, its hashes and every signed checkpoint. witness is the utility's
// key; nil leaves cosignatures aside.
func (a *Auditor) Checkpoints(ctx context.Context, x *ledger.Index, key, witness note.Verifier) error {
	last := int64(0)
	err := x.Checkpoints(ctx, func(size int64, signed []byte) error {
		c, err := proof.OpenCheckpoint(signed, key)
		if err != nil {
			return &TamperedError{What: fmt.Sprintf("checkpoint of size %d: %v", size, err)}
		}
		if c.Size > a.log.Size {
			return &TamperedError{What: fmt.Sprintf("checkpoint of size %d: the chain has %d postings only", size, a.log.Size)}
		}
		root, err := a.log.Root(c.Size)
		if err != nil || c.Size != size || root != c.Root {
			return &TamperedError{What: fmt.Sprintf("checkpoint of size %d does not match the postings", size)}
		}
		root, err = a.records.Root(min(c.Records, a.records.Size))
		if err != nil || c.Records > a.records.Size || root != c.RecordsRoot {
			return &TamperedError{What: fmt.Sprintf("checkpoint of size %d does not match the records beside the postings", size)}
		}
		cosigned, err := isCosigned(signed, key, witness)
		if err != nil {
			return &TamperedError{What: fmt.Sprintf("checkpoint of size %d: %v", size, err)}
		}
		if cosigned {
			a.Report.Cosigned = size
		}
		last = size
		a.Report.Checkpoints++
		return nil
	})
	if err != nil {
		return err
	}
	a.Report.Uncovered = a.log.Size - last
	a.Report.Signer = key.Name()
	return a.compareHashes(ctx, x)
}

// isCosigned tells whether the utility's witness signed too. No other signature may
// be there.
func isCosigned(signed []byte, key, witness note.Verifier) (bool, error) {
	known := []note.Verifier{key}
	if witness != nil {
		known = append(known, witness)
	}
	n, err := note.Open(signed, note.VerifierList(known...))
	if err != nil {
		return false, err
	}
	if len(n.UnverifiedSigs) > 0 {
		return false, fmt.Errorf("has a signature of %s, which is not known", n.UnverifiedSigs[0].Name)
	}
	return len(n.Sigs) > 1, nil
}

// compareHashes holds what the index has against the log.
func (a *Auditor) compareHashes(ctx context.Context, x *ledger.Index) error {
	postings, records := x.Logs()
	for leaf := range min(postings.Size, a.log.Size) {
		at := tlog.StoredHashIndex(0, leaf)
		until := tlog.StoredHashIndex(0, leaf+1)
		for n := at; n < until; n++ {
			want, err := a.log.Hashes.At(n)
			if err != nil {
				return err
			}
			got, err := postings.Hashes.At(n)
			if err != nil || got != want {
				return &TamperedError{What: fmt.Sprintf("hash %d of the Merkle log, which posting %d brought, does not match", n, leaf)}
			}
		}
	}
	next := int64(0)
	root, err1 := records.Root(records.Size)
	want, err2 := a.records.Root(min(records.Size, a.records.Size))
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if root != want || records.Size > a.records.Size {
		return &TamperedError{What: "the index has other records than the chain: move " + ledger.IndexFile + " away and start the community to build it again"}
	}
	err := x.Find(ctx, ledger.Query{}, func(e ledger.Entry) error {
		if e.Leaf != next || e.Leaf >= a.log.Size {
			return &TamperedError{What: fmt.Sprintf("posting %d is missing from the index, or not on the chain: move %s away and start the community to build it again", next, ledger.IndexFile)}
		}
		next++
		want, err := a.log.Hashes.At(tlog.StoredHashIndex(0, e.Leaf))
		if err == nil && tlog.RecordHash(e.Posting) != want {
			return &TamperedError{What: "the index has another content than the chain", Postings: []string{idOf(e.Posting)}}
		}
		return err
	})
	if err == nil {
		err = sameAccounts(ctx, x, slices.Clone(a.accounts[:min(postings.Size, a.log.Size)]))
	}
	if err == nil && next != postings.Size {
		err = &TamperedError{What: fmt.Sprintf("posting %d is missing from the index: move %s away and start the community to build it again", next, ledger.IndexFile)}
	}
	return err
}

// sameAccounts holds by which accounts postings are found against what they say.
func sameAccounts(ctx context.Context, x *ledger.Index, want []uint64) error {
	hashes := map[string]uint64{}
	err := x.ByAccount(ctx, func(leaf int64, account string) error {
		if leaf < 0 || leaf >= int64(len(want)) {
			return &TamperedError{What: fmt.Sprintf("the index finds posting %d, which there is not", leaf)}
		}
		h, known := hashes[account]
		if !known {
			h = hashOf(account)
			hashes[account] = h
		}
		want[leaf] -= h
		return nil
	})
	if err != nil {
		return err
	}
	for leaf, rest := range want {
		if rest != 0 {
			return &TamperedError{What: fmt.Sprintf("the index finds posting %d by other accounts than its own: move %s away and start the community to build it again", leaf, ledger.IndexFile)}
		}
	}
	return nil
}

func hashOf(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s)) // never fails
	return h.Sum64()
}

func idOf(posting []byte) string {
	var p record.Posting
	if json.Unmarshal(posting, &p) != nil || p.ID == "" {
		return string(posting)
	}
	return p.ID
}

// Differing names the postings in which two values of a key differ, nil for
// keys that hold none.
func Differing(key string, want, got []byte) []string {
	kind, _ := ledger.SplitKey(key)
	a, _ := chaincode.PostingsOf(kind, want)
	b, err := chaincode.PostingsOf(kind, got)
	var names []string
	for k, p := range a {
		if err != nil || k >= len(b) || p != b[k] {
			names = append(names, p.ID)
		}
	}
	return names
}

// Tampered says that the value of a key is not what it has to be.
func Tampered(key string, want, got []byte, what string) error {
	if !bytes.Equal(want, got) {
		if names := Differing(key, want, got); len(names) > 0 {
			return &TamperedError{What: what, Postings: names}
		}
	}
	kind, at := ledger.SplitKey(key)
	return &TamperedError{What: fmt.Sprintf("%s %s: %s", kind, strings.Join(at, "/"), what)}
}
