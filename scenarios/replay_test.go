package scenarios_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
)

func summerDay(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("summer-day.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// replay replays a scenario. What most tests look at does not depend on how the homes trade: they
// do so by the strategy that costs least time, unless the scenario says.
func replay(t *testing.T, s scenarios.Scenario, dir string) *scenarios.Result {
	t.Helper()
	if s.Strategy == "" {
		s.Strategy = string(agent.ByPriceCurve)
	}
	l, err := embedded.OpenLedger(t.Context(), dir, scenarios.Community, "EUR", ledger.SeededNames(s.Seed))
	if err != nil {
		t.Fatal(err)
	}
	r, err := scenarios.Replay(t.Context(), s, l, func(float64) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Write(dir, "test"); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestReplay replays the day twice: the same bytes, a ledger that verifies,
// intervals that sum to zero, and no more traded than was offered.
func TestReplay(t *testing.T) {
	t.Parallel()
	s, err := scenarios.Parse(summerDay(t))
	if err != nil {
		t.Fatal(err)
	}
	s.Strategy = string(agent.ByPlanner)
	first, second := t.TempDir(), t.TempDir()
	r := replay(t, s, first)
	replay(t, s, second)
	for _, name := range []string{"summary.json", "trades.parquet", "intervals.parquet", "statements.parquet", "readings.parquet"} {
		a, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(second, name))
		if err != nil {
			t.Fatal(err)
		}
		if len(a) == 0 || !bytes.Equal(a, b) {
			t.Errorf("%s differs between two replays (%d and %d bytes)", name, len(a), len(b))
		}
	}
	report, err := embedded.VerifyDir(t.Context(), first, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.Intervals != len(r.Intervals) || report.Intervals != 95 || len(r.Trades) == 0 {
		t.Errorf("%d intervals on the ledger, %d settled, %d trades", report.Intervals, len(r.Intervals), len(r.Trades))
	}
	for _, i := range r.Intervals {
		if i.Traded > i.Offered || i.Traded > i.Wanted {
			t.Errorf("%s: traded %d Wh of %d offered and %d wanted", i.Interval, i.Traded, i.Offered, i.Wanted)
		}
	}
	k, err := r.Summarize("test")
	if err != nil {
		t.Fatal(err)
	}
	if k.Imported-k.Exported != k.Retail-k.FeedIn {
		t.Errorf("the members' meters drew %d Wh net, the utility delivered %d", k.Imported-k.Exported, k.Retail-k.FeedIn)
	}
	if k.Net < k.RetailOnly {
		t.Errorf("trading cost the members money: %d instead of %d", k.Net, k.RetailOnly)
	}
}

// TestBatteriesKeepWhatTheirHomesTraded adds up what the homes with a battery sold and did
// not give, and what that would be on their batteries' own logic. Homes without one take and
// give the same either way.
func TestBatteriesKeepWhatTheirHomesTraded(t *testing.T) {
	s, err := scenarios.Parse(summerDay(t))
	if err != nil {
		t.Fatal(err)
	}
	r := replay(t, s, t.TempDir())
	stores := map[string]bool{}
	for _, reading := range r.Readings {
		if home, is := strings.CutSuffix(reading.Device, "/battery"); is {
			stores[home] = true
		}
	}
	var sold, held, left grid.Energy
	for _, st := range r.Statements {
		promised := st.Sold - st.Bought
		switch {
		case !stores[st.Member]:
			if st.Metered != st.Apart {
				t.Errorf("%s has no battery, and took %+v instead of %+v in %s", st.Member, st.Metered, st.Apart, st.Interval)
			}
		case promised > 0:
			sold += promised
			held += max(promised-max(-st.Metered.Net(), 0), 0)
			left += max(promised-max(-st.Apart.Net(), 0), 0)
		}
	}
	if held*2 > left || sold == 0 {
		t.Errorf("of %d Wh that the homes sold %d Wh are missing, and %d Wh on their own: want less than half of that", sold, held, left)
	}
}

func TestAnotherSeedIsAnotherDay(t *testing.T) {
	t.Parallel()
	s, err := scenarios.Parse(summerDay(t))
	if err != nil {
		t.Fatal(err)
	}
	a := replay(t, s, t.TempDir())
	s.Seed = 2
	b := replay(t, s, t.TempDir())
	if a.Root == b.Root {
		t.Error("two seeds gave the same ledger")
	}
	var sum [2]grid.Energy
	for i, r := range []*scenarios.Result{a, b} {
		k, err := r.Summarize("test")
		if err != nil {
			t.Fatal(err)
		}
		sum[i] = k.Produced
	}
	if sum[0] == sum[1] {
		t.Error("two seeds gave the same production")
	}
}

func TestBadScenarios(t *testing.T) {
	t.Parallel()
	good := string(summerDay(t))
	for want, text := range map[string]string{
		"field colour not found": good + "colour: red\n",
		"pool.prices":            good + "pool: {prices: off}\n",
		"own: {same_point: ":     good + "own: false\n",
		"version: 2":             strings.Replace(good, "version: 1\n", "version: 2\n", 1),
		"tariff.retail":          strings.Replace(good, "0.30 EUR/kWh", "0.30 EUR/MWh", 1),
		"interval length 20":     strings.Replace(good, "interval: 15", "interval: 20", 1),
		"mechanism":              strings.Replace(good, "mechanism: uniform", "mechanism: lottery", 1),
		"homes: 0":               strings.Replace(good, "homes: 12", "homes: 0", 1),
		"the file is empty":      "",

		"deadline: -20m0s":                 strings.Replace(good, "deadline: 2m", "deadline: -20m", 1),
		"gate_closure: -5m0s":              strings.Replace(good, "gate_closure: 5m", "gate_closure: -5m", 1),
		"gate_closure: 25h0m0s":            strings.Replace(good, "gate_closure: 5m", "gate_closure: 25h", 1),
		"latitude: 950: must be degrees":   strings.Replace(good, "latitude: 50", "latitude: 950", 1),
		"latitude: NaN":                    strings.Replace(good, "latitude: 50", "latitude: .nan", 1),
		"longitude: +Inf":                  strings.Replace(good, "longitude: 0", "longitude: .inf", 1),
		"start: 1960-06-01":                strings.Replace(good, "start: 2", "start: 1960-06-01T00:00:00Z # 2", 1),
		"start: 2200-06-01":                strings.Replace(good, "start: 2", "start: 2200-06-01T00:00:00Z # 2", 1),
		"homes: 2.5 is not a whole number": strings.Replace(good, "homes: 12", "homes: 2.5", 1),
		"days: 1.5 is not a whole number":  strings.Replace(good, "days: 1", "days: 1.5", 1),
		"a second document begins here":    good + "---\nhomes: 3\n",
		"tariff.retail: 1444000000":        strings.Replace(good, "0.30 EUR/kWh", "1444 EUR/kWh", 1),
		`tariff.currency: "eur"`:           strings.ReplaceAll(good, "EUR", "eur"),
		"tariff.retail: 90000000000000":    strings.Replace(good, "0.30 EUR/kWh", "90000000 EUR/kWh", 1),
	} {
		if _, err := scenarios.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// TestEveryColumnIsDescribed holds the tables and the summary against docs/replay.md.
func TestEveryColumnIsDescribed(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/replay.md")
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenarios.Parse(summerDay(t))
	if err != nil {
		t.Fatal(err)
	}
	s.Homes = 2
	dir := t.TempDir()
	replay(t, s, dir)
	described := func(file, under, name string) {
		t.Helper()
		_, section, _ := strings.Cut(string(doc), "## "+under)
		section, _, _ = strings.Cut(section, "\n## ")
		if !strings.Contains(section, "`"+name+"`") && !strings.Contains(section, "`"+name+".") {
			t.Errorf("docs/replay.md does not describe %s of %s", name, file)
		}
	}
	for _, name := range scenarios.Files() {
		path := filepath.Join(dir, name)
		if filepath.Ext(name) == ".json" {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var fields map[string]any
			if err := json.Unmarshal(text, &fields); err != nil {
				t.Fatal(err)
			}
			for field := range fields {
				described(name, name, field)
			}
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		r := parquet.NewReader(f)
		for _, column := range r.Schema().Columns() {
			described(name, name, column[0])
		}
		_ = r.Close()
		_ = f.Close()
	}
}
