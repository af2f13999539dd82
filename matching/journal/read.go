package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/commonwatt/commonwatt/matching"
)

// Reader is shown a log by Read.
type Reader interface {
	// Restore takes the state from which the log is there, before the first command. It is not called where that is the
	// beginning of all.
	Restore(snapshot []byte) error
	// See takes the next command, which it must not keep a pointer to, and tells whether it wants more.
	See(c *matching.Command) (more bool, err error)
}

// Read shows the log in a directory from as early on as it is there: from its first command, or from the
// oldest snapshot. It writes nothing, and somebody else may append meanwhile: a group that is not
// there as a whole yet is left out. Errors: those of the reader and of the disk, *CorruptError, and
// fs.ErrNotExist where there is no log, or where one that somebody appends to has gone on beyond what was to be read.
func Read(dir string, r Reader) error {
	segments, err := list(dir, segmentSuffix)
	if err != nil {
		return err
	}
	if len(segments) == 0 {
		return fmt.Errorf("read journal %s: it has no segment: %w", dir, fs.ErrNotExist)
	}
	f := &File{dir: dir}
	var from uint64
	if segments[0] > 0 {
		if from, err = f.oldest(segments[0], r); err != nil {
			return err
		}
	}
	f.commands = from
	for k, first := range segments {
		last := k == len(segments)-1
		if !last && segments[k+1] <= from {
			continue // all of it is in the state
		}
		if first > f.commands {
			return &CorruptError{Path: f.path(first, segmentSuffix), Reason: fmt.Sprintf("the segment before it, with command %d, is missing", f.commands)}
		}
		more, err := f.show(first, last, r)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// oldest restores the oldest snapshot that is whole and whose later commands are there, and returns how many commands it has.
func (f *File) oldest(segment uint64, r Reader) (commands uint64, err error) {
	snapshots, err := list(f.dir, snapshotSuffix)
	if err != nil {
		return 0, err
	}
	head := len(snapshotMagic) + 4
	for _, n := range snapshots {
		b, err := os.ReadFile(f.path(n, snapshotSuffix))
		if err != nil {
			return 0, fmt.Errorf("read journal: %w", err)
		}
		whole := len(b) >= head && bytes.HasPrefix(b, []byte(snapshotMagic)) && checksum(b[head:]) == binary.LittleEndian.Uint32(b[head-4:])
		if whole && n >= segment {
			return n, r.Restore(b[head:])
		}
	}
	return 0, fmt.Errorf("read journal %s: it begins with command %d, and there is no state from then: %w", f.dir, segment, fs.ErrNotExist)
}

// show shows the commands of a segment beyond those that the reader has.
func (f *File) show(first uint64, last bool, r Reader) (more bool, err error) {
	path := f.path(first, segmentSuffix)
	b, err := os.ReadFile(path) //nolint:gosec // our own
	if err != nil {
		return false, fmt.Errorf("read journal: %w", err)
	}
	if !bytes.HasPrefix(b, []byte(magic)) {
		if last {
			return false, nil // it was just begun
		}
		return false, &CorruptError{Path: path, Reason: "not a journal of this version"}
	}
	at, before := len(magic), first
	for at < len(b) {
		number := before
		size, n, err := DecodeFrame(b[at:], before, func(c *matching.Command) (err error) {
			if number++; number <= f.commands {
				return nil
			}
			if more, err = r.See(c); err == nil && !more {
				err = errEnough
			}
			return err
		})
		switch wrong := (*replayError)(nil); {
		case err == nil:
			at, before = at+size, before+n
			f.commands = max(f.commands, before)
			continue
		case errors.Is(err, errEnough):
			return false, nil
		case errors.As(err, &wrong):
			return false, err
		case len(bytes.Trim(b[at:], "\x00")) == 0 || last && !follows(b[at:]):
			return true, nil
		default:
			return false, &CorruptError{Path: path, Offset: int64(at), Reason: err.Error()}
		}
	}
	return true, nil
}

// errEnough says that a reader wants no more.
var errEnough = errors.New("enough was read")
