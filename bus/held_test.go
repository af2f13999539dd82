package bus

import (
	"context"
	"errors"
	"testing"
)

// TestHeld ends with the error by which a lease was lost, and not before; without a lease
// there is nothing to lose.
func TestHeld(t *testing.T) {
	lost := errors.New("lost")
	h := &Held{lost: make(chan error, 1), stop: func() {}}
	h.lost <- lost
	if err := h.Run(t.Context()); !errors.Is(err, lost) {
		t.Errorf("a lost lease: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	var none *Held
	if err := errors.Join(none.Run(ended), none.Close()); err != nil {
		t.Errorf("without a lease: %v", err)
	}
}
