package backup

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/usage"
)

// Head is what a backup says of itself.
type Head struct {
	Format    int       `json:"format"`
	Program   string    `json:"program"` // version of the one that made it
	Layout    int       `json:"layout"`  // version of the data directory
	Community string    `json:"community,omitempty"`
	Taken     time.Time `json:"taken"`                 // wall time
	World     time.Time `json:"world_time,omitzero"`   // of the community; zero when it did not run
	Ledger    string    `json:"ledger,omitempty"`      // its kind
	Root      string    `json:"ledger_root,omitempty"` // shortly before the moment
	Height    int64     `json:"ledger_height,omitempty"`
	Files     int       `json:"files"`
	Bytes     int64     `json:"bytes"` // of all files
	// StreamsElsewhere tells that the streams of the community are on a bus of others, and not in it.
	StreamsElsewhere bool `json:"streams_elsewhere,omitempty"`
}

const (
	format   = 1
	headFile = "backup.json" // the first file of the archive
	// work is the logarithm of what it takes to try a passphrase: 64 MB and a quarter of a second.
	work = 16
	// Ending is how the name of a backup ends.
	Ending = ".cwbackup"
	// LeastPassphrase is how many characters a passphrase has at least.
	LeastPassphrase = 12
)

// CheckPassphrase refuses a passphrase that is guessed too easily.
func CheckPassphrase(passphrase string) error {
	if n := len([]rune(passphrase)); n < LeastPassphrase {
		return usage.Errorf("the passphrase of a backup has %d characters: take at least %d, a few words that nobody guesses", n, LeastPassphrase)
	}
	return nil
}

// Write writes the directory as one file, encrypted with the passphrase. The head needs no
// more than who made it and of what. Only when Write has returned without an error is the
// file whole.
func (m *Moment) Write(ctx context.Context, w io.Writer, h Head, passphrase string) error {
	if err := CheckPassphrase(passphrase); err != nil {
		return err
	}
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return fmt.Errorf("encrypt the backup: %w", err)
	}
	to.SetWorkFactor(work)
	sealed, err := age.Encrypt(w, to)
	if err != nil {
		return fmt.Errorf("encrypt the backup: %w", err)
	}
	packed, err := zstd.NewWriter(sealed, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("compress the backup: %w", err)
	}
	h.Format, h.Layout, h.Files, h.Bytes = format, disk.Version, len(m.parts), m.Size
	if err := m.archive(ctx, packed, h); err != nil {
		return errors.Join(err, packed.Close()) // and is not sealed: it cannot be taken for a whole one
	}
	return errors.Join(packed.Close(), sealed.Close())
}

func (m *Moment) archive(ctx context.Context, w io.Writer, h Head) error {
	archive := tar.NewWriter(w)
	text, err := json.MarshalIndent(h, "", "\t")
	if err != nil {
		return err
	}
	head := part{headFile, int64(len(text)), func(_ context.Context, w io.Writer) error {
		_, err := w.Write(text)
		return err
	}, nil}
	for _, p := range append([]part{head}, m.parts...) {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: p.name, Size: p.size, Mode: int64(disk.Private), ModTime: h.Taken, Format: tar.FormatPAX})
		if err == nil {
			err = p.copy(ctx, archive)
		}
		if err != nil {
			return fmt.Errorf("back up %s: %w", p.name, err)
		}
	}
	return archive.Close()
}
