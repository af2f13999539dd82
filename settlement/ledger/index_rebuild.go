package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/proof"
)

// RebuildIndex opens an index as OpenIndex does. One that is damaged, or whose hashes are not
// what its last checkpoint was signed over, is set aside and begun anew: it follows from the
// chain.
func RebuildIndex(ctx context.Context, dir string, signer note.Signer) (*Index, error) {
	x, err := OpenIndex(ctx, dir, signer)
	if err == nil {
		if err = x.fitsCheckpoint(ctx, dir); err == nil {
			return x, nil
		}
		err = errors.Join(err, x.Close())
	}
	if !disk.IsDamaged(err) && !errors.As(err, new(*DamagedError)) {
		return nil, err
	}
	path := filepath.Join(dir, IndexFile)
	if failed := disk.SetAside(path, filepath.Join(dir, HashesFile)); failed != nil {
		return nil, errors.Join(err, failed)
	}
	if x, err = OpenIndex(ctx, dir, signer); err == nil {
		x.rebuilt = path
	}
	return x, err
}

// mostChecked is up to how many hashes all of them are checked when an index is opened; of
// more only those are of which the root is made.
const mostChecked = 1 << 17

// fitsCheckpoint holds the hashes to the last checkpoint.
func (x *Index) fitsCheckpoint(ctx context.Context, dir string) error {
	signed, size, err := x.Checkpoint(ctx)
	if err != nil || signed == nil {
		return err
	}
	text, _, _ := strings.Cut(string(signed), "\n\n")
	last, err := proof.ParseCheckpoint(text + "\n")
	if err != nil {
		return &DamagedError{Reason: IndexFile + ": " + err.Error()}
	}
	root, err := tlog.TreeHash(size, &x.log)
	if err != nil || root != last.Root {
		return &DamagedError{Reason: fmt.Sprintf("%s is not what the checkpoint of size %d was signed over", HashesFile, size)}
	}
	if tlog.StoredHashCount(size) > mostChecked {
		return nil
	}
	hashes, err := os.ReadFile(filepath.Join(dir, HashesFile)) //nolint:gosec // the directory is the operator's
	if err != nil {
		return fmt.Errorf("open index: %w", err)
	}
	return consistent(hashes)
}

// consistent checks that each hash is that of the two below it.
func consistent(hashes []byte) error {
	at := func(n int64) tlog.Hash { return tlog.Hash(hashes[n*tlog.HashSize:][:tlog.HashSize]) }
	for n := range int64(len(hashes) / tlog.HashSize) {
		level, k := tlog.SplitStoredHashIndex(n)
		if level == 0 {
			continue
		}
		if at(n) != tlog.NodeHash(at(tlog.StoredHashIndex(level-1, 2*k)), at(tlog.StoredHashIndex(level-1, 2*k+1))) {
			return &DamagedError{Reason: fmt.Sprintf("%s: hash %d is not that of the two below it", HashesFile, n)}
		}
	}
	return nil
}

// Latest returns the latest interval with a run that is known to be closed, empty when there
// is none.
func (f *following) Latest() string { return f.index.Latest() }

// Runs returns the runs that are known to be closed, by interval and number.
func (f *following) Runs() []ClosedRun { return f.index.Runs() }

// Rebuilt returns the path of an index that did not fit and was set aside, if one was.
func (f *following) Rebuilt() []string {
	if f.index.rebuilt == "" {
		return nil
	}
	return []string{f.index.rebuilt}
}
