package bus

import "context"

// Held is a lease that is renewed until it is closed. A nil one is never lost.
type Held struct {
	lost chan error
	stop context.CancelFunc
}

// Hold renews the lease from now on, also when ctx has ended. The caller must Close what it
// returns.
func (l *Lease) Hold(ctx context.Context) *Held {
	keep, stop := context.WithCancel(context.WithoutCancel(ctx))
	h := &Held{lost: make(chan error, 1), stop: stop}
	go func() {
		h.lost <- l.Keep(keep)
		close(h.lost)
	}()
	return h
}

// Run returns when the lease is lost, or ctx ends.
func (h *Held) Run(ctx context.Context) error {
	if h == nil {
		<-ctx.Done()
		return nil
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-h.lost:
		return err
	}
}

// Close gives the lease up.
func (h *Held) Close() error {
	if h == nil {
		return nil
	}
	h.stop()
	for range h.lost { // it is given up
	}
	return nil
}
