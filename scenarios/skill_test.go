package scenarios

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
)

// TestSkill takes the mean over the series that were tried, and says nothing where none was.
func TestSkill(t *testing.T) {
	t.Parallel()
	one := HomesSkill{Home: "a", Series: "load", Method: "ridge", Days: 9, Skill: Skill{900, 800, 700}}
	two := HomesSkill{Home: "b", Series: "pv", Method: "sun", Days: 9, Skill: Skill{701, 600, 850}}
	untried := HomesSkill{Home: "c", Series: "load", Method: "blend"}
	if got := skilled([]HomesSkill{one, two, untried}); got.Mean == nil || *got.Mean != (Skill{801, 700, 775}) || len(got.Series) != 3 {
		t.Errorf("%+v of %+v", got.Mean, got)
	}
	text, err := json.Marshal(skilled([]HomesSkill{untried}))
	if want := `{"mean":null,"series":[{"home":"c","series":"load","method":"blend","days":0,"r_mae":0,"r_pinball":0,"cov80":0}]}`; err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}

// TestMeasuresOfAPlannedDay replays a day of homes that plan, with three weeks of history and
// without a pool. Each home's load and roof was tried on days of the history. The allocation
// key shares all that was metered, so that the members together would have what perfect sharing is worth, which is
// reckoned here from the statements alone; batteries by their own logic are another street than the one
// that went.
func TestMeasuresOfAPlannedDay(t *testing.T) {
	t.Parallel()
	s, err := Parse([]byte(strings.Replace(minimal, "days: 1", "days: 1\nhistory: 21\npool: {price: \"off\"}", 1)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := embedded.OpenMemory(t.Context(), Community, "EUR", ledger.SeededNames(s.Seed))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := Replay(t.Context(), s, l, func(float64) {})
	if err != nil {
		t.Fatal(err)
	}
	k, err := r.Summarize("test")
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]int{}
	for _, x := range k.Skill.Series {
		series[x.Series]++
		if x.Days < 7 || x.Method == "" || x.MAE <= 0 || x.MAE > 1500 || x.Pinball <= 0 || x.Pinball > 1500 || x.Coverage < 500 || x.Coverage > 1000 {
			t.Errorf("%+v", x)
		}
	}
	if series["load"] != 4 || series["pv"] == 0 || k.Skill.Mean == nil {
		t.Errorf("%v, mean %+v", series, k.Skill.Mean)
	}
	flows := map[grid.Interval]grid.Flow{}
	for _, x := range r.Statements {
		f := flows[x.Interval]
		flows[x.Interval] = grid.Flow{Import: f.Import + x.Metered.Import, Export: f.Export + x.Metered.Export}
	}
	var perfect grid.Money
	for _, f := range flows {
		both := min(f.Import, f.Export)
		perfect += grid.Money((f.Export-both)*60 - (f.Import-both)*300) // 0.06 and 0.30 a kWh
	}
	if d := k.ByKey - perfect; d < -4000 || d > 4000 { // each amount of a statement is rounded
		t.Errorf("by the key %d, by perfect sharing %d", k.ByKey, perfect)
	}
	if k.ByKey <= k.Net || k.RuleBased == k.ByKey {
		t.Errorf("%d by the key, %d as it went, %d with batteries by their own logic", k.ByKey, k.Net, k.RuleBased)
	}
}
