package disk_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/usage"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write(t, path+".new", "what a crash left, longer than what comes")
	for _, text := range []string{"one", "two"} {
		if err := disk.Replace(path, []byte(text), disk.Private); err != nil || read(t, path) != text {
			t.Errorf("%q, %v", read(t, path), err)
		}
	}
	if _, err := os.Stat(path + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the new file is still there: %v", err)
	}
	if err := disk.Replace(filepath.Join(path, "below-a-file"), nil, disk.Private); err == nil {
		t.Error("a file below a file was written")
	}
}

func TestADirectoryIsHeldByOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	d, err := disk.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := disk.OpenDir(path); !usage.Is(err) || !strings.Contains(err.Error(), "another commonwatt is running") {
		t.Errorf("opened twice: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = disk.OpenDir(path); err != nil {
		t.Fatal(err)
	}
	_ = d.Close()
}

// TestWhatIsNoDataDirectory refuses what it does not know, by name, and goes on where the
// power's end left an empty version.
func TestWhatIsNoDataDirectory(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string // empty: it opens
	}{
		"new":                       {nil, ""},
		"empty version, else empty": {map[string]string{"version": "", "lock": ""}, ""},
		"half a version":            {map[string]string{"version.new": "5"}, ""},
		"other files":               {map[string]string{"thesis.txt": "x"}, "has files but no version"},
		"empty version, with files": {map[string]string{"version": "", "ledger.db": "x"}, "has files but no version"},
		"newer":                     {map[string]string{"version": "99\n"}, `is of version "99"`},
		"older":                     {map[string]string{"version": "1\n"}, `is of version "1"`},
		"no number":                 {map[string]string{"version": "five\n"}, `is of version "five"`},
	} {
		path := t.TempDir()
		for file, text := range c.files {
			write(t, filepath.Join(path, file), text)
		}
		d, err := disk.OpenDir(path)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want == "":
			if v := read(t, d.File("version")); v != fmt.Sprintf("%d\n", disk.Version) {
				t.Errorf("%s: version %q", name, v)
			}
			_ = d.Close()
		case !usage.Is(err) || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestSecrets(t *testing.T) {
	d, err := disk.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	write(t, d.File("empty.key"), "") // a crash of before
	for _, name := range []string{"new.key", "empty.key"} {
		first, err := d.Secret(name)
		if err != nil || len(first) < 32 {
			t.Errorf("%s: %q, %v", name, first, err)
		}
		if again, err := d.Secret(name); err != nil || again != first {
			t.Errorf("%s: %q at first, then %q, %v", name, first, again, err)
		}
	}
	other, err := d.Secret("other.key")
	if first, _ := d.Secret("new.key"); err != nil || other == first {
		t.Errorf("two secrets are alike, or %v", err)
	}
}
