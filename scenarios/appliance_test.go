package scenarios

import (
	"os"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
)

// ranDay is what a street with appliances came to on two summer days, up to the second evening.
type ranDay struct {
	cost   grid.Money // of all, + receives
	late   int64      // programmes that were not done in time
	ran    float64    // Wh
	waited int        // minutes in which an appliance waited
}

// choresDays replays two days of the summer day's street with appliances. With planned false nobody starts
// them: they start when they are loaded.
func choresDays(t *testing.T, planned bool) (d ranDay) {
	t.Helper()
	b, err := os.ReadFile("summer-day.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	s.Days, s.History, s.Homes, s.Appliances = 2, 8, 4, true
	l, err := embedded.OpenLedger(t.Context(), t.TempDir(), Community, "EUR", ledger.SeededNames(s.Seed))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	r, err := newReplay(t.Context(), s, l, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !planned {
		rateOtherwise(t, r, func(x *agent.Rating) { x.Programme = agent.Programme{} })
	}
	evening := s.Start.Add(44 * time.Hour) // all that was loaded is done then, and nothing else was
	begin := make([]int64, s.Homes)
	for i := range begin {
		begin[i] = r.world.Home(i).Ran
	}
	for now := s.Start; now.Before(r.end.Add(s.Deadline + step)); now = now.Add(step) {
		r.move(now)
		r.recorder.read(r.world)
		if err := r.advance(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		r.hold(now)
		for i := range s.Homes {
			h := r.world.Home(i)
			if h.Programme.Left > 0 && !h.Programme.Began {
				d.waited++
			}
			if now.Equal(evening) {
				d.ran += float64(h.Ran-begin[i]) / 3600
			}
		}
	}
	for i := range s.Homes {
		d.late += r.world.Home(i).Late
	}
	for _, st := range r.result.Statements {
		if st.Interval.Begin().Before(evening) {
			d.cost += st.Net
		}
	}
	return d
}

// TestAppliancesAreStarted replays two summer days of four homes with appliances that the plans start, and
// that start when they are loaded. Planned, they wait and are done in time all the same, and the homes
// together pay less for the same energy.
func TestAppliancesAreStarted(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: replays days; make test runs it")
	}
	planned, own := choresDays(t, true), choresDays(t, false)
	t.Logf("planned %+v, on their own %+v", planned, own)
	if planned.late > 0 {
		t.Errorf("%d programmes were not done in time", planned.late)
	}
	if planned.waited < 4*60 || own.waited > 4 {
		t.Errorf("the appliances waited for %d minutes, on their own for %d", planned.waited, own.waited)
	}
	if planned.ran != own.ran || own.ran < 5000 {
		t.Errorf("planned they took %.0f Wh, on their own %.0f", planned.ran, own.ran)
	}
	if planned.cost <= own.cost {
		t.Errorf("planned the homes pay %d more", own.cost-planned.cost)
	}
}
