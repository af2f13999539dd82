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

type published []grid.Reading

func (s *published) PublishBatch(_ context.Context, _ string, b Batch) error {
	*s = append(*s, b.Readings...)
	return nil
}

// TestOneReadingOfATime polls a device twice while the clock stands still: the store,
// the evidence and an auditor are never asked which of two readings counts.
func TestOneReadingOfATime(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	var sent published
	f := &Fleet{Sink: &sent, Log: slog.New(slog.DiscardHandler)}
	for k, second := range []int{0, 0, 12, 12, 24} {
		for _, device := range []string{"ann/meter", "ann/battery"} {
			f.add("ann", grid.Reading{Device: device, Time: noon.Add(time.Duration(second) * time.Second), Import: new(grid.Energy(k))})
		}
	}
	f.publish(t.Context())
	if len(sent) != 6 {
		t.Fatalf("%d readings were published, want three of each device", len(sent))
	}
	for k, r := range sent {
		if want := grid.Energy([]int{0, 2, 4}[k/2]); *r.Import != want {
			t.Errorf("reading %d of %s says %d, want %d: the first of its time", k, r.Device, *r.Import, want)
		}
	}
}
