package agent_test

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/grid"
)

// TestPlansAreMadeAnew lets a car come home and leave, and a homeowner set a limit: each makes
// another plan within the same interval, and nothing else does.
func TestPlansAreMadeAnew(t *testing.T) {
	l := &lane{now: time.Date(2026, 6, 20, 17, 50, 0, 0, time.UTC)}
	o, reserve := laneOptions(l), limits.Limits{}
	o.Limits = func(string) limits.Limits { return reserve }
	rating, weaker := o.Rating, false
	o.Rating = func(id string) agent.Rating {
		of := rating(id)
		if weaker && id == "a/charger" {
			of.Power = 3700
		}
		return of
	}
	traders := agent.NewTraders(o)
	replan := func(at time.Time) time.Time {
		t.Helper()
		l.now = at
		if err := traders.Replan(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		p, known := traders.Planned("mp-a")
		if !known {
			t.Fatal("there is no plan")
		}
		return p.Made
	}
	start := l.now
	if made := replan(start); !made.Equal(start) {
		t.Errorf("the first plan is of %s", made)
	}
	running := grid.IntervalAt(start, 15)
	for _, i := range []grid.Interval{running, running.Shift(1)} {
		if in, known := traders.Intent("mp-a", i); !known || in.Interval != i || in.Powers["a/charger"] != 0 {
			t.Errorf("%s: the intent is %+v, %t", i, in, known)
		}
	}
	if made := replan(start.Add(time.Minute)); !made.Equal(start) {
		t.Error("it plans anew though nothing changed")
	}
	came := time.Date(2026, 6, 20, 18, 0, 0, 0, time.UTC)
	if made := replan(came); !made.Equal(came) {
		t.Error("a car came home, and there is no new plan")
	}
	p, _ := traders.Planned("mp-a")
	charged := grid.Energy(p.Running.Powers["a/charger"]) / 4 // in the interval that runs
	for _, s := range p.Steps {
		if !s.Interval.End().After(time.Date(2026, 6, 21, 6, 45, 0, 0, time.UTC)) {
			charged += s.Devices["a/charger"]
		}
	}
	if _, planned := p.Intent.Powers["a/charger"]; !planned || charged < 14_500 || charged > 15_500 {
		t.Errorf("the car lacks 15 kWh, and gets %d Wh by a quarter to seven, when it usually leaves: %+v", charged, p.Intent)
	}
	reserve.Reserve = 300
	if made := replan(came.Add(time.Minute)); !made.Equal(came.Add(time.Minute)) {
		t.Error("the homeowner wants a reserve, and there is no new plan")
	}
	weaker = true
	if made := replan(came.Add(2 * time.Minute)); !made.Equal(came.Add(2 * time.Minute)) {
		t.Error("a charger gives less than was said, and there is no new plan")
	}
	if in, _ := traders.Intent("mp-a", grid.IntervalAt(came, 15)); in.Reserve < 300 {
		t.Errorf("the intent reserves %d", in.Reserve)
	}
	if _, known := traders.Intent("mp-a", grid.IntervalAt(came.Add(2*time.Hour), 15)); known {
		t.Error("a plan of two hours ago is still followed")
	}
}

// shelf keeps models in memory.
type shelf map[string][]byte

func (s shelf) Load(name string) ([]byte, error) { return s[name], nil }

func (s shelf) Save(name string, model []byte) error { s[name] = model; return nil }

// TestModelsAreKept starts the agents anew: they go on with the models that were kept, and fit anew
// what is damaged. What their batteries are they look up at each start.
func TestModelsAreKept(t *testing.T) {
	const batteries = 3
	kept := shelf{}
	start := func() (traders *agent.Traders, fits int) {
		l := &lane{now: time.Date(2026, 6, 20, 12, 0, 0, 0, time.UTC)}
		o := laneOptions(l)
		o.FitInPlace, o.Kept = false, kept
		traders = agent.NewTraders(o)
		for {
			did, err := traders.Refit(t.Context(), l.now)
			if err != nil {
				t.Fatal(err)
			}
			if !did {
				return traders, fits - batteries
			}
			fits++
		}
	}
	first, fits := start()
	if fits != 6 || len(kept) != 6 || len(first.Skill("mp-b")) != 2 {
		t.Fatalf("%d models were fitted and %d kept, want load and sun of three homes; skill %+v", fits, len(kept), first.Skill("mp-b"))
	}
	for name, model := range kept {
		kept[name] = append(append([]byte{}, model[:len(model)/2]...), 7)
	}
	again, fits := start()
	if fits != 6 {
		t.Errorf("%d damaged models were fitted anew", fits)
	}
	third, _ := start()
	for _, point := range []string{"mp-a", "mp-b", "mp-c"} {
		a, b, c := first.Skill(point), again.Skill(point), third.Skill(point)
		if len(a) != 2 || len(b) != 2 || len(c) != 2 || a[0].Chosen != b[0].Chosen || a[0].Chosen != c[0].Chosen {
			t.Errorf("%s: %+v, after a refit %+v, kept %+v", point, a, b, c)
		}
	}
}
