package bench

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/matching/tape"
	"github.com/commonwatt/commonwatt/usage"
)

func TestDurableMeasuresTheWholeTape(t *testing.T) {
	t.Parallel()
	tp, file := small(t)
	dir := t.TempDir()
	r, err := Durable(t.Context(), DurableOptions{Tape: tp, File: file, Dir: dir, Rate: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	if timed := len(tp.Records) - int(tp.Prefill); r.Commands != timed || r.Hash != hash(played(t, tp)) {
		t.Errorf("%d commands make %s, the engine alone makes %s of %d", r.Commands, r.Hash, hash(played(t, tp)), timed)
	}
	// A command cannot be durable before it is due: the generator would have sent it early.
	if l := r.Latency; !slices.IsSorted([]int64{1, l.P50, l.P99, l.P999, l.Max}) {
		t.Errorf("latencies are not above 0 or out of order: %+v", l)
	}
	if r.Groups < 1 || r.Groups > r.Commands || r.Offered != 1_000_000 || r.Rate <= 0 || r.Rate > 1_000_000 {
		t.Errorf("more was durable than was offered: %+v", r)
	}
	if files := left(t, dir); len(files) > 0 {
		t.Errorf("%q was left", files)
	}
}

func TestDurableFailsWithItsGenerator(t *testing.T) {
	t.Parallel()
	tp, file := small(t)
	dir := t.TempDir()
	if _, err := Durable(t.Context(), DurableOptions{Tape: tp, File: file + ".gone", Dir: dir, Rate: 1000}); err == nil {
		t.Error("the generator had no tape, but a result came")
	}
	if files := left(t, dir); len(files) > 0 {
		t.Errorf("%q was left", files)
	}
	_, err := Durable(t.Context(), DurableOptions{Tape: tp, File: file, Dir: filepath.Join(dir, "none"), Rate: 1000})
	if e := (*usage.Error)(nil); !errors.As(err, &e) {
		t.Errorf("%v: want an error that the caller can mend", err)
	}
}

func TestDurableResult(t *testing.T) {
	t.Parallel()
	r := DurableResult{Commands: 1000, Rate: 1990, Offered: 2000, Groups: 40, Hash: "00ff", Latency: Latency{P50: 250_000, P99: 1_500_000, P999: 2_000_000, Max: 2_500_000}}
	printed(t, r, `commands         1000 at 2000 a second offered, 1990 a second durable
groups           40, 25 commands each
check            00ff
latency          p50 0.250 ms, p99 1.500 ms, p99.9 2.000 ms, max 2.500 ms, from due to durable and applied
`)
	marshalled(t, r, `{"commands":1000,"commands_per_s":1990,"offered_per_s":2000,"groups":40,"hash":"00ff","latency_ns":{"p50":250000,"p99":1500000,"p999":2000000,"max":2500000,"timer":0}}`)
}

func TestFeedSendsTheTimedRecords(t *testing.T) {
	t.Parallel()
	tp, file := small(t)
	var sent, want bytes.Buffer
	due := time.Now().Add(-time.Second) // all at once
	if err := Feed(&sent, [3]string{file, "1000000", strconv.FormatInt(due.UnixNano(), 10)}); err != nil {
		t.Fatal(err)
	}
	for _, r := range tp.Records[tp.Prefill:] {
		want.Write(r.AppendBinary(nil))
	}
	if !bytes.Equal(sent.Bytes(), want.Bytes()) {
		t.Errorf("%d bytes were sent, want the %d of the timed records", sent.Len(), want.Len())
	}
}

// early notes records that came before they were due.
type early struct {
	start      time.Time
	rate, sent int
	early      int
}

func (e *early) Write(b []byte) (int, error) {
	e.sent += len(b) / tape.RecordSize
	if last := e.start.Add(time.Duration(e.sent) * time.Second / time.Duration(e.rate)); len(b) > 0 && time.Now().Before(last) {
		e.early++
	}
	return len(b), nil
}

func TestFeedSendsNothingBeforeItIsDue(t *testing.T) {
	t.Parallel()
	tp, _ := small(t)
	e := &early{start: time.Now(), rate: 50_000}
	if err := feed(e, tp.Records[:2000], int64(e.rate), e.start); err != nil {
		t.Fatal(err)
	}
	if e.sent != 2000 || e.early > 0 {
		t.Errorf("%d of 2000 records were sent, %d times before they were due", e.sent, e.early)
	}
}

func TestFeedRefuses(t *testing.T) {
	t.Parallel()
	_, file := small(t)
	for _, args := range [][3]string{{file + ".gone", "1", "1"}, {file, "fast", "1"}, {file, "1", "now"}} {
		err := Feed(&bytes.Buffer{}, args)
		if e := (*usage.Error)(nil); !errors.As(err, &e) {
			t.Errorf("%q: %v: want an error that the caller can mend", args, err)
		}
	}
	if err := feed(broken{}, make([]tape.Record, 1), 1_000_000, time.Now().Add(-time.Second)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a reader that is gone: %v", err)
	}
}

// broken is a pipe without a reader.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestSpares(t *testing.T) {
	t.Parallel()
	var s spares
	first := s.get(10)
	if len(first) != 10 || cap(first) < 4096 {
		t.Fatalf("a first batch has %d of %d", len(first), cap(first))
	}
	s.put(first)
	if again := s.get(4000); len(again) != 4000 || &again[0] != &first[0] {
		t.Error("a batch that was put back is not used again")
	}
	if other := s.get(10); &other[0] == &first[0] {
		t.Error("a batch is used twice at a time")
	}
	s.put(first)
	if large := s.get(5000); len(large) != 5000 {
		t.Errorf("a spare that is too small was used: %d of 5000", len(large))
	}
}
