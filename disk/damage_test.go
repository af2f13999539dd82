package disk_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/usage"
)

// TestADamagedDatabaseIsNamed opens databases that are none: the error says which, and what
// to do, and what can be made again is set aside.
func TestADamagedDatabaseIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "some.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 400)), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := disk.OpenSQLite(path)
	if err != nil {
		t.Fatal(err)
	}
	_, failed := db.ExecContext(t.Context(), `CREATE TABLE t (a INTEGER)`)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := disk.Unreadable(path, failed); !disk.IsDamaged(failed) || !errors.As(err, new(*usage.Error)) || !strings.Contains(err.Error(), path+" is damaged") || !strings.Contains(err.Error(), "restore it from") {
		t.Errorf("%v becomes %v", failed, err)
	}
	if err := disk.Unreadable(path, os.ErrPermission); disk.IsDamaged(os.ErrPermission) || errors.As(err, new(*usage.Error)) {
		t.Errorf("what is not damaged: %v", err)
	}
	if err := disk.SetAside(path, path+".other"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is there still: %v", err)
	}
	if text, err := os.ReadFile(path + ".damaged"); err != nil || !strings.HasPrefix(string(text), "no database") {
		t.Errorf("set aside: %.20q, %v", text, err)
	}
}

// TestALostPartIsNamedToWhoLooks asks for parts of a directory without taking it.
func TestALostPartIsNamedToWhoLooks(t *testing.T) {
	t.Parallel()
	dir := lived(t)
	if err := errors.Join(disk.Lacks(dir, "ledger.db"), disk.Lacks(dir, "another.db"), disk.Lacks(t.TempDir(), "ledger.db"), os.Remove(filepath.Join(dir, "ledger.db"))); err != nil {
		t.Fatal(err)
	}
	if err := disk.Lacks(dir, "ledger.db"); !errors.As(err, new(*usage.Error)) || !strings.Contains(err.Error(), filepath.Join(dir, "ledger.db")+" is missing") {
		t.Errorf("without a ledger: %v", err)
	}
}

// TestADirectoryThatLostItsVersionNamesIt opens one whose file of the version is gone or
// empty.
func TestADirectoryThatLostItsVersionNamesIt(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(path string) error{
		"missing": os.Remove, "empty": func(path string) error { return os.Truncate(path, 0) },
	} {
		dir := lived(t)
		path := filepath.Join(dir, "version")
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		if _, err := disk.OpenDir(dir); !errors.As(err, new(*usage.Error)) || !strings.Contains(err.Error(), path+" is missing or empty: restore that file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
