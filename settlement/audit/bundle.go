package audit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// saltsFile has the salts of the members whose readings are in a bundle, by which
// their devices are recognised on the ledger.
const saltsFile = proof.ReadingsDir + "/salts.json"

// Export is what goes into a bundle.
type Export struct {
	Query    ledger.Query // empty: the whole log
	Program  string
	Signer   note.Signer                                                                  // the community's
	Workings func(ctx context.Context, see func(root string, working []byte) error) error // nil: no statements
	Readings Readings                                                                     // nil: none
	Months   Guarantees                                                                   // nil: none
}

// ErrNothing reports an export without a posting.
var ErrNothing = errors.New("the ledger has no posting that fits")

// Bundle writes a proof bundle to a directory, which must not exist. Workings and
// readings go into a bundle of the whole log alone: a run is computed from all that
// took part.
func Bundle(ctx context.Context, x *ledger.Index, dir string, e Export) (c proof.Contents, err error) {
	signed, size, err := x.Checkpoint(ctx)
	if err != nil {
		return c, err
	}
	if signed == nil {
		return c, ErrNothing
	}
	if _, err := os.Stat(dir); err == nil {
		return c, fmt.Errorf("write bundle: %s exists already", dir)
	}
	b := &bundleWriter{dir: dir + ".new", roots: map[string]string{}, months: map[string]string{}, contents: proof.Contents{Format: proof.Format, Program: e.Program, Origin: e.Signer.Name(), Files: map[string]string{}}}
	if err := os.RemoveAll(b.dir); err != nil {
		return c, fmt.Errorf("write bundle: %w", err)
	}
	for _, step := range []func() error{
		func() error { return b.write(proof.CheckpointFile, signed) },
		func() error { return b.postings(ctx, x, e.Query, size) },
		func() error { return b.records(ctx, x, signed) },
		func() error { return b.workings(ctx, e) },
		func() error { return b.seal(e.Signer) },
		func() error { return disk.Rename(b.dir, dir) },
	} {
		if err := step(); err != nil {
			return c, errors.Join(fmt.Errorf("write bundle: %w", err), os.RemoveAll(b.dir))
		}
	}
	return b.contents, nil
}

type bundleWriter struct {
	dir      string
	contents proof.Contents
	roots    map[string]string // reading roots by run, as the records have them
	months   map[string]string // roots of guaranteed months
}

