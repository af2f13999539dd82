package scenarios_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/tariff"
)

// independent runs the second settlement, which shares no code with the first, over the
// results in a directory.
func independent(t *testing.T, args ...string) map[string]any {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "python3", append([]string{filepath.Join("testdata", "independent_settlement.py")}, args...)...).Output()
	if err != nil {
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			t.Fatalf("%v: %v\n%s\n%s", args, err, out, exit.Stderr)
		}
		t.Fatal(err)
	}
	var result map[string]any
	if len(args) > 1 {
		if err := json.Unmarshal(out, &result); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return result
}

// lines lays the rows of a Parquet file beside it, one JSON object a line: the standard
// library of Python reads no Parquet.
func lines(t *testing.T, dir, name string) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, name+".parquet"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out, err := os.Create(filepath.Join(dir, name+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	r := parquet.NewReader(f)
	defer r.Close()
	columns, enc, rows := r.Schema().Columns(), json.NewEncoder(out), make([]parquet.Row, 500)
	for {
		n, err := r.ReadRows(rows)
		for _, row := range rows[:n] {
			values := map[string]any{}
			for _, v := range row {
				switch name := columns[v.Column()][0]; v.Kind() {
				case parquet.Int64:
					values[name] = v.Int64()
				default:
					values[name] = string(v.ByteArray())
				}
			}
			if err := enc.Encode(values); err != nil {
				t.Fatal(err)
			}
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// results replays the summer day with changes, and lays its rows where the second
// settlement reads them.
func results(t *testing.T, rules string, change func(*scenarios.Scenario)) (dir string) {
	t.Helper()
	s, err := scenarios.Parse(append(summerDay(t), rules...))
	if err != nil {
		t.Fatal(err)
	}
	change(&s)
	dir = t.TempDir()
	replay(t, s, dir)
	for _, name := range []string{"statements", "trades", "feeder"} {
		lines(t, dir, name)
	}
	return dir
}

// judged settles the results in a directory a second time.
func judged(t *testing.T, dir string) map[string]any {
	t.Helper()
	result := independent(t, dir, "--json")
	figures, ok := result["kpis"].(map[string]any)
	t.Logf("%v", figures)
	if !ok {
		t.Fatalf("the result has no figures: %v", result)
	}
	return figures
}

// needPython skips where there is none; make test says so at its end.
func needPython(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("SKIPPED: the independent settlement wants python3 on PATH")
	}
}

// TestIndependentSettlement settles what was metered in replays a second time, by a program
// in another language that was written from the rules alone: the optimum in every interval,
// every posting to the millionth, and nobody worse off over a week of summer, of winter,
// a month, and in a street of fifty homes.
func TestIndependentSettlement(t *testing.T) {
	t.Parallel()
	needPython(t)
	independent(t, "--self-test")
	for _, c := range []struct {
		name        string
		homes, days int
		start       time.Time
	}{
		{"a summer day", 12, 1, time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)},
		{"a summer week", 12, 7, time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)},
		{"a winter week", 12, 7, time.Date(2026, 1, 12, 0, 0, 0, 0, time.UTC)},
		{"thirty days", 12, 30, time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)},
		{"fifty homes", 50, 2, time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && c.days > 1 {
				t.Skip("SKIPPED by -short: replays days; make test runs it")
			}
			figures := judged(t, results(t, "", func(s *scenarios.Scenario) { s.Homes, s.Days, s.Start = c.homes, c.days, c.start }))
			if share := figures["perfect_sharing_share"]; share != float64(1000) {
				t.Errorf("%v per mille of perfect sharing", share)
			}
			if worse := figures["members_worse_off"]; worse != float64(0) {
				t.Errorf("%v members worse off", worse)
			}
		})
	}
}

// dealt deals three tariffs in turn: one has a feed-in price above retail, one is negative at
// noon, and one asks a part of neighbours' energy too.
type dealt struct{}

// Default implements community.Tariffs.
func (dealt) Default(grid.Interval) (tariff.Tariff, error) {
	return tariff.Tariff{Version: "2026", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}, nil
}

func (dealt) Rates(point string, i grid.Interval) (tariff.Rates, error) {
	r := tariff.Rates{Tariff: "flat", Version: "2026", Currency: "EUR", Retail: 300_000, FeedIn: 60_000, Community: 25_000}
	home, err := strconv.Atoi(strings.TrimPrefix(point, "mp-home-"))
	switch noon := i.Begin().Hour() >= 11 && i.Begin().Hour() < 14; {
	case home%3 == 1:
		r.Tariff, r.Retail, r.FeedIn, r.Community = "old", 280_000, 460_000, 0
	case home%3 == 2 && noon:
		r.Tariff, r.Retail, r.FeedIn, r.Community = "spot", -40_000, -70_000, 0
	case home%3 == 2:
		r.Tariff, r.Retail, r.FeedIn, r.Community = "spot", 350_000, 90_000, 0
	}
	return r, err
}

