package monthly_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/settlement/guarantee/monthly"
)

// TestWhenTheGuaranteeBegins is the month in which it is switched on; switched off, it is
// forgotten.
func TestWhenTheGuaranteeBegins(t *testing.T) {
	file := filepath.Join(t.TempDir(), monthly.SinceFile)
	june, july := time.Date(2026, 6, 30, 23, 0, 0, 0, time.UTC), time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	for n, c := range []struct {
		on   bool
		now  time.Time
		want string
	}{{true, june, "2026-06"}, {true, july, "2026-06"}, {false, july, ""}, {false, july, ""}, {true, july, "2026-07"}} {
		if got, err := monthly.From(file, c.on, c.now); err != nil || got != c.want {
			t.Errorf("%d: %q %v, want %q", n, got, err, c.want)
		}
	}
	if err := os.WriteFile(file, []byte("soon\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := monthly.From(file, true, july); err == nil {
		t.Error("a file that says no month")
	}
}