// file writes a file and notes its hash.
func (b *bundleWriter) file(name string, fill func(w io.Writer) error) error {
	path := filepath.Join(b.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.Create(path) //nolint:gosec // the path is the operator's
	if err != nil {
		return err
	}
	h := sha256.New()
	w := bufio.NewWriter(io.MultiWriter(f, h))
	if err := errors.Join(fill(w), w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	b.contents.Files[name] = hex.EncodeToString(h.Sum(nil))
	return nil
}

func (b *bundleWriter) write(name string, content []byte) error {
	return b.file(name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

func writeLine(w io.Writer, line []byte) error {
	_, err := w.Write(append(bytes.Clone(line), '\n'))
	return err
}

func (b *bundleWriter) postings(ctx context.Context, x *ledger.Index, q ledger.Query, size int64) error {
	var leaves []int64
	err := b.file(proof.PostingsFile, func(w io.Writer) error {
		return x.Find(ctx, q, func(e ledger.Entry) error {
			if e.Leaf >= size {
				return nil // it came since
			}
			leaves = append(leaves, e.Leaf)
			return writeLine(w, e.Posting)
		})
	})
	if err != nil {
		return err
	}
	if len(leaves) == 0 {
		return ErrNothing
	}
	b.contents.Postings = int64(len(leaves))
	return b.file(proof.ProofsFile, func(w io.Writer) error {
		for _, leaf := range leaves {
			path, err := x.Inclusion(size, leaf)
			if err != nil {
				return err
			}
			in := proof.Inclusion{Leaf: leaf, Path: make([]string, len(path))}
			for k, h := range path {
				in.Path[k] = h.String()
			}
			line, err := json.Marshal(in)
			if err != nil {
				return err
			}
			if err := writeLine(w, line); err != nil {
				return err
			}
		}
		return nil
	})
}

// records writes the records that the checkpoint commits to.
func (b *bundleWriter) records(ctx context.Context, x *ledger.Index, signed []byte) error {
	text, _, _ := strings.Cut(string(signed), "\n\n")
	c, err := proof.ParseCheckpoint(text + "\n")
	if err != nil {
		return err
	}
	left := c.Records
	return b.file(proof.RecordsFile, func(w io.Writer) error {
		return x.Records(ctx, func(record []byte) error {
			if left--; left < 0 {
				return nil // it came since
			}
			if err := b.note(record); err != nil {
				return err
			}
			return writeLine(w, record)
		})
	})
}

// note notes the reading root of a run.
func (b *bundleWriter) note(text []byte) error {
	var r ledger.Record
	var m record.Manifest
	err := json.Unmarshal(text, &r)
	if err == nil && r.Kind == chaincode.KindGuarantee {
		var g chaincode.GuaranteedMonth
		err = json.Unmarshal(r.Value, &g)
		b.months[g.Month] = g.Root
	}
	if err != nil || r.Kind != chaincode.KindManifest {
		return err
	}
	err = json.Unmarshal(r.Value, &m)
	b.roots[strings.Join(r.At, "/")] = m.ReadingRoot
	return err
}

// workings writes how the runs under the checkpoint came about, and the signed
// readings by which.
func (b *bundleWriter) workings(ctx context.Context, e Export) error {
	if e.Workings == nil || e.Query != (ledger.Query{}) {
		return b.write(proof.StatementsFile, nil)
	}
	if err := b.guarantees(e.Months); err != nil {
		return err
	}
	salts := map[string]string{}
	err := b.file(proof.StatementsFile, func(w io.Writer) error {
		return e.Workings(ctx, func(root string, text []byte) error {
			var one Working
			if err := json.Unmarshal(text, &one); err != nil {
				return err
			}
			if found, known := b.roots[one.name()]; !known || found != root {
				return nil // not on the ledger yet, or another try
			}
			if err := writeLine(w, text); err != nil || e.Readings == nil {
				return err
			}
			return b.readings(one, e.Readings, salts)
		})
	})
	if err != nil || len(salts) == 0 {
		return err
	}
	text, err := json.Marshal(salts)
	if err != nil {
		return err
	}
	return b.write(saltsFile, text)
}

// readings writes the signed batches that a working names.
func (b *bundleWriter) readings(w Working, readings Readings, salts map[string]string) error {
	for _, text := range w.Leaves {
		var l record.Leaf
		if err := json.Unmarshal(text, &l); err != nil {
			return err
		}
		for _, digest := range l.Batches {
			name := proof.ReadingsDir + "/" + string(digest) + ".json"
			if _, there := b.contents.Files[name]; digest == "" || there {
				continue
			}
			signed, err := readings.Reading(digest)
			if err != nil {
				return err
			}
			if signed == nil {
				continue // thinned out, or erased
			}
			batch, _, err := proof.ReadBatch(signed)
			if err != nil {
				return err
			}
			salt := readings.Salt(batch.Member)
			if salt == nil {
				continue
			}
			salts[batch.Member] = hex.EncodeToString(salt)
			if err := b.write(name, signed); err != nil {
				return err
			}
		}
	}
	return nil
}

// seal writes the manifest and the seal over it.
func (b *bundleWriter) seal(signer note.Signer) error {
	manifest, err := json.MarshalIndent(b.contents, "", "\t")
	if err != nil {
		return err
	}
	sealed, err := proof.Seal(signer.Name(), manifest, signer)
	if err != nil {
		return err
	}
	c := b.contents
	err = errors.Join(b.write(proof.ManifestFile, manifest), b.write(proof.SealFile, sealed))
	delete(c.Files, proof.ManifestFile)
	delete(c.Files, proof.SealFile)
	return err
}

// BundleReport is what the verification of a bundle covered.
type BundleReport struct {
	Checkpoint proof.Checkpoint
	Postings   int
	Whole      bool
	Cosigned   bool
	Runs       int // closed, each as its manifest announced
	Turnover   grid.Money
	Outside    int // postings outside of the runs: deposits, withdrawals, adjustments, penalties, guarantees, what bills charge
	Checked    Checked
}

// VerifyBundle verifies a bundle with a key from elsewhere: that every file is as
// it was sealed, that its postings are in the log, that every batch and run in it
// is the one that its manifest announced, and that the runs come out again
// from the signed readings. witness is the utility's key, or nil; older an earlier
// checkpoint, or nil. Errors: *proof.BundleError, *TamperedError.
func VerifyBundle(ctx context.Context, files fs.FS, key, witness note.Verifier, older []byte) (r BundleReport, err error) {
	b, err := proof.OpenBundle(files, key, older)
	if err != nil {
		return r, err
	}
	r.Checkpoint, r.Postings, r.Whole = b.Checkpoint, len(b.Leaves), b.Whole()
	if r.Cosigned, err = isCosigned(b.Signed, key, witness); err != nil && witness != nil {
		return r, &proof.BundleError{File: proof.CheckpointFile, What: err.Error()}
	}
	postings, err := bundledPostings(b)
	if err != nil {
		return r, err
	}
	readings, err := openBundledReadings(b, files)
	if err != nil {
		return r, err
	}
	judge, err := NewJudge(b.Records, readings, func(_ context.Context, interval string) ([]record.Posting, error) { return postings[interval], nil })
	if err != nil {
		return r, err
	}
	if r.Whole {
		if err := judge.resum(&r, postings); err != nil {
			return r, err
		}
	}
	if r.Whole {
		if err := judge.bundledMonths(b, postings[""]); err != nil {
			return r, err
		}
		if err := bundledBills(b.Records, postings[""]); err != nil {
			return r, err
		}
	}
	err = b.Lines(proof.StatementsFile, func(line int, text []byte) error {
		var w Working
		if err := json.Unmarshal(text, &w); err != nil {
			return &proof.BundleError{File: proof.StatementsFile, Line: line, What: err.Error()}
		}
		return judge.Note(judge.Check(ctx, w))
	})
	if err != nil {
		return r, err
	}
	r.Checked, err = judge.Finish()
	return r, err
}

// bundledPostings returns the postings of a bundle by interval.
func bundledPostings(b *proof.Bundle) (map[string][]record.Posting, error) {
	all := map[string][]record.Posting{}
	err := b.Lines(proof.PostingsFile, func(line int, text []byte) error {
		var p record.Posting
		if err := json.Unmarshal(text, &p); err != nil {
			return &proof.BundleError{File: proof.PostingsFile, Line: line, What: err.Error()}
		}
		i := record.IntervalOf(p.ID)
		all[i] = append(all[i], p)
		return nil
	})
	return all, err
}

// resum sums up every posting again: those of a run must be in batches that its
// manifest announced, and all together what its closing record says; others must
// be of a reason that there is outside of the runs.
func (j *Judge) resum(report *BundleReport, postings map[string][]record.Posting) error {
	batches := map[string]*record.Batch{} // by run and number
	for interval, all := range postings {
		for _, p := range all {
			parts := record.PartsOf(p.ID)
			if p.Amount <= 0 || parts == nil && !slices.Contains(reasonsOutside(), p.Reason) {
				return &TamperedError{What: "has no positive amount, or belongs to nothing", Postings: []string{p.ID}}
			}
			if parts == nil {
				report.Outside++
				continue
			}
			name := strings.Join(parts[:5], "/")
			if batches[name] == nil {
				batches[name] = &record.Batch{Community: parts[0], Interval: interval}
				if _, err := fmt.Sscan(parts[3]+" "+parts[4], &batches[name].Run, &batches[name].Batch); err != nil {
					return &TamperedError{What: "its id is none of a run", Postings: []string{p.ID}}
				}
			}
			batches[name].Postings = append(batches[name].Postings, p)
		}
	}
	sums := map[string]runSum{}
	for _, name := range slices.Sorted(maps.Keys(batches)) {
		if err := j.batch(batches[name], sums); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(j.closings)) {
		c := j.closings[name]
		if s := sums[name]; s.postings != c.Postings || s.turnover != c.Turnover {
			return &TamperedError{What: fmt.Sprintf("run %s does not sum to its closing record", name)}
		}
		report.Runs++
		var err error
		if report.Turnover, err = report.Turnover.Add(sums[name].turnover); err != nil {
			return fmt.Errorf("turnover of all runs up to %s: %w", name, err)
		}
	}
	return nil
}

func reasonsOutside() []string {
	return append([]string{chaincode.ReasonDeposit, chaincode.ReasonWithdrawal, chaincode.ReasonAdjustment, chaincode.ReasonPenalty, chaincode.ReasonGuarantee}, reasonsOfBills()...)
}

// batch holds a batch against its manifest, and adds it to its run.
func (j *Judge) batch(b *record.Batch, sums map[string]runSum) error {
	run := fmt.Sprintf("%s/%s/%d", b.Community, b.Interval, b.Run)
	text, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("batch %d of run %s: %w", b.Batch, run, err)
	}
	sum := sha256.Sum256(text)
	announced := j.manifests[run].BatchDigests
	if b.Batch < 0 || b.Batch >= len(announced) || announced[b.Batch] != hex.EncodeToString(sum[:]) {
		return &TamperedError{What: fmt.Sprintf("run %s: batch %d is not one that its manifest announced", run, b.Batch), Postings: []string{b.Postings[0].ID}}
	}
	s := sums[run]
	for _, p := range b.Postings {
		s.postings++
		if s.turnover, err = s.turnover.Add(p.Amount); err != nil {
			return &TamperedError{What: err.Error(), Postings: []string{p.ID}}
		}
	}
	sums[run] = s
	return nil
}

// bundledReadings are those of a bundle.
type bundledReadings struct {
	bundle *proof.Bundle
	salts  map[string]string
}

func openBundledReadings(b *proof.Bundle, files fs.FS) (*bundledReadings, error) {
	r := &bundledReadings{bundle: b, salts: map[string]string{}}
	text, err := fs.ReadFile(files, saltsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r.salts)
	}
	if err != nil {
		return nil, &proof.BundleError{File: saltsFile, What: err.Error()}
	}
	return r, nil
}

// Reading implements Readings.
func (r *bundledReadings) Reading(digest proof.Digest) ([]byte, error) {
	return r.bundle.Reading(digest)
}

// Salt implements Readings.
func (r *bundledReadings) Salt(member string) []byte {
	salt, err := hex.DecodeString(r.salts[member])
	if err != nil || len(salt) == 0 {
		return nil
	}
	return salt
}
