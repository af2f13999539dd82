package disk

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSpaceIsWatched raises the alarm before a disk is full, refuses before nothing can be
// written, and has room again by itself; a small disk has smaller bounds.
func TestSpaceIsWatched(t *testing.T) {
	t.Parallel()
	for _, all := range []int64{100 << 30, 100 << 20} {
		free, now := all, time.Now()
		var said []string
		s := NewSpace("data", func(alarm string) {
			said = append(said, strings.Join(strings.Fields(alarm)[:min(8, len(strings.Fields(alarm)))], " "))
		})
		s.look = func(string) (int64, int64, error) { return free, all, nil }
		s.now = func() time.Time { return now }
		for _, c := range []struct {
			free        int64
			room, alarm bool
		}{
			{all, true, false},
			{min(all/5, 1<<30), true, false},
			{min(all/5, 1<<30) - 1, true, true},
			{min(all/20, 128<<20) - 1, false, true},
			{0, false, true},
			{min(all/20, 128<<20), true, true},
			{all / 2, true, false},
		} {
			free, now = c.free, now.Add(lookEvery)
			if err := s.Room(); (err == nil) != c.room || (s.Alarm() != "") != c.alarm {
				t.Errorf("%d of %d bytes are left: %v, alarm %q", c.free, all, err, s.Alarm())
			}
		}
		want := []string{"the disk of data is filling up, 1023", "the disk of data is full but for", "the disk of data is filling up, 128", ""}
		if all == 100<<20 {
			want = []string{"the disk of data is filling up, 19", "the disk of data is full but for", "the disk of data is filling up, 5", ""}
		}
		if !slices.Equal(said, want) {
			t.Errorf("said %q, want %q", said, want)
		}
	}
	if (*Space)(nil).Room() != nil || (*Space)(nil).Alarm() != "" {
		t.Error("without a watch there is no room")
	}
	if _, all, err := room(t.TempDir()); err == nil && all == 0 {
		t.Error("this disk has no size")
	}
}
