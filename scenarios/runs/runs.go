// Package runs keeps replays that somebody has asked for: it queues them, carries them out one
// after the other, and keeps what came of them.
//
// A run is a process of its own, this program's replay at the lowest priority and with bounds
// on processors and memory, so that a community that runs beside it does not notice. What it
// reads and writes is in a folder of its own. A run that a stop interrupts says so, and is not
// begun again by itself; those that wait are.
//
// Who opens a Manager runs it (Run) until its context ends, which ends the run that is being
// carried out as well.
package runs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/scenarios"
)

// State is how far a run has come.
type State string

// The states of a run. The last four are final.
const (
	Waiting     State = "waiting"
	Running     State = "running"
	Done        State = "done"
	Failed      State = "failed"
	Cancelled   State = "cancelled"
	Interrupted State = "interrupted" // the program was stopped meanwhile
)

// Asked is what somebody wants to have replayed.
type Asked struct {
	Scenario  string  `json:"scenario"`            // of the library, by name
	Seed      *uint64 `json:"seed,omitempty"`      // nil: the scenario's
	Mechanism string  `json:"mechanism,omitempty"` // empty: the scenario's
	Sharing   string  `json:"sharing,omitempty"`   // market, or a pack of rules; empty: the scenario's
}

// price is what energy costs that a pack of rules allocates: half of what lies between the
// tariff's prices.
func (a Asked) price() string {
	if a.Sharing == "" || a.Sharing == Market {
		return ""
	}
	return "midpoint"
}

// Market is the sharing of a community that has no allocation key.
const Market = config.ByMarket

// Run is a replay that was asked for.
type Run struct {
	ID string `json:"id"`
	Asked

	State    State     `json:"state"`
	Progress int       `json:"progress"` // percent
	Queued   time.Time `json:"queued"`
	Started  time.Time `json:"started,omitzero"`
	Ended    time.Time `json:"ended,omitzero"`
	Problem  string    `json:"problem,omitempty"` // why it failed
	Version  string    `json:"version"`           // of the program
	Bytes    int64     `json:"bytes,omitempty"`   // of its results
}

// Options are what a Manager works by.
type Options struct {
	Dir     string // where the runs are kept
	Program string // that replays
	Version string // of it
	Library []scenarios.Offered
	Most    int   // runs that are kept
	Bytes   int64 // that their results may take up before no more are begun
	Memory  int64 // bytes that a run may use
	Room    func() error
	Clock   func() time.Time
	Log     *slog.Logger
}

// The bounds unless somebody says otherwise.
const (
	DefaultMost   = 50
	DefaultBytes  = 2 << 30
	DefaultMemory = 1 << 30
)

// Manager keeps the runs. It is safe for concurrent use.
type Manager struct {
	Options

	wake chan struct{}

	mu     sync.Mutex // guards what follows
	all    map[string]*Run
	cancel context.CancelFunc // of the run that is carried out; nil: none is
}

// ScenarioFile is in a run's folder what was replayed.
const ScenarioFile = "scenario.yaml"

const (
	runFile      = "run.json"
	resultFolder = "result"
)

// Open opens the runs of a folder.
func Open(o Options) (*Manager, error) {
	m := &Manager{Options: o, wake: make(chan struct{}, 1), all: map[string]*Run{}}
	m.Most, m.Bytes, m.Memory = cmp.Or(m.Most, DefaultMost), cmp.Or(m.Bytes, DefaultBytes), cmp.Or(m.Memory, DefaultMemory)
	if err := disk.MakeFolder(o.Dir); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(o.Dir, "*", runFile))
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		r := &Run{}
		text, err := os.ReadFile(path) //nolint:gosec // our own
		if err == nil {
			err = json.Unmarshal(text, r)
		}
		if err != nil || r.ID != filepath.Base(filepath.Dir(path)) {
			o.Log.Warn("a run of a replay cannot be read, and is left out", slog.String("file", path))
			continue
		}
		m.all[r.ID] = r
		if r.State == Running {
			r.State, r.Ended, r.Problem = Interrupted, o.Clock(), "the program was stopped while it ran: start it again"
			if err := m.keep(*r); err != nil {
				return nil, err
			}
		}
	}
	m.call()
	return m, nil
}

// RefusedError says why something cannot be done, and what to do.
type RefusedError struct {
	Text    string
	missing bool
	full    bool
}

func (e *RefusedError) Error() string { return e.Text }

// Refused tells whether what was asked for is not there, or stands against what there is.
func (e *RefusedError) Refused() (missing, conflict bool) { return e.missing, e.full }

func wrong(format string, args ...any) error {
	return &RefusedError{Text: fmt.Sprintf(format, args...)}
}

// missing is the error of a run that there is not.
func missing(id string) error {
	return &RefusedError{Text: fmt.Sprintf("there is no run %q: it may have been removed", id), missing: true}
}

func (m *Manager) folder(id string) string { return filepath.Join(m.Dir, id) }

// keep writes a run down.
func (m *Manager) keep(r Run) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return disk.Replace(filepath.Join(m.folder(r.ID), runFile), append(text, '\n'), disk.Private)
}

// call has the worker look what waits.
func (m *Manager) call() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// List returns all runs, the newest first.
func (m *Manager) List() (all []Run) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.all {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b Run) int { return cmp.Or(b.Queued.Compare(a.Queued), cmp.Compare(b.ID, a.ID)) })
	return all
}

// Get returns a run.
func (m *Manager) Get(id string) (Run, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.all[id]
	if r == nil {
		return Run{}, missing(id)
	}
	return *r, nil
}

