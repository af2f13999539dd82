package bus_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/commonwatt/commonwatt/bus"
)

// TestWithoutRoomNothingIsStored refuses what would be stored while the disk is full, and
// takes it again when it is not: the server itself never finds it full.
func TestWithoutRoomNothingIsStored(t *testing.T) {
	t.Parallel()
	var full atomic.Bool
	address := free(t)
	room := func() error {
		if full.Load() {
			return errors.New("the disk is full")
		}
		return nil
	}
	h, err := bus.Open(t.Context(), bus.Config{Dir: t.TempDir(), Room: room, Leafs: &bus.Leafs{Listen: address, Users: []bus.Leaf{
		{Name: "gw-1", Password: "secret", Store: []string{"readings.elm.gw-1.*"}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	e := edge(t, t.TempDir(), address, "secret", 1<<20, false)
	defer e.Close()
	waits, stop := forward(t, e)
	defer stop()
	full.Store(true)
	if err := h.Publish(t.Context(), "readings.elm.gw-0.ann", "1", []byte("x")); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("published: %v", err)
	}
	if _, err := h.Freeze(t.Context(), bus.Settlement, "settlement.elm.a.1", []byte("x")); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("frozen: %v", err)
	}
	if err := e.Publish(t.Context(), "readings.elm.gw-1.ann", "1", []byte("x")); err != nil {
		t.Fatal(err)
	}
	<-waits // the gateway's reading is refused, and waits
	if n, err := h.Count(t.Context(), bus.Readings, ">"); err != nil || n > 0 {
		t.Errorf("%d messages are stored on a full disk, %v", n, err)
	}
	full.Store(false)
	if err := h.Publish(t.Context(), "readings.elm.gw-0.ann", "1", []byte("x")); err != nil {
		t.Errorf("with room again: %v", err)
	}
	waitFor(t, "what waited", func() bool { n, err := h.Count(t.Context(), bus.Readings, ">"); return err == nil && n == 2 })
}
