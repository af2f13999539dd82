// Package proof holds what lets a stranger check the books: digests, Merkle
// roots (RFC 6962, by golang.org/x/mod/sumdb/tlog) and signed checkpoints (the
// note format of golang.org/x/mod/sumdb/note). It is pure.
package proof

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Root returns the RFC 6962 root over the records, in hex as digests are.
func Root(records [][]byte) (string, error) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			hashes[i] = stored[at]
		}
		return hashes, nil
	})
	for i, r := range records {
		hashes, err := tlog.StoredHashes(int64(i), r, reader)
		if err != nil {
			return "", fmt.Errorf("merkle root: %w", err)
		}
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(int64(len(records)), reader)
	if err != nil {
		return "", fmt.Errorf("merkle root: %w", err)
	}
	return fmt.Sprintf("%x", root[:]), nil
}

// Checkpoint commits to the first Size postings of a log.
type Checkpoint struct {
	Origin string // which log
	Size   int64
	Root   tlog.Hash
}

// text is the body of the note: origin, size, root, a line each.
func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// Sign returns the checkpoint as a signed note.
func (c Checkpoint) Sign(signers ...note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: c.text()}, signers...)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint of size %d: %w", c.Size, err)
	}
	return signed, nil
}

// OpenCheckpoint verifies a signed note with a key that the caller trusts and
// parses it. Only the canonical form is accepted.
func OpenCheckpoint(signed []byte, key note.Verifier) (Checkpoint, error) {
	n, err := note.Open(signed, note.VerifierList(key))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 {
		return Checkpoint{}, errors.New("checkpoint: want three lines: origin, size, root")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: size: %w", err)
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return Checkpoint{}, errors.New("checkpoint: root: not a hash")
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: tlog.Hash(root)}
	if c.text() != n.Text {
		return Checkpoint{}, errors.New("checkpoint: not in canonical form")
	}
	return c, nil
}
