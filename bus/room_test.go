package bus_test

import (
	"errors"
	"testing"

	"github.com/commonwatt/commonwatt/bus"
)

// TestNothingIsStoredWithoutRoom stores nothing while there is no room, and goes on when
// there is.
func TestNothingIsStoredWithoutRoom(t *testing.T) {
	full := errors.New("the disk is full")
	var room error
	b, err := bus.Open(t.Context(), bus.Config{Dir: t.TempDir(), Room: func() error { return room }})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, room = range []error{full, nil} {
		if err := b.Publish(t.Context(), "readings.demo.a", "1", []byte("a")); !errors.Is(err, room) {
			t.Errorf("publish: %v, want %v", err, room)
		}
		if _, err := b.Freeze(t.Context(), bus.Settlement, "settlement.demo.1", []byte("a")); !errors.Is(err, room) {
			t.Errorf("freeze: %v, want %v", err, room)
		}
		n, err := b.Count(t.Context(), bus.Readings, "readings.>")
		if want := map[bool]uint64{true: 0, false: 1}[room != nil]; err != nil || n != want {
			t.Errorf("%d messages are stored, %v, want %d", n, err, want)
		}
	}
}
