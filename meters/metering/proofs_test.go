package metering

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// TestWhatTheBatchesDoNotShowIsNotShown settles an interval that was read from begin to end:
// its batches are named while they show what it is settled with, and none of them otherwise.
func TestWhatTheBatchesDoNotShowIsNotShown(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	i := grid.IntervalAt(noon, 15)
	s := newCounting(t)
	for minute := -2; minute <= 17; minute++ {
		total := grid.Energy(1000 + 7*minute)
		s.says("ann", 1, grid.Reading{Device: "ann/meter", Time: noon.Add(time.Duration(minute)*time.Minute + time.Second), Import: &total, Export: new(grid.Energy), Quality: grid.Good})
	}
	s.meter("ann", time.Time{})
	metered, complete, err := s.Energies(t.Context(), i, false)
	if err != nil || !complete || metered[0].Flow.Import != 105 || metered[0].Quality != grid.Good {
		t.Fatalf("%+v, complete: %t, %v", metered, complete, err)
	}
	batches, _, _, err := s.Batches(t.Context(), "mp-ann", i)
	if err != nil || batches[0] == "" || batches[3] == "" {
		t.Fatalf("%v, %v", batches, err)
	}
	known, _ := s.proofs.of("ann/meter", i)
	known.flow.Import++
	s.proofs.keep("ann/meter", known)
	if batches, _, _, err := s.Batches(t.Context(), "mp-ann", i); err != nil || batches != [4]proof.Digest{} {
		t.Errorf("batches that show 105 Wh prove 106: %v, %v", batches, err)
	}
}

// TestOfAShortIntervalTheNearestReadingCounts lets a meter be silent for three minutes at the
// end of five: what it said last before that lies beside neither end, and counts all the same.
func TestOfAShortIntervalTheNearestReadingCounts(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	i := grid.IntervalAt(noon, 5)
	s := newCounting(t)
	for second := -120; second <= 400; second += 10 {
		if second > 130 && second < 310 {
			continue
		}
		total := grid.Energy(1000 + second)
		if second > 90 {
			total += 100 // between the two windows about the ends it takes more
		}
		s.says("ann", 1, grid.Reading{Device: "ann/meter", Time: noon.Add(time.Duration(second) * time.Second), Import: &total, Export: new(grid.Energy), Quality: grid.Good})
	}
	s.meter("ann", time.Time{})
	metered, complete, err := s.Energies(t.Context(), i, false)
	if err != nil || !complete || metered[0].Flow.Import != 400 || metered[0].Quality != grid.Good {
		t.Errorf("%+v, complete: %t, %v, want 400 Wh", metered, complete, err)
	}
	if batches, _, _, err := s.Batches(t.Context(), "mp-ann", i); err != nil || batches[2] == "" {
		t.Errorf("its batches are %v, %v", batches, err)
	}
}
