package metering

import (
	"math"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// TestAnotherMeterGoesOn replaces a connection meter in the middle of an interval while 3.6 kW
// flow, which is 10 Wh every 10 s: what both counted is added to the 900 Wh that flowed, with the
// 10 Wh between the last reading of the one and the first one of the other.
func TestAnotherMeterGoesOn(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	s := newCounting(t)
	old := s.meter("bob", time.Time{})
	another := grid.Device{ID: "bob/another", Kind: grid.Meter, Member: "bob", MeteringPoint: "mp-bob"}
	replaced := noon.Add(20 * time.Minute)
	read := func(device string, total grid.Energy, from, to time.Time) {
		for at := from; !at.After(to); at = at.Add(10 * time.Second) {
			s.says("bob", 1, grid.Reading{Device: device, Time: at, Import: new(total), Export: new(grid.Energy), Quality: grid.Good})
			total += 10
		}
	}
	read(old.ID, 250_000, noon.Add(-time.Minute), replaced)
	read(another.ID, 7, replaced.Add(10*time.Second), noon.Add(46*time.Minute))
	s.End(old.ID, replaced)
	s.Add(another, replaced.Add(5*time.Second), 12_375)
	for k, want := range []grid.Quality{grid.Good, grid.Estimated, grid.Good} {
		i := grid.IntervalAt(noon.Add(time.Duration(k)*15*time.Minute), 15)
		metered, complete, err := s.Energies(t.Context(), i, false)
		if err != nil || !complete || len(metered) != 1 || metered[0].Quality != want || metered[0].Flow != (grid.Flow{Import: 900}) {
			t.Errorf("%s: %+v, complete: %t, %v", i, metered, complete, err)
		}
		_, _, signed, err := s.Batches(t.Context(), "mp-bob", i)
		if err != nil || !signed {
			t.Errorf("%s: signed: %t, %v", i, signed, err)
		}
	}
	if all := s.All(); len(all) != 1 || all[0] != another {
		t.Errorf("there are %+v", all)
	}
	past, err := History{Meters: s.Meters}.Energies(t.Context(), another.ID, grid.IntervalAt(noon, 15), 3)
	if err != nil || math.IsNaN(past[2]) || past[2] != 900 {
		t.Errorf("the past is %v, %v", past, err)
	}
}

// TestAnotherMeterThatIsReadLate replaces a connection meter shortly before an interval ends, and the other one is read
// first after the next has begun: the metering point is no newcomer there. What was read counts, and for good what it
// took a week before, by the meter that it had then.
func TestAnotherMeterThatIsReadLate(t *testing.T) {
	noon := time.Date(2026, 6, 8, 12, 0, 0, 0, time.UTC)
	s := newCounting(t)
	old := s.meter("bob", time.Time{})
	another := grid.Device{ID: "bob/another", Kind: grid.Meter, Member: "bob", MeteringPoint: "mp-bob"}
	total := grid.Energy(0)
	read := func(device string, from, to time.Time, each grid.Energy) {
		for at := from; !at.After(to); at = at.Add(time.Minute) {
			s.says("bob", 1, grid.Reading{Device: device, Time: at, Import: new(total), Export: new(grid.Energy), Quality: grid.Good})
			total += each
		}
	}
	replaced := noon.Add(14 * time.Minute)
	weekAgo := noon.AddDate(0, 0, -7)
	read(old.ID, weekAgo, weekAgo.Add(45*time.Minute), 60)
	read(old.ID, noon.Add(-time.Minute), replaced, 20)
	read(another.ID, noon.Add(17*time.Minute), noon.Add(46*time.Minute), 20)
	s.End(old.ID, replaced)
	s.Add(another, replaced, 12_375)
	late := grid.IntervalAt(noon.Add(15*time.Minute), 15)
	for last, want := range map[bool]grid.Energy{false: 13 * 20, true: 15 * 60} {
		metered, complete, err := s.Energies(t.Context(), late, last)
		if err != nil || complete || len(metered) != 1 || metered[0].Flow.Import != want {
			t.Errorf("for good: %t: %+v, complete: %t, %v, want %d Wh", last, metered, complete, err, want)
		}
	}
}

// TestARemovedMeterCountsUntilThen removes a connection meter: the interval in which that was has
// what was read of it, and later ones do not wait for it.
func TestARemovedMeterCountsUntilThen(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	s := newCounting(t)
	bob := s.meter("bob", time.Time{})
	for m := -1; m <= 20; m++ {
		s.says("bob", 1, grid.Reading{Device: bob.ID, Time: noon.Add(time.Duration(m) * time.Minute), Import: new(grid.Energy(1000 + 10*m)), Export: new(grid.Energy), Quality: grid.Good})
	}
	s.End(bob.ID, noon.Add(20*time.Minute))
	for k, want := range []struct {
		points   int
		complete bool
		imported grid.Energy
	}{{1, true, 150}, {1, false, 50}, {0, true, 0}} {
		i := grid.IntervalAt(noon.Add(time.Duration(k)*15*time.Minute), 15)
		metered, complete, err := s.Energies(t.Context(), i, false)
		if err != nil || complete != want.complete || len(metered) != want.points || want.points > 0 && metered[0].Flow.Import != want.imported {
			t.Errorf("%s: %+v, complete: %t, %v", i, metered, complete, err)
		}
	}
}
