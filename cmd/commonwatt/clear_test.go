package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestClear clears the example of the file format, and another that a mechanism refuses:
// nothing on standard output then, and exit code 2.
func TestClear(t *testing.T) {
	t.Parallel()
	const example = "../../matching/clearing/testdata/example.json"
	code, out, errs := execute(t, "clear", example)
	if code != 0 || !strings.Contains(out, `"welfare": 153000000,`) {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	if code, out, errs := execute(t, "clear", "--mechanism", "muda", example); code != 2 || out != "" || !strings.Contains(errs, "example.json: feeder.nodes[1]: muda wants") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	bad := filepath.Join(t.TempDir(), "case.json")
	if err := os.WriteFile(bad, []byte(`{"colour": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := execute(t, "clear", bad); code != 2 || out != "" || !strings.Contains(errs, "case.json: colour: unknown field") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	if code, _, errs := execute(t, "clear", bad+".none"); code != 2 || !strings.Contains(errs, "case.json.none") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}
