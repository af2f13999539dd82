package intake

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

// failing is a store that takes nothing while it fails.
type failing struct {
	store.Store

	err error
	has int
}

func (f *failing) Write(ctx context.Context, readings []grid.Reading) error {
	if err := errors.Join(f.err, ctx.Err()); err != nil {
		return err
	}
	f.has += len(readings)
	return nil
}

// TestAStoreThatFailsHoldsNobodyUp takes readings while the store does not: they are taken
// from the bus all the same, wait within a bound, and are written later. Only what comes
// while the program stops comes again.
func TestAStoreThatFailsHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		f := &failing{err: errors.New("database disk image is malformed")}
		x := telemetry{store: f, log: slog.New(slog.NewTextHandler(&said, nil))}
		one := []grid.Reading{{Device: "ann/meter", Quality: grid.Good}}
		for range 90 {
			if err := x.write(t.Context(), one); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if n := strings.Count(said.String(), "takes no readings"); n != 2 {
			t.Errorf("in a minute and a half it was said %d times", n)
		}
		f.err = nil
		if err := x.write(t.Context(), one); err != nil || f.has != 91 {
			t.Errorf("once it takes readings it has %d, %v, want 91", f.has, err)
		}
		f.err = errors.New("no space")
		if err := x.write(t.Context(), make([]grid.Reading, mostWaiting+10)); err != nil || len(x.waiting) != mostWaiting || !strings.Contains(said.String(), "lost") {
			t.Errorf("%d wait, %v", len(x.waiting), err)
		}
		f.err = nil
		stopping, cancel := context.WithCancel(t.Context())
		cancel()
		if err := x.write(stopping, one); !errors.Is(err, context.Canceled) {
			t.Errorf("while the program stops: %v", err)
		}
	})
}
