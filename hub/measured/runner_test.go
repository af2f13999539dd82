package measured_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/readiness"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/hub/measured"
	"github.com/commonwatt/commonwatt/web/api"
)

// shown is a charger that shows a car from one minute of the world to another on each day, whose charge rises by two per mille a minute, and on the
// twentieth by one. asked is how much time was asked for.
type shown struct {
	begun time.Time
	asked time.Duration
	fails bool
}

func (s *shown) readings(_ context.Context, _ string, from, to time.Time) (all []grid.Reading, err error) {
	if s.fails {
		return nil, errors.New("the store is away")
	}
	s.asked += to.Sub(from)
	for at := from; at.Before(to); at = at.Add(time.Minute) {
		if at.Before(s.begun) {
			continue
		}
		r := grid.Reading{Time: at}
		if minute := at.Hour()*60 + at.Minute(); minute < 400 {
			if r.Charge = new(min(grid.PerMille(300+2*minute), 1000)); at.Day() == 20 {
				*r.Charge = grid.PerMille(300 + minute)
			}
		}
		all = append(all, r)
	}
	return all, nil
}

// TestCarsAreFollowed counts the departures of the last week after a start, goes on from there, asks for no time twice, waits for a store that is
// away, and begins anew with a charger that is rated otherwise.
func TestCarsAreFollowed(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 20, 6, 50, 0, 0, time.UTC)
	store, charger := &shown{begun: now.AddDate(0, 0, -30)}, readiness.Charger{ID: "ann/charger", Power: 11_000, Capacity: 50_000}
	cars := &measured.Cars{Chargers: func() []readiness.Charger { return []readiness.Charger{charger} }, Readings: store.readings}
	check := func(want readiness.Count) {
		t.Helper()
		if err := cars.Follow(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		if got, seen := cars.Count(); got != want || !seen {
			t.Errorf("%s: %+v, want %+v", now.Format(time.RFC3339), got, want)
		}
	}
	check(readiness.Count{Feasible: 7}) // it leaves at 6:40, and readings of the last quarter of an hour may be on their way
	now = now.Add(10 * time.Minute)
	check(readiness.Count{Feasible: 7, Missed: 1}) // and that of a week ago is forgotten
	now = now.Add(time.Hour)
	check(readiness.Count{Feasible: 7, Missed: 1})
	if want := 7*24*time.Hour + 70*time.Minute; store.asked != want {
		t.Errorf("%s were asked for, %s passed", store.asked, want)
	}
	store.fails = true
	now = now.Add(24 * time.Hour)
	if err := cars.Follow(t.Context(), now); err == nil || !strings.Contains(err.Error(), "ann/charger") {
		t.Error(err)
	}
	store.fails = false
	check(readiness.Count{Feasible: 7, Missed: 1})
	charger.Power = 1_000 // it cannot have charged 35 kWh in a morning
	if err := cars.Follow(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if got, _ := cars.Count(); got.Feasible > 1 {
		t.Errorf("rated otherwise: %+v", got)
	}
}

// TestRunner asks about each day once, keeps the last figure beside a day that cannot be cleared anew, and says why there is none.
func TestRunner(t *testing.T) {
	t.Parallel()
	settled, asked := time.Time{}, 0
	var failure error
	r := &measured.Runner{
		Cars: &measured.Cars{Chargers: func() []readiness.Charger { return []readiness.Charger{{ID: "c", Power: 1, Capacity: 1}} }, Readings: func(context.Context, string, time.Time, time.Time) ([]grid.Reading, error) { return nil, nil }},
		Response: &measured.Response{Ask: func(_ context.Context, from, to time.Time) (grid.Money, time.Time, error) {
			if asked++; to.Sub(from) != 24*time.Hour {
				t.Errorf("%s to %s", from, to)
			}
			return grid.Money(asked), to.Add(-time.Hour), failure
		}},
		Settled: func(context.Context) (time.Time, error) { return settled, nil },
		Clock:   func() time.Time { return settled }, Log: slog.New(slog.DiscardHandler),
	}
	tally := measured.New(slog.New(slog.DiscardHandler), grid.SingleNode(), func(string) string { return "" }).Beside(&until{}, measured.Beyond{Cars: r.Cars, Response: r.Response})
	look := func() (m api.Measures, why map[string]string) {
		t.Helper()
		if err := r.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		m, err := tally.Measures(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		why = map[string]string{}
		for _, u := range m.Unknown {
			why[u.Measure] = u.Reason
		}
		return m, why
	}
	if m, why := look(); m.BestResponse != nil || asked != 0 || !strings.Contains(why["best_response"], "not over") || !strings.Contains(why["deadlines"], "no car has left") {
		t.Errorf("before anything is settled: %+v, %v", m, why)
	}
	settled, failure = time.Date(2026, 6, 2, 0, 15, 0, 0, time.UTC), errors.New("secret")
	if m, why := look(); m.BestResponse != nil || asked != 1 || !strings.Contains(why["best_response"], "was not cleared anew") || strings.Contains(why["best_response"], "secret") {
		t.Errorf("a day that cannot be cleared anew: %+v, %v", m, why)
	}
	settled, failure = settled.AddDate(0, 0, 1), nil
	for range 2 {
		if m, _ := look(); m.BestResponse == nil || *m.BestResponse != 2 || !m.BestResponseUntil.Equal(time.Date(2026, 6, 2, 23, 0, 0, 0, time.UTC)) || asked != 2 {
			t.Errorf("a day: %+v, asked %d times", m, asked)
		}
	}
	settled, failure = settled.AddDate(0, 0, 1), errors.New("secret")
	if m, _ := look(); m.BestResponse == nil || *m.BestResponse != 2 || asked != 3 {
		t.Errorf("the last figure beside a day that cannot be cleared anew: %+v, asked %d times", m, asked)
	}
}
