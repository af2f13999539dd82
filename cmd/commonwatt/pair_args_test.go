package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWhatAPairCommandLacks names what is missing, and no community where there is none.
func TestWhatAPairCommandLacks(t *testing.T) {
	t.Parallel()
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	for want, args := range map[string][]string{
		"TARGET is missing":                                {"pair", "probe"},
		"PLACES is missing":                                {"pair", "discover"},
		`"b" is one argument too many`:                     {"pair", "add", "a", "b"},
		"ID|TARGET is missing":                             {"pair", "remove"},
		"there is no community: name its data directory":   {"pair", "list", "--data", nowhere},
		"--data " + nowhere + ": there is no community":    {"pair", "remove", "ann/meter", "--data", nowhere},
		`"256" is not a unit id, 0 to 255`:                 {"pair", "probe", "127.0.0.1:1", "--unit", "256"},
		"max_regs: 126 is not 1 to 125":                    {"pair", "probe", "127.0.0.1:1", "--profile", "sunspec-meter", "--max-regs", "126"},
		"part: profile eastron-sdm120 has fixed addresses": {"pair", "probe", "127.0.0.1:1", "--profile", "eastron-sdm120", "--part", "2"},
	} {
		if code, out, errs := execute(t, args...); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%v: exit code %d, want 2 and %q\n%s%s", args, code, want, out, errs)
		}
	}
	if _, err := os.Stat(nowhere); err == nil {
		t.Error("looking for a community made its directory")
	}
}
