package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/matching"
)

// Machine is what commands act on.
type Machine interface {
	// Apply carries out a command; its events are valid until the next.
	Apply(c *matching.Command) []matching.Event
	// Restore replaces the state by that of a snapshot.
	Restore(snapshot []byte) error
}

// Recovery tells what Open found.
type Recovery struct {
	Commands uint64   // in the log
	Replayed uint64   // of them, the rest came from a snapshot
	Cut      int64    // bytes of a frame that a crash cut short
	Notes    []string // what an operator should know
}

// CorruptError reports damage that is not the torn tail.
type CorruptError struct {
	Path   string
	Offset int64
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("journal %s: frame at offset %d: %s; restore the file from a copy", e.Path, e.Offset, e.Reason)
}

const (
	segmentSuffix  = ".journal"
	snapshotSuffix = ".snapshot"
	snapshotMagic  = "CWSNAP1\n"
	// keptSnapshots is how many of the newest snapshots stay.
	keptSnapshots = 2
	// keptSegments is how many segments stay that no start needs: half a year or more of a
	// neighbourhood's orders, for whoever wants to look into a dispute.
	keptSegments = 16
	// preparedName is the next segment while it is being filled with zeros.
	preparedName = "next.zeros"
)

// DefaultSegment is the size of a segment in bytes: a quarter of a million
// commands.
const DefaultSegment = 16 << 20

// File is a log in a directory. It is not safe for concurrent use.
type File struct {
	dir      string
	size     int64 // of a segment
	segment  *os.File
	end      int64         // of the last frame in the segment
	filled   int64         // the segment has zeros up to here
	prepared chan prepared // of the next segment; nil: not begun
	commands uint64        // in the log
	buffer   []byte
	err      error // the first failed write; nothing is taken after it
}

// prepared is a file of zeros.
type prepared struct {
	file *os.File
	err  error
}

// Open opens or creates the log in a directory, in segments of size bytes, and
// brings the machine to the state of its last command. Errors: *CorruptError,
// those of the machine and of the disk.
func Open(dir string, size int64, m Machine) (*File, Recovery, error) {
	f := &File{dir: dir, size: size}
	var r Recovery
	if err := disk.MakeFolder(dir); err != nil {
		return nil, r, fmt.Errorf("open journal: %w", err)
	}
	segments, err := list(dir, segmentSuffix)
	if err == nil {
		err = f.restore(m, &r)
	}
	if err != nil {
		return nil, r, err
	}
	first, found := slices.BinarySearch(segments, f.commands)
	if !found {
		first--
	}
	if first < 0 && len(segments) > 0 || len(segments) == 0 && f.commands > 0 {
		return nil, r, fmt.Errorf("journal %s: the segment with command %d is missing; restore it from a copy", dir, f.commands)
	}
	for i := max(first, 0); i < len(segments); i++ {
		if err := f.load(segments[i], i == len(segments)-1, m, &r); err != nil {
			return nil, r, errors.Join(err, f.Close())
		}
	}
	if len(segments) == 0 {
		if err := f.begin(); err != nil {
			return nil, r, errors.Join(err, f.Close())
		}
	}
	r.Commands = f.commands
	return f, r, nil
}

