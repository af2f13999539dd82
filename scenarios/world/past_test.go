package world_test

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/scenarios/world"
)

// TestBefore compares the past of a street in steps of a minute and of five with the same days
// second by second: what its devices count over them agrees within a few per cent, and each home's
// past is its own.
func TestBefore(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 6, 4, 0, 0, 0, 0, time.UTC)
	spec := world.Spec{Seed: 2, Start: start, Latitude: 50, Homes: world.Neighbourhood(12, 2)}
	from := start.Add(-72 * time.Hour)
	whole := func(step time.Duration) (first, last world.State) {
		n := 0
		world.Before(spec, from, step, time.Hour, func(s world.State) {
			if want := from.Add(time.Duration(n) * time.Hour).Unix(); s.Time != want {
				t.Fatalf("state %d of the past is of %d, want %d", n, s.Time, want)
			}
			if n++; n == 1 {
				first = s
			}
			last = s
		})
		if n != 73 {
			t.Fatalf("the past of 72 hours has %d states, want 73", n)
		}
		return first, last
	}
	fine, fineEnd := whole(time.Second)
	for _, step := range []time.Duration{time.Minute, 5 * time.Minute} {
		coarse, coarseEnd := whole(step)
		for i := range fine.Homes {
			for name, of := range map[string]func(world.HomeState) int64{
				"produced":  func(h world.HomeState) int64 { return h.Produced },
				"delivered": func(h world.HomeState) int64 { return h.Delivered },
				"net":       func(h world.HomeState) int64 { return h.Imported - h.Exported },
				"charged":   func(h world.HomeState) int64 { return h.Charged },
			} {
				want, got := of(fineEnd.Homes[i])-of(fine.Homes[i]), of(coarseEnd.Homes[i])-of(coarse.Homes[i])
				if off := got - want; max(off, -off) > max(want, -want)/20+2000*3600 {
					t.Errorf("home %d in steps of %s: %s %d Wh, second by second %d Wh", i, step, name, got/3600, want/3600)
				}
			}
			h := coarseEnd.Homes[i]
			if capacity := int64(spec.Homes[i].Battery.Capacity) * 3600; h.Stored < 0 || h.Stored > capacity {
				t.Errorf("home %d holds %d W·s of %d", i, h.Stored, capacity)
			}
		}
	}
	if a, b := fineEnd.Homes[0].Produced-fine.Homes[0].Produced, fineEnd.Homes[3].Produced-fine.Homes[3].Produced; a == b || a == 0 {
		t.Errorf("homes 0 and 3 have the same past: %d Wh produced", a/3600)
	}
}

// BenchmarkBefore is what a start of a simulation waits for: fourteen days of twelve homes.
func BenchmarkBefore(b *testing.B) {
	spec := world.Spec{Seed: 1, Start: time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC), Latitude: 50, Homes: world.Neighbourhood(12, 1)}
	for b.Loop() {
		world.Before(spec, spec.Start.AddDate(0, 0, -14), time.Minute, 15*time.Minute, func(world.State) {})
	}
}

// BenchmarkStreets is what a second of a home costs.
func BenchmarkStreets(b *testing.B) {
	for _, street := range world.Streets() {
		b.Run(string(street), func(b *testing.B) {
			start := time.Date(2026, 12, 7, 0, 0, 0, 0, time.UTC)
			w := world.New(street.Of(world.Spec{Seed: 1, Start: start, Latitude: 50}, 10))
			for b.Loop() {
				w.Advance(w.Now().Add(time.Minute))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/600, "ns/home-second")
		})
	}
}
