package metering

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// TestNewcomers settles the intervals around the pairing of a meter: those that began
// before it was paired or first read neither wait for it nor count it.
func TestNewcomers(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	s := newCounting(t)
	read := func(member string, minutes ...int) {
		for _, m := range minutes {
			total := grid.Energy(1000 + m)
			s.says(member, 1, grid.Reading{Device: member + "/meter", Time: noon.Add(time.Duration(m) * time.Minute), Import: &total, Export: new(grid.Energy), Quality: grid.Good})
		}
	}
	every := func(from, to int) (minutes []int) {
		for m := from; m <= to; m++ {
			minutes = append(minutes, m)
		}
		return minutes
	}
	read("ann", every(-20, 65)...)
	read("bob", every(21, 65)...)
	s.meter("ann", time.Time{})
	s.meter("bob", noon.Add(10*time.Minute)) // and first read 11 minutes later
	s.meter("eve", noon.Add(20*time.Minute)) // and never read
	s.meter("bob", noon.Add(30*time.Minute)) // paired anew
	for k, want := range []struct {
		points   int
		complete bool
	}{{1, true}, {1, true}, {3, false}, {3, false}} {
		i := grid.IntervalAt(noon.Add(time.Duration(k)*15*time.Minute), 15)
		metered, complete, err := s.Energies(t.Context(), i, false)
		if err != nil || len(metered) != want.points || complete != want.complete {
			t.Errorf("%s: %+v, complete: %t, %v", i, metered, complete, err)
		}
	}
}
