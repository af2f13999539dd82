package config_test

import (
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/config"
)

// TestFallsSaysWhatBecomesOfWhatIsMoved has a battery without a timer, an inverter without
// one, and a charger with one.
func TestFallsSaysWhatBecomesOfWhatIsMoved(t *testing.T) {
	c, err := config.Read("testdata/good/control-kinds.yaml")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := c.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(plan.Falls(), "\n")
	for k, want := range []string{`devices[1].control: "b" may be moved; it has no timer`, `devices[2].control: "i" may be limited; it has no timer`, `devices[3].control: "c" may be moved; if this program is gone it goes back by itself after 15 s`} {
		if len(lines) != 3 || !strings.HasPrefix(lines[k], want) {
			t.Errorf("%q, want %q", lines, want)
		}
	}
}
