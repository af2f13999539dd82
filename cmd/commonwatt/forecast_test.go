package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/usage"
)

// hoursFile writes two series and a column of weather, an hour a row.
func hoursFile(t *testing.T, days int) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("time,kitchen,weather:temperature,whole/house\n")
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for k := range days * 24 {
		cold := 10 * math.Sin(float64(k)/300)
		fmt.Fprintf(&text, "%s,%.1f,%.1f,%.1f\n", at.Format(time.RFC3339), 200+50*math.Sin(float64(k%24)/24*2*math.Pi)+float64(k*k%37), 10-cold, 500+20*cold+float64(k*k%53))
		at = at.Add(time.Hour)
	}
	path := filepath.Join(t.TempDir(), "hours.csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestForecastEvaluate(t *testing.T) {
	file, out := hoursFile(t, 75), filepath.Join(t.TempDir(), "out")
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), []string{"forecast", "evaluate", file, "--test-days", "7", "--json", "--sum", "--out", out}, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	var report struct {
		Kind     string
		TestDays int `json:"test_days"`
		Series   []struct {
			Series  string
			Methods []map[string]any
		}
		Mean []map[string]any
	}
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if report.Kind != "load" || report.TestDays != 7 || len(report.Series) != 3 || report.Series[2].Series != "sum of hours.csv" || len(report.Mean) == 0 {
		t.Fatalf("%s", stdout.String())
	}
	seen := map[string]bool{}
	for _, m := range report.Series[0].Methods {
		name, ok := m["method"].(string)
		if !ok {
			t.Fatalf("%v", m)
		}
		seen[name] = true
		for _, key := range []string{"mae", "rmse", "nmae", "mase", "pinball", "cov80", "rcrps", "r_mae", "r_rmse", "r_pinball", "fit_seconds", "predict_seconds"} {
			if v, ok := m[key].(float64); !ok || v < 0 {
				t.Errorf("%s has %s %v", name, key, m[key])
			}
		}
	}
	for _, name := range []string{"persistence", "snaive24", "snaive168", "mean7", "ets", "ridge", "analog", "blend", "best"} {
		if !seen[name] {
			t.Errorf("there is no method %s", name)
		}
	}
	for _, name := range []string{"scores.csv", "forecast-01-kitchen.csv", "forecast-02-whole-house.png", "forecast-03-sum-of-hours.csv.svg", "skill.png", "reliability.svg"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	if !strings.Contains(stderr.String(), "series evaluated: 3 of 3") {
		t.Errorf("progress %q", stderr.String())
	}
	stdout.Reset()
	if err := run(t.Context(), []string{"forecast", "evaluate", file, "--test-days", "7"}, &stdout, &stderr); err != nil || !strings.Contains(stdout.String(), "mean of 2 series") {
		t.Errorf("%v\n%s", err, stdout.String())
	}
}

func TestForecastEvaluateErrors(t *testing.T) {
	file := hoursFile(t, 20)
	broken := filepath.Join(t.TempDir(), "broken.csv")
	if err := os.WriteFile(broken, []byte("time,load\n2026-01-01 00:00,1\n2026-01-01 01:00,much\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{file}, "has 20 days, too few for a test of 91"},
		{[]string{broken}, `broken.csv:3:18: "much" is no number`},
		{[]string{file, "--kind", "heat"}, "--kind heat: it must be load or pv"},
		{[]string{file, "--test-days", "0"}, "--test-days 0"},
		{[]string{file, "--zone", "Mars/Base"}, "--zone Mars/Base"},
		{[]string{filepath.Dir(broken)}, "is a folder"},
		{[]string{"nothing.csv"}, "nothing.csv"},
		{nil, "FILE… is missing"},
	} {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"forecast", "evaluate"}, c.args...), &out, &out)
		if e := (*usage.Error)(nil); !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q and exit 2", c.args, err, c.want)
		}
	}
}
