package scenarios_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios"
)

// TestResultsAreReadAsTheyWereWritten holds points and CSV to the summary of the same replay.
func TestResultsAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	library, err := scenarios.Library()
	if err != nil {
		t.Fatal(err)
	}
	if len(library) < 6 || library[0].About == "" || library[0].Name == "" {
		t.Fatalf("the library has %d scenarios, the first is %q: %q", len(library), library[0].Name, library[0].About)
	}
	var s scenarios.Scenario
	for _, one := range library {
		if one.Name == "summer-day" {
			s = one.Scenario
		}
	}
	s.Homes = 3
	l, err := scenarios.OpenLedger(t.Context(), s, t.TempDir(), scenarios.InMemory, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	result, err := scenarios.Replay(context.Background(), s, l.Ledger, func(float64) {})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := result.Write(dir, "v-test"); err != nil {
		t.Fatal(err)
	}
	sum, err := scenarios.ReadSummary(dir)
	if err != nil {
		t.Fatal(err)
	}
	points, err := scenarios.Points(dir)
	if err != nil || len(points) != sum.Intervals {
		t.Fatalf("%d points, %v, want %d", len(points), err, sum.Intervals)
	}
	var traded, imported, exported grid.Energy
	for k, p := range points {
		traded, imported, exported = traded+p.Traded, imported+p.Import, exported+p.Export
		if k > 0 && !p.Start.After(points[k-1].Start) {
			t.Errorf("point %d is not after the one before", k)
		}
	}
	if traded != sum.Traded || imported != sum.Imported || exported != sum.Exported {
		t.Errorf("the points sum to %d, %d and %d Wh, the summary to %d, %d and %d", traded, imported, exported, sum.Traded, sum.Imported, sum.Exported)
	}
	for _, name := range scenarios.Files()[1:] {
		saysWhatItIsOf(t, filepath.Join(dir, name), map[string]string{
			"commonwatt.scenario": "summer-day", "commonwatt.scenario_digest": sum.ScenarioDigest, "commonwatt.seed": "1", "commonwatt.version": "v-test",
		})
	}
	for name, rows := range map[string]int{"trades": sum.Trades, "intervals": sum.Intervals, "statements": sum.Intervals * s.Homes} {
		var out bytes.Buffer
		if err := scenarios.WriteCSV(&out, dir, name); err != nil {
			t.Fatal(err)
		}
		all, err := csv.NewReader(&out).ReadAll()
		if err != nil || len(all) != rows+1 {
			t.Errorf("%s: %d lines, %v, want a head and %d", name, len(all), err, rows)
			continue
		}
		if last := all[1][len(all[1])-3:]; last[0] != "summer-day" || last[1] != "1" || last[2] != "v-test" {
			t.Errorf("%s: a row ends with %q", name, last)
		}
	}
}

// saysWhatItIsOf reads the metadata of a Parquet file.
func saysWhatItIsOf(t *testing.T, path string, want map[string]string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range want {
		if got, ok := f.Lookup(key); !ok || got != value {
			t.Errorf("%s says %q of %s, want %q", filepath.Base(path), got, key, value)
		}
	}
}
