package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/commonwatt/commonwatt/matching"
)

// Log makes groups of commands durable, in order.
type Log interface {
	Append(commands []matching.Command) error
}

// Snapshotter is a log that can be shortened for the next start.
type Snapshotter interface {
	Snapshot(state []byte) error
}

// ErrStopped is what a command gets that came too late.
var ErrStopped = errors.New("the market has stopped")

// Sequencer gives commands their order. While the log is busy with a group,
// the next one collects and the one before is applied: the busier the market,
// the larger the groups, and a lone command does not wait. A group is durable
// before it is applied, and applied before anyone hears of it.
type Sequencer struct {
	log     Log
	machine Machine
	keeper  Keeper
	done    uint64 // commands since the last snapshot

	mu      sync.Mutex
	waiting []*Batch
	stopped error // why nothing is taken any more
	wake    chan struct{}
}

// Keeper saves the machine's state.
type Keeper interface {
	// Due tells whether to, so many commands after the last time.
	Due(commands uint64) bool
	// State returns the state to save.
	State() ([]byte, error)
}

// Batch is commands that one caller hands in together. They stay together and
// in order.
type Batch struct {
	// Prepare returns the commands; it runs when it is their turn, after all
	// earlier ones were prepared, and may look at nothing else that they change.
	// Nil is none.
	Prepare func() []matching.Command
	// See is shown each command with its events, which it may not keep.
	See func(c *matching.Command, events []matching.Event)

	commands []matching.Command
	finished chan error
}

// NewSequencer returns a sequencer in front of a machine that has applied what
// is in the log, done commands of it since the last snapshot. The keeper is
// asked if the log is a Snapshotter; it may be nil.
func NewSequencer(log Log, m Machine, done uint64, keeper Keeper) *Sequencer {
	return &Sequencer{log: log, machine: m, done: done, keeper: keeper, wake: make(chan struct{}, 1)}
}

// Do hands in a batch and returns when all its commands were applied. An error
// means that it is unknown whether they became durable.
func (s *Sequencer) Do(b *Batch) error { return <-s.Start(b) }

// Start hands in a batch; the channel gets what Do returns.
func (s *Sequencer) Start(b *Batch) <-chan error {
	b.finished = make(chan error, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped != nil {
		b.finished <- s.stopped
		return b.finished
	}
	s.waiting = append(s.waiting, b)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return b.finished
}

// mostGroup is how many commands are made durable together, more or less, so
// that nobody waits long for others.
const mostGroup = 16 << 10

// Run works until the context ends or the log fails.
func (s *Sequencer) Run(ctx context.Context) error {
	err := s.run(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = ErrStopped
	if err != nil {
		s.stopped = err
	}
	for _, b := range s.waiting {
		b.finished <- s.stopped
	}
	s.waiting = nil
	return err
}

func (s *Sequencer) run(ctx context.Context) error {
	var now, next group
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		}
		if err := s.work(&now, &next); err != nil {
			return err
		}
	}
}

// group is batches that become durable together.
type group struct {
	batches  []*Batch
	commands []matching.Command
}

// work makes what is waiting durable and applies it, until nothing waits. The
// next group is written while one is applied, unless a snapshot falls between
// them.
func (s *Sequencer) work(now, next *group) error {
	s.collect(now)
	err := s.write(now)
	for err == nil && len(now.batches) > 0 {
		if s.due() {
			s.apply(now)
			err = s.save()
			now.finish(err)
			s.collect(now)
			if err == nil {
				err = s.write(now)
			}
			continue
		}
		s.collect(next)
		written := make(chan error, 1)
		go func() { written <- s.write(next) }()
		s.apply(now)
		now.finish(nil)
		err = <-written
		now, next = next, now
	}
	now.finish(err)
	return err
}

// write makes a group durable.
func (s *Sequencer) write(g *group) error {
	if len(g.batches) == 0 {
		return nil
	}
	return s.log.Append(g.commands)
}

// collect takes waiting batches in order and prepares them, until the group is
// large enough.
func (s *Sequencer) collect(g *group) {
	g.batches, g.commands = g.batches[:0], g.commands[:0]
	s.mu.Lock()
	waiting := s.waiting
	s.mu.Unlock()
	for _, b := range waiting {
		if len(g.commands) >= mostGroup {
			break
		}
		b.commands = b.Prepare()
		g.commands = append(g.commands, b.commands...)
		g.batches = append(g.batches, b)
	}
	s.mu.Lock()
	s.waiting = append(s.waiting[:0:0], s.waiting[len(g.batches):]...)
	s.mu.Unlock()
}

func (s *Sequencer) apply(g *group) {
	for _, b := range g.batches {
		for i := range b.commands {
			events := s.machine.Apply(&b.commands[i])
			if b.See != nil {
				b.See(&b.commands[i], events)
			}
		}
		s.done += uint64(len(b.commands))
	}
}

// finish tells those who handed them in what became of the batches.
func (g *group) finish(err error) {
	for _, b := range g.batches {
		b.finished <- err
	}
	g.batches = g.batches[:0]
}

// due tells whether a snapshot is.
func (s *Sequencer) due() bool {
	_, able := s.log.(Snapshotter)
	return able && s.keeper != nil && s.keeper.Due(s.done)
}

func (s *Sequencer) save() error {
	state, err := s.keeper.State()
	if err != nil {
		return err
	}
	s.done = 0
	if log, able := s.log.(Snapshotter); able {
		err = log.Snapshot(state)
	}
	if err != nil {
		return fmt.Errorf("snapshot of the market: %w", err)
	}
	return nil
}
