package bench

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/tape"
	"github.com/commonwatt/commonwatt/usage"
)

// ReadTape reads a tape. All but a failing disk is the caller's to mend.
func ReadTape(file string) (tape.Tape, error) {
	f, err := os.Open(file) //nolint:gosec // the path is the user's
	if err != nil {
		return tape.Tape{}, usage.Mark(err)
	}
	defer func() { _ = f.Close() }() // only read
	t, err := tape.Read(f)
	if err != nil {
		return t, usage.Errorf("%s: %w", file, err)
	}
	return t, nil
}

// MatchingResult is what Matching measures.
type MatchingResult struct {
	Commands uint64  `json:"commands"` // with those that fill the book
	Trades   uint64  `json:"trades"`
	Energy   uint64  `json:"qty"`            // traded, Wh
	Hash     string  `json:"hash"`           // over every trade, see tape.Check
	Nanos    float64 `json:"ns_per_cmd_p25"` // processor time of a command
	Latency  Latency `json:"latency_ns"`
	Allocs   float64 `json:"allocs_per_cmd"`
}

// Print writes the result for people.
func (r MatchingResult) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, `commands         %d
trades           %d (%d Wh)
check            %s
time per command %.1f ns (lower quartile of CPU time), %.1f million commands a second
latency          p50 %d ns, p99 %d ns, p99.9 %d ns, max %d ns; of that the timer %d ns
allocations      %.4f per command
`, r.Commands, r.Trades, r.Energy, r.Hash, r.Nanos, 1e3/r.Nanos, r.Latency.P50, r.Latency.P99, r.Latency.P999, r.Latency.Max, r.Latency.Timer, r.Allocs)
	return err
}

// chunk is how many commands are timed together.
const chunk = 10_000

// Matching plays the tape on an engine twice: first in chunks, of whose times per command
// the lower quartile counts, then timing each command alone.
func Matching(t tape.Tape) (MatchingResult, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p, err := filled(t)
	if err != nil {
		return MatchingResult{}, err
	}
	timed := t.Records[t.Prefill:]
	perCommand := make([]float64, 0, len(timed)/chunk+1)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for commands := range slices.Chunk(timed, chunk) {
		begin := threadTime()
		if err := p.Play(commands); err != nil {
			return MatchingResult{}, err
		}
		perCommand = append(perCommand, float64(threadTime()-begin)/float64(len(commands)))
	}
	runtime.ReadMemStats(&after)
	c := p.Check()
	r := MatchingResult{Commands: uint64(len(t.Records)), Trades: c.Trades, Energy: c.Energy, Hash: hash(c)}
	if len(timed) > 0 {
		slices.Sort(perCommand)
		r.Nanos = quantile(perCommand, 250)
		r.Allocs = float64(after.Mallocs-before.Mallocs) / float64(len(timed))
	}
	r.Latency, err = eachAlone(t)
	return r, err
}

// filled returns a player on a new engine whose book the tape has filled.
func filled(t tape.Tape) (*tape.Player, error) {
	e, err := matching.New(tape.Rules(t.MaxTick))
	if err != nil {
		return nil, err
	}
	p := tape.NewPlayer(e, t.Products)
	return p, p.Play(t.Records[:t.Prefill])
}

// eachAlone times every command alone, and the timing of nothing.
func eachAlone(t tape.Tape) (Latency, error) {
	p, err := filled(t)
	if err != nil {
		return Latency{}, err
	}
	timed := t.Records[t.Prefill:]
	took := make([]int64, len(timed))
	empty := make([]int64, len(timed))
	for i := range timed {
		begin := time.Now()
		if err := p.Play(timed[i : i+1]); err != nil {
			return Latency{}, err
		}
		took[i] = int64(time.Since(begin))
	}
	for i := range empty {
		begin := time.Now()
		empty[i] = int64(time.Since(begin))
	}
	slices.Sort(empty)
	l := latencyOf(took)
	if len(empty) > 0 {
		l.Timer = empty[len(empty)/2]
	}
	return l, nil
}

func hash(c tape.Check) string { return fmt.Sprintf("%016x", c.Hash) }
