package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/bus"
)

func openLog(t *testing.T, b *bus.Bus, community string) *bus.Log {
	t.Helper()
	l, err := b.OpenLog(t.Context(), community, 1)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func readLog(t *testing.T, l *bus.Log) (got []string) {
	t.Helper()
	if err := l.Read(t.Context(), func(data []byte) error {
		got = append(got, string(data))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

// TestALogHasOneWriter lets two write to a log: who has not seen what the other
// wrote is refused for good, until it reads it.
func TestALogHasOneWriter(t *testing.T) {
	t.Parallel()
	b := open(t, t.TempDir())
	first, second, other := openLog(t, b, "a"), openLog(t, b, "a"), openLog(t, b, "b")
	if got := readLog(t, first); got != nil {
		t.Errorf("a new log has %q", got)
	}
	for n := range 3 {
		if err := first.Append(t.Context(), fmt.Append(nil, n)); err != nil {
			t.Fatal(err)
		}
		if err := other.Append(t.Context(), []byte("elsewhere")); err != nil {
			t.Fatal(err)
		}
	}
	if got := readLog(t, second); !slices.Equal(got, []string{"0", "1", "2"}) {
		t.Errorf("read %q", got)
	}
	if err := second.Append(t.Context(), []byte("3")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := first.Append(t.Context(), []byte("lost")); !errors.Is(err, bus.ErrFenced) {
			t.Errorf("the first writer wrote behind the second: %v", err)
		}
	}
	if err := first.Append(t.Context(), []byte("3")); !errors.Is(err, bus.ErrFenced) {
		t.Errorf("the other's message was taken for one's own: %v", err)
	}
	if got := readLog(t, openLog(t, b, "a")); !slices.Equal(got, []string{"0", "1", "2", "3"}) {
		t.Errorf("in the end %q", got)
	}
}

func TestALogSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir)
	if err := openLog(t, b, "a").Append(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	b.Close()
	b = open(t, dir)
	l := openLog(t, b, "a")
	if got := readLog(t, l); !slices.Equal(got, []string{"x"}) {
		t.Errorf("read %q", got)
	}
	if err := l.Append(t.Context(), []byte("y")); err != nil {
		t.Error(err)
	}
}

func TestALeaseHasOneHolder(t *testing.T) {
	t.Parallel()
	b := open(t, t.TempDir())
	first, err := b.Acquire(t.Context(), "market.c", "one", 1, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Acquire(t.Context(), "market.c", "two", 1, false); !errors.Is(err, bus.ErrHeld) {
		t.Errorf("two holders: %v", err)
	}
	ctx, release := context.WithCancel(t.Context())
	kept := make(chan error, 1)
	go func() { kept <- first.Keep(ctx) }()
	release()
	if err := <-kept; err != nil {
		t.Error(err)
	}
	// It was given up: the next need not wait for its end.
	if _, err := b.Acquire(t.Context(), "market.c", "two", 1, false); err != nil {
		t.Errorf("after it was given up: %v", err)
	}
	// That holder says nothing more.
	begun := time.Now()
	if _, err := b.Acquire(t.Context(), "market.c", "three", 1, true); err != nil || time.Since(begun) > 2*bus.LeaseFor {
		t.Fatalf("after %s: %v", time.Since(begun), err)
	}
}
