package ledger

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/proof"
)

// Witness cosigns checkpoints for the utility. It remembers the last one and
// signs only what continues it: a community that showed another history to
// somebody else would need two cosignatures that contradict each other.
type Witness struct {
	signer note.Signer
	path   string
	mu     sync.Mutex
	last   proof.Checkpoint
}

// NewWitness opens a witness that remembers in a file.
func NewWitness(signer note.Signer, path string) (*Witness, error) {
	w := &Witness{signer: signer, path: path}
	text, err := os.ReadFile(path) //nolint:gosec // the directory is the operator's
	if errors.Is(err, os.ErrNotExist) {
		return w, nil
	}
	if err == nil {
		if w.last, err = proof.ParseCheckpoint(string(text)); err != nil {
			return nil, disk.Mismatch(path, fmt.Sprintf("cannot be read (%v)", err))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open witness: %s: %w", path, err)
	}
	return w, nil
}

// A ForkError says that a checkpoint does not continue what was cosigned.
type ForkError struct {
	Cosigned, Shown proof.Checkpoint
	Reason          string
}

func (e *ForkError) Error() string {
	return fmt.Sprintf("checkpoint of size %d does not continue the one of size %d that was cosigned: %s: the community's operator has to explain this",
		e.Shown.Size, e.Cosigned.Size, e.Reason)
}

// Last returns the last cosigned checkpoint, empty before the first.
func (w *Witness) Last() proof.Checkpoint {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// Consistency proves that one checkpoint continues another: its postings, and its
// records.
type Consistency struct{ Postings, Records tlog.TreeProof }

// Cosign adds the witness's signature to a checkpoint that key has signed, if
// the proof shows that it continues the last one. Errors: *ForkError.
func (w *Witness) Cosign(signed []byte, key note.Verifier, consistency Consistency) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, err := proof.OpenCheckpoint(signed, key)
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		continues("postings", consistency.Postings, c.Size, c.Root, w.last.Size, w.last.Root),
		continues("records", consistency.Records, c.Records, c.RecordsRoot, w.last.Records, w.last.RecordsRoot))
	if err != nil {
		return nil, &ForkError{w.last, c, err.Error()}
	}
	n, err := note.Open(signed, note.VerifierList(key))
	if err != nil {
		return nil, fmt.Errorf("cosign: %w", err)
	}
	cosigned, err := note.Sign(n, w.signer)
	if err != nil {
		return nil, fmt.Errorf("cosign: %w", err)
	}
	if err := disk.Replace(w.path, []byte(c.Text()), disk.Private); err != nil { // before anybody sees the signature
		return nil, err
	}
	w.last = c
	return cosigned, nil
}

// continues checks that a log of a size and root continues an older one.
func continues(what string, consistency tlog.TreeProof, size int64, root tlog.Hash, older int64, olderRoot tlog.Hash) error {
	switch {
	case size < older:
		return fmt.Errorf("it has fewer %s", what)
	case size == older && older > 0 && root != olderRoot:
		return fmt.Errorf("the root of its %s differs", what)
	case size > older && older > 0:
		return tlog.CheckTree(consistency, size, root, older, olderRoot)
	default:
		return nil
	}
}
