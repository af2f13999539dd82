package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/tape"
	"github.com/commonwatt/commonwatt/usage"
)

func benchCommand() *cobra.Command {
	c := &cobra.Command{Use: "bench", Short: "Measure parts of Commonwatt on recorded input"}
	c.AddCommand(benchMatchingCommand(), benchDurableCommand(), benchTapeCommand(), feedCommand(), benchDevicesCommand(), benchDiskCommand())
	return c
}

func benchMatchingCommand() *cobra.Command {
	var file string
	var asJSON bool
	c := &cobra.Command{
		Use:   "matching --tape FILE",
		Short: "Play a command tape on the matching engine",
		Long: `Play a tape of orders on the matching engine, as the market would: each command
is encoded for the journal and applied, and its events are read. The first
records of a tape fill the book and are not timed. The hash covers maker, taker,
price and energy of every trade in order, so that engines can be compared.

The time per command is the lower quartile over chunks of 10,000 commands of the
CPU time of the thread (on Linux; elsewhere wall time). Latencies come from a second pass, in which
every command is timed alone; "timer" is what the timing itself takes.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := readTape(file)
			if err != nil {
				return err
			}
			r, err := benchTape(t)
			if err != nil {
				return usage.Errorf("%s: %w", file, err)
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			}
			return r.print(cmd.OutOrStdout())
		},
	}
	c.Flags().StringVar(&file, "tape", "", "the tape (format OBWL1)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	if err := c.MarkFlagRequired("tape"); err != nil {
		panic(err) // the flag is defined above
	}
	return c
}

func readTape(file string) (tape.Tape, error) {
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

// benchResult is what bench matching prints.
type benchResult struct {
	Commands uint64         `json:"commands"`
	Trades   uint64         `json:"trades"`
	Energy   uint64         `json:"qty"`
	Hash     string         `json:"hash"`
	Nanos    float64        `json:"ns_per_cmd_p25"`
	Latency  latencyNumbers `json:"latency_ns"`
	Allocs   float64        `json:"allocs_per_cmd"`
}

type latencyNumbers struct {
	P50   int64 `json:"p50"`
	P99   int64 `json:"p99"`
	P999  int64 `json:"p999"`
	Max   int64 `json:"max"`
	Timer int64 `json:"timer"` // what is measured of nothing
}

func (r benchResult) print(w io.Writer) error {
	_, err := fmt.Fprintf(w, `commands         %d
trades           %d (%d Wh)
check            %s
time per command %.1f ns (lower quartile of CPU time), %.1f million commands a second
latency          p50 %d ns, p99 %d ns, p99.9 %d ns, max %d ns; of that the timer %d ns
allocations      %.4f per command
`, r.Commands, r.Trades, r.Energy, r.Hash, r.Nanos, 1e3/r.Nanos, r.Latency.P50, r.Latency.P99, r.Latency.P999, r.Latency.Max, r.Latency.Timer, r.Allocs)
	return err
}

const benchChunk = 10_000

func newPlayer(t tape.Tape) (*tape.Player, error) {
	e, err := matching.New(tape.Rules(t.MaxTick))
	if err != nil {
		return nil, err
	}
	return tape.NewPlayer(e, t.Products), nil
}

func benchTape(t tape.Tape) (benchResult, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p, err := newPlayer(t)
	if err != nil {
		return benchResult{}, err
	}
	if err := p.Play(t.Records[:t.Prefill]); err != nil {
		return benchResult{}, err
	}
	timed := t.Records[t.Prefill:]
	perCommand := make([]float64, 0, len(timed)/benchChunk+1)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for chunk := range slices.Chunk(timed, benchChunk) {
		begin := threadTime()
		if err := p.Play(chunk); err != nil {
			return benchResult{}, err
		}
		perCommand = append(perCommand, float64(threadTime()-begin)/float64(len(chunk)))
	}
	runtime.ReadMemStats(&after)
	c := p.Check()
	r := benchResult{Commands: uint64(len(t.Records)), Trades: c.Trades, Energy: c.Energy, Hash: fmt.Sprintf("%016x", c.Hash)}
	if len(timed) > 0 {
		slices.Sort(perCommand)
		r.Nanos = perCommand[(len(perCommand)-1)/4]
		r.Allocs = float64(after.Mallocs-before.Mallocs) / float64(len(timed))
	}
	r.Latency, err = benchLatency(t)
	return r, err
}

// benchLatency times every command alone.
func benchLatency(t tape.Tape) (latencyNumbers, error) {
	p, err := newPlayer(t)
	if err != nil {
		return latencyNumbers{}, err
	}
	if err := p.Play(t.Records[:t.Prefill]); err != nil {
		return latencyNumbers{}, err
	}
	timed := t.Records[t.Prefill:]
	if len(timed) == 0 {
		return latencyNumbers{}, nil
	}
	took := make([]int64, len(timed))
	empty := make([]int64, len(timed))
	for i := range timed {
		begin := time.Now()
		if err := p.Play(timed[i : i+1]); err != nil {
			return latencyNumbers{}, err
		}
		took[i] = int64(time.Since(begin))
	}
	for i := range empty {
		begin := time.Now()
		empty[i] = int64(time.Since(begin))
	}
	slices.Sort(took)
	slices.Sort(empty)
	at := func(perMille int) int64 { return took[(len(took)-1)*perMille/1000] }
	return latencyNumbers{P50: at(500), P99: at(990), P999: at(999), Max: took[len(took)-1], Timer: empty[len(empty)/2]}, nil
}
