package meters

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

type nothingKnown struct{}

func (nothingKnown) Totals(context.Context, string) (*grid.Reading, error) { return nil, nil }

type batchSizes []int

func (s *batchSizes) PublishBatch(_ context.Context, _ string, b Batch) error {
	*s = append(*s, len(b.Readings))
	return nil
}

// TestReadingsWaitForMore publishes what a home's devices said in five seconds as one
// batch, and at the end what is left; each is heard at once.
func TestReadingsWaitForMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent batchSizes
		heard := 0
		f := &Fleet{
			Clock: time.Now, Sink: &sent, Log: slog.New(slog.DiscardHandler), Together: 5 * time.Second,
			Heard: func(r grid.Reading) {
				if r.Device == "ann/meter" {
					heard++
				}
			},
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx, nil, nothingKnown{}) }()
		synctest.Wait()
		for k := range 12 {
			f.add("ann", grid.Reading{Device: "ann/meter", Time: time.Now()})
			if heard != k+1 {
				t.Errorf("after %d readings %d were seen", k+1, heard)
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if len(sent) != 3 || sent[0]+sent[1]+sent[2] != 12 || sent[0] < 4 || sent[1] != 5 {
			t.Errorf("batches of %v readings", sent)
		}
	})
}
