package disk

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// TestMigration brings a directory from version 1 to 3 with a crash in the middle: each
// step is carried out until it is done, the version is written after it, and a step that
// is done is not carried out again.
func TestMigration(t *testing.T) {
	path := t.TempDir()
	d, err := openDir(path, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = d.Close()
	var done []int
	crash := errors.New("the power went")
	step := func(from int, fails *bool) Step {
		return Step{From: from, Do: func(*Dir) error {
			done = append(done, from)
			if *fails {
				*fails = false
				return crash
			}
			return nil
		}}
	}
	never, once := false, true
	steps := []Step{step(1, &never), step(2, &once)}
	if _, err := openDir(path, 3, steps); !errors.Is(err, crash) || !strings.Contains(err.Error(), "from version 2 to 3") {
		t.Fatalf("the step that failed gives %v", err)
	}
	if d, err = openDir(path, 3, steps); err != nil {
		t.Fatal(err)
	}
	version, err := os.ReadFile(d.File(versionFile))
	if err != nil || string(version) != "3\n" || len(done) != 3 || done[0] != 1 || done[1] != 2 || done[2] != 2 {
		t.Errorf("version %q after the steps %v, %v", version, done, err)
	}
	_ = d.Close()
	if _, err := openDir(path, 4, steps); err == nil || !strings.Contains(err.Error(), `is of version "3"`) {
		t.Errorf("without a step to it version 4 opens: %v", err)
	}
}
