package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/disk"
)

// hashFile keeps a log's hashes one after the other. What is appended is in
// memory until it is flushed.
type hashFile struct {
	f       *os.File
	size    int64 // hashes in the file
	pending []tlog.Hash
}

func openHashes(path string) (*hashFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the directory is the operator's
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if err := disk.Sync(filepath.Dir(path)); err != nil {
		return nil, errors.Join(fmt.Errorf("open log: %w", err), f.Close())
	}
	return &hashFile{f: f}, nil
}

// cut keeps the first hashes, which must be there.
func (h *hashFile) cut(hashes int64) error {
	info, err := h.f.Stat()
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	if info.Size() < hashes*tlog.HashSize {
		return &DamagedError{Reason: fmt.Sprintf("%s: has %d bytes, want %d", HashesFile, info.Size(), hashes*tlog.HashSize)}
	}
	h.size, h.pending = hashes, nil
	return h.f.Truncate(hashes * tlog.HashSize)
}

// At returns a hash.
func (h *hashFile) At(n int64) (hash tlog.Hash, err error) {
	if n >= h.size {
		if n-h.size >= int64(len(h.pending)) {
			return hash, fmt.Errorf("hash %d of the log: there are %d", n, h.size+int64(len(h.pending)))
		}
		return h.pending[n-h.size], nil
	}
	if _, err := h.f.ReadAt(hash[:], n*tlog.HashSize); err != nil {
		return hash, fmt.Errorf("hash %d of the log: %w", n, err)
	}
	return hash, nil
}

// Append adds hashes.
func (h *hashFile) Append(hashes ...tlog.Hash) error {
	h.pending = append(h.pending, hashes...)
	return nil
}

// flush writes what is pending; nothing in memory is nothing to do.
func (h *hashFile) flush() error {
	if h == nil || len(h.pending) == 0 {
		return nil
	}
	b := make([]byte, 0, len(h.pending)*tlog.HashSize)
	for _, hash := range h.pending {
		b = append(b, hash[:]...)
	}
	if _, err := h.f.WriteAt(b, h.size*tlog.HashSize); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	if err := h.f.Sync(); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	h.size += int64(len(h.pending))
	h.pending = h.pending[:0]
	return nil
}
