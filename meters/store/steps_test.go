package store_test

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/store"
)

// hours is how long the readings of the test last.
const hours = 6

// TestRetiredReadingsAnswerAlike asks a store the same before and after its
// readings became steps, in parts and with late ones in between: means, energies,
// last registers and the count stay what they were.
func TestRetiredReadingsAnswerAlike(t *testing.T) {
	seeds := uint64(8)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 5))
		s, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "telemetry.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		const device = "home-01/meter"
		var all, late []grid.Reading
		imported, exported := grid.Energy(1000), grid.Energy(500)
		for at := 0; at < hours*3600; at += 1 + r.IntN(40) {
			if r.IntN(60) == 0 {
				at += r.IntN(3000) // silent
			}
			imported += grid.Energy(r.IntN(5))
			exported += grid.Energy(r.IntN(3))
			x := reading(float64(at), grid.Power(r.IntN(4001)-2000), imported, exported)
			x.Took, x.Charge = time.Duration(r.IntN(9000))*time.Microsecond, new(grid.PerMille(r.IntN(1001)))
			if r.IntN(9) == 0 {
				x.Export, x.Charge, x.Voltage = nil, nil, nil
			}
			if r.IntN(30) == 0 {
				x.Quality = []grid.Quality{grid.Suspect, grid.Estimated}[r.IntN(2)]
			}
			if r.IntN(10) == 0 {
				late = append(late, x)
			} else {
				all = append(all, x)
			}
		}
		write(t, s, append(all, late...)...)
		whole := ask(t, s)
		keep := store.Keep{Raw: time.Hour, Minutes: 400 * 24 * time.Hour}
		retire := func(s *store.SQLite, at time.Duration) {
			t.Helper()
			if err := s.Retire(t.Context(), start.Add(at), keep); err != nil {
				t.Fatal(err)
			}
		}
		for _, at := range []time.Duration{2*time.Hour + 7*time.Minute, 4 * time.Hour, 30 * time.Hour} {
			retire(s, at)
			if got := ask(t, s); !reflect.DeepEqual(got, whole) {
				t.Fatalf("seed %d: retired at %s:\n%+v\nwant\n%+v", seed, at, got, whole)
			}
		}
		if left, err := s.Range(t.Context(), device, at(0), at(hours*3600), store.Raw); err != nil || len(left) != 0 {
			t.Errorf("%d readings are still kept in full, %v", len(left), err)
		}

		again, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "telemetry.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		write(t, again, all...)
		retire(again, 5*time.Hour)
		write(t, again, late...)
		if got := ask(t, again); !reflect.DeepEqual(got, whole) {
			t.Fatalf("seed %d: with late readings:\n%+v\nwant\n%+v", seed, got, whole)
		}
		retire(again, 30*time.Hour)
		if got := ask(t, again); !reflect.DeepEqual(got, whole) {
			t.Fatalf("seed %d: late readings retired:\n%+v\nwant\n%+v", seed, got, whole)
		}

		keep.Minutes = 24 * time.Hour
		retire(again, 20*24*time.Hour)
		if minutes, err := again.Range(t.Context(), device, at(0), at(hours*3600), store.Minute); err != nil || len(minutes) != 0 {
			t.Errorf("%d minutes are kept, %v", len(minutes), err)
		}
		if quarters, err := again.Range(t.Context(), device, at(0), at(hours*3600), store.Quarter); err != nil || !reflect.DeepEqual(quarters, whole.Steps[store.Quarter]) {
			t.Errorf("the quarters changed, %v", err)
		}
		for k := range hours * 4 {
			i := grid.Interval{Start: start.Unix(), Minutes: 15}.Shift(k)
			if flow, quality := energyOf(t, again, i); flow != whole.Energies[i].Flow || quality != whole.Energies[i].Quality {
				t.Errorf("seed %d: without minutes %+v %s, want %+v", seed, flow, quality, whole.Energies[i])
			}
		}
	}
}

// TestRetiredRegistersOfAReplacedMeter asks for the energy of an interval whose
// meter broke down in it and was replaced days later: the same before and after its
// readings became steps, to a minute's worth. A late reading does not turn the last
// registers back.
func TestRetiredRegistersOfAReplacedMeter(t *testing.T) {
	s, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "telemetry.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const device = "home-01/meter"
	for k := range 60 {
		write(t, s, reading(float64(10*k), 0, grid.Energy(5000+10*k), 0))
	}
	const replaced = 3 * 86400
	write(t, s, reading(replaced, 0, 2, 0), reading(replaced+900, 0, 7, 0))
	interval := grid.Interval{Start: start.Unix(), Minutes: 15}
	want, _ := energyOf(t, s, interval)
	if want.Import < 500 {
		t.Fatalf("%+v before anything was retired", want)
	}
	if err := s.Retire(t.Context(), at(replaced+86400), store.Keep{Raw: time.Hour, Minutes: 31 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	if got, quality := energyOf(t, s, interval); got.Import < want.Import-60 || got.Import > want.Import || quality != grid.Estimated {
		t.Errorf("%+v %s, want about %+v", got, quality, want)
	}
	write(t, s, reading(replaced+500, 0, 4, 0))
	if totals, err := s.Totals(t.Context(), device); err != nil || *totals.Import != 7 {
		t.Errorf("totals %+v, %v", totals, err)
	}
}

// answers are what a store says of a device.
type answers struct {
	Steps    map[store.Step][]grid.Reading
	Energies map[grid.Interval]metered
	Totals   [2]grid.Energy
	Count    int64
}

type metered struct {
	Flow    grid.Flow
	Quality grid.Quality
}

func ask(t *testing.T, s store.Store) answers {
	t.Helper()
	const device = "home-01/meter"
	a := answers{Steps: map[store.Step][]grid.Reading{}, Energies: map[grid.Interval]metered{}}
	var err error
	for _, step := range []store.Step{store.Minute, 5 * store.Minute, store.Quarter, 2 * store.Quarter, store.Hour} {
		if a.Steps[step], err = s.Range(t.Context(), device, at(0), at(float64(hours*3600)), step); err != nil || len(a.Steps[step]) == 0 {
			t.Fatal(len(a.Steps[step]), err)
		}
	}
	for _, minutes := range []int{5, 15, 30, 60} {
		for i := (grid.Interval{Start: start.Unix(), Minutes: minutes}); !i.End().After(at(float64(hours * 3600))); i = i.Shift(1) {
			flow, quality := energyOf(t, s, i)
			a.Energies[i] = metered{flow, quality}
		}
	}
	totals, err := s.Totals(t.Context(), device)
	if err != nil {
		t.Fatal(err)
	}
	a.Totals = [2]grid.Energy{*totals.Import, *totals.Export}
	if a.Count, err = s.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

// energyOf returns zero without a quality where a boundary is not known.
func energyOf(t *testing.T, s store.Store, i grid.Interval) (grid.Flow, grid.Quality) {
	t.Helper()
	const device = "home-01/meter"
	flow, quality, err := store.Energy(t.Context(), s, device, i)
	if err != nil && !errors.Is(err, store.ErrIncomplete) {
		t.Fatal(err)
	}
	return flow, quality
}
