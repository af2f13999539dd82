package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
	"github.com/commonwatt/commonwatt/matching/tape"
	"github.com/commonwatt/commonwatt/usage"
)

func benchDurableCommand() *cobra.Command {
	var file, dir string
	var rate int
	var asJSON bool
	c := &cobra.Command{
		Use:   "durable --tape FILE",
		Short: "Play a command tape through the journal at a fixed rate",
		Long: `Play a tape through journal and engine as the market does: commands that arrive
while the disk is busy become durable together. A process of its own sends the
commands at --rate, whatever the market does (open loop); the latency of a
command is from the moment that it was due until it was durable and applied.
The journal is written to a new directory below --dir and removed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := readTape(file)
			if err != nil {
				return err
			}
			if rate < 1 {
				return usage.Errorf("--rate: %d: must be at least 1 command a second", rate)
			}
			r, err := benchDurable(cmd.Context(), t, file, dir, rate)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			}
			return r.print(cmd.OutOrStdout())
		},
	}
	c.Flags().StringVar(&file, "tape", "", "the tape (format OBWL1)")
	c.Flags().StringVar(&dir, "dir", os.TempDir(), "directory on the disk to measure")
	c.Flags().IntVar(&rate, "rate", 1_000_000, "commands a second")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	if err := c.MarkFlagRequired("tape"); err != nil {
		panic(err) // the flag is defined above
	}
	return c
}

// feedCommand is the load generator, a process of its own.
func feedCommand() *cobra.Command {
	return &cobra.Command{
		Use: "feed TAPE RATE START", Hidden: true, Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := readTape(args[0])
			if err != nil {
				return err
			}
			rate, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil {
				return usage.Mark(err)
			}
			start, err := strconv.ParseInt(args[2], 10, 64)
			if err != nil {
				return usage.Mark(err)
			}
			return feed(cmd.OutOrStdout(), t.Records[t.Prefill:], rate, time.Unix(0, start))
		},
	}
}

// feedEvery is how often the generator looks what is due: half of it is what the
// generator itself adds to a latency.
const feedEvery = 25 * time.Microsecond

// feed writes each record when it is due.
func feed(w io.Writer, records []tape.Record, rate int64, start time.Time) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	sharpen()
	b := make([]byte, 0, 64<<10)
	last := time.Duration(-1)
	for sent := 0; sent < len(records); {
		now := time.Since(start)
		if wait := last + feedEvery - now; wait > 0 {
			nap(wait) // time.Sleep would be a millisecond late
			continue
		}
		last = now
		due := int(int64(now) * rate / int64(time.Second))
		b = b[:0]
		for ; sent < min(due, len(records)) && len(b) < 60<<10; sent++ {
			b = records[sent].AppendBinary(b)
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// durableResult is what bench durable prints.
type durableResult struct {
	Commands int            `json:"commands"`
	Rate     float64        `json:"commands_per_s"` // durable, over all
	Offered  int            `json:"offered_per_s"`
	Groups   int            `json:"groups"`
	Hash     string         `json:"hash"`
	Latency  latencyNumbers `json:"latency_ns"`
}

func (r durableResult) print(w io.Writer) error {
	ms := func(ns int64) float64 { return float64(ns) / 1e6 }
	_, err := fmt.Fprintf(w, `commands         %d at %d a second offered, %.0f a second durable
groups           %d, %.0f commands each
check            %s
latency          p50 %.3f ms, p99 %.3f ms, p99.9 %.3f ms, max %.3f ms, from due to durable and applied
`, r.Commands, r.Offered, r.Rate, r.Groups, float64(r.Commands)/float64(max(r.Groups, 1)), r.Hash,
		ms(r.Latency.P50), ms(r.Latency.P99), ms(r.Latency.P999), ms(r.Latency.Max))
	return err
}

// benchSegment is large, because a second of a busy market fills it.
const benchSegment = 4 * journal.DefaultSegment

// counted is a log that counts its groups.
type counted struct {
	*journal.File
	groups int
}

func (c *counted) Append(commands []matching.Command) error {
	c.groups++
	return c.File.Append(commands)
}

// engineMachine is an engine without names behind a journal.
type engineMachine struct{ *matching.Engine }

// Restore implements journal.Machine; there is nothing to restore.
func (engineMachine) Restore([]byte) error { return errors.New("a benchmark has no snapshots") }

func benchDurable(ctx context.Context, t tape.Tape, file, dir string, rate int) (r durableResult, err error) {
	if dir, err = os.MkdirTemp(dir, "commonwatt-bench-"); err != nil {
		return r, usage.Mark(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	engine, err := matching.New(tape.Rules(t.MaxTick))
	if err != nil {
		return r, usage.Mark(err)
	}
	log, _, err := journal.Open(dir, benchSegment, engineMachine{engine})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()

	ctx, cancel := context.WithCancel(ctx)
	c := &counted{File: log}
	s := journal.NewSequencer(c, engineMachine{engine}, 0, nil)
	var run sync.WaitGroup
	run.Go(func() { _ = s.Run(ctx) }) // its error reaches those who wait
	defer run.Wait()
	defer cancel()

	var check tape.Check
	prefill := tape.Setup(t.Products)
	for i := range t.Records[:t.Prefill] {
		prefill = append(prefill, matching.Command{})
		t.Records[i].Command(&prefill[len(prefill)-1])
	}
	see := func(_ *matching.Command, events []matching.Event) { check.See(events) }
	if err := s.Do(&journal.Batch{Prepare: func() []matching.Command { return prefill }, See: see}); err != nil {
		return r, err
	}
	c.groups = 0
	start := time.Now().Add(time.Second) // the generator reads the tape meanwhile
	took := make([]int64, 0, len(t.Records))
	took, err = play(ctx, s, file, rate, start, see, took)
	if err != nil {
		return r, err
	}
	elapsed := time.Since(start)
	slices.Sort(took)
	at := func(perMille int) int64 { return took[(len(took)-1)*perMille/1000] }
	r = durableResult{Commands: len(took), Offered: rate, Rate: float64(len(took)) / elapsed.Seconds(), Groups: c.groups, Hash: fmt.Sprintf("%016x", check.Hash)}
	if len(took) > 0 {
		r.Latency = latencyNumbers{P50: at(500), P99: at(990), P999: at(999), Max: took[len(took)-1]}
	}
	return r, nil
}

// play starts the generator and hands in what it sends; it returns how long
// each command took from when it was due.
func play(ctx context.Context, s *journal.Sequencer, file string, rate int, start time.Time, see func(*matching.Command, []matching.Event), took []int64) ([]int64, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	generator := exec.CommandContext(ctx, self, "bench", "feed", file, strconv.Itoa(rate), strconv.FormatInt(start.UnixNano(), 10)) //nolint:gosec // ourselves
	generator.Stderr = os.Stderr
	pipe, err := generator.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := generator.Start(); err != nil {
		return nil, err
	}
	var handed []<-chan error
	var spare spares
	b, have := make([]byte, 64<<10), 0
	for at := 0; ; {
		n, err := pipe.Read(b[have:])
		have += n
		whole := have / tape.RecordSize
		if whole > 0 {
			first, batch := at, spare.get(whole)
			for i := range batch {
				r := tape.DecodeRecord(b[i*tape.RecordSize:])
				r.Command(&batch[i])
			}
			at += whole
			have = copy(b, b[whole*tape.RecordSize:have])
			left := whole
			handed = append(handed, s.Start(&journal.Batch{Prepare: func() []matching.Command { return batch }, See: func(c *matching.Command, events []matching.Event) {
				see(c, events)
				if left--; left == 0 { // one clock reading a batch: its last command's counts for all
					now := int64(time.Since(start))
					for i := range whole {
						took = append(took, now-int64(first+i)*int64(time.Second)/int64(rate))
					}
					spare.put(batch)
				}
			}}))
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.Join(err, generator.Wait())
		}
	}
	for _, h := range handed {
		if err := <-h; err != nil {
			return nil, errors.Join(err, generator.Wait())
		}
	}
	return took, generator.Wait()
}

// spares keeps batches that were used.
type spares struct {
	mu   sync.Mutex
	kept [][]matching.Command
}

func (s *spares) get(n int) []matching.Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := len(s.kept) - 1; last >= 0 && cap(s.kept[last]) >= n {
		b := s.kept[last][:n]
		s.kept = s.kept[:last]
		return b
	}
	return make([]matching.Command, n, max(n, 4096))
}

func (s *spares) put(b []matching.Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, b)
}