// Result returns a run that is done, and the folder with its results.
func (m *Manager) Result(id string) (Run, string, error) {
	r, err := m.Get(id)
	if err == nil && r.State != Done {
		err = &RefusedError{Text: fmt.Sprintf("run %s has no results: it is %s", id, r.State), full: true}
	}
	return r, filepath.Join(m.folder(id), resultFolder), err
}

// Used returns how many bytes the results of all runs take up.
func (m *Manager) Used() (bytes int64) {
	for _, r := range m.List() {
		bytes += r.Bytes
	}
	return bytes
}

// Start queues a replay. What can be known to be wrong with it is refused at once.
func (m *Manager) Start(a Asked) (Run, error) {
	text, err := m.check(a)
	if err != nil {
		return Run{}, err
	}
	if m.Program == "" {
		return Run{}, wrong("this process cannot start replays: use commonwatt replay")
	}
	if m.Room != nil {
		if err := m.Room(); err != nil {
			return Run{}, &RefusedError{Text: err.Error(), full: true}
		}
	}
	if used := m.Used(); used > m.Bytes {
		return Run{}, &RefusedError{Text: fmt.Sprintf("the results of the runs take up %d MB of the %d MB that they may: remove some that nobody needs any more", used>>20, m.Bytes>>20), full: true} //nolint:mnd // a MB
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.all) >= m.Most {
		return Run{}, &RefusedError{Text: fmt.Sprintf("there are %d runs, and no more are kept: remove some that nobody needs any more", len(m.all)), full: true}
	}
	now := m.Clock().UTC()
	r := &Run{Asked: a, State: Waiting, Queued: now, Version: m.Version}
	for k := 0; r.ID == "" || m.all[r.ID] != nil; k++ {
		r.ID = now.Format("20060102-150405") + fmt.Sprintf("-%d", k)
	}
	if err := disk.MakeFolder(m.folder(r.ID)); err != nil {
		return Run{}, err
	}
	if err := disk.Replace(filepath.Join(m.folder(r.ID), ScenarioFile), text, disk.Private); err != nil {
		return Run{}, err
	}
	if err := m.keep(*r); err != nil {
		return Run{}, err
	}
	m.all[r.ID] = r
	m.call()
	return *r, nil
}

// check returns the text of the scenario that is asked for.
func (m *Manager) check(a Asked) ([]byte, error) {
	for _, one := range m.Library {
		if one.Name != a.Scenario {
			continue
		}
		s, err := scenarios.Parse(one.Text)
		if err != nil {
			return nil, err
		}
		s.Mechanism = cmp.Or(a.Mechanism, s.Mechanism)
		if a.Sharing != "" {
			key, err := config.NewKeyText(a.Sharing, nil, a.price())
			if err != nil {
				return nil, wrong("sharing %s: %v", a.Sharing, err)
			}
			s.Share(key)
		}
		if err := s.Validate(); err != nil {
			return nil, wrong("%v", err)
		}
		return one.Text, nil
	}
	return nil, wrong("there is no scenario %q: GET /api/v1/scenarios lists them", a.Scenario)
}

// End cancels a run that waits or is carried out, and removes one that is over.
func (m *Manager) End(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.all[id]
	switch {
	case r == nil:
		return missing(id)
	case r.State == Running:
		m.cancel()
		return nil
	case r.State == Waiting:
		r.State, r.Ended = Cancelled, m.Clock().UTC()
		return m.keep(*r)
	}
	if err := os.RemoveAll(m.folder(id)); err != nil {
		return err
	}
	delete(m.all, id)
	return nil
}

// Run carries out what waits, one after the other, until ctx ends.
func (m *Manager) Run(ctx context.Context) error {
	for {
		for ctx.Err() == nil {
			r, own, more := m.next(ctx)
			if !more {
				break
			}
			err := m.replay(own, r)
			if err := m.end(ctx, r.ID, own.Err() != nil, err); err != nil {
				m.Log.ErrorContext(ctx, "a run of a replay", slog.String("error", err.Error()))
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-m.wake:
		}
	}
}

// next begins the run that has waited longest. The context is that of the run alone.
func (m *Manager) next(ctx context.Context) (r Run, own context.Context, more bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var first *Run
	for _, r := range m.all {
		if r.State == Waiting && (first == nil || r.ID < first.ID) {
			first = r
		}
	}
	if first == nil {
		return r, nil, false
	}
	first.State, first.Started = Running, m.Clock().UTC()
	if err := m.keep(*first); err != nil { // it runs all the same: the next start takes it for one that waits
		m.Log.ErrorContext(ctx, "a run of a replay", slog.String("error", err.Error()))
	}
	own, m.cancel = context.WithCancel(ctx)
	return *first, own, true
}

// end notes how a run ended.
func (m *Manager) end(ctx context.Context, id string, stopped bool, err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cancel()
	m.cancel = nil
	r := m.all[id]
	r.Ended = m.Clock().UTC()
	switch {
	case ctx.Err() != nil:
		r.State, r.Problem = Interrupted, "the program was stopped while it ran: start it again"
	case stopped:
		r.State = Cancelled
	case err != nil:
		r.State, r.Problem = Failed, err.Error()
	default:
		r.State, r.Progress = Done, 100
		r.Bytes, err = size(m.folder(id))
	}
	if r.State != Done {
		err = os.RemoveAll(filepath.Join(m.folder(id), resultFolder)) // of half a replay there is nothing to learn
	}
	return errors.Join(err, m.keep(*r))
}

// progressed notes how far a run has come. That is not kept: it is gone with the process.
func (m *Manager) progressed(id string, percent int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.all[id]; r != nil {
		r.Progress = percent
	}
}

func size(folder string) (bytes int64, err error) {
	err = filepath.WalkDir(folder, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	return bytes, err
}
