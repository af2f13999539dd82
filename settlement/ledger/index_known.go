package ledger

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// accountNumbers are what accounts are in the index, by name.
type accountNumbers map[string]int64

// restore reads the numbers anew.
func (a accountNumbers) restore(ctx context.Context, from reader) error {
	clear(a)
	found, err := from.QueryContext(ctx, `SELECT account, n FROM accounts`)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		var name string
		var n int64
		if err := found.Scan(&name, &n); err != nil {
			return err
		}
		a[name] = n
	}
	return found.Err()
}

// of returns an account's number, which it gets at first.
func (a accountNumbers) of(ctx context.Context, w indexWriter, name string) (int64, error) {
	if n, known := a[name]; known {
		return n, nil
	}
	n := int64(len(a))
	a[name] = n
	return n, w.accounts.Add(ctx, n, name)
}

// closedRuns are the runs that are known to be closed. They have a lock of their own: who
// asks for them does not wait for the chain.
type closedRuns struct {
	mu   sync.RWMutex
	runs map[string]bool
	days map[string]bool // intervals with a closed run
}

// close notes runs, by name, each with its interval.
func (c *closedRuns) close(runs map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for run, interval := range runs {
		c.runs[run], c.days[interval] = true, true
	}
}

// Closed returns how many intervals and runs are closed.
func (c *closedRuns) Closed() (intervals, runs int64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return int64(len(c.days)), int64(len(c.runs))
}

// Latest returns the latest interval with a closed run, empty when there is none.
func (c *closedRuns) Latest() (interval string) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for one := range c.days {
		interval = max(interval, one) // which begin with their time
	}
	return interval
}

// ClosedRun is a settlement run of an interval.
type ClosedRun struct {
	Interval string
	Run      int
}

// Runs returns the runs that are known to be closed, by interval and number.
func (c *closedRuns) Runs() (all []ClosedRun) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for name := range c.runs {
		_, rest, _ := strings.Cut(name, "/") // the community
		at := strings.LastIndex(rest, "/")
		run, err := strconv.Atoi(rest[at+1:])
		if at < 0 || err != nil {
			continue // no run has such a name
		}
		all = append(all, ClosedRun{rest[:at], run})
	}
	slices.SortFunc(all, func(a, b ClosedRun) int {
		return cmp.Or(cmp.Compare(a.Interval, b.Interval), cmp.Compare(a.Run, b.Run))
	})
	return all
}

// IsClosed tells whether a run, named community/interval/run, is closed.
func (c *closedRuns) IsClosed(run string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.runs[run]
}
