package proof

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Log builds a Merkle log (RFC 6962) of records. Its hashes are kept in the
// order of tlog.StoredHashIndex, so that a reader of the first ones has the log
// as it was.
type Log struct {
	Size   int64 // records
	Hashes Hashes
}

// Hashes keeps the hashes of a log. At returns hash n, which was appended.
type Hashes interface {
	At(n int64) (tlog.Hash, error)
	Append(hashes ...tlog.Hash) error
}

// Memory keeps hashes in memory.
type Memory []tlog.Hash

// At returns a hash.
func (m *Memory) At(n int64) (tlog.Hash, error) {
	if n < 0 || n >= int64(len(*m)) {
		return tlog.Hash{}, fmt.Errorf("hash %d of the log: there are %d", n, len(*m))
	}
	return (*m)[n], nil
}

// Append adds hashes.
func (m *Memory) Append(hashes ...tlog.Hash) error {
	*m = append(*m, hashes...)
	return nil
}

// ReadHashes makes a Log a tlog.HashReader.
func (l *Log) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for k, n := range indexes {
		var err error
		if found[k], err = l.Hashes.At(n); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Add appends a record and returns its leaf.
func (l *Log) Add(record []byte) (tlog.Hash, error) {
	hashes, err := tlog.StoredHashes(l.Size, record, l)
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("record %d of the log: %w", l.Size, err)
	}
	if err := l.Hashes.Append(hashes...); err != nil {
		return tlog.Hash{}, err
	}
	l.Size++
	return hashes[0], nil
}

// Root returns the root of the first size records.
func (l *Log) Root(size int64) (tlog.Hash, error) {
	root, err := tlog.TreeHash(size, l)
	if err != nil {
		return root, fmt.Errorf("root of %d records: %w", size, err)
	}
	return root, nil
}
