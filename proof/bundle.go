package proof

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Files of a bundle. ReadingsDir holds signed batches, each named by its digest.
const (
	CheckpointFile = "checkpoint"
	PostingsFile   = "postings.jsonl"   // canonical JSON, in log order
	ProofsFile     = "proofs.jsonl"     // an Inclusion for each posting
	RecordsFile    = "records.jsonl"    // all that the checkpoint commits to beside postings
	StatementsFile = "statements.jsonl" // by which the statements can be computed anew
	ReadingsDir    = "readings"
	ManifestFile   = "manifest.json" // a Contents
	SealFile       = "seal"          // signed note with the SHA-256 of the manifest
)

// Contents lists the files of a bundle. It is trusted only as far as the seal
// holds.
type Contents struct {
	Format   int               `json:"format"` // 1
	Program  string            `json:"program"`
	Origin   string            `json:"origin"` // name of the key
	Postings int64             `json:"postings"`
	Files    map[string]string `json:"files"` // SHA-256 in hex, all but manifest and seal
}

// Format is the version of the bundle's layout.
const Format = 1

// Inclusion says where in the log a posting stands.
type Inclusion struct {
	Leaf int64    `json:"leaf"`
	Path []string `json:"path"` // hashes in base64, as tlog.RecordProof has them
}

// Seal signs a bundle's manifest.
func Seal(origin string, manifest []byte, signer note.Signer) ([]byte, error) {
	sealed, err := note.Sign(&note.Note{Text: sealText(origin, manifest)}, signer)
	if err != nil {
		return nil, fmt.Errorf("seal bundle: %w", err)
	}
	return sealed, nil
}

func sealText(origin string, manifest []byte) string {
	sum := sha256.Sum256(manifest)
	return origin + "/bundle\n" + hex.EncodeToString(sum[:]) + "\n"
}

// A BundleError names what in a bundle does not hold.
type BundleError struct {
	File string
	Line int // from 1; 0: the file as a whole
	What string
}

func (e *BundleError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s line %d: %s", e.File, e.Line, e.What)
	}
	return e.File + ": " + e.What
}

// Bundle is a verified bundle.
type Bundle struct {
	Checkpoint Checkpoint
	Signed     []byte // the checkpoint as a note
	Contents   Contents
	Leaves     []int64 // of the postings, ascending
	Records    [][]byte

	files fs.FS
}

// Whole tells whether the bundle has all postings that the checkpoint commits to.
func (b *Bundle) Whole() bool { return int64(len(b.Leaves)) == b.Checkpoint.Size }

// Lines shows the lines of a file, which were verified as a whole.
func (b *Bundle) Lines(name string, see func(line int, text []byte) error) error {
	return lines(b.files, name, see)
}

// Reading returns a signed batch by its digest, nil when the bundle has it not.
func (b *Bundle) Reading(digest Digest) ([]byte, error) {
	signed, err := fs.ReadFile(b.files, ReadingsDir+"/"+string(digest)+".json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return signed, err
}

// OpenBundle verifies a bundle with a key from elsewhere: the seal over every
// file, the checkpoint, the inclusion of every posting in its log, and the
// records. older, if not nil, is an earlier checkpoint, which the bundle's must
// continue. Statements and readings are left to who understands them. Errors:
// *BundleError.
func OpenBundle(files fs.FS, key note.Verifier, older []byte) (*Bundle, error) {
	b := &Bundle{files: files}
	if err := b.openSeal(key); err != nil {
		return nil, err
	}
	var err error
	if b.Signed, err = fs.ReadFile(files, CheckpointFile); err != nil {
		return nil, &BundleError{File: CheckpointFile, What: err.Error()}
	}
	if b.Checkpoint, err = OpenCheckpoint(b.Signed, key); err != nil {
		return nil, &BundleError{File: CheckpointFile, What: err.Error()}
	}
	if err := b.openRecords(); err != nil {
		return nil, err
	}
	log, err := b.openPostings()
	if err != nil || older == nil {
		return b, err
	}
	return b, b.continues(log, key, older)
}

// openSeal checks that the key sealed the manifest, and each file's hash.
func (b *Bundle) openSeal(key note.Verifier) error {
	manifest, err := fs.ReadFile(b.files, ManifestFile)
	if err != nil {
		return &BundleError{File: ManifestFile, What: err.Error()}
	}
	sealed, err := fs.ReadFile(b.files, SealFile)
	if err != nil {
		return &BundleError{File: SealFile, What: err.Error()}
	}
	n, err := note.Open(sealed, note.VerifierList(key))
	if err != nil {
		return &BundleError{File: SealFile, What: fmt.Sprintf("not signed by the key %s that you gave: %v", key.Name(), err)}
	}
	for _, s := range append(n.Sigs, n.UnverifiedSigs...) {
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil || len(n.UnverifiedSigs) > 0 {
			return &BundleError{File: SealFile, What: "signature not in canonical form, or of somebody else"}
		}
	}
	if n.Text != sealText(key.Name(), manifest) {
		return &BundleError{File: ManifestFile, What: "is not what the seal says"}
	}
	if err := strict(manifest, &b.Contents); err != nil {
		return &BundleError{File: ManifestFile, What: err.Error()}
	}
	if b.Contents.Format != Format {
		return &BundleError{File: ManifestFile, What: fmt.Sprintf("format %d: this program reads %d", b.Contents.Format, Format)}
	}
	for _, name := range slices.Sorted(maps.Keys(b.Contents.Files)) {
		sum, err := fileHash(b.files, name)
		if err != nil {
			return &BundleError{File: name, What: err.Error()}
		}
		if sum != b.Contents.Files[name] {
			return &BundleError{File: name, What: "was changed: " + b.firstWrong(name)}
		}
	}
	return b.nothingElse()
}

// firstWrong says more about a file that was changed: the first line that does not
// fit what else the bundle has, where that can be told.
func (b *Bundle) firstWrong(name string) string {
	what := "its hash is not the one that was sealed"
	if name != PostingsFile && name != ProofsFile {
		return what
	}
	signed, err := fs.ReadFile(b.files, CheckpointFile)
	if err != nil {
		return what
	}
	text, _, _ := strings.Cut(string(signed), "\n\n")
	if b.Checkpoint, err = ParseCheckpoint(text + "\n"); err != nil {
		return what
	}
	if _, err := b.openPostings(); err != nil {
		return err.Error()
	}
	return what
}

func (b *Bundle) nothingElse() error {
	return fs.WalkDir(b.files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == ManifestFile || path == SealFile {
			return err
		}
		if _, listed := b.Contents.Files[path]; !listed {
			return &BundleError{File: path, What: "is not listed in " + ManifestFile}
		}
		return nil
	})
}

