package intake

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/store"
)

// TestThinning never reaches an interval that is still to be settled, nor the hour before
// it, however long that takes; otherwise evidence is kept whole for three hours, or as long
// as readings are waited for and an hour more.
func TestThinning(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	late, early := grid.IntervalAt(now.Add(-time.Hour), 15), grid.IntervalAt(now.AddDate(0, -2, 0), 15)
	for name, c := range map[string]struct {
		deadline       time.Duration
		unsettled      []grid.Interval
		whole, unnamed time.Time
	}{
		"nothing to settle": {time.Minute, nil, now.Add(-3 * time.Hour), now.Add(-evidence.Nameable)},
		"a long deadline":   {5 * time.Hour, nil, now.Add(-6 * time.Hour), now.Add(-evidence.Nameable)},
		"lately":            {time.Minute, []grid.Interval{late}, now.Add(-3 * time.Hour), now.Add(-evidence.Nameable)},
		"long ago":          {time.Minute, []grid.Interval{early, late}, early.Begin().Add(-time.Hour), early.Begin().Add(-time.Hour)},
	} {
		u := Upkeep{Deadline: c.deadline, Unsettled: func() []grid.Interval { return c.unsettled }}
		if whole, unnamed := u.before(now); !whole.Equal(c.whole) || !unnamed.Equal(c.unnamed) {
			t.Errorf("%s: whole since %s, unnamed since %s, want %s and %s", name, whole, unnamed, c.whole, c.unnamed)
		}
	}
}

// retiring is a store that counts how often it is tidied.
type retiring struct {
	store.Store

	times int
}

func (r *retiring) Retire(context.Context, time.Time, store.Keep) error {
	r.times++
	return nil
}

// TestUpkeepGoesOn does everything again and again until it is told to stop.
func TestUpkeepGoesOn(t *testing.T) {
	kept, err := evidence.Open(t.Context(), filepath.Join(t.TempDir(), "evidence.db"), "elm")
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	synctest.Test(t, func(t *testing.T) {
		r := &retiring{}
		in := &Intake{Options: Options{Evidence: kept, Store: r, Clock: time.Now, Log: slog.New(slog.DiscardHandler)}}
		trimmed, asked := 0, 0
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
		defer cancel()
		err := in.Maintain(ctx, Upkeep{
			Trim:      func(context.Context) error { trimmed++; return nil },
			Unsettled: func() []grid.Interval { asked++; return nil },
		})
		if err != nil || trimmed < 34 || asked != 3 || r.times < 3 {
			t.Errorf("in three hours: %d times trimmed, %d thinned, %d retired, %v", trimmed, asked, r.times, err)
		}
	})
}
