package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/hub"
)

// TestTermsOfRealDevices checks which configurations with devices lack a name or a
// tariff, and that exactly the lines which are missing are named.
func TestTermsOfRealDevices(t *testing.T) {
	t.Parallel()
	const (
		device = `devices: [{id: a, member: a, metering_point: mp-a, address: "192.0.2.7:502", profile: sunspec-meter}]` + "\n"
		tariff = `tariff: {version: "2026", currency: EUR, retail: 0.30 EUR/kWh, feed_in: 0.08 EUR/kWh}` + "\n"
		name   = "  community: NAME\n"
		lines  = "  tariff: {version: "
	)
	for _, c := range []struct {
		text         string
		name, tariff bool // are missing
	}{
		{device, true, true},
		{"devices: []\n", true, true},
		{device + "community: elm\n", false, true},
		{device + tariff, true, false},
		{device + "community: elm\ntariff: {retail: 0.28 EUR/kWh}\n", false, true},
		{device + "community: elm\n" + tariff, false, false},
		{"simulation: {homes: 2}\n", false, false},
	} {
		file := filepath.Join(t.TempDir(), "c.yaml")
		write(t, file, c.text+"data: "+filepath.Join(t.TempDir(), "data")+"\n")
		code, _, errs := execute(t, "config", "check", file)
		errs += "\n"
		if (code != 0) != (c.name || c.tariff) || code != 0 && code != exitUsage ||
			strings.Contains(errs, name) != c.name || strings.Contains(errs, lines) != c.tariff {
			t.Errorf("%s: exit code %d: %s", c.text, code, errs)
		}
	}
}

// ofRealDevices returns a configuration with real devices and without terms of its own.
func ofRealDevices(t *testing.T, dir, more string) config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "community.yaml")
	write(t, file, "devices: []\ndata: "+dir+"\n"+more)
	c, err := config.Read(file)
	if err == nil {
		c, err = hub.WithTerms(c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTermsAreAskedOnce answers on a terminal, with mistakes; later starts know the
// answers, and a configuration wins over them.
func TestTermsAreAskedOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	c := ofRealDevices(t, dir, "")
	answers := strings.NewReader("Oak Street\noak-street\neuro\nEUR\n0.05\nmuch\n0.08 EUR\nEUR\n0.30 EUR/kWh\n0.08\n")
	out := &bytes.Buffer{}
	terms, asked, err := needTerms(t.Context(), c, answers, out, true, slog.New(slog.DiscardHandler))
	if err != nil || !asked {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(out.String(), "is above retail") {
		t.Errorf("a feed-in price above retail was taken:\n%s", out)
	}
	for _, want := range []string{`"Oak Street" is no name: use lower-case letters`, `"euro" is no currency: write its three capital letters`, `"much" is no price in EUR a kWh`, "so that 31 cents are 0.31"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("nobody was told that %s:\n%s", want, out)
		}
	}
	d, err := disk.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := hub.KeepTerms(d, *terms); err != nil {
		t.Fatal(err)
	}
	for more, want := range map[string][2]string{
		"":                                 {"oak-street", "0.30 EUR/kWh"},
		"community: elm\n":                 {"elm", "0.30 EUR/kWh"},
		"tariff: {retail: 0.40 EUR/kWh}\n": {"oak-street", "0.40 EUR/kWh"},
	} {
		again := ofRealDevices(t, dir, more)
		if _, _, err = needTerms(t.Context(), again, strings.NewReader(""), out, false, slog.New(slog.DiscardHandler)); err != nil {
			t.Errorf("%s: %v", more, err)
		}
		if again.Community != want[0] || again.Tariff.Retail.Text != want[1] || again.Tariff.FeedIn.Text != "0.08 EUR/kWh" {
			t.Errorf("%s: %+v", more, again.Terms())
		}
	}
}

// TestNobodyAnswers names the lines when the terminal is closed.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	c := ofRealDevices(t, filepath.Join(t.TempDir(), "data"), "")
	_, _, err := needTerms(t.Context(), c, strings.NewReader("oak-street\n"), &bytes.Buffer{}, true, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "  tariff: {version: ") {
		t.Errorf("%v", err)
	}
}

// TestItRanAsDemo goes on with a data directory of before, and says so once.
func TestItRanAsDemo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ledger.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := ofRealDevices(t, dir, "")
	log := &bytes.Buffer{}
	terms, _, err := needTerms(t.Context(), c, strings.NewReader(""), &bytes.Buffer{}, false, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if c.Community != "demo" || terms != nil || strings.Count(log.String(), "level=WARN") != 1 {
		t.Errorf("%+v, %s", c.Terms(), log)
	}
}
