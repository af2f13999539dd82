package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
	"github.com/commonwatt/commonwatt/matching/tape"
	"github.com/commonwatt/commonwatt/usage"
)

// DurableOptions say what Durable plays, and how fast.
type DurableOptions struct {
	Tape tape.Tape
	File string // from which Tape was read: the generator reads it again
	Dir  string // on the disk to measure
	Rate int    // commands a second
}

// DurableResult is what Durable measures. A command's latency is from when it was due
// until it was durable and applied.
type DurableResult struct {
	Commands int     `json:"commands"`
	Rate     float64 `json:"commands_per_s"` // durable, over all
	Offered  int     `json:"offered_per_s"`
	Groups   int     `json:"groups"`
	Hash     string  `json:"hash"` // over every trade, see tape.Check
	Latency  Latency `json:"latency_ns"`
}

// Print writes the result for people.
func (r DurableResult) Print(w io.Writer) error {
	ms := func(ns int64) float64 { return float64(ns) / 1e6 }
	_, err := fmt.Fprintf(w, `commands         %d at %d a second offered, %.0f a second durable
groups           %d, %.0f commands each
check            %s
latency          p50 %.3f ms, p99 %.3f ms, p99.9 %.3f ms, max %.3f ms, from due to durable and applied
`, r.Commands, r.Offered, r.Rate, r.Groups, float64(r.Commands)/float64(max(r.Groups, 1)), r.Hash,
		ms(r.Latency.P50), ms(r.Latency.P99), ms(r.Latency.P999), ms(r.Latency.Max))
	return err
}

// segment is large, because a second of a busy market fills it.
const segment = 4 * journal.DefaultSegment

// counted is a log that counts its groups.
type counted struct {
	*journal.File

	groups int
}

func (c *counted) Append(commands []matching.Command) error {
	c.groups++
	return c.File.Append(commands)
}

// machine is an engine without names behind a journal.
type machine struct{ *matching.Engine }

// Restore implements journal.Machine; there is nothing to restore.
func (machine) Restore([]byte) error { return errors.New("a benchmark has no snapshots") }

// Durable plays the tape through journal and engine in open loop: a process of its own
// sends each command when it is due, whatever the market does. The journal is written to
// a new directory, which is removed.
func Durable(ctx context.Context, o DurableOptions) (r DurableResult, err error) {
	dir, err := os.MkdirTemp(o.Dir, "commonwatt-bench-")
	if err != nil {
		return r, usage.Mark(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	engine, err := matching.New(tape.Rules(o.Tape.MaxTick))
	if err != nil {
		return r, usage.Mark(err)
	}
	file, _, err := journal.Open(dir, segment, machine{engine})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()

	ctx, cancel := context.WithCancel(ctx)
	log := &counted{File: file}
	d := &durableRun{sequencer: journal.NewSequencer(log, machine{engine}, 0, nil), rate: o.Rate, took: make([]int64, 0, len(o.Tape.Records))}
	var run sync.WaitGroup
	run.Go(func() { _ = d.sequencer.Run(ctx) }) // its error reaches those who wait
	defer run.Wait()
	defer cancel()

	if err := d.fill(o.Tape); err != nil {
		return r, err
	}
	log.groups = 0
	d.start = time.Now().Add(time.Second) // the generator reads the tape meanwhile
	if err := d.play(ctx, o.File); err != nil {
		return r, err
	}
	elapsed := time.Since(d.start)
	return DurableResult{
		Commands: len(d.took), Offered: o.Rate, Rate: float64(len(d.took)) / elapsed.Seconds(), Groups: log.groups,
		Hash: hash(d.check), Latency: latencyOf(d.took),
	}, nil
}

// durableRun plays one tape. The sequencer's goroutine owns check and took until all that
// was handed in is done.
type durableRun struct {
	sequencer *journal.Sequencer
	rate      int
	start     time.Time // when the first command is due
	handed    []<-chan error
	spare     spares
	check     tape.Check
	took      []int64 // ns from when a command was due
}

func (d *durableRun) see(_ *matching.Command, events []matching.Event) { d.check.See(events) }

// fill opens the products and fills the book.
func (d *durableRun) fill(t tape.Tape) error {
	prefill := tape.Setup(t.Products)
	for i := range t.Records[:t.Prefill] {
		prefill = append(prefill, matching.Command{})
		t.Records[i].Command(&prefill[len(prefill)-1])
	}
	return d.sequencer.Do(&journal.Batch{Prepare: func() []matching.Command { return prefill }, See: d.see})
}

// play starts the generator, hands in what it sends, and waits for all of it.
func (d *durableRun) play(ctx context.Context, file string) error {
	generator, err := again(ctx, feedArgs(file, d.rate, d.start))
	if err != nil {
		return err
	}
	pipe, err := generator.StdoutPipe()
	if err != nil {
		return err
	}
	if err := generator.Start(); err != nil {
		return err
	}
	if err := d.handIn(pipe); err != nil {
		return errors.Join(err, generator.Wait())
	}
	for _, h := range d.handed {
		if err := <-h; err != nil {
			return errors.Join(err, generator.Wait())
		}
	}
	return generator.Wait()
}

// handIn hands in what comes from the generator, whatever has come together as one batch.
func (d *durableRun) handIn(from io.Reader) error {
	b, have := make([]byte, 64<<10), 0
	for at := 0; ; {
		n, err := from.Read(b[have:])
		have += n
		if whole := have / tape.RecordSize; whole > 0 {
			batch := d.spare.get(whole)
			for i := range batch {
				r := tape.DecodeRecord(b[i*tape.RecordSize:])
				r.Command(&batch[i])
			}
			have = copy(b, b[whole*tape.RecordSize:have])
			d.handed = append(d.handed, d.sequencer.Start(d.batch(batch, at)))
			at += whole
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// batch times commands of which the first is the first-th of the tape.
func (d *durableRun) batch(commands []matching.Command, first int) *journal.Batch {
	left := len(commands)
	return &journal.Batch{Prepare: func() []matching.Command { return commands }, See: func(c *matching.Command, events []matching.Event) {
		d.see(c, events)
		if left--; left == 0 { // one clock reading a batch: its last command's counts for all
			now := int64(time.Since(d.start))
			for i := range commands {
				d.took = append(d.took, now-int64(first+i)*int64(time.Second)/int64(d.rate))
			}
			d.spare.put(commands)
		}
	}}
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
