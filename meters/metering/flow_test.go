package metering

import (
	"math"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// field is an interval of five minutes at a home that takes 3 kW, whose meter is read once a
// second from five minutes before it until five minutes after it.
type field struct {
	*counting

	i     grid.Interval
	meter grid.Device
}

func newField(t *testing.T) field {
	t.Helper()
	f := field{counting: newCounting(t), i: grid.IntervalAt(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), 5)}
	f.meter = f.counting.meter("ann", time.Time{})
	return f
}

// second is what the meter shows, at a second from the begin of the interval on.
type second struct {
	after            int
	imports, exports *grid.Energy
	at               time.Time // when the gateway thinks it is; zero: when it is
}

// honest shows 9 MWh at the begin of the interval and what 3 kW make of it.
func honest(after int) second {
	return second{after: after, imports: new(grid.Energy(9_000_750 + math.Floor(float64(after)*3000/3600))), exports: new(grid.Energy(500))}
}

// read has the meter read, but for the seconds that shows does not want.
func (f field) read(shows func(s *second) bool) {
	f.t.Helper()
	var readings []grid.Reading
	for after := -300; after <= 600; after++ {
		s := honest(after)
		s.at = f.i.Begin().Add(time.Duration(after) * time.Second)
		if shows(&s) {
			readings = append(readings, grid.Reading{Device: f.meter.ID, Time: s.at, Import: s.imports, Export: s.exports, Quality: grid.Good})
		}
	}
	f.says("ann", 10, readings...)
}

// TestWhatTheFieldDoesToAnInterval settles an interval in which 250 Wh were taken, however
// the registers look.
func TestWhatTheFieldDoesToAnInterval(t *testing.T) {
	jump := func(from, to int, by grid.Energy) func(*second) bool {
		return func(s *second) bool {
			if s.after >= from && s.after < to {
				*s.imports += by
			}
			return true
		}
	}
	replacedBy := func(at int, first grid.Energy) func(*second) bool {
		return func(s *second) bool {
			if s.after >= at {
				*s.imports, *s.exports = first+*s.imports-*honest(at).imports, 0
			}
			return true
		}
	}
	for _, c := range []struct {
		name     string
		shows    func(*second) bool
		quality  grid.Quality
		complete bool
		doubted  bool
		off      grid.Energy // by how much it may be off
	}{
		{"nothing happens", func(*second) bool { return true }, grid.Good, true, false, 0},
		{"10 kWh too much for two seconds, at the end", jump(299, 302, 10_000), grid.Estimated, true, true, 0},
		{"10 kWh too much for two seconds, before the end", jump(280, 282, 10_000), grid.Good, true, false, 0},
		{"10 kWh too much for fifty seconds over the end", jump(280, 330, 10_000), grid.Estimated, true, true, 0},
		{"half a kWh too much for two seconds, at the begin", jump(0, 2, 500), grid.Estimated, true, true, 0},
		{"half a kWh too little for two seconds, at the end", jump(299, 302, -500), grid.Estimated, true, true, 0},
		{"a jump of which nobody knows yet whether it stays", func(s *second) bool {
			if s.after >= 280 {
				*s.imports += 10_000
			}
			return s.after < 330
		}, grid.Estimated, false, true, 18},
		{"a jump of 187 kWh that stays", jump(100, 999, 187_000), grid.Estimated, true, true, 1},
		{"a jump of 187 kWh that stays, of before", jump(-30, 999, 187_000), grid.Good, true, false, 0},
		{"the largest number for two seconds, at the begin", jump(0, 2, math.MaxInt64-10_000_000), grid.Estimated, true, true, 0},
		{"the largest numbers, for good", jump(-200, 999, math.MaxInt64-10_000_000), grid.Estimated, false, true, 250},
		{"numbers below zero, for good", jump(-200, 999, -math.MaxInt64), grid.Estimated, false, true, 250},
		{"the meter is replaced half-way", replacedBy(150, 0), grid.Estimated, true, true, 0},
		{"the meter is replaced by one that was in use", replacedBy(150, 77_000_000), grid.Estimated, true, true, 1},
		{"the meter is replaced just before the end", replacedBy(290, 0), grid.Estimated, true, true, 1},
		{"there is no export register", func(s *second) bool { s.exports = nil; return true }, grid.Good, true, false, 0},
		{"there is no import register", func(s *second) bool { s.exports, s.imports = s.imports, nil; return true }, grid.Good, true, false, 0},
		{"the export register is missing now and then", func(s *second) bool {
			if s.after > 250 && s.after < 380 {
				s.exports = nil
			}
			return true
		}, grid.Good, true, false, 0},
		{"the export register is missing over the end, for long", func(s *second) bool {
			if s.after > 100 {
				s.exports = nil
			}
			return true
		}, grid.Estimated, false, false, 0},
		{"the meter does not answer for six minutes", func(s *second) bool { return s.after < 100 || s.after > 460 }, grid.Estimated, true, false, 0},
		{"the meter does not answer any more", func(s *second) bool { return s.after < 120 }, grid.Estimated, false, false, 151},
		{"the gateway's clock was four minutes ahead, and is put back in the interval", func(s *second) bool {
			if s.after < 60 {
				s.at = s.at.Add(4 * time.Minute)
			}
			return true
		}, grid.Estimated, true, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newField(t)
			f.read(c.shows)
			metered, complete, err := f.Energies(t.Context(), f.i, false)
			if err != nil || len(metered) != 1 {
				t.Fatalf("%+v, %v", metered, err)
			}
			got := metered[0]
			wh := max(got.Flow.Import, got.Flow.Export)
			if wh < 250-c.off || wh > 250+c.off || min(got.Flow.Import, got.Flow.Export) != 0 {
				t.Errorf("settled with %+v, want 250 Wh", got.Flow)
			}
			if got.Quality != c.quality || complete != c.complete {
				t.Errorf("settled as %s, complete: %t, want %s, %t", got.Quality, complete, c.quality, c.complete)
			}
			if told := len(f.doubted) > 0; told != c.doubted {
				t.Errorf("doubted: %v", f.doubted)
			}
			if got.Quality == grid.Good {
				f.proves(t, got.Flow)
			}
		})
	}
}

