package scenarios_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
)

// TestOnlyProvenStorageIsPaid replays three days with three cheats among seven
// batteries: those earn nothing and lose stake, the honest ones share out every
// epoch to the last token, and a second replay says the same.
func TestOnlyProvenStorageIsPaid(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: replays days; make test runs it")
	}
	text, err := os.ReadFile("storage-rewards.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenarios.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	first, second := t.TempDir(), t.TempDir()
	r := replay(t, s, first)
	if len(r.Epochs) != 3 {
		t.Fatalf("%d epochs were closed, want 3", len(r.Epochs))
	}
	cheats := map[string]bool{}
	for _, c := range s.Cheats {
		cheats[c.Home+"/battery"] = true
	}
	left := int64(0)
	for _, e := range r.Epochs {
		if e.Carried != left || e.Budget+e.Carried+e.Slashed != e.Granted+e.Paid+e.Left || len(e.Rewards) != 7 {
			t.Errorf("epoch %+v does not add up", e)
		}
		left = e.Left
		var paid int64
		for _, w := range e.Rewards {
			paid += w.Tokens
			switch honest := !cheats[w.Battery]; {
			case w.Challenged == 0:
				t.Errorf("%s: %s was never challenged", e.Epoch, w.Battery)
			case honest && (w.Tokens == 0 || w.Met*4 < w.Challenged*3):
				t.Errorf("%s: an honest battery got too little: %+v", e.Epoch, w)
			case !honest && (w.Tokens != 0 || w.Met*4 > w.Challenged || w.Slashed == 0 && e.Epoch == "2026-06-01"):
				t.Errorf("%s: a cheat got away with it: %+v", e.Epoch, w)
			}
		}
		if paid != e.Paid {
			t.Errorf("%s: paid %d, the batteries got %d", e.Epoch, e.Paid, paid)
		}
	}
	checkCosts(t, s)
	if _, err := embedded.VerifyDir(t.Context(), first, "", nil); err != nil {
		t.Error(err)
	}
	replay(t, s, second)
	a, err1 := os.ReadFile(filepath.Join(first, "summary.json"))
	b, err2 := os.ReadFile(filepath.Join(second, "summary.json"))
	if err1 != nil || err2 != nil || !bytes.Equal(a, b) || !bytes.Contains(a, []byte(`"home-12":`)) {
		t.Errorf("a second replay differs: %v, %v\n%s\n%s", err1, err2, a, b)
	}
}

// checkCosts replays the same days with rewards and without, where nobody trades, so that
// nothing but challenges moves a battery: they cost no honest owner more than five cents, and
// they are as many as when each asked for a discharge of minutes, which cost 26 to 38 cents.
func checkCosts(t *testing.T, s scenarios.Scenario) {
	t.Helper()
	s.Strategy = "none"
	with := replay(t, s, t.TempDir())
	s.Rewards = nil
	without := replay(t, s, t.TempDir())
	challenged := map[string]int{}
	for _, e := range with.Epochs {
		for _, w := range e.Rewards {
			challenged[w.Battery] += w.Challenged
		}
	}
	const most = 50_000 // millionths of a EUR
	for home, least := range map[string]int{"home-07": 65, "home-09": 75, "home-11": 58, "home-12": 68} {
		cost := worth(t, without, home) - worth(t, with, home)
		t.Logf("%s: %d challenges cost %.3f EUR", home, challenged[home+"/battery"], float64(cost)/1e6)
		if n := challenged[home+"/battery"]; n < least || cost > most {
			t.Errorf("%s: %d challenges cost %d, want at least %d for at most %d", home, n, cost, least, most)
		}
	}
}

// worth is what a home's metered energy comes to at the utility's tariff, and what
// its battery holds at the end: that is bought less later, with the losses on the
// way out.
func worth(t *testing.T, r *scenarios.Result, home string) (sum grid.Money) {
	t.Helper()
	for _, st := range r.Statements {
		if st.MeteringPoint == "mp-"+home {
			sum += st.RetailOnly
		}
	}
	homes := world.Neighbourhood(r.Scenario.Homes, r.Scenario.Seed)
	at := slices.IndexFunc(homes, func(h world.Home) bool { return h.ID == home })
	for _, reading := range slices.Backward(r.Readings) {
		if reading.Device == home+"/battery" {
			held := grid.Energy(*reading.Charge) * homes[at].Battery.Capacity / 1000
			value, err := (r.Tariff.Retail * 9 / 10).Cost(held)
			if err != nil {
				t.Fatal(err)
			}
			return sum + value
		}
	}
	t.Fatalf("the battery of %s was not read", home)
	return 0
}

func TestBadRewards(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"rewards: {budget: -1}":                                "rewards.budget",
		"rewards: {peaks: [\"25:00-26:00\"]}":                  "rewards.peaks[0]",
		"rewards: {pledge: 0}":                                 "rewards.pledge",
		"rewards: {reveal_penalty: 1 USD}":                     "rewards.reveal_penalty",
		"rewards: {reward: 1}":                                 "reward",
		"cheats: [{home: home-01, cheat: lies}]":               "cheats[0].cheat",
		"cheats: [{home: home-03, cheat: claims-capacity}]":    "cheats[0].home",
		"rewards: {response: 4m, duration: 3m}":                "response, duration",
		"cheats: [{home: home-01, cheet: claims-capacity}]":    "cheet",
		"rewards: {schedule: forever}":                         "schedule",
		"rewards: {corrections: -1h}":                          "corrections",
		"rewards: {peaks: [\"20:00-17:00\"], corrections: 1h}": "ends before",
	} {
		_, err := scenarios.Parse(append(summerDay(t), text...))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}
