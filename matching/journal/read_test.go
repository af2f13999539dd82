package journal_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
)

// seen remembers the orders that it was shown, and wants no more after so many; 0: it wants all.
type seen struct {
	machine

	begun  int // orders of the state that it began with
	enough int
}

func (s *seen) Restore(snapshot []byte) error {
	err := s.machine.Restore(snapshot)
	s.begun = len(s.orders)
	return err
}

func (s *seen) See(c *matching.Command) (more bool, err error) {
	s.Apply(c)
	return s.enough == 0 || len(s.orders) < s.enough, nil
}

// files are the names and contents of a directory.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all[e.Name()] = string(read(t, filepath.Join(dir, e.Name())))
	}
	return all
}

// TestRead shows all that was appended, over several segments, while the log is open, and changes no file.
func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, 9)
	if segments, err := filepath.Glob(filepath.Join(dir, "*.journal")); err != nil || len(segments) < 2 {
		t.Fatalf("%v, %v", segments, err)
	}
	f, m, _ := open(t, dir)
	if err := f.Snapshot(m.state()); err != nil { // the first segment is there all the same
		t.Fatal(err)
	}
	c := command(18)
	if err := f.Append([]matching.Command{c}); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	for enough, want := range map[int]int{0: 19, 1: 1, 7: 7, 19: 19} {
		s := &seen{enough: enough}
		if err := journal.Read(dir, s); err != nil || counts(t, &s.machine) != want || s.begun != 0 {
			t.Errorf("enough %d: orders %v, begun with %d, %v", enough, s.orders, s.begun, err)
		}
	}
	after := files(t, dir)
	for name, text := range after {
		if before[name] != text {
			t.Errorf("%s was changed", name)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files, there were %d", len(after), len(before))
	}
}

// TestReadFromASnapshot begins with the oldest state where the oldest segments are gone.
func TestReadFromASnapshot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 3 {
		write(t, dir, 2)
		f, m, _ := open(t, dir)
		if err := f.Snapshot(m.state()); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, 1) // orders 12 and 13; snapshots of 8 and 12 orders are kept
	if err := os.Remove(segment(dir, 0)); err != nil {
		t.Fatal(err)
	}
	s := &seen{}
	if err := journal.Read(dir, s); err != nil || counts(t, &s.machine) != 14 || s.begun != 8 {
		t.Errorf("orders %v, begun with %d, %v", s.orders, s.begun, err)
	}
	snapshots, err := filepath.Glob(filepath.Join(dir, "*.snapshot"))
	if err != nil || len(snapshots) != 2 {
		t.Fatal(snapshots, err)
	}
	gone := read(t, segment(dir, 8))
	if err := os.Remove(segment(dir, 8)); err != nil {
		t.Fatal(err)
	}
	if wrong := (*journal.CorruptError)(nil); !errors.As(journal.Read(dir, &seen{}), &wrong) {
		t.Error("a segment in the middle is gone, and that is no error")
	}
	if err := os.Remove(segment(dir, 4)); err != nil {
		t.Fatal(err)
	}
	s = &seen{}
	if err := journal.Read(dir, s); err != nil || counts(t, &s.machine) != 14 || s.begun != 12 {
		t.Errorf("what followed the older snapshot is gone: orders %v, begun with %d, %v", s.orders, s.begun, err)
	}
	put(t, segment(dir, 8), gone)
	put(t, snapshots[0], []byte("damaged"))
	s = &seen{}
	if err := journal.Read(dir, s); err != nil || counts(t, &s.machine) != 14 || s.begun != 12 {
		t.Errorf("the older snapshot damaged: orders %v, begun with %d, %v", s.orders, s.begun, err)
	}
	put(t, snapshots[1], []byte("damaged"))
	if err := journal.Read(dir, &seen{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a state: %v", err)
	}
	if err := journal.Read(t.TempDir(), &seen{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a log: %v", err)
	}
}

// TestReadATornTail leaves out a group that is not there as a whole, whatever its length, and names damage before a whole one.
func TestReadATornTail(t *testing.T) {
	t.Parallel()
	from := t.TempDir()
	write(t, from, 3)
	whole := bytes.TrimRight(read(t, segment(from, 0)), "\x00")
	for size := len(whole) - 150; size <= len(whole); size++ {
		dir := t.TempDir()
		put(t, segment(dir, 0), append(bytes.Clone(whole[:size]), make([]byte, 500)...))
		s := &seen{}
		want := 4
		if size == len(whole) {
			want = 6
		}
		if err := journal.Read(dir, s); err != nil || counts(t, &s.machine) != want {
			t.Fatalf("cut at %d of %d: orders %v, %v", size, len(whole), s.orders, err)
		}
	}
	damaged := bytes.Clone(whole)
	damaged[60] ^= 1
	put(t, segment(from, 0), damaged)
	if wrong := (*journal.CorruptError)(nil); !errors.As(journal.Read(from, &seen{}), &wrong) {
		t.Error("damage before a whole group is no error")
	}
}
