package store_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

func TestSQLite(t *testing.T) {
	conformance(t, func(t *testing.T) store.Store {
		s, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "telemetry.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	})
}

// TestInflux runs the suite on real servers.
func TestInflux(t *testing.T) {
	eachInflux(t, func(t *testing.T, server *influx) {
		n := 0
		conformance(t, func(t *testing.T) store.Store {
			n++
			return openInflux(t, server, "test"+string(rune('a'+n)))
		})
	})
}

var start = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func at(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }

func reading(seconds float64, power grid.Power, imported, exported grid.Energy) grid.Reading {
	return grid.Reading{
		Device: "home-01/meter", Time: at(seconds), Power: new(power), Import: new(imported), Export: new(exported),
		Voltage: new(int64(231_500)), Took: 1500 * time.Microsecond, Quality: grid.Good,
	}
}

func conformance(t *testing.T, open func(*testing.T) store.Store) {
	t.Run("a reading comes back as it was written", func(t *testing.T) {
		s := open(t)
		full := grid.Reading{
			Device: "home-01/battery \"x\" $y", Time: at(0.25), Power: new(grid.Power(-1500)), Import: new(grid.Energy(math.MaxInt64)),
			Export: new(grid.Energy(0)), Charge: new(grid.PerMille(512)), Voltage: new(int64(230_000)), Hertz: new(int64(49_990)),
			Took: time.Millisecond, Quality: grid.Good,
		}
		write(t, s, full)
		last, err := s.Last(t.Context(), full.Device)
		if err != nil {
			t.Fatal(err)
		}
		if last == nil || !reflect.DeepEqual(*last, full) {
			t.Errorf("got %+v, want %+v", last, full)
		}
	})
	t.Run("missing stays missing", func(t *testing.T) {
		s := open(t)
		write(t, s, grid.Reading{Device: "d", Time: at(0), Quality: grid.Good})
		last, err := s.Last(t.Context(), "d")
		if err != nil {
			t.Fatal(err)
		}
		if last.Power != nil || last.Import != nil || last.Charge != nil {
			t.Errorf("fields that were not read came back: %+v", last)
		}
		if none, err := s.Last(t.Context(), "nobody"); none != nil || err != nil {
			t.Errorf("last of an unknown device: %v, %v", none, err)
		}
	})
	t.Run("totals come from before a value went missing", func(t *testing.T) {
		s := open(t)
		doubted := reading(2, 1, 0, 60)
		doubted.Import = nil
		write(t, s, reading(1, 1, 500, 50), doubted)
		got, err := s.Totals(t.Context(), "home-01/meter")
		if err != nil || *got.Import != 500 || *got.Export != 60 || !got.Time.Equal(at(1)) {
			t.Errorf("totals %+v, %v", got, err)
		}
		if none, err := s.Totals(t.Context(), "nobody"); none != nil || err != nil {
			t.Errorf("totals of an unknown device: %v, %v", none, err)
		}
	})
	t.Run("a replaced meter counts on from zero", func(t *testing.T) {
		s := open(t)
		write(t, s, reading(-10, 0, 1000, 50), reading(100, 0, 1040, 50), reading(200, 0, 3, 0), reading(800, 0, 33, 1), reading(910, 0, 40, 1))
		got, quality, err := store.Energy(t.Context(), s, "home-01/meter", grid.Interval{Start: start.Unix(), Minutes: 15})
		if err != nil || quality != grid.Estimated || got != (grid.Flow{Import: 30, Export: 1}) {
			t.Errorf("energy %+v %s, %v", got, quality, err)
		}
	})
	t.Run("writing again changes nothing", func(t *testing.T) {
		s := open(t)
		r := reading(1, 100, 10, 0)
		write(t, s, r, reading(2, 200, 11, 0))
		write(t, s, r)
		got := readRange(t, s, at(0), at(10), store.Raw)
		if len(got) != 2 {
			t.Errorf("%d readings, want 2", len(got))
		}
	})
	t.Run("range is half-open and ordered", func(t *testing.T) {
		s := open(t)
		write(t, s, reading(3, 3, 3, 0), reading(1, 1, 1, 0), reading(2, 2, 2, 0))
		got := readRange(t, s, at(1), at(3), store.Raw)
		if len(got) != 2 || *got[0].Power != 1 || *got[1].Power != 2 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("minutes average power and keep the last register", func(t *testing.T) {
		s := open(t)
		write(t, s, reading(0, -100, 10, 5), reading(30, -301, 12, 6), reading(60, 50, 13, 6), reading(180, 70, 20, 6))
		got := readRange(t, s, at(0), at(240), store.Minute)
		if len(got) != 3 {
			t.Fatalf("%d steps, want 3: an empty step is absent", len(got))
		}
		// (−100 − 301) / 2 = −200.5, half away from zero.
		if *got[0].Power != -201 || *got[0].Import != 12 || !got[0].Time.Equal(at(0)) {
			t.Errorf("first minute: power %d import %d at %s", *got[0].Power, *got[0].Import, got[0].Time)
		}
		if !got[2].Time.Equal(at(180)) || *got[2].Power != 70 {
			t.Errorf("last minute %+v", got[2])
		}
	})
	t.Run("energy is the difference of interpolated registers", func(t *testing.T) { energy(t, open(t)) })
	t.Run("gaps", func(t *testing.T) {
		s := open(t)
		write(t, s, reading(1, 1, 1, 0), reading(2, 1, 1, 0), reading(40, 1, 1, 0))
		got, err := store.Gaps(t.Context(), s, "home-01/meter", at(0), at(60), 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		want := []store.Gap{{From: at(2), To: at(40)}, {From: at(40), To: at(60)}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("gaps %v, want %v", got, want)
		}
	})
}

func energy(t *testing.T, s store.Store) {
	interval := grid.Interval{Start: start.Unix(), Minutes: 15}
	const device = "home-01/meter"
	write(t, s, reading(-10, 0, 1000, 500), reading(10, 0, 1010, 500), reading(890, 0, 1500, 600))
	if _, _, err := store.Energy(t.Context(), s, device, interval); !errors.Is(err, store.ErrIncomplete) {
		t.Errorf("before a reading past the end: error %v, want ErrIncomplete", err)
	}
	write(t, s, reading(910, 0, 1520, 604))
	got, quality, err := store.Energy(t.Context(), s, device, interval)
	if err != nil {
		t.Fatal(err)
	}
	// 1510 − 1005 and 602 − 500, half-way at both boundaries.
	if want := (grid.Flow{Import: 505, Export: 102}); got != want || quality != grid.Good {
		t.Errorf("energy %+v %s, want %+v good", got, quality, want)
	}
	write(t, s, reading(3600, 0, 2000, 604))
	got, quality, err = store.Energy(t.Context(), s, device, interval.Shift(1))
	if err != nil {
		t.Fatal(err)
	}
	if quality != grid.Estimated {
		t.Errorf("energy %+v over a 45-minute gap is %s, want estimated", got, quality)
	}
}

func write(t *testing.T, s store.Store, readings ...grid.Reading) {
	t.Helper()
	if err := s.Write(context.Background(), readings); err != nil {
		t.Fatal(err)
	}
}

func readRange(t *testing.T, s store.Store, from, to time.Time, step store.Step) []grid.Reading {
	t.Helper()
	got, err := s.Range(t.Context(), "home-01/meter", from, to, step)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// BenchmarkWrite keeps batches as the program does, each durable before the
// next. A sample is one value of a reading.
func BenchmarkWrite(b *testing.B) {
	s, err := store.OpenSQLite(b.Context(), filepath.Join(b.TempDir(), "telemetry.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const devices, values = 5000, 6
	at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	batch := make([]grid.Reading, devices)
	for b.Loop() {
		at = at.Add(time.Second)
		for i := range batch {
			n := int64(i)
			batch[i] = grid.Reading{
				Device: fmt.Sprintf("home-%04d/meter", i), Time: at, Took: time.Millisecond, Quality: grid.Good,
				Power: new(grid.Power(n)), Import: new(grid.Energy(at.Unix() + n)), Export: new(grid.Energy(n)),
				Charge: new(grid.PerMille(500)), Voltage: new(230_000 + n), Hertz: new(int64(50_000)),
			}
		}
		if err := s.Write(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*devices*values/b.Elapsed().Seconds(), "samples/s")
}
