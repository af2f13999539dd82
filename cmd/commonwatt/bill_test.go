package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/usage"
)

// TestAMonthIsBilled lets a simulated month end, drafts and approves its bills, kills the
// process, and goes on: the bills are there, what is exported has the same bytes, and the
// audit finds all that they posted.
func TestAMonthIsBilled(t *testing.T) {
	t.Parallel()
	dir, out := filepath.Join(t.TempDir(), "data"), t.TempDir()
	file := filepath.Join(t.TempDir(), "community.yaml")
	text := `community: elm
tariffs:
  - name: sunny
    currency: EUR
    versions:
      - valid_from: 2026-01-01
        vat: {rate: 20 %, prices: net}
        components:
          - {name: energy, kind: energy, price: 0.20 EUR/kWh}
          - {name: meter, kind: metering, price: 2.50 EUR/month}
          - {name: feed-in, kind: energy, side: export, price: 0.06 EUR/kWh}
tariff: sunny
billing: {name: Elm, iban: AT61 1904 3002 3457 3201}
simulation: {homes: 2, seed: 3, start: "2026-06-30T22:00:00Z"}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	say := func(args ...string) (string, error) {
		var out strings.Builder
		err := run(context.WithoutCancel(t.Context()), append(append([]string{"bill"}, args...), "--data", dir), &out, &out)
		return out.String(), err
	}
	p := launch(t, dir, "--config", file, "--speed", "1800")
	p.wait("the pages", func() bool { return p.base() != "" })
	if got, err := say("draft", "--month", "2026-06"); !usage.Is(err) || !strings.Contains(err.Error(), "2026-06 is not over") {
		t.Errorf("before its end: %v %s", err, got)
	}
	p.wait("the end of June", func() bool {
		got, err := say("draft", "--month", "2026-06")
		return err == nil && strings.Contains(got, "draft-2026-06-home-02")
	})
	if got, err := say("approve", "--all"); err != nil || !strings.Contains(got, "2026-000001") || !strings.Contains(got, "2026-000002") {
		t.Fatalf("%v: %s", err, got)
	}
	export := func() string {
		t.Helper()
		if got, err := say("export", "--out", out); err != nil {
			t.Fatalf("%v: %s", err, got)
		}
		pdf, err := os.ReadFile(filepath.Join(out, "2026-000002.pdf"))
		if err != nil {
			t.Fatal(err)
		}
		return string(pdf)
	}
	before := export()
	p.kill()
	p = launch(t, dir, "--config", file, "--speed", "1800")
	p.wait("the pages", func() bool { return p.base() != "" })
	if after := export(); after != before {
		t.Error("printed again after a start the bill has other bytes")
	}
	if got, err := say("draft", "--month", "2026-06", "--member", "home-01"); !usage.Is(err) || !strings.Contains(err.Error(), "locked") {
		t.Errorf("drafting what is billed: %v %s", err, got)
	}
	if got, err := say("show", "2026-000001", "--line", "1"); err != nil || !strings.Contains(got, "2026-06-30T2") {
		t.Errorf("a line opens to %s, %v", got, err)
	} else if got, err := say("show", "2026-000001", "--line", "1", "--interval", strings.Fields(strings.Split(got, "\n")[2])[0]); err != nil || !strings.Contains(got, "of which line 1 is") || !strings.Contains(got, "imbalance-retail") && !strings.Contains(got, "pool") && !strings.Contains(got, "trade") {
		t.Errorf("an interval opens to %s, %v", got, err)
	}
	if got, err := say("show", "2026-000001", "--line", "1", "--interval", "2026-06-01T00:00:00Z/15"); !usage.Is(err) {
		t.Errorf("an interval that the line does not have: %v %s", err, got)
	}
	if got, err := say("cancel", "2026-000001"); err != nil || !strings.Contains(got, "approved, cancels 2026-000001") {
		t.Errorf("%v: %s", err, got)
	}
	p.kill()
	var verified strings.Builder
	if err := run(t.Context(), []string{"ledger", "verify", "--data", dir}, &verified, &verified); err != nil {
		t.Errorf("%v: %s", err, verified.String())
	}
}