// proves computes what flowed from the batches that are named as a proof, as an auditor
// does: from the readings in them that are nearest to the ends.
func (f field) proves(t *testing.T, want grid.Flow) {
	t.Helper()
	batches, only, signed, err := f.Batches(t.Context(), f.meter.MeteringPoint, f.i)
	if err != nil || !signed {
		t.Fatal(signed, err)
	}
	var ends [4]*grid.Registers
	for k, digest := range batches {
		text, err := f.Evidence.Signed(t.Context(), digest)
		if err != nil || text == nil {
			t.Fatalf("batch %q is not kept: %v", digest, err)
		}
		b, _, err := proof.ReadBatch(text)
		if err != nil {
			t.Fatal(err)
		}
		at := []time.Time{f.i.Begin(), f.i.End()}[k/2]
		for _, r := range b.Readings {
			before := k%2 == 0
			if registers := r.RegistersOf(only); registers != nil && (before && !r.Time.After(at) || !before && ends[k] == nil && !r.Time.Before(at)) {
				ends[k] = registers
			}
		}
	}
	begin, err1 := grid.At(*ends[0], *ends[1], f.i.Begin())
	end, err2 := grid.At(*ends[2], *ends[3], f.i.End())
	if got := (grid.Flow{Import: end.Import - begin.Import, Export: end.Export - begin.Export}); err1 != nil || err2 != nil || got != want {
		t.Errorf("the batches prove %+v, %v, %v, and it was settled with %+v", got, err1, err2, want)
	}
}

// TestALaterRunSaysTheSame settles intervals again after the evidence was thinned out, among
// them those with a false jump, a replaced meter and a missing register.
func TestALaterRunSaysTheSame(t *testing.T) {
	f := newField(t)
	f.read(func(s *second) bool {
		switch {
		case s.after >= 20 && s.after < 22:
			*s.imports += 10_000
		case s.after > 450:
			*s.imports -= *honest(450).imports
			*s.exports = 0
		case s.after < -100:
			s.exports = nil
		}
		return true
	})
	for k := range 3 {
		i := f.i.Shift(k - 1)
		before, complete1, err := f.Energies(t.Context(), i, false)
		if err != nil {
			t.Fatal(err)
		}
		batches1, _, _, err := f.Batches(t.Context(), f.meter.MeteringPoint, i)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Evidence.Name(t.Context(), batches1[:]...); err != nil {
			t.Fatal(err)
		}
		defer func() {
			after, complete2, err := f.Energies(t.Context(), i, false)
			if err != nil || after[0] != before[0] || complete1 != complete2 {
				t.Errorf("%s: %+v, %t, %v, before thinning %+v, %t", i, after, complete2, err, before, complete1)
			}
			if batches2, _, _, err := f.Batches(t.Context(), f.meter.MeteringPoint, i); err != nil || batches2 != batches1 {
				t.Errorf("%s: proven by %q, %v, before thinning by %q", i, batches2, err, batches1)
			}
		}()
	}
	if err := f.Evidence.Thin(t.Context(), f.i.End().Add(time.Hour), f.i.Begin().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if rows, err := f.Evidence.Registers(t.Context(), "ann", f.meter.ID, f.i.Begin().Add(-time.Hour), f.i.End().Add(time.Hour)); err != nil || len(rows) > 40 {
		t.Errorf("%d of 901 registers are left, %v", len(rows), err)
	}
}
