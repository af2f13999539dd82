package journal_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
)

// memory is a log that remembers its groups; it can be made to wait or fail.
type memory struct {
	groups [][]matching.Command
	gate   chan struct{} // nil: open
	fail   error
}

func (l *memory) Append(group []matching.Command) error {
	if l.gate != nil {
		<-l.gate
	}
	l.groups = append(l.groups, append([]matching.Command(nil), group...))
	return l.fail
}

// TestGroupsGrowWhileTheLogIsBusy hands in commands while the first is being
// written: they all share the next group, each is answered after it was
// applied, and a command that comes late is refused.
func TestGroupsGrowWhileTheLogIsBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, m := &memory{gate: make(chan struct{})}, &machine{}
		s := journal.NewSequencer(log, m, 0, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var run, callers sync.WaitGroup
		run.Go(func() {
			if err := s.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		do := func(n uint64) {
			seen := false
			err := s.Do(&journal.Batch{
				Prepare: func() []matching.Command { return []matching.Command{command(n)} },
				See:     func(c *matching.Command, events []matching.Event) { seen = c.Order == n && events[0].Order == n },
			})
			if err != nil || !seen {
				t.Errorf("command %d: %v, seen %t", n, err, seen)
			}
		}
		callers.Go(func() { do(0) })
		synctest.Wait() // the log has the first
		for n := range uint64(50) {
			callers.Go(func() { do(n + 1) })
		}
		synctest.Wait()
		if len(m.orders) != 0 {
			t.Error("a command was applied before it was durable")
		}
		log.gate <- struct{}{}
		log.gate <- struct{}{}
		callers.Wait()
		if len(log.groups) != 2 || len(log.groups[0]) != 1 || len(log.groups[1]) != 50 || len(m.orders) != 51 {
			t.Errorf("%d groups, %d orders", len(log.groups), len(m.orders))
		}
		cancel()
		run.Wait()
		if err := s.Do(&journal.Batch{Prepare: func() []matching.Command { return nil }}); !errors.Is(err, journal.ErrStopped) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestAFailedLogStopsTheMarket(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	m := &machine{}
	s := journal.NewSequencer(&memory{fail: full}, m, 0, nil)
	var run sync.WaitGroup
	run.Go(func() {
		if err := s.Run(t.Context()); !errors.Is(err, full) {
			t.Errorf("ended with %v", err)
		}
	})
	for range 2 {
		err := s.Do(&journal.Batch{Prepare: func() []matching.Command { return []matching.Command{command(1)} }})
		if !errors.Is(err, full) {
			t.Errorf("answered %v", err)
		}
	}
	run.Wait()
	if len(m.orders) != 0 {
		t.Error("a command that is not durable was applied")
	}
}

const child = "COMMONWATT_TEST_SEQUENCER"

// TestMain lets the test binary be the process that TestKill kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv(child); dir != "" {
		fmt.Fprintln(os.Stderr, work(dir, os.Stdout))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// work hands in commands from several goroutines, for ever, and writes the
// number of each that was acknowledged. Numbers begin after those in the log.
func work(dir string, out io.Writer) error {
	m := &machine{}
	f, _, err := journal.Open(dir, testSegment, m)
	if err != nil {
		return err
	}
	next := uint64(len(m.orders))
	s := journal.NewSequencer(f, m, 0, func(commands uint64) ([]byte, error) {
		if commands < 500 {
			return nil, nil
		}
		return m.state(), nil
	})
	var mu sync.Mutex
	for range 8 {
		go func() {
			for {
				var mine uint64
				err := s.Do(&journal.Batch{Prepare: func() []matching.Command {
					mine = next
					next++
					return []matching.Command{command(mine)}
				}})
				if err != nil {
					return
				}
				mu.Lock()
				_, _ = fmt.Fprintln(out, mine)
				mu.Unlock()
			}
		}()
	}
	return s.Run(context.Background())
}

// TestKill kills a process that acknowledges commands, at a random moment, over
// and over: every acknowledged command is in the log once, in order.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 1))
	acknowledged := -1
	for range 12 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), child+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for left := 300 + r.IntN(1500); lines.Scan(); left-- {
			n, err := strconv.Atoi(strings.TrimSpace(lines.Text()))
			if err != nil {
				t.Fatal(err)
			}
			acknowledged = max(acknowledged, n)
			if left == 0 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // killed
		f, m, _ := open(t, dir)
		if n := counts(t, m); n <= acknowledged {
			t.Fatalf("%d was acknowledged, %d are there", acknowledged, n)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	snapshots, err := os.ReadDir(dir)
	if err != nil || len(snapshots) < 4 {
		t.Errorf("%d files after %d commands, %v: no snapshot was taken under load", len(snapshots), acknowledged, err)
	}
}
