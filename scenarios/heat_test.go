package scenarios

import (
	"os"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
)

// heated is what a day of an all-electric street came to.
type heated struct {
	cost   map[string]grid.Money // by member, + receives
	stored map[string]float64    // Wh of electricity in houses and tanks at the end
	cold   map[string]int        // minutes with less than a thermostat keeps, in house and tank
	alone  map[string]int        // the same on their thermostats
}

// winterDay opens the replay of a day of the winter week with six homes.
func winterDay(t *testing.T) (*replay, Scenario) {
	t.Helper()
	b, err := os.ReadFile("winter-week.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	s.Days, s.History, s.Homes = 1, 8, 6
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
	return r, s
}

// rateOtherwise gives a replay agents that know devices by other ratings.
func rateOtherwise(t *testing.T, r *replay, change func(*agent.Rating)) {
	t.Helper()
	terms, err := r.result.Scenario.terms()
	if err != nil {
		t.Fatal(err)
	}
	o := r.agents(r.recorder.grid(), terms)
	of := o.Rating
	o.Rating = func(device string) agent.Rating {
		x := of(device)
		change(&x)
		return x
	}
	r.desk = agent.NewTraders(o)
}

// winter replays a day of the winter week. With planned false nothing of what heats may be moved.
func winter(t *testing.T, planned bool) (h heated) {
	t.Helper()
	r, s := winterDay(t)
	if !planned {
		rateOtherwise(t, r, func(x *agent.Rating) { x.Loss = 0 })
	}
	h = heated{map[string]grid.Money{}, map[string]float64{}, map[string]int{}, map[string]int{}}
	spec := s.World()
	for now := s.Start; now.Before(r.end.Add(s.Deadline + step)); now = now.Add(step) {
		r.move(now)
		r.recorder.read(r.world)
		if err := r.advance(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		r.hold(now)
		for i, home := range spec.Homes {
			state := r.world.Home(i)
			h.cold[home.ID] += chilly(home, state.Heat)
			h.alone[home.ID] += chilly(home, state.Alone.Heat)
		}
	}
	for i, home := range spec.Homes {
		state := r.world.Home(i)
		if home.House.Pump > 0 {
			h.stored[home.ID] += home.House.Capacity * state.Heat.Indoor / world.COP(2, home.House.Floor)
		}
		if home.Tank.Rod > 0 {
			h.stored[home.ID] += home.Tank.Litres * 1.163 * state.Heat.Tank
		}
	}
	for _, st := range r.result.Statements {
		h.cost[st.Member] += st.Net
	}
	return h
}

// chilly counts what is colder than a thermostat lets it become.
func chilly(home world.Home, h world.Heat) (n int) {
	wants, off := world.Comfort()
	if home.House.Pump > 0 && h.Indoor < wants-off-0.1 {
		n++
	}
	if home.Tank.Rod > 0 && h.Tank < 45 {
		n++
	}
	return n
}

// TestHeatIsPlanned replays a winter day of six homes, with their heat pumps and rods planned and on their
// thermostats. Planned, no house and no tank is cold for longer than on its thermostat, and the homes pay
// less, with what is stored at the end reckoned at retail.
func TestHeatIsPlanned(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: replays days; make test runs it")
	}
	const retail, cents = 300, 10_000 // millionths a Wh, millionths
	planned, own := winter(t, true), winter(t, false)
	var gain float64
	for m := range own.cost {
		one := float64(planned.cost[m]-own.cost[m]) + retail*(planned.stored[m]-own.stored[m])
		gain += one
		t.Logf("%s receives %d planned and %d on its thermostats, has %.0f Wh more in store: %.0f better", m, planned.cost[m], own.cost[m], planned.stored[m]-own.stored[m], one)
		if one < -5*cents {
			t.Errorf("%s is worse off by %.0f", m, -one)
		}
		if planned.cold[m] > planned.alone[m] {
			t.Errorf("%s is cold for %d minutes, on its thermostats for %d", m, planned.cold[m], planned.alone[m])
		}
	}
	if gain < 50*cents {
		t.Errorf("all are better off by %.0f: want half a euro at least", gain)
	}
}

// TestNobodyIsMovedBeforeTradeBegins: the first interval of a scenario is neither traded nor
// settled, so that what a plan moved there would be compared with nothing.
func TestNobodyIsMovedBeforeTradeBegins(t *testing.T) {
	t.Parallel()
	r, s := winterDay(t)
	moved := func(until time.Time) (homes int) {
		t.Helper()
		for now := r.world.Now().Add(step); !now.After(until); now = now.Add(step) {
			r.move(now)
			r.recorder.read(r.world)
			if err := r.advance(t.Context(), now); err != nil {
				t.Fatal(err)
			}
			r.hold(now)
		}
		for i := range s.World().Homes {
			if h := r.world.Home(i); h.Imported != h.Alone.Imported || h.Exported != h.Alone.Exported {
				homes++
			}
		}
		return homes
	}
	if homes := moved(s.Start.Add(15 * time.Minute)); homes > 0 {
		t.Errorf("%d homes were moved in the quarter of an hour before trade begins", homes)
	}
	if homes := moved(s.Start.Add(3 * time.Hour)); homes == 0 {
		t.Error("three hours later no home does anything else than it would alone")
	}
}
