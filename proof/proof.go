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

// Checkpoint commits to the first Size postings of a log, and to the first
// Records of what else of the ledger a stranger needs to judge them: manifests of
// runs, keys of gateways, devices.
type Checkpoint struct {
	Origin string // which log
	Size   int64
	Root   tlog.Hash

	Records     int64
	RecordsRoot tlog.Hash
}

const recordsLine = "records"

// Text is the body of the note: origin, size, root, a line each, and an extension
// line with number and root of the records.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n%s %d %s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]),
		recordsLine, c.Records, base64.StdEncoding.EncodeToString(c.RecordsRoot[:]))
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
	const wanted = 5 // the last is empty
	if len(lines) != wanted {
		return Checkpoint{}, errors.New("checkpoint: want four lines: origin, size, root, records")
	}
	c := Checkpoint{Origin: lines[0]}
	extension := strings.Split(lines[3], " ")
	const parts = 3
	if len(extension) != parts {
		return Checkpoint{}, fmt.Errorf("checkpoint: %q: want records, their number and root", lines[3])
	}
	for _, field := range []struct {
		name, size, root string
		count            *int64
		hash             *tlog.Hash
	}{
		{"postings", lines[1], lines[2], &c.Size, &c.Root},
		{recordsLine, extension[1], extension[2], &c.Records, &c.RecordsRoot},
	} {
		var err error
		if *field.count, err = strconv.ParseInt(field.size, 10, 64); err != nil || *field.count < 0 {
			return Checkpoint{}, fmt.Errorf("checkpoint: %s: %q: not a count", field.name, field.size)
		}
		if *field.hash, err = tlog.ParseHash(field.root); err != nil {
			return Checkpoint{}, fmt.Errorf("checkpoint: %s: %q: not a hash", field.name, field.root)
		}
	}
	if c.Text() != text {
		return Checkpoint{}, errors.New("checkpoint: not in canonical form")
	}
	return c, nil
}
