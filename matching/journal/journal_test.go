package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
)

// machine remembers the numbers of the orders that it was given.
type machine struct{ orders []uint64 }

func (m *machine) Apply(c *matching.Command) []matching.Event {
	m.orders = append(m.orders, c.Order)
	return []matching.Event{{Order: c.Order}}
}

func (m *machine) Restore(snapshot []byte) error {
	m.orders = nil
	for s := range strings.FieldsSeq(string(snapshot)) {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return err
		}
		m.orders = append(m.orders, n)
	}
	return nil
}

func (m *machine) state() []byte { return []byte(strings.Trim(fmt.Sprint(m.orders), "[]")) }

// testSegment is small, so that segments follow each other.
const testSegment = 1000

func command(n uint64) matching.Command {
	return matching.Command{Kind: matching.Submit, Order: n, Energy: 1, Name: fmt.Sprintf("client-%d", n)}
}

func open(t testing.TB, dir string) (*journal.File, *machine, journal.Recovery) {
	t.Helper()
	m := &machine{}
	f, r, err := journal.Open(dir, testSegment, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, m, r
}

// write makes a log of groups of two commands, numbered from 0.
func write(t testing.TB, dir string, groups int) {
	t.Helper()
	f, m, _ := open(t, dir)
	for range groups {
		n := uint64(len(m.orders))
		group := []matching.Command{command(n), command(n + 1)}
		if err := f.Append(group); err != nil {
			t.Fatal(err)
		}
		for i := range group {
			m.Apply(&group[i])
		}
	}
}

// counts tells whether the orders are 0, 1, 2 … and how many there are.
func counts(t testing.TB, m *machine) int {
	t.Helper()
	for i, n := range m.orders {
		if n != uint64(i) {
			t.Fatalf("orders %v", m.orders)
		}
	}
	return len(m.orders)
}

func segment(dir string, first int) string {
	return filepath.Join(dir, fmt.Sprintf("%020d.journal", first))
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func put(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReplayReturnsWhatWasAppended(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, 3)
	write(t, dir, 2)
	_, m, r := open(t, dir)
	if counts(t, m) != 10 || r.Commands != 10 || r.Replayed != 10 || r.Cut != 0 || len(r.Notes) != 0 {
		t.Errorf("orders %v, %+v", m.orders, r)
	}
}

// TestTornTail cuts the last group at every length, with and without the zeros
// that lie ahead of the frames: what was whole comes back, and the log goes on.
func TestTornTail(t *testing.T) {
	t.Parallel()
	from := t.TempDir()
	write(t, from, 3)
	whole := bytes.TrimRight(read(t, segment(from, 0)), "\x00")
	for _, zeros := range []int{0, 5000} {
		for size := range len(whole) + 1 {
			dir := t.TempDir()
			put(t, segment(dir, 0), append(bytes.Clone(whole[:size]), make([]byte, zeros)...))
			_, m, r := open(t, dir)
			n := counts(t, m)
			if size < len(whole) == (n == 6) || n%2 != 0 || n < 6 && n < 6*(size-200)/len(whole) {
				t.Fatalf("cut at %d of %d: %d orders", size, len(whole), n)
			}
			if got := bytes.TrimRight(whole[:size], "\x00"); n == 6 && r.Cut != 0 || r.Cut > int64(len(got)) {
				t.Fatalf("cut at %d of %d: %+v", size, len(whole), r)
			}
			if size%16 != 0 {
				continue
			}
			write(t, dir, 1)
			if _, m, _ := open(t, dir); counts(t, m) != n+2 {
				t.Fatalf("cut at %d: went on to %v", size, m.orders)
			}
		}
	}
}

// TestDamage flips every byte: before the last frame that is an error which
// names the offset, in the last it is a torn tail, in the zeros too.
func TestDamage(t *testing.T) {
	t.Parallel()
	from := t.TempDir()
	write(t, from, 3)
	whole := bytes.TrimRight(read(t, segment(from, 0)), "\x00")
	frame := (len(whole) - 8) / 3
	for at := range len(whole) + 20 {
		b := append(bytes.Clone(whole), make([]byte, 100)...)
		b[at] ^= 0x10
		dir := t.TempDir()
		put(t, segment(dir, 0), b)
		m := &machine{}
		f, r, err := journal.Open(dir, testSegment, m)
		if err == nil {
			_ = f.Close()
		}
		corrupt := (*journal.CorruptError)(nil)
		switch {
		case at < 8+2*frame:
			want := int64(max(at-8, 0) / frame * frame)
			if at >= 8 {
				want += 8
			}
			if !errors.As(err, &corrupt) || corrupt.Offset != want || corrupt.Path != segment(dir, 0) {
				t.Fatalf("byte %d of %d: %v", at, len(whole), err)
			}
		case at < len(whole):
			if err != nil || counts(t, m) != 4 || r.Cut == 0 {
				t.Fatalf("byte %d of %d, in the last frame: %v %v %+v", at, len(whole), m.orders, err, r)
			}
		default:
			if err != nil || counts(t, m) != 6 {
				t.Fatalf("byte %d, after the last frame: %v %v", at, m.orders, err)
			}
		}
	}
}

func TestSnapshots(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 4 {
		write(t, dir, 2)
		f, m, _ := open(t, dir)
		if err := f.Snapshot(m.state()); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, 1)
	_, m, r := open(t, dir)
	if counts(t, m) != 18 || r.Replayed != 2 || r.Commands != 18 {
		t.Fatalf("orders %v, %+v", m.orders, r)
	}
	snapshots, err := filepath.Glob(filepath.Join(dir, "*.snapshot"))
	if err != nil || len(snapshots) != 2 {
		t.Fatalf("snapshots %v, %v", snapshots, err)
	}

	b := read(t, snapshots[1])
	b[len(b)-1] ^= 1
	put(t, snapshots[1], b)
	_, m, r = open(t, dir)
	if counts(t, m) != 18 || r.Replayed != 6 || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], snapshots[1]) {
		t.Errorf("with the newest snapshot damaged: orders %v, %+v", m.orders, r)
	}

	for _, s := range snapshots {
		if err := os.Remove(s); err != nil {
			t.Fatal(err)
		}
	}
	if _, m, r = open(t, dir); counts(t, m) != 18 || r.Replayed != 18 {
		t.Errorf("without snapshots: orders %v, %+v", m.orders, r)
	}

	if err := os.Remove(segment(dir, 8)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := journal.Open(dir, testSegment, &machine{}); err == nil || !strings.Contains(err.Error(), segment(dir, 12)) {
		t.Errorf("a missing segment: %v", err)
	}
}

// TestOldSegmentsGo saves the machine again and again: of the segments that neither of two
// snapshots needs only so many stay, and the log opens with the newer snapshot or the older.
func TestOldSegmentsGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const rounds, stay = 30, 16
	for range rounds {
		f, m, _ := open(t, dir)
		c := command(uint64(len(m.orders)))
		m.Apply(&c)
		if err := errors.Join(f.Append([]matching.Command{c}), f.Snapshot(m.state()), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	segments, err := filepath.Glob(filepath.Join(dir, "*.journal"))
	if err != nil || len(segments) != stay+2 {
		t.Errorf("%d segments, %v", len(segments), err)
	}
	for _, damaged := range []bool{false, true} {
		snapshots, err := filepath.Glob(filepath.Join(dir, "*.snapshot"))
		if err != nil || len(snapshots) != 2 {
			t.Fatalf("snapshots %v, %v", snapshots, err)
		}
		if damaged {
			put(t, snapshots[1], []byte("damaged"))
		}
		if _, _, r := open(t, dir); r.Commands != rounds {
			t.Errorf("the newer snapshot damaged: %t: %+v", damaged, r)
		}
	}
}

// TestAMisplacedFrameIsNotATornTail appends a whole frame that does not follow.
func TestAMisplacedFrameIsNotATornTail(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, 2)
	whole := bytes.TrimRight(read(t, segment(dir, 0)), "\x00")
	again, err := journal.AppendFrame(bytes.Clone(whole), 7, []matching.Command{command(9)})
	if err != nil {
		t.Fatal(err)
	}
	put(t, segment(dir, 0), again)
	corrupt := (*journal.CorruptError)(nil)
	if _, _, err := journal.Open(dir, testSegment, &machine{}); !errors.As(err, &corrupt) || corrupt.Offset != int64(len(whole)) {
		t.Errorf("opened: %v", err)
	}
}

func TestForeignFilesAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, segment(dir, 0), []byte("something else entirely"))
	if _, _, err := journal.Open(dir, testSegment, &machine{}); !errors.As(err, new(*journal.CorruptError)) {
		t.Errorf("opened: %v", err)
	}
	dir = t.TempDir()
	put(t, filepath.Join(dir, "notes.journal"), nil)
	if _, _, err := journal.Open(dir, testSegment, &machine{}); err == nil {
		t.Error("opened a directory with a foreign file")
	}
}

func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	write(f, dir, 3)
	whole := bytes.TrimRight(read(f, segment(dir, 0)), "\x00")
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Add(append(bytes.Clone(whole), 0, 0, 0, 1))
	f.Add([]byte("CWJRNL2\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		put(t, segment(dir, 0), b)
		m := &machine{}
		j, r, err := journal.Open(dir, testSegment, m)
		if err != nil {
			return
		}
		if err := errors.Join(j.Append([]matching.Command{command(7)}), j.Close()); err != nil {
			t.Fatal(err)
		}
		before := m.orders
		_, m, again := open(t, dir)
		if !slices.Equal(m.orders, append(before, 7)) || again.Commands != r.Commands+1 || again.Cut != 0 {
			t.Fatalf("%v and one more gave %v (%+v, %+v)", before, m.orders, r, again)
		}
	})
}

func FuzzDecodeCommand(f *testing.F) {
	c := command(3)
	b, err := c.AppendBinary(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		c, rest, err := matching.DecodeCommand(b)
		if err != nil {
			return
		}
		again, err := c.AppendBinary(nil)
		if err != nil || !bytes.Equal(append(again, rest...), b) {
			t.Fatalf("%x became %x (%v)", b, again, err)
		}
	})
}
