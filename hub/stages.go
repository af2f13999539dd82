package hub

import (
	"context"
	"slices"
	"time"
)

// stages are goroutines that end when they are told to, in the reverse order of their
// start. The failure of one ends the program.
type stages struct {
	ctx    context.Context //nolint:containedctx // of all of them: it outlives the one that asks to stop
	failed chan error      // the first failure
	stops  []func()
}

func newStages(ctx context.Context) *stages {
	return &stages{ctx: context.WithoutCancel(ctx), failed: make(chan error, 1)}
}

// start begins a stage, which ends when its context does.
func (s *stages) start(run func(context.Context) error) {
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

// then has something done between the end of the stage that is started next and that of
// the one before.
func (s *stages) then(do func()) { s.stops = append(s.stops, do) }

// stop ends all.
func (s *stages) stop() {
	for _, stop := range slices.Backward(s.stops) {
		stop()
	}
	s.stops = nil
}

// pause waits, and tells whether the context goes on.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
