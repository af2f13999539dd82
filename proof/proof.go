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
	log := Log{Hashes: &Memory{}}
	for _, r := range records {
		if _, err := log.Add(r); err != nil {
			return "", fmt.Errorf("merkle root: %w", err)
		}
	}
	root, err := log.Root(log.Size)
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

// Text is the body of the note: origin, size, root, a line each.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// Sign returns the checkpoint as a signed note.
func (c Checkpoint) Sign(signers ...note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: c.Text()}, signers...)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint of size %d: %w", c.Size, err)
	}
	return signed, nil
}

// OpenCheckpoint verifies a signed note with a key that the caller trusts and
// parses it. Signatures of others, as of witnesses, do not matter.
func OpenCheckpoint(signed []byte, key note.Verifier) (Checkpoint, error) {
	n, err := note.Open(signed, note.VerifierList(key))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	for _, s := range append(n.Sigs, n.UnverifiedSigs...) { // there is one way to write each
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return Checkpoint{}, fmt.Errorf("checkpoint: signature of %s: not in canonical form", s.Name)
		}
	}
	return ParseCheckpoint(n.Text)
}

// ParseCheckpoint reads what Text writes and nothing else.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 {
		return Checkpoint{}, errors.New("checkpoint: want three lines: origin, size, root")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return Checkpoint{}, fmt.Errorf("checkpoint: size: %q: not a count", lines[1])
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return Checkpoint{}, errors.New("checkpoint: root: not a hash")
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: tlog.Hash(root)}
	if c.Text() != text {
		return Checkpoint{}, errors.New("checkpoint: not in canonical form")
	}
	return c, nil
}
