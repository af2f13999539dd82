package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/usage"
)

// TestTariffAnswersWhatIsAsked: what a flag says is heeded or refused, and a local time that
// there is not, or twice, is not taken for another.
func TestTariffAnswersWhatIsAsked(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := write("tariff.yaml", `name: a
currency: EUR
versions:
  - valid_from: 2026-01-01
    components:
      - {name: e, kind: energy, windows: [{hours: "02:00-03:00", price: 0.9 EUR/kWh}, {hours: "03:00-02:00", price: 0.1 EUR/kWh}]}
`)
	community := write("community.yaml", "community: a\nsimulation: {homes: 4}\n")
	broken := write("broken.yaml", `community: a
interval: -15
tariffs: [{name: a, currency: EUR, versions: [{valid_from: 2026-01-01, components: [{name: e, kind: enregy, windows: [{price: 1 EUR/kWh}]}]}]}]
simulation: {homes: 4}
`)
	for _, c := range []struct{ args, wrong string }{
		{"show --config " + file + " --zone Europe/Berlin --at 2026-10-25T02:30:00+02:00", ""},
		{"show --config " + file + " --zone Europe/Berlin --at 2026-03-29T02:30", "is skipped in Europe/Berlin"},
		{"show --config " + file + " --zone Europe/Berlin --at 2026-10-25T02:30", "is twice in Europe/Berlin: write it with its zone, as 2026-10-25T02:30:00+01:00 or 2026-10-25T02:30:00+02:00"},
		{"show --config " + file + " --zone Europe/Berlin --at 2026-10-25T03:00", ""},
		{"show --config " + file + " --point mp-ann", "--point: a file of tariffs has no metering points"},
		{"show --config " + community + " --zone Europe/Berlin", "a configuration has its own"},
		{"check " + community + " --interval 5", "a configuration has its own"},
		{"check " + community, ""},
		{"check " + broken, "interval: interval length -15 min: must be one of 5, 15, 30, 60\n" + broken + `: line 3: tariffs[0].versions[0].components[0].kind: "enregy"`},
	} {
		err := run(t.Context(), append([]string{"tariff"}, strings.Fields(c.args)...), new(bytes.Buffer), io.Discard)
		switch {
		case c.wrong == "" && err != nil:
			t.Errorf("%s: %v", c.args, err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s: %v, want %q", c.args, err, c.wrong)
		case c.wrong != "" && !usage.Is(err):
			t.Errorf("%s: %v is no error of usage", c.args, err)
		}
	}
}
