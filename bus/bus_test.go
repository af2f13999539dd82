package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/commonwatt/commonwatt/bus"
)

func open(t *testing.T, dir string) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// consume collects n messages of a durable consumer; handle may fail.
func consume(t *testing.T, b *bus.Bus, n int, handle func([]string) error) (got []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := b.Consume(ctx, bus.Readings, "readings.demo.*", "test", func(_ context.Context, messages [][]byte) error {
		var texts []string
		for _, m := range messages {
			texts = append(texts, string(m))
		}
		if err := handle(texts); err != nil {
			return err
		}
		got = append(got, texts...)
		if len(got) >= n {
			cancel()
		}
		return nil
	}, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestMessagesSurviveARestart publishes, restarts the server, and consumes in
// order; what was acknowledged does not come again.
func TestMessagesSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir)
	for i := range 6 {
		if err := b.Publish(t.Context(), "readings.demo.home", fmt.Sprint(i), []byte{byte('a' + i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Publish(t.Context(), "readings.demo.home", "0", []byte("again")); err != nil {
		t.Fatal(err)
	}
	b.Close()
	b = open(t, dir)
	got := consume(t, b, 6, func([]string) error { return nil })
	if !slices.Equal(got, []string{"a", "b", "c", "d", "e", "f"}) {
		t.Errorf("consumed %v", got)
	}
	b.Close()
	b = open(t, dir)
	defer b.Close()
	if err := b.Publish(t.Context(), "readings.demo.home", "new", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got := consume(t, b, 1, func([]string) error { return nil }); !slices.Equal(got, []string{"new"}) {
		t.Errorf("after a restart consumed %v", got)
	}
	if left, err := b.Pending(t.Context(), bus.Readings, "test"); err != nil || left != 0 {
		t.Errorf("%d messages pending, %v", left, err)
	}
}

func TestAFailedBatchComesAgain(t *testing.T) {
	t.Parallel()
	b := open(t, t.TempDir())
	defer b.Close()
	publish := func(texts ...string) {
		for _, text := range texts {
			if err := b.Publish(t.Context(), "readings.demo.home", text, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	publish("a", "b", "c")
	tries := 0
	got := consume(t, b, 4, func([]string) error {
		if tries++; tries == 1 {
			publish("young") // it must not stand in for the batch that failed
			return errors.New("the disk is full")
		}
		return nil
	})
	slices.Sort(got)
	if !slices.Equal(slices.Compact(got), []string{"a", "b", "c", "young"}) {
		t.Errorf("%d tries, consumed %v", tries, got)
	}
}

// TestFreezeKeepsTheFirst lets many freeze one subject: all get the same.
func TestFreezeKeepsTheFirst(t *testing.T) {
	t.Parallel()
	b := open(t, t.TempDir())
	defer b.Close()
	const subject = "settlement.demo.2026-06-01T12:00:00Z/15.1"
	var mu sync.Mutex
	seen := map[string]bool{}
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			frozen, err := b.Freeze(t.Context(), bus.Settlement, subject, fmt.Append(nil, i))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			seen[string(frozen)] = true
			mu.Unlock()
		})
	}
	writers.Wait()
	if len(seen) != 1 {
		t.Errorf("froze %v", seen)
	}
	if none, err := b.Frozen(t.Context(), bus.Settlement, "settlement.demo.other.1"); none != nil || err != nil {
		t.Errorf("an unused subject holds %q, %v", none, err)
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	b := open(t, t.TempDir())
	defer b.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- b.Serve(ctx, "market.demo.orders", func(q []byte) []byte { return append([]byte("heard "), q...) })
	}()
	var answer []byte
	var err error
	for range 100 { // until it serves
		if answer, err = b.Request(t.Context(), "market.demo.orders", []byte("x")); err == nil {
			break
		}
	}
	if err != nil || string(answer) != "heard x" {
		t.Errorf("answer %q, %v", answer, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestExternalServer runs a server of its own and uses it over the network.
func TestExternalServer(t *testing.T) {
	t.Parallel()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server is not ready")
	}
	b, err := bus.Open(t.Context(), bus.Config{URL: s.ClientURL()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Publish(t.Context(), "readings.demo.home", "1", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if got := consume(t, b, 1, func([]string) error { return nil }); !slices.Equal(got, []string{"x"}) {
		t.Errorf("consumed %v", got)
	}
	if frozen, err := b.Freeze(t.Context(), bus.Settlement, "settlement.demo.i.1", []byte("run")); err != nil || string(frozen) != "run" {
		t.Errorf("froze %q, %v", frozen, err)
	}
	if n, err := b.Count(t.Context(), bus.Settlement, "settlement.demo.>"); err != nil || n != 1 {
		t.Errorf("%d frozen runs, %v", n, err)
	}
}
