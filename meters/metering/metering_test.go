package metering

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

// TestNewcomers settles the intervals around the pairing of a meter: those that began
// before it was paired or first read neither wait for it nor count it.
func TestNewcomers(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	kept, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "telemetry.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	read := func(meter string, minutes ...int) {
		for _, m := range minutes {
			total := grid.Energy(1000 + m)
			r := grid.Reading{Device: meter, Time: noon.Add(time.Duration(m) * time.Minute), Import: &total, Export: new(grid.Energy), Quality: grid.Good}
			if err := kept.Write(t.Context(), []grid.Reading{r}); err != nil {
				t.Fatal(err)
			}
		}
	}
	every := func(from, to int) (minutes []int) {
		for m := from; m <= to; m++ {
			minutes = append(minutes, m)
		}
		return minutes
	}
	read("ann/meter", every(-20, 65)...)
	read("bob/meter", every(21, 65)...)
	s := counting(kept)
	meter := func(member string) grid.Device {
		return grid.Device{ID: member + "/meter", Kind: grid.Meter, Member: member, MeteringPoint: "mp-" + member}
	}
	s.Add(meter("ann"), time.Time{})
	s.Add(meter("bob"), noon.Add(10*time.Minute)) // and first read 11 minutes later
	s.Add(meter("eve"), noon.Add(20*time.Minute)) // and never read
	s.Add(meter("bob"), noon.Add(30*time.Minute)) // paired anew
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
