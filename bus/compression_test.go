package bus_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/commonwatt/commonwatt/bus"
)

// TestFrozenRunsArePacked freezes more than a block into a stream that was made
// before it was compressed: all is there after a restart, and takes up less.
func TestFrozenRunsArePacked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	frozenBefore(t, dir, "settlement.demo.0.1", "before")
	b := open(t, dir)
	b.Close()
	b = open(t, dir) // compressed from here on
	const runs = 1200
	text := func(k int) []byte { return bytes.Repeat(fmt.Appendf(nil, `{"account":"m%d","amount":%d}`, k, k), 500) }
	written := 0
	for k := 1; k < runs; k++ {
		written += len(text(k))
		if _, err := b.Freeze(t.Context(), bus.Settlement, fmt.Sprintf("settlement.demo.%d.1", k), text(k)); err != nil {
			t.Fatal(err)
		}
	}
	b.Close()
	b = open(t, dir)
	defer b.Close()
	for k := range runs {
		want := text(k)
		if k == 0 {
			want = []byte("before")
		}
		if got, err := b.Frozen(t.Context(), bus.Settlement, fmt.Sprintf("settlement.demo.%d.1", k)); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("run %d has %d bytes, want %d, %v", k, len(got), len(want), err)
		}
	}
	if size := sizeOf(t, dir); size > int64(written)*3/4 {
		t.Errorf("%d bytes take up %d", written, size)
	}
}

// frozenBefore makes the stream as it once was, with one message.
func frozenBefore(t *testing.T, dir, subject, data string) {
	t.Helper()
	s, err := server.NewServer(&server.Options{ServerName: "commonwatt", DontListen: true, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(patience) {
		t.Fatal("not ready")
	}
	conn, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: bus.Settlement, Subjects: []string{"settlement.>"}, Duplicates: 2 * time.Minute,
		Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, MaxMsgsPerSubject: 1,
	})
	if err == nil {
		_, err = js.Publish(t.Context(), subject, []byte(data))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func sizeOf(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
