// Package stages runs the parts of a process that end one after the other: each is a
// goroutine that is told to stop, and waited for, before the one that was started before it.
package stages

import (
	"context"
	"slices"
)

// Stages are goroutines that end when they are told to, in the reverse order of their
// start. The failure of one ends the program.
type Stages struct {
	ctx    context.Context //nolint:containedctx // of all of them: it outlives the one that asks to stop
	failed chan error      // the first failure
	stops  []func()
}

// New returns no stages yet. Their contexts have the values of ctx, and do not end with it.
func New(ctx context.Context) *Stages {
	return &Stages{ctx: context.WithoutCancel(ctx), failed: make(chan error, 1)}
}

// Start begins a stage, which ends when its context does.
func (s *Stages) Start(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(s.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := run(ctx); err != nil {
			select {
			case s.failed <- err:
			default:
			}
		}
	}()
	s.stops = append(s.stops, func() {
		cancel()
		<-done
	})
}

// Then has something done between the end of the stage that is started next and that of
// the one before.
func (s *Stages) Then(do func()) { s.stops = append(s.stops, do) }

// Stop ends all.
func (s *Stages) Stop() {
	for _, stop := range slices.Backward(s.stops) {
		stop()
	}
	s.stops = nil
}

// Failed gets the first failure of a stage.
func (s *Stages) Failed() <-chan error { return s.failed }