// threeTariffs are as people write them.
const threeTariffs = `zone: Europe/Berlin
home_tariffs: [parts, old, noon]
tariffs:
- name: parts
  currency: EUR
  versions:
  - valid_from: 2020-01-01
    components:
    - {name: energy, kind: energy, price: 0.20 EUR/kWh}
    - {name: grid, kind: grid, price: 0.10 EUR/kWh, community: 0.06 EUR/kWh}
    - {name: feed-in, kind: energy, side: export, price: 0.06 EUR/kWh}
- name: old
  currency: EUR
  versions:
  - valid_from: 2020-01-01
    components:
    - {name: energy, kind: energy, price: 0.28 EUR/kWh}
    - {name: feed-in, kind: energy, side: export, price: 0.46 EUR/kWh}
- name: noon
  currency: EUR
  versions:
  - valid_from: 2020-01-01
    components:
    - {name: energy, kind: energy, windows: [{hours: "10:00-15:00", price: -0.04 EUR/kWh}, {hours: "15:00-10:00", price: 0.35 EUR/kWh}]}
    - {name: feed-in, kind: energy, side: export, price: 0.02 EUR/kWh}
`

// TestNobodyIsWorseOffBySeveralTariffs replays the summer day with tariffs from texts, the usual
// one of which is one of them. Each home is held against its own tariff.
func TestNobodyIsWorseOffBySeveralTariffs(t *testing.T) {
	t.Parallel()
	needPython(t)
	text := strings.Replace(string(summerDay(t)), "tariff: {version: demo-1, currency: EUR, retail: 0.30 EUR/kWh, feed_in: 0.06 EUR/kWh}", "tariff: parts", 1)
	s, err := scenarios.Parse([]byte(text + threeTariffs))
	if err != nil || s.Currency() != "EUR" {
		t.Fatalf("%v, currency %q", err, s.Currency())
	}
	dir := t.TempDir()
	replay(t, s, dir)
	for _, name := range []string{"statements", "trades", "feeder"} {
		lines(t, dir, name)
	}
	figures := judged(t, dir)
	if worse, share := figures["members_worse_off"], figures["perfect_sharing_share"].(float64); worse != float64(0) || share < 900 {
		t.Errorf("%v members worse off, %v per mille of perfect sharing", worse, share)
	}
}

// TestIndependentSettlementOfSeveralTariffs settles the summer day with three tariffs a second
// time, and finds what is changed in a row.
func TestIndependentSettlementOfSeveralTariffs(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: replays days; make test runs it")
	}
	needPython(t)
	for _, rules := range []string{"", "pool: off\n", "own: {same_point: false}\n"} {
		dir := results(t, rules, func(s *scenarios.Scenario) { s.Rates = dealt{} })
		result := independent(t, dir, "--json")
		sums, ok := result["sums"].(map[string]any)
		if !ok || sums["several_tariffs"] != float64(95) || sums["deviations"].(float64) < 100 || sums["components"].(float64) <= 0 {
			t.Errorf("%q: %v", rules, result)
		}
	}
	dir := results(t, "", func(s *scenarios.Scenario) { s.Rates = dealt{} })
	file := filepath.Join(dir, "statements.jsonl")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for column, where := range map[string]string{
		"retail_price": "retail", "feed_in_price": "feed_in", "community_price": "community_components", "deviation": "deviation",
		"net": "net", "community_components": "community_components", "stood_in": "stood_in", "undelivered": "undelivered",
	} {
		all := strings.Split(strings.TrimSpace(string(text)), "\n")
		k := slices.IndexFunc(all, func(line string) bool {
			return !strings.Contains(line, `"`+where+`":0`)
		})
		var row map[string]any
		if err := json.Unmarshal([]byte(all[max(k, 0)]), &row); err != nil || k < 0 {
			t.Fatalf("no row has %s: %v", where, err)
		}
		row[column] = row[column].(float64) + 40_000
		changed, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		all[k] = string(changed)
		if err := os.WriteFile(file, []byte(strings.Join(all, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "python3", filepath.Join("testdata", "independent_settlement.py"), dir).CombinedOutput()
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("with another %s the second settlement says: %v\n%s", column, err, out)
		}
	}
}

// TestIndependentSettlementByOtherRules: the second settlement goes by the rules that
// summary.json states, and refuses one that it does not know.
func TestIndependentSettlementByOtherRules(t *testing.T) {
	t.Parallel()
	needPython(t)
	asIs := func(*scenarios.Scenario) {}
	for _, rules := range []string{"pool: {price: off}\n", "own: {same_point: false}\n", "pool: off\nown: {same_point: false}\n"} {
		t.Run(strings.TrimSpace(rules), func(t *testing.T) {
			t.Parallel()
			judged(t, results(t, rules, asIs))
		})
	}
	dir := results(t, "pool: {price: marginal}\nstrategy: self-consumption\nstrategies: {home-02: none}\n", asIs)
	const unknownRule = 3
	out, err := exec.CommandContext(t.Context(), "python3", filepath.Join("testdata", "independent_settlement.py"), dir).CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != unknownRule || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), "pool.price is 'marginal'") {
		t.Errorf("at the marginal price: %v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	type rules struct {
		Pool       map[string]string
		Own        map[string]bool
		Strategy   string
		Strategies map[string]string
	}
	var have rules
	if err := json.Unmarshal(text, &have); err != nil {
		t.Fatal(err)
	}
	want := rules{map[string]string{"price": "marginal"}, map[string]bool{"same_point": true}, "self-consumption", map[string]string{"home-02": "none"}}
	if !reflect.DeepEqual(have, want) {
		t.Errorf("summary.json states %+v, want %+v", have, want)
	}
}
