package disk

import (
	"errors"
	"testing"
)

func TestHowFullADiskIs(t *testing.T) {
	const mb, gb = 1 << 20, 1 << 30
	for _, c := range []struct {
		free, total int64
		before      State
		want        State
	}{
		{200 * mb, 256 * mb, Plenty, Plenty},
		{100 * mb, 256 * mb, Plenty, Short},
		{47 * mb, 256 * mb, Plenty, Full},
		{50 * mb, 256 * mb, Plenty, Short},
		{50 * mb, 256 * mb, Full, Full}, // not enough more
		{61 * mb, 256 * mb, Full, Short},
		{300 * mb, 20 * gb, Plenty, Short},
		{200 * mb, 20 * gb, Plenty, Full},
		{500 * mb, 4000 * gb, Plenty, Full},
		{600 * mb, 4000 * gb, Plenty, Short},
		{2 * gb, 4000 * gb, Short, Plenty},
		{0, 256 * mb, Plenty, Full},
	} {
		if got := stateOf(Space{c.free, c.total}, c.before); got != c.want {
			t.Errorf("%d MB of %d MB, after %d: %d, want %d", c.free/mb, c.total/mb, c.before, got, c.want)
		}
	}
}

func TestRoom(t *testing.T) {
	r := NewRoom(t.TempDir())
	if _, _, err := r.Look(); err != nil {
		t.Fatal(err)
	}
	if s := r.Space(); s.Total <= 0 || s.Free < 0 || s.Free > s.Total {
		t.Errorf("%+v", s)
	}
	r.state.Store(int32(Full))
	if err := r.Err(); !errors.Is(err, ErrFull) {
		t.Errorf("a full disk: %v", err)
	}
	if err := (*Room)(nil).Err(); err != nil {
		t.Error(err)
	}
	if _, _, err := NewRoom("/nowhere/at/all").Look(); err == nil {
		t.Error("a directory that is not there has room")
	}
}
