package shown

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/agent/limits/kept"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web/api"
)

// homes are those of ann, who has a battery, a roof and two chargers, and of bob, who has a meter
// alone, at noon in Berlin.
func homes(t *testing.T, strategy agent.Strategy, given map[string]limits.Limits) Homes {
	t.Helper()
	dir, err := disk.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	k, err := kept.Open(dir, given)
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	of := func(string) agent.Strategy { return strategy }
	return Homes{
		Kept: k, Strategy: of, Zone: zone, Currency: "EUR", Clock: func() time.Time { return time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC) },
		Traders: agent.NewTraders(agent.Options{Minutes: 15, Strategy: of, Devices: []grid.Device{
			{ID: "ann/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "mp-ann"},
			{ID: "ann/battery", Kind: grid.Battery, Member: "ann", MeteringPoint: "mp-ann"},
			{ID: "ann/roof", Kind: grid.Inverter, Member: "ann", MeteringPoint: "mp-ann"},
			{ID: "ann/charger", Kind: grid.Charger, Member: "ann", MeteringPoint: "mp-ann"},
			{ID: "ann/charger-2", Kind: grid.Charger, Member: "ann", MeteringPoint: "mp-ann"},
			{ID: "bob/meter", Kind: grid.Meter, Member: "bob", MeteringPoint: "mp-bob"},
		}}),
	}
}

// TestLimitsComeBackAsTheyWereSet sets every field, and reads what is shown then.
func TestLimitsComeBackAsTheyWereSet(t *testing.T) {
	h := homes(t, agent.ByPlanner, nil)
	away := time.Date(2026, 6, 2, 12, 0, 0, 0, time.UTC)
	cars := []api.CarLimit{{Charger: "ann/charger-2", ReadyBy: "06:30", Target: 900}, {Charger: "ann/charger", ReadyBy: "07:00", Target: 800}}
	err := h.SetLimits("ann", api.LimitsRequest{
		Reserve: new(200), Floor: new(int64(80_000)), Ceiling: new(int64(250_000)), Prefer: new(api.Solar), ZeroExport: new(true), AwayUntil: &away, Cars: &cars,
	})
	if err != nil {
		t.Fatal(err)
	}
	l, known := h.Limits("ann")
	if !known || l.Reserve != 200 || *l.Floor != 80_000 || *l.Ceiling != 250_000 || l.Prefer != api.Solar || !l.ZeroExport || !l.AwayUntil.Equal(away) ||
		len(l.Cars) != 2 || l.Cars[1] != cars[0] || l.Cars[0] != cars[1] || l.SetBy != api.Homeowner || !l.Since.Equal(h.Clock()) || l.Zone != "Europe/Berlin" {
		t.Errorf("%+v", l)
	}
	fields := map[string]string{}
	for _, s := range l.Sentences {
		fields[*s.Field] = s.Text
	}
	if len(fields) != 8 || !strings.Contains(fields["cars[1]"], "ann/charger-2 has 90 % by 06:30") || !strings.Contains(fields["floor"], "8.00 ct/kWh") || !strings.Contains(fields["away_until"], "Tuesday 2 June 14:00") {
		t.Errorf("%v", fields)
	}
	if err := h.ResetLimits("ann"); err != nil {
		t.Fatal(err)
	}
	if l, _ := h.Limits("ann"); l.SetBy != api.Nobody || l.Floor != nil || l.Prefer != api.Price || len(l.Cars) != 0 || l.Cars == nil {
		t.Errorf("after the reset: %+v", l)
	}
}

// TestWhoIsBackIsNotAway shows a time that has passed no more.
func TestWhoIsBackIsNotAway(t *testing.T) {
	over := time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	h := homes(t, agent.ByPlanner, map[string]limits.Limits{"ann": {AwayUntil: &over, Reserve: 100}})
	if l, _ := h.Limits("ann"); l.AwayUntil != nil || len(l.Sentences) != 1 || l.SetBy != api.Configuration {
		t.Errorf("%+v", l)
	}
}

