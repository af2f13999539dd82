package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/commonwatt/commonwatt/disk"
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
// the next one collects: the busier the market, the larger the groups, and a
// lone command does not wait. A group is durable before it is applied, and
// applied before anyone hears of it.
type Sequencer struct {
	log     Log
	machine Machine
	// snapshot returns the state when it is worth saving, else nil.
	snapshot func(commands uint64) ([]byte, error)
	done     uint64 // commands since the last snapshot

	mu      sync.Mutex
	waiting []*Batch
	stopped error // why nothing is taken any more
	wake    chan struct{}
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
// is in the log, done commands of it since the last snapshot. snapshot may be
// nil.
func NewSequencer(log Log, m Machine, done uint64, snapshot func(commands uint64) ([]byte, error)) *Sequencer {
	return &Sequencer{log: log, machine: m, done: done, snapshot: snapshot, wake: make(chan struct{}, 1)}
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
	var batches []*Batch
	var group []matching.Command
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		}
		for {
			batches, group = s.collect(batches[:0], group[:0])
			if len(batches) == 0 {
				break
			}
			err := s.log.Append(group)
			if err == nil {
				s.apply(batches)
				err = s.save()
			}
			for _, b := range batches {
				b.finished <- err
			}
			if err != nil && !disk.IsFull(err) { // of a group for which there was no room nothing is written
				return err
			}
		}
	}
}

// collect takes waiting batches in order and prepares them, until the group is
// large enough.
func (s *Sequencer) collect(batches []*Batch, group []matching.Command) ([]*Batch, []matching.Command) {
	s.mu.Lock()
	waiting := s.waiting
	s.mu.Unlock()
	for _, b := range waiting {
		if len(group) >= mostGroup {
			break
		}
		b.commands = b.Prepare()
		group = append(group, b.commands...)
		batches = append(batches, b)
	}
	s.mu.Lock()
	s.waiting = append(s.waiting[:0:0], s.waiting[len(batches):]...)
	s.mu.Unlock()
	return batches, group
}

func (s *Sequencer) apply(batches []*Batch) {
	for _, b := range batches {
		for i := range b.commands {
			events := s.machine.Apply(&b.commands[i])
			if b.See != nil {
				b.See(&b.commands[i], events)
			}
		}
		s.done += uint64(len(b.commands))
	}
}

func (s *Sequencer) save() error {
	log, able := s.log.(Snapshotter)
	if s.snapshot == nil || !able {
		return nil
	}
	state, err := s.snapshot(s.done)
	if err != nil || state == nil {
		return err
	}
	err = log.Snapshot(state)
	if disk.IsFull(err) {
		return nil // the next one will do: the log has all
	}
	if err != nil {
		return fmt.Errorf("snapshot of the market: %w", err)
	}
	s.done = 0
	return nil
}
