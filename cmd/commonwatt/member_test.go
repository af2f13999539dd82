package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/usage"
)

func TestAmounts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]grid.Money{"50": 50_000_000, "50.00": 50_000_000, "0,5": 500_000, "1.234567": 1_234_567, "-3.10": -3_100_000, "9223372036854.775807": 9_223_372_036_854_775_807} {
		if got, err := parseMoney(text); err != nil || got != want {
			t.Errorf("%s is read as %d, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", ".", "-", ".5", "1.2345678", "1e3", "1.2.3", "1,000.00", "9223372036854.775808", "+5"} {
		if got, err := parseMoney(bad); err == nil {
			t.Errorf("%q is read as %d", bad, got)
		}
	}
	for m, want := range map[grid.Money]string{50_000_000: "50.00", -500_000: "-0.50", 1_234_567: "1.234567", 0: "0.00", 1_000_100: "1.0001"} {
		if got := formatMoney(m, "EUR"); got != want {
			t.Errorf("%d is written %s, want %s", m, got, want)
		}
	}
}

// TestMinorUnits writes amounts as their currencies have them.
func TestMinorUnits(t *testing.T) {
	t.Parallel()
	for currency, want := range map[string]string{"JPY": "50", "EUR": "50.00", "KWD": "50.000"} {
		if got := formatMoney(50_000_000, currency); got != want {
			t.Errorf("%s: %s, want %s", currency, got, want)
		}
	}
}

// TestMembersArePutOnRecord imports a list with bad rows, twice, books money, kills the
// process, and finds all of it again.
func TestMembersArePutOnRecord(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	list := filepath.Join(t.TempDir(), "list.csv")
	text := "number,name,iban\nhome-01,Анна Мюллер,DE89 3704 0044 0532 0130 00\nhome-02,Bob,DE88 3704 0044 0532 0130 00\nhome-07,山田,\n"
	if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, dir, "--homes", "2", "--speed", "60")
	p.wait("the pages", func() bool { return p.base() != "" })
	say := func(args ...string) (string, error) {
		var out strings.Builder
		err := run(context.WithoutCancel(t.Context()), append(append([]string{"member"}, args...), "--data", dir), &out, &out)
		return out.String(), err
	}
	said := func(want string, args ...string) {
		t.Helper()
		if got, _ := say(args...); !strings.Contains(got, want) {
			t.Errorf("%v says %q, want %q", args, got, want)
		}
	}
	got, err := say("import", list)
	if err == nil || usage.Is(err) || !strings.Contains(got, `line 3, iban: "DE88 3704 0044 0532 0130 00" is no IBAN: iban has incorrect check digits`) {
		t.Errorf("%v: %s", err, got)
	}
	said("2 new, 0 changed would be written", "import", list)
	said("no device names this member yet", "import", list)
	said("2 new, 0 changed were written", "import", list, "--apply")
	said("0 new, 0 changed were written; 2 unchanged", "import", list, "--apply")
	said("balance 50.00 EUR", "deposit", "home-01", "50", "--reference", "r1")
	said("balance 50.00 EUR", "deposit", "home-01", "50", "--reference", "r1")
	said("balance 49.50 EUR", "withdraw", "home-01", "0.5", "--reference", "w1")
	for want, args := range map[string][]string{
		"booked already":     {"deposit", "home-01", "51", "--reference", "r1"},
		"more than":          {"withdraw", "home-01", "50", "--reference", "w2"},
		"no metering point":  {"deposit", "home-09", "50", "--reference", "r2"},
		"is none of member":  {"deposit", "home-01", "50", "--reference", "r2", "--metering-point", "elsewhere"},
		"--reference":        {"deposit", "home-01", "50"},
		"must be above 0":    {"deposit", "home-01", "0", "--reference", "r2"},
		"has 3 decimals":     {"deposit", "home-01", "1,000", "--reference", "r2"},
		"has a slash":        {"withdraw", "home-01", "1", "--reference", "2026/06"},
		"no such file":       {"import", list + ".missing"},
		"reference":          {"deposit", "home-01", "50", "--reference", "a/b"},
		`no column "colour"`: {"import", colours(t)},
	} {
		if got, err := say(args...); !usage.Is(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v %s, want %s", args, err, got, want)
		}
	}
	var fund strings.Builder
	if err := run(t.Context(), []string{"fund", "--data", dir}, &fund, &fund); err != nil || !strings.Contains(fund.String(), "The fund holds 0.00 EUR.") {
		t.Errorf("%v: %s", err, fund.String())
	}
	p.kill()
	p = launch(t, dir, "--homes", "2", "--speed", "60")
	p.wait("the pages", func() bool { return p.base() != "" })
	said("Анна Мюллер", "list")
	said("DE89370400440532013000", "list")
	said("balance 49.50 EUR", "balance", "home-01")
	said("0 new, 0 changed were written; 2 unchanged", "import", list, "--apply")
	p.stop()
}

func colours(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "colours.csv")
	if err := os.WriteFile(path, []byte("number,name,colour\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