// list returns the numbers of the files with a suffix, ascending.
func list(dir, suffix string) ([]uint64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	var numbers []uint64
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok {
			n, err := strconv.ParseUint(name, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("journal %s: %s does not belong there", dir, e.Name())
			}
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func (f *File) path(number uint64, suffix string) string {
	return filepath.Join(f.dir, fmt.Sprintf("%020d%s", number, suffix))
}

// restore brings the machine to the newest snapshot that is whole.
func (f *File) restore(m Machine, r *Recovery) error {
	snapshots, err := list(f.dir, snapshotSuffix)
	if err != nil {
		return err
	}
	for _, n := range slices.Backward(snapshots) {
		path := f.path(n, snapshotSuffix)
		b, err := os.ReadFile(path) //nolint:gosec // our own
		if err != nil {
			return fmt.Errorf("open journal: %w", err)
		}
		head := len(snapshotMagic) + 4
		if len(b) < head || !bytes.HasPrefix(b, []byte(snapshotMagic)) || checksum(b[head:]) != binary.LittleEndian.Uint32(b[head-4:]) {
			r.Notes = append(r.Notes, path+" is damaged and was passed over")
			continue
		}
		if err := m.Restore(b[head:]); err != nil {
			return fmt.Errorf("restore %s: %w", path, err)
		}
		f.commands = n
		return nil
	}
	return nil
}

// load replays what a segment has beyond the commands that are known; the last
// segment becomes the one that is written to.
func (f *File) load(first uint64, last bool, m Machine, r *Recovery) error {
	path := f.path(first, segmentSuffix)
	if first > f.commands {
		return &CorruptError{Path: path, Reason: fmt.Sprintf("the segment before it, with command %d, is missing", f.commands)}
	}
	b, err := os.ReadFile(path) //nolint:gosec // our own
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	torn := last && bytes.HasPrefix([]byte(magic), bytes.TrimRight(b, "\x00")) // a crash when the segment began
	if !torn && !bytes.HasPrefix(b, []byte(magic)) {
		return &CorruptError{Path: path, Reason: "not a journal of this version"}
	}
	at, before := len(magic), first
	if !bytes.HasPrefix(b, []byte(magic)) {
		at = 0
	}
	for at < len(b) {
		size, n, err := DecodeFrame(b[at:], before, func(c *matching.Command) error {
			if before >= f.commands {
				m.Apply(c)
			}
			return nil
		})
		if err == nil {
			at, before = at+size, before+n
			if before > f.commands {
				r.Replayed += n
				f.commands = before
			}
			continue
		}
		if !last && len(bytes.Trim(b[at:], "\x00")) == 0 {
			break
		}
		if !last || follows(b[at:]) || before < f.commands {
			return &CorruptError{Path: path, Offset: int64(at), Reason: err.Error()}
		}
		r.Cut = int64(len(bytes.TrimRight(b[at:], "\x00")))
		break
	}
	if !last {
		return nil
	}
	return f.resume(path, int64(at), b)
}

// resume goes on with a segment whose frames end at the offset; what a crash
// left behind them becomes zeros.
func (f *File) resume(path string, end int64, b []byte) (err error) {
	if f.segment, err = os.OpenFile(path, os.O_RDWR, 0); err != nil { //nolint:gosec // our own
		return fmt.Errorf("open journal: %w", err)
	}
	f.end, f.filled = end, int64(len(b))
	left := len(bytes.TrimRight(b[end:], "\x00"))
	clear(b[end:])
	if end < int64(len(magic)) {
		f.end = int64(len(magic))
		b = append([]byte(magic), b[min(len(magic), len(b)):]...)
		f.filled, left = int64(len(b)), len(b)-int(end)
	}
	_, err = f.segment.WriteAt(b[end:end+int64(left)], end)
	// What was replayed may be in memory only, as after a kill; it is published from now on.
	if err = errors.Join(err, f.segment.Sync()); err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	return nil
}

// begin starts the segment for the commands that follow: the one that was
// prepared, or a new one.
func (f *File) begin() error {
	if f.prepared == nil {
		f.prepare()
	}
	next := <-f.prepared
	if next.err != nil { // there may have been no room then
		f.prepare()
		next = <-f.prepared
	}
	f.prepared = nil
	if next.err != nil {
		return fmt.Errorf("begin journal: %w", next.err)
	}
	_, err := next.file.WriteAt([]byte(magic), 0)
	if err == nil {
		err = datasync(next.file)
	}
	if err == nil {
		err = disk.Rename(next.file.Name(), f.path(f.commands, segmentSuffix))
	}
	if err != nil {
		return fmt.Errorf("begin journal: %w", errors.Join(err, next.file.Close()))
	}
	if f.segment != nil {
		err = f.segment.Close()
	}
	f.segment, f.end, f.filled = next.file, int64(len(magic)), f.size
	return err
}

// prepare fills the next segment with zeros meanwhile.
func (f *File) prepare() {
	f.prepared = make(chan prepared, 1)
	go func() {
		file, err := zeros(filepath.Join(f.dir, preparedName), f.size)
		f.prepared <- prepared{file, err}
	}()
}

// zeros makes a durable file of zeros.
func zeros(path string, size int64) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // our own
	if err != nil {
		return nil, err
	}
	// In parts, so that the disk stays free for the groups meanwhile.
	const part = 256 << 10
	b := make([]byte, min(size, part))
	for at := int64(0); at < size && err == nil; at += part {
		if _, err = file.WriteAt(b[:min(size-at, part)], at); err == nil {
			err = file.Sync()
		}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Commands returns the number of commands in the log.
func (f *File) Commands() uint64 { return f.commands }

// Append writes a group of commands and returns when it is durable. After an
// error the log takes nothing more: the caller must stop.
func (f *File) Append(commands []matching.Command) error {
	if f.err != nil || len(commands) == 0 {
		return f.err
	}
	frame, err := AppendFrame(f.buffer[:0], f.commands, commands)
	if err != nil {
		return fmt.Errorf("append to journal: %w", err) // nothing was written
	}
	f.buffer = frame[:0]
	if err := f.room(int64(len(frame))); err != nil {
		err = fmt.Errorf("append to journal: %w", err)
		if !disk.IsFull(err) { // else nothing was written, and it can be tried again
			f.err = err
		}
		return err
	}
	if err := f.write(frame); err != nil {
		f.err = fmt.Errorf("append to journal: a group may be cut short: %v", err) //nolint:errorlint // it cannot be tried again, whatever the reason is
		return f.err
	}
	f.commands += uint64(len(commands))
	return nil
}

// room begins the next segment when this one has no room for a frame.
func (f *File) room(size int64) error {
	if f.end+size > f.filled && f.end > int64(len(magic)) {
		return f.begin()
	}
	return nil
}

func (f *File) write(frame []byte) error {
	size := int64(len(frame))
	if _, err := f.segment.WriteAt(frame, f.end); err != nil {
		return err
	}
	f.end += size
	f.filled = max(f.filled, f.end) // a group larger than a segment
	if f.prepared == nil && f.end > f.filled/2 {
		f.prepare()
	}
	return datasync(f.segment)
}

// Snapshot saves the machine's state after the last command and begins a new
// segment. The state is durable when it returns.
func (f *File) Snapshot(state []byte) error {
	if f.err != nil {
		return f.err
	}
	if f.end == int64(len(magic)) {
		return nil // nothing since the last
	}
	b := binary.LittleEndian.AppendUint32([]byte(snapshotMagic), checksum(state))
	path := f.path(f.commands, snapshotSuffix)
	if err := disk.Replace(path, append(b, state...), disk.Private); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if err := f.begin(); err != nil {
		if !disk.IsFull(err) { // else the segment before goes on
			f.err = err
		}
		return err
	}
	snapshots, err := list(f.dir, snapshotSuffix)
	if err != nil {
		return err
	}
	old := max(len(snapshots)-keptSnapshots, 0)
	for _, n := range snapshots[:old] {
		if err := os.Remove(f.path(n, snapshotSuffix)); err != nil {
			return fmt.Errorf("remove an old snapshot: %w", err)
		}
	}
	return f.forget(snapshots[old])
}

// forget removes the oldest segments that no start from a snapshot needs, which is of so
// many commands or more.
func (f *File) forget(snapshot uint64) error {
	segments, err := list(f.dir, segmentSuffix)
	if err != nil {
		return err
	}
	needed, found := slices.BinarySearch(segments, snapshot)
	if !found {
		needed-- // the segment that the snapshot lies in
	}
	for _, n := range segments[:max(needed-keptSegments, 0)] {
		if err := os.Remove(f.path(n, segmentSuffix)); err != nil {
			return fmt.Errorf("remove an old segment: %w", err)
		}
	}
	return nil
}

// Close closes the log.
func (f *File) Close() error {
	var err error
	if f.prepared != nil {
		next := <-f.prepared
		f.prepared = nil
		if next.err == nil {
			err = errors.Join(next.file.Close(), os.Remove(next.file.Name()))
		}
	}
	if f.segment != nil {
		err = errors.Join(err, f.segment.Close())
	}
	return err
}
