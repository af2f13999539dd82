package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReplayOverwritesNothing refuses a directory with anything but results of the same
// replay, unless it is told to overwrite them; a mistyped field is refused with the place where the fields are listed.
func TestReplayOverwritesNothing(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../scenarios/summer-day.yaml")
	if err != nil {
		t.Fatal(err)
	}
	day, out := filepath.Join(t.TempDir(), "day.yaml"), filepath.Join(t.TempDir(), "out")
	write(t, day, strings.Replace(string(text), "homes: 12", "homes: 2", 1))
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 0, "results in"},
		{nil, 0, "results in"}, // the same again
		{[]string{"--seed", "7"}, exitUsage, "has the results of another replay already (feeder.parquet): choose another directory, or give --force"},
		{[]string{"--seed", "7", "--force"}, 0, "results in"},
	} {
		code, shown, errs := execute(t, append([]string{"replay", day, "--out", out}, c.args...)...)
		if code != c.code || !strings.Contains(shown+errs, c.want) {
			t.Errorf("%v: exit code %d, want %d and %q\n%s%s", c.args, code, c.code, c.want, shown, errs)
		}
	}
	letter := t.TempDir()
	write(t, filepath.Join(letter, "letter.txt"), "kept")
	if code, _, errs := execute(t, "replay", day, "--out", letter); code != exitUsage || !strings.Contains(errs, "no result of a replay (letter.txt)") {
		t.Errorf("beside a letter: exit code %d: %s", code, errs)
	}
	write(t, day, string(text)+"strategys: {home-01: none}\n")
	code, _, errs := execute(t, "replay", day, "--out", filepath.Join(t.TempDir(), "x"))
	if code != exitUsage || !strings.Contains(errs, `line 16: unknown field "strategys": "commonwatt replay --help" lists the fields`) {
		t.Errorf("exit code %d: %s", code, errs)
	}
}