func fileHash(files fs.FS, name string) (string, error) {
	f, err := files.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // it is only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (b *Bundle) openRecords() error {
	log := Log{Hashes: &Memory{}}
	err := lines(b.files, RecordsFile, func(_ int, text []byte) error {
		b.Records = append(b.Records, bytes.Clone(text))
		_, err := log.Add(text)
		return err
	})
	if err != nil {
		return err
	}
	root, err := log.Root(log.Size)
	if err != nil {
		return err
	}
	if log.Size != b.Checkpoint.Records || root != b.Checkpoint.RecordsRoot {
		return &BundleError{File: RecordsFile, What: "are not the records that the checkpoint commits to"}
	}
	return nil
}

// openPostings proves each posting to be in the log, and returns the log when all
// of it is here.
func (b *Bundle) openPostings() (*Log, error) {
	var proofs []Inclusion
	err := lines(b.files, ProofsFile, func(line int, text []byte) error {
		var p Inclusion
		if err := strict(text, &p); err != nil {
			return &BundleError{ProofsFile, line, err.Error()}
		}
		if len(proofs) > 0 && p.Leaf <= proofs[len(proofs)-1].Leaf {
			return &BundleError{ProofsFile, line, "leaves are not in order"}
		}
		proofs = append(proofs, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	b.Leaves = b.Leaves[:0]
	log := &Log{Hashes: &Memory{}}
	err = lines(b.files, PostingsFile, func(line int, text []byte) error {
		if line > len(proofs) {
			return &BundleError{PostingsFile, line, "has no proof"}
		}
		p := proofs[line-1]
		path, err := p.path()
		if err == nil {
			err = tlog.CheckRecord(path, b.Checkpoint.Size, b.Checkpoint.Root, p.Leaf, tlog.RecordHash(text))
		}
		if err != nil {
			return &BundleError{PostingsFile, line, fmt.Sprintf("is not posting %d of the log: %v", p.Leaf, err)}
		}
		b.Leaves = append(b.Leaves, p.Leaf)
		_, err = log.Add(text)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case len(b.Leaves) != len(proofs) || int64(len(proofs)) != b.Contents.Postings:
		return nil, &BundleError{File: PostingsFile, What: fmt.Sprintf("has %d postings, there are %d proofs", len(b.Leaves), len(proofs))}
	case !b.Whole():
		return nil, nil
	}
	return log, nil
}

func (p Inclusion) path() (tlog.RecordProof, error) {
	path := make(tlog.RecordProof, len(p.Path))
	for k, text := range p.Path {
		var err error
		if path[k], err = tlog.ParseHash(text); err != nil {
			return nil, fmt.Errorf("path[%d]: %w", k, err)
		}
	}
	return path, nil
}

// continues checks that an earlier checkpoint is of the same log.
func (b *Bundle) continues(log *Log, key note.Verifier, older []byte) error {
	before, err := OpenCheckpoint(older, key)
	switch {
	case err != nil:
		return &BundleError{File: "the older checkpoint", What: err.Error()}
	case log == nil:
		return &BundleError{File: PostingsFile, What: "has a part of the log only: that it continues an older checkpoint is proved by a bundle of the whole"}
	case before.Size > b.Checkpoint.Size || before.Records > b.Checkpoint.Records:
		return &BundleError{File: CheckpointFile, What: fmt.Sprintf("is older than the one that you gave: %d postings, that has %d", b.Checkpoint.Size, before.Size)}
	}
	records := &Log{Hashes: &Memory{}}
	for _, r := range b.Records[:before.Records] {
		if _, err := records.Add(r); err != nil {
			return err
		}
	}
	root, err1 := log.Root(before.Size)
	recordsRoot, err2 := records.Root(before.Records)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if root != before.Root || recordsRoot != before.RecordsRoot {
		return &BundleError{File: CheckpointFile, What: fmt.Sprintf("the log does not continue the older checkpoint of %d postings: history was rewritten", before.Size)}
	}
	return nil
}

// longest is the most that a line may have, bytes.
const longest = 64 << 20

// lines shows each line of a file, which must end with a line break.
func lines(files fs.FS, name string, see func(line int, text []byte) error) error {
	f, err := files.Open(name)
	if err != nil {
		return &BundleError{File: name, What: err.Error()}
	}
	defer f.Close() //nolint:errcheck // it is only read
	s := bufio.NewScanner(f)
	s.Buffer(nil, longest)
	for line := 1; s.Scan(); line++ {
		if err := see(line, s.Bytes()); err != nil {
			return err
		}
	}
	if err := s.Err(); err != nil {
		return &BundleError{File: name, What: err.Error()}
	}
	return nil
}

// Line is a value as a line of a bundle's file.
func Line(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	return append(b, '\n'), err
}
