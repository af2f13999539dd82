package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// stepped is a tariff whose grid fee has two levels in local time.
const stepped = `name: stepped
currency: EUR
versions:
  - valid_from: 2026-01-01
    components:
      - {name: energy, kind: energy, price: 0.12 EUR/kWh}
      - {name: grid, kind: grid, windows: [{hours: "00:00-06:00", price: 0.01 EUR/kWh}, {hours: "06:00-24:00", price: 0.08 EUR/kWh}], community: {reduction: 40 %}}
      - {name: feed-in, kind: energy, side: export, price: 0.08 EUR/kWh}
`

// TestTariffCheck checks files of tariffs and configurations: what is wrong comes at once, a
// line each, and what is right is described.
func TestTariffCheck(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "t.yaml")
	for _, c := range []struct {
		text string
		code int
		want []string
	}{
		{stepped, 0, []string{"tariffs: 1", "stepped, in EUR", "neighbours' energy pays 60 % of it", "a kWh costs 0.13 EUR/kWh to 0.20 EUR/kWh", "06:00-24:00"}},
		{strings.NewReplacer("06:00-24:00", "07:00-24:00", "EUR\nversions", "EUX\nversions").Replace(stepped), exitUsage, []string{
			file + ": line 6: versions[0].components[0].price: \"0.12 EUR/kWh\" has not the unit EUX/kWh", "\n" + file + ": line 7: ", "line 8:",
		}},
		{strings.Replace(stepped, "06:00-24:00", "07:00-24:00", 1), exitUsage, []string{file + ": line 7: versions[0].components[1].windows: there is a gap: nothing counts on a Monday, 01-01, at 06:00"}},
		{"tariff: {version: t, currency: KZT, retail: 31 KZT/kWh, feed_in: 45 KZT/kWh}\n", 0, []string{"tariffs in KZT", "a kWh costs 31.00 KZT/kWh and earns 45.00 KZT/kWh"}},
		{"tariff: {version: t, currency: JPY, retail: 31 JPY/kWh, feed_in: 8 JPY/kWh}\nmarket: {floor: 10 JPY/kWh}\n", 0, []string{"a kWh costs 31 JPY/kWh and earns 8 JPY/kWh", "tariff.feed_in: 8000000 is no price at which the market can trade"}},
		{"tariffs: [{name: a, currency: EUR, versions: [{valid_from: 2026-01-01, components: []}]}]\nlisten: 127.0.0.1:0\n", exitUsage, []string{"components: missing"}},
	} {
		write(t, file, c.text)
		code, out, errs := execute(t, "tariff", "check", file)
		for _, want := range c.want {
			if code != c.code || !strings.Contains(out+errs, want) {
				t.Errorf("%s: exit code %d: %s%s, want %d and %q", c.text, code, out, errs, c.code, want)
			}
		}
	}
	if code, out, _ := execute(t, "tariff", "check", "--help"); code != 0 || !strings.Contains(out, "by_distance") {
		t.Errorf("%d %s", code, out)
	}
}

// TestTariffExample: what the help shows is a file that can be read.
func TestTariffExample(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "t.yaml")
	_, out, _ := execute(t, "tariff", "check", "--help")
	_, example, _ := strings.Cut(out, "several:\n\n")
	example, _, _ = strings.Cut(example, "\nUsage:")
	write(t, file, example)
	if code, out, errs := execute(t, "tariff", "check", file, "--zone", "Europe/Berlin"); code != 0 || !strings.Contains(out, "tariffs: 2") {
		t.Errorf("%d %s%s\n%s", code, out, errs, example)
	}
}

// TestTariffShow shows local days of 92, 96 and 100 quarters of an hour, and one moment.
func TestTariffShow(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "t.yaml")
	write(t, file, stepped)
	for day, want := range map[string][2]int{"2026-03-29": {20, 72}, "2026-06-01": {24, 72}, "2026-10-25": {28, 72}} {
		code, out, errs := execute(t, "tariff", "show", "--config", file, "--zone", "Europe/Berlin", "--day", day, "--json")
		var shown struct {
			Slices []struct {
				Intervals int
				Rates     struct{ Retail, Community int64 }
				Avoided   int64
			}
		}
		if err := json.Unmarshal([]byte(out), &shown); err != nil || code != 0 || len(shown.Slices) != 2 {
			t.Fatalf("%s: %d %s%s, %v", day, code, out, errs, err)
		}
		night, rest := shown.Slices[0], shown.Slices[1]
		if night.Intervals != want[0] || rest.Intervals != want[1] || night.Rates.Retail != 130_000 || rest.Rates.Community != 48_000 || rest.Avoided != 152_000 {
			t.Errorf("%s: %+v", day, shown)
		}
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--config", file, "--zone", "Europe/Berlin", "--at", "2026-06-01T18:00"}, 0, "18:00 CEST  18:15 CEST  0.1200  0.0800  0.2000     0.0480   0.1520   0.0800"},
		{[]string{"--config", file, "--zone", "Europe/Berlin", "--at", "2026-06-01T03:59:00Z"}, 0, "05:45 CEST"},
		{[]string{"--config", file, "--day", "2025-12-31"}, exitUsage, `nothing of it is valid on 2025-12-31: its first version is valid from 2026-01-01`},
		{[]string{"--config", file, "--at", "noon"}, exitUsage, `--at: "noon" is no time`},
		{[]string{"--config", file, "--day", "1.6."}, exitUsage, `--day: "1.6." is no date`},
		{[]string{"--config", file, "--tariff", "x"}, exitUsage, `--tariff: there is no tariff "x": there are stepped`},
		{[]string{"--config", file, "--zone", "Berlin"}, exitUsage, `--zone: "Berlin" is no zone`},
		{nil, 0, "demo-1, version demo-1: EUR/kWh on 2026-06-01, UTC, intervals of 15 minutes: 96"},
	} {
		code, out, errs := execute(t, append([]string{"tariff", "show"}, c.args...)...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("%v: exit code %d: %s%s, want %q", c.args, code, out, errs, c.want)
		}
	}
}
