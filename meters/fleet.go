package meters

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
)

// Batch is what a home's devices said in about one period.
type Batch struct {
	Member   string         `json:"member"`
	Readings []grid.Reading `json:"readings"` // by time, then device
}

// Sink takes batches. It returns when the batch is durable; the id is the same
// when a batch is sent again.
type Sink interface {
	PublishBatch(ctx context.Context, id string, b Batch) error
}

// Memory tells the last good registers of a device before a restart, nil if
// none.
type Memory interface {
	Totals(ctx context.Context, device string) (*grid.Reading, error)
}

// Fleet polls many devices and publishes their readings in batches, each of one
// home.
type Fleet struct {
	Clock func() time.Time // world time
	Sink  Sink
	Log   *slog.Logger
	Every time.Duration             // between polls of a device, wall time; 0: Period
	Heard func(r grid.Reading)      // told of every reading at once, before it is durable, from many goroutines; may be nil
	Seen  func(due, done time.Time) // told of every poll that succeeded, wall time, from many goroutines; may be nil
	// Together is for how long readings wait for more of their home, wall time; 0: half
	// a Period.
	Together time.Duration
	// Shared returns a connection to an endpoint that somebody else keeps open, nil
	// when there is none; may be nil.
	Shared func(modbus.Endpoint) *modbus.Conn

	waiting waiting // has a lock of its own, which is never held together with mu

	mu      sync.Mutex // guards what follows
	lines   lines
	ctx     context.Context               //nolint:containedctx // of Run, under which pollers that are added later run; nil: not running
	running map[string]context.CancelFunc // pollers by device
	pollers sync.WaitGroup
}

// Run polls the targets until ctx ends, then publishes what is left. Devices
// behind one endpoint share a connection.
func (f *Fleet) Run(ctx context.Context, targets []Target, memory Memory) error {
	polling, cancel := context.WithCancel(ctx)
	f.waiting.begin()
	f.mu.Lock()
	f.lines = lines{shared: f.Shared, conns: map[modbus.Endpoint]*modbus.Conn{}}
	f.ctx, f.running = polling, map[string]context.CancelFunc{}
	f.lines.connect(targets)
	f.mu.Unlock()
	defer f.stop(ctx, cancel)
	for _, t := range targets {
		last, err := memory.Totals(ctx, t.ID)
		if err != nil {
			return fmt.Errorf("last registers of %s: %w", t.ID, err)
		}
		f.Add(t, last)
	}
	f.publishUntil(ctx)
	return nil
}

// Add polls one more device while Run runs, in place of the one with its id if
// there is one; last are its last good registers, nil if none. It does nothing
// when Run does not run.
func (f *Fleet) Add(t Target, last *grid.Reading) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx == nil {
		return
	}
	if f.lines.conns[t.Endpoint] == nil {
		f.lines.connect([]Target{t})
	}
	p := newPoller(t, f.lines.conns[t.Endpoint], cmp.Or(f.Every, Period), f.Clock, last, func(polled ...grid.Reading) { f.add(t.Member, polled...) }, f.Log)
	p.seen = f.Seen
	if end := f.running[t.ID]; end != nil {
		end()
	}
	ctx, end := context.WithCancel(f.ctx) //nolint:gosec // Run ends with its own context, and all pollers with it
	f.running[t.ID] = end
	f.pollers.Go(func() { p.run(ctx) })
}

// Remove polls a device no more; what was read of it is published. It does nothing when Run does not
// run, or the device is not known.
func (f *Fleet) Remove(device string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if end := f.running[device]; end != nil {
		end()
		delete(f.running, device)
	}
}

// Conn returns the connection to an endpoint that Run reads, nil when there is
// none: what is written goes the same way as what is read.
func (f *Fleet) Conn(e modbus.Endpoint) *modbus.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx == nil {
		return nil
	}
	return f.lines.conns[e]
}

func (f *Fleet) stop(ctx context.Context, cancel context.CancelFunc) {
	cancel()
	f.mu.Lock()
	own := f.lines.own
	f.ctx, f.lines.own = nil, nil
	f.mu.Unlock()
	for _, c := range own {
		c.Close()
	}
	f.pollers.Wait()
	f.publish(context.WithoutCancel(ctx))
}

// add takes the readings of one poll, which are published with others of their home. The
// last one is that of now, and told at once.
func (f *Fleet) add(member string, polled ...grid.Reading) {
	if f.Heard != nil {
		f.Heard(polled[len(polled)-1])
	}
	f.waiting.add(member, polled...)
}

func (f *Fleet) publishUntil(ctx context.Context) {
	ticker := time.NewTicker(cmp.Or(f.Together, Period/2))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f.publish(ctx)
		}
	}
}

// publish sends what has come in. What cannot be sent is kept for the next
// time.
func (f *Fleet) publish(ctx context.Context) {
	batches := f.waiting.take()
	for _, member := range slices.Sorted(maps.Keys(batches)) {
		readings := batches[member]
		slices.SortStableFunc(readings, func(a, b grid.Reading) int {
			if c := a.Time.Compare(b.Time); c != 0 {
				return c
			}
			return strings.Compare(a.Device, b.Device)
		})
		for len(readings) > 0 {
			n := min(len(readings), mostInBatch)
			if err := f.send(ctx, member, readings[:n]); err != nil {
				if f.waiting.stall(true) {
					f.Log.WarnContext(ctx, "readings wait in memory for the bus", slog.String("error", err.Error()))
				}
				if lost := f.waiting.putBack(member, readings); lost > 0 {
					f.Log.ErrorContext(ctx, "readings lost: they cannot be stored", slog.String("member", member), slog.Int("readings", lost))
				}
				break
			}
			if f.waiting.stall(false) {
				f.Log.InfoContext(ctx, "readings go to the bus again")
			}
			readings = readings[n:]
		}
	}
}

// mostInBatch keeps a batch well below the size of a message on the bus.
const mostInBatch = 500

func (f *Fleet) send(ctx context.Context, member string, readings []grid.Reading) error {
	first := readings[0]
	id := fmt.Sprintf("%s@%d#%d", first.Device, first.Time.UnixMilli(), len(readings))
	return f.Sink.PublishBatch(ctx, id, Batch{Member: member, Readings: readings})
}
