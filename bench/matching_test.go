package bench

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/tape"
	"github.com/commonwatt/commonwatt/usage"
)

// small is a tape in memory and as a file.
func small(t *testing.T) (tape.Tape, string) {
	t.Helper()
	tp, err := tape.Generate(tape.Spec{Seed: 1, Commands: 25_000, Resting: 500, Products: 2, MaxTick: 1000, Add: 600, Cancel: 350, Cross: 300})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "t.obwl")
	var b bytes.Buffer
	if err := errors.Join(tp.Write(&b), os.WriteFile(file, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return tp, file
}

// played is what the engine makes of a tape when nobody measures.
func played(t *testing.T, tp tape.Tape) tape.Check {
	t.Helper()
	e, err := matching.New(tape.Rules(tp.MaxTick))
	if err != nil {
		t.Fatal(err)
	}
	p := tape.NewPlayer(e, tp.Products)
	if err := p.Play(tp.Records); err != nil {
		t.Fatal(err)
	}
	return p.Check()
}

func TestMatchingMeasuresTheWholeTape(t *testing.T) {
	t.Parallel()
	tp, _ := small(t)
	r, err := Matching(tp)
	if err != nil {
		t.Fatal(err)
	}
	want := played(t, tp)
	if r.Commands != uint64(len(tp.Records)) || r.Trades != want.Trades || r.Energy != want.Energy || r.Hash != hash(want) {
		t.Errorf("got %+v, the engine alone makes %+v of %d commands", r, want, len(tp.Records))
	}
	l := r.Latency
	if !slices.IsSorted([]int64{1, l.P50, l.P99, l.P999, l.Max}) || r.Nanos <= 0 {
		t.Errorf("times are missing or out of order: %+v", r)
	}
}

func TestMatchingOfATapeThatOnlyFillsTheBook(t *testing.T) {
	t.Parallel()
	tp, _ := small(t)
	tp.Records = tp.Records[:tp.Prefill]
	r, err := Matching(tp)
	if err != nil {
		t.Fatal(err)
	}
	if r.Commands != tp.Prefill || r.Latency != (Latency{}) || r.Nanos != 0 || r.Allocs != 0 {
		t.Errorf("nothing was timed, but got %+v", r)
	}
}

func TestReadTape(t *testing.T) {
	t.Parallel()
	tp, file := small(t)
	got, err := ReadTape(file)
	if err != nil || !slices.Equal(got.Records, tp.Records) {
		t.Errorf("another tape came back, or %v", err)
	}
	damaged := filepath.Join(t.TempDir(), "damaged.obwl")
	if err := os.WriteFile(damaged, []byte("OBWL2"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{damaged, filepath.Join(t.TempDir(), "none.obwl")} {
		_, err := ReadTape(file)
		if e := (*usage.Error)(nil); !errors.As(err, &e) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v: want an error that names the file and that the caller can mend", file, err)
		}
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	hundredAndOne := make([]int, 101)
	for i := range hundredAndOne {
		hundredAndOne[i] = i
	}
	for _, c := range []struct {
		sorted         []int
		perMille, want int
	}{
		{nil, 500, 0},
		{[]int{7}, 0, 7},
		{[]int{7}, 999, 7},
		{[]int{1, 2}, 500, 1}, // of two the lower
		{[]int{1, 2}, 1000, 2},
		{[]int{1, 2, 3}, 500, 2},
		{[]int{1, 2, 3, 4, 5}, 250, 2},
		{hundredAndOne, 500, 50},
		{hundredAndOne, 990, 99},
		{hundredAndOne, 999, 99},
		{hundredAndOne, 1000, 100},
	} {
		if got := quantile(c.sorted, c.perMille); got != c.want {
			t.Errorf("quantile(%d values, %d) = %d, want %d", len(c.sorted), c.perMille, got, c.want)
		}
	}
	if got, want := latencyOf([]int64{5, 1, 3, 2, 4}), (Latency{P50: 3, P99: 4, P999: 4, Max: 5}); got != want {
		t.Errorf("latencyOf = %+v, want %+v", got, want)
	}
}

func TestMatchingResult(t *testing.T) {
	t.Parallel()
	r := MatchingResult{Commands: 10, Trades: 4, Energy: 1200, Hash: "00ff", Nanos: 62.5, Allocs: 0.25, Latency: Latency{P50: 70, P99: 90, P999: 110, Max: 500, Timer: 20}}
	printed(t, r, `commands         10
trades           4 (1200 Wh)
check            00ff
time per command 62.5 ns (lower quartile of CPU time), 16.0 million commands a second
latency          p50 70 ns, p99 90 ns, p99.9 110 ns, max 500 ns; of that the timer 20 ns
allocations      0.2500 per command
`)
	marshalled(t, r, `{"commands":10,"trades":4,"qty":1200,"hash":"00ff","ns_per_cmd_p25":62.5,"latency_ns":{"p50":70,"p99":90,"p999":110,"max":500,"timer":20},"allocs_per_cmd":0.25}`)
}