// TestWhatIsWrongIsAtItsField names fields as the API has them, and changes nothing.
func TestWhatIsWrongIsAtItsField(t *testing.T) {
	h := homes(t, agent.ByPlanner, nil)
	car := func(all ...api.CarLimit) *[]api.CarLimit { return &all }
	good := api.CarLimit{Charger: "ann/charger", ReadyBy: "07:00", Target: 800}
	for field, c := range map[string]struct {
		member string
		sent   api.LimitsRequest
	}{
		"reserve":          {"bob", api.LimitsRequest{Reserve: new(1)}},
		"zero_export":      {"bob", api.LimitsRequest{ZeroExport: new(true)}},
		"away_until":       {"ann", api.LimitsRequest{AwayUntil: new(time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC))}},
		"prefer":           {"ann", api.LimitsRequest{Prefer: new(api.Preference("cheap"))}},
		"cars[1]":          {"ann", api.LimitsRequest{Cars: car(good, api.CarLimit{Charger: "bob/charger", ReadyBy: "07:00", Target: 800})}},
		"cars[1].charger":  {"ann", api.LimitsRequest{Cars: car(good, good)}},
		"cars[1].ready_by": {"ann", api.LimitsRequest{Cars: car(good, api.CarLimit{Charger: "ann/charger-2", ReadyBy: "7", Target: 800})}},
		"cars[1].target":   {"ann", api.LimitsRequest{Cars: car(good, api.CarLimit{Charger: "ann/charger-2", ReadyBy: "07:00"})}},
	} {
		err := h.SetLimits(c.member, c.sent)
		var wrong *limits.FieldError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, member := range []string{"ann", "bob"} {
		if l, _ := h.Limits(member); l.SetBy != api.Nobody {
			t.Errorf("%+v", l)
		}
	}
}

// TestWithoutAPlanItIsSaidWhy asks for the plans of homes that have none.
func TestWithoutAPlanItIsSaidWhy(t *testing.T) {
	for strategy, why := range map[agent.Strategy]string{
		agent.ByPlanner: "no plan yet", agent.ByOthers: "program outside", agent.ByNothing: "Nobody trades", agent.ByChance: "(zero-intelligence) only trades",
	} {
		h := homes(t, strategy, map[string]limits.Limits{"ann": {Reserve: 300}})
		p, known := h.Plan("ann")
		if !known || len(p.Points) != 1 || !strings.Contains(p.Points[0].Why, why) || p.Points[0].Steps == nil || *p.Points[0].Reserve != 300 || p.Points[0].Strategy != nil {
			t.Errorf("%s: %+v", strategy, p)
		}
		l, _ := h.Limits("ann")
		if says := strings.Contains(l.Sentences[0].Text, "bind the planner alone"); says != (strategy != agent.ByPlanner) {
			t.Errorf("%s: %+v", strategy, l.Sentences)
		}
	}
	h := homes(t, agent.ByPlanner, nil)
	if p, _ := h.Plan("bob"); p.Points[0].Reserve != nil {
		t.Errorf("a home without a battery has no reserve: %+v", p)
	}
	for what, known := range map[string]bool{"limits": second(h.Limits("cy")), "plan": second(h.Plan("cy")), "skill": second(h.Skill("cy"))} {
		if known {
			t.Errorf("%s of nobody is known", what)
		}
	}
}

func second[T any](_ T, known bool) bool { return known }

// TestAStepIsWhole turns a step of a plan into whole numbers, devices in order.
func TestAStepIsWhole(t *testing.T) {
	i := grid.IntervalAt(time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC), 15)
	got := step(agent.Step{
		Interval: i, Forecast: agent.Band{Low: -10.6, Mean: 0.4, High: 10.5}, Net: agent.Band{Low: math.NaN(), Mean: math.Inf(1), High: 1}, Charge: &agent.Band{Low: 499.5, Mean: 600, High: 700.2},
		Devices: map[string]grid.Energy{"b": -200, "a": 100}, Buy: 300_000, Sell: 60_000,
	})
	want := api.PlanStep{
		Start: i.Begin().UTC(), Minutes: 15, Forecast: api.PlanBand{Low: -11, High: 11}, Net: api.PlanBand{High: 1}, Charge: &api.PlanBand{Low: 500, Mean: 600, High: 700},
		Devices: []api.PlannedDevice{{Device: "a", Energy: 100}, {Device: "b", Energy: -200}}, Buy: 300_000, Sell: 60_000,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if empty := step(agent.Step{Interval: i}); empty.Charge != nil || empty.Devices == nil {
		t.Errorf("%+v", empty)
	}
}

// TestTheBestMethodIsFirst has shares of a thousand.
func TestTheBestMethodIsFirst(t *testing.T) {
	got := methods([]forecast.Skill{{Method: "naive", Days: 3, MAE: 80.4, RMAE: 1, RPinball: 1, Cov80: .805}, {Method: "blend", Days: 3, MAE: 65, RMAE: .8125, RPinball: .79, Cov80: .8}})
	want := []api.MethodSkill{{Method: "blend", Days: 3, Mae: 65, RMae: 813, RPinball: 790, Coverage: 800}, {Method: "naive", Days: 3, Mae: 80, RMae: 1000, RPinball: 1000, Coverage: 805}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}
