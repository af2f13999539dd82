package bus_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/commonwatt/commonwatt/bus"
)

// TestTrim removes what was acknowledged the time before, of the subject alone, and
// nothing that was not.
func TestTrim(t *testing.T) {
	t.Parallel()
	b := open(t, t.TempDir())
	defer b.Close()
	sent := 0
	publish := func(community string, n int) {
		t.Helper()
		for range n {
			sent++
			if err := b.Publish(t.Context(), "readings."+community+".home", fmt.Sprint(sent), []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
	}
	trim := bus.Trimmer{Stream: bus.Readings, Subject: "readings.demo.>", Durable: "test"}
	left := func(demo, elm uint64) {
		t.Helper()
		if err := b.Trim(t.Context(), &trim); err != nil {
			t.Fatal(err)
		}
		for community, want := range map[string]uint64{"demo": demo, "elm": elm} {
			if n, err := b.Count(t.Context(), bus.Readings, "readings."+community+".>"); err != nil || n != want {
				t.Errorf("after %d messages %d of %s are left, want %d, %v", sent, n, community, want, err)
			}
		}
	}
	publish("elm", 2)
	publish("demo", 5)
	if err := b.Trim(t.Context(), &trim); err == nil {
		t.Error("a consumer that does not exist is trimmed after")
	}
	consume(t, b, 5, func([]string) error { return nil })
	left(5, 2)
	publish("demo", 3)
	left(3, 2) // not acknowledged
	left(3, 2)
	failed := false
	consume(t, b, 3, func([]string) error {
		if !failed {
			failed = true
			return errors.New("not now")
		}
		return nil
	})
	left(3, 2)
	publish("elm", 1)
	left(0, 3)
}
