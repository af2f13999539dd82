package main

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/meters/store"
)

// TestAPromiseMovesTheBattery runs an evening: homes that traded hold their
// batteries to it, and the batteries' own registers show the setpoints.
func TestAPromiseMovesTheBattery(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: boots the program; make test runs it")
	}
	dir := t.TempDir()
	conf := filepath.Join(t.TempDir(), "evening.yaml")
	if err := os.WriteFile(conf, []byte("listen: 127.0.0.1:0\nspeed: 60\nsimulation: {homes: 12, start: 2026-06-01T17:30:00Z}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs := execute(t, "run", "--config", conf, "--data", dir, "--duration", "50s", "-v")
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, errs)
	}
	s, err := store.OpenSQLite(t.Context(), filepath.Join(dir, "telemetry.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	shown, asked := 0, 0
	for _, m := range regexp.MustCompile(`msg=setpoint device=(\S+) watts=(-?\d+) in_force=true`).FindAllStringSubmatch(errs, -1) {
		watts, err := strconv.ParseInt(m[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		asked++
		readings, err := s.Range(t.Context(), m[1], time.Unix(0, 0), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), store.Raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range readings {
			if r.Power != nil && watts != 0 && math.Abs(float64(int64(*r.Power)-watts)) < 1 {
				shown++
				break
			}
		}
	}
	if asked == 0 || shown == 0 {
		t.Errorf("%d setpoints, %d of them seen in a battery's readings\n%s", asked, shown, errs)
	}
	t.Logf("%d setpoints, %d seen in the batteries' readings", asked, shown)
}
