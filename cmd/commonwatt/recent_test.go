package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

// TestRecent knows an interval as far as it was read, also what is not stored yet.
func TestRecent(t *testing.T) {
	s, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), telemetryFile))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	begin := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	i := grid.IntervalAt(begin, 15)
	reading := func(second int, imported grid.Energy) grid.Reading {
		return grid.Reading{Device: "ann/meter", Time: begin.Add(time.Duration(second) * time.Second), Import: &imported, Export: new(grid.Energy(0)), Quality: grid.Good}
	}
	var recent recentReadings
	for _, step := range []struct {
		read   grid.Reading
		stored bool
		want   grid.Energy
	}{
		{reading(-5, 100), true, 0}, {reading(5, 104), false, 2}, {reading(60, 150), false, 46}, {reading(65, 152), false, 48},
		{reading(6, 104), true, 50}, {reading(70, 160), true, 58}, {reading(900, 200), false, 98}, {reading(1000, 300), false, 58},
	} {
		recent.see(step.read)
		if step.stored {
			if err := s.Write(t.Context(), []grid.Reading{step.read}); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := store.Known(t.Context(), recent.over(s), "ann/meter", i); err != nil || got.Import != step.want {
			t.Errorf("at %s: %d Wh, %v, want %d", step.read.Time, got.Import, err, step.want)
		}
	}
}
