package journal_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
)

func command(n int) matching.Command {
	product := grid.Product{Community: "c", Interval: grid.Interval{Minutes: 15}}
	return matching.Command{Kind: matching.Submit, Product: product, Order: &grid.Order{ID: fmt.Sprint(n), Member: "m", Side: grid.Bid, Energy: 1}}
}

// write returns a file with n commands.
func write(t testing.TB, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal")
	j, err := journal.Open(path, func(matching.Command) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := j.Append(command(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// read returns the ids in the journal.
func read(path string) (ids []string, err error) {
	j, err := journal.Open(path, func(c matching.Command) error {
		ids = append(ids, c.Order.ID)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ids, j.Close()
}

func TestReplayReturnsWhatWasAppended(t *testing.T) {
	ids, err := read(write(t, 5))
	if err != nil || fmt.Sprint(ids) != "[0 1 2 3 4]" {
		t.Errorf("ids %v, %v", ids, err)
	}
}

// TestTornTail cuts the file at every length: what is whole comes back, in
// order, and the journal takes commands again.
func TestTornTail(t *testing.T) {
	whole, err := os.ReadFile(write(t, 3))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cut")
	for size := range len(whole) {
		if err := os.WriteFile(path, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		ids, err := read(path)
		if err != nil {
			t.Fatalf("cut at %d of %d: %v", size, len(whole), err)
		}
		for i, id := range ids {
			if id != fmt.Sprint(i) {
				t.Fatalf("cut at %d: ids %v", size, ids)
			}
		}
		j, err := journal.Open(path, func(matching.Command) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(j.Append(command(len(ids))), j.Close()); err != nil {
			t.Fatal(err)
		}
		again, err := read(path)
		if err != nil || len(again) != len(ids)+1 {
			t.Fatalf("cut at %d: %v after appending to %v: %v", size, again, ids, err)
		}
	}
}

// TestCorruptMiddle flips a byte in every place before the last record.
func TestCorruptMiddle(t *testing.T) {
	path := write(t, 3)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := len(whole) - (len(whole)-8)/3
	for at := range last {
		damaged := append([]byte(nil), whole...)
		damaged[at] ^= 0x01
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		ids, err := read(path)
		var corrupt *journal.CorruptError
		if !errors.As(err, &corrupt) {
			t.Fatalf("byte %d: the damage was not named: read %v, %v", at, ids, err)
		}
	}
}

func FuzzJournal(f *testing.F) {
	whole, err := os.ReadFile(write(f, 2))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		n := 0
		j, err := journal.Open(path, func(matching.Command) error { n++; return nil })
		if err != nil {
			return
		}
		if err := errors.Join(j.Append(command(0)), j.Close()); err != nil {
			t.Fatal(err)
		}
		again := 0
		j, err = journal.Open(path, func(matching.Command) error { again++; return nil })
		if err != nil || again != n+1 {
			t.Fatalf("%d commands, then %d: %v", n, again, err)
		}
		_ = j.Close()
	})
}
