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

// lived is a directory on which a community has run: its parts are noted.
func lived(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a", "b")
	d, err := disk.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"gateway.id": "gw-1\n", "gateway.key": "k1", "keys/ledger.key": "k2", "keys/community/ca.key": "k3", "keys/community/ca.pem": "p", "keys/community/member-1.key": "m",
		"keys/utility/witness.key": "w", "members.json": `{"ann":"00"}`, "community.yaml": "c", "devices.json": "[]", "simulation.db": "s", "ledger.db": "l", "evidence.db": "e", "orders/1.journal": "o", "viewer.key": "v",
	} {
		if err := errors.Join(disk.MakeFolder(filepath.Dir(d.File(name))), d.Replace(name, []byte(text))); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(d.NoteParts(), d.Grown("ledger.db", 20), d.Hold("members.json", []string{"a", "b"}), d.NoteParts(), d.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTheFilesOfADirectoryKnowEachOther takes away, empties or replaces each part of a
// directory: the start names it and what to do, and makes nothing new in its place.
func TestTheFilesOfADirectoryKnowEachOther(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"gateway.id": "another", "gateway.key": "", "keys/ledger.key": "another", "keys/community/ca.key": "another", "keys/community/ca.pem": "another",
		"keys/utility/witness.key": "another", "members.json": "", "ledger.db": "", "evidence.db": "", "community.yaml": "", "devices.json": "", "simulation.db": "",
	} {
		for how, change := range map[string]func(path string) error{
			"missing or empty, although": os.Remove,
			"missing or empty":           func(path string) error { return os.Truncate(path, 0) },
			"another":                    func(path string) error { return os.WriteFile(path, []byte("other"), 0o600) },
		} {
			dir := lived(t)
			if err := change(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			d, err := disk.OpenDir(dir)
			if how == "another" {
				how = want
			}
			if how == "" { // it may change
				if err != nil {
					t.Errorf("%s, which may change: %v", name, err)
				} else if err := d.Close(); err != nil {
					t.Error(err)
				}
				continue
			}
			if wrong := (*usage.Error)(nil); !errors.As(err, &wrong) || !strings.Contains(err.Error(), filepath.Join(dir, name)+" is "+how) || !strings.Contains(err.Error(), "restore it from") {
				t.Errorf("%s is %s: %v", name, how, err)
			}
		}
	}
	dir := lived(t)
	for _, name := range []string{"keys/community/member-1.key", "viewer.key"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	d, err := disk.OpenDir(dir)
	if err != nil {
		t.Fatalf("without what is made anew: %v", err)
	}
	defer d.Close()
	if err := d.Grown("ledger.db", 19); err == nil || !strings.Contains(err.Error(), "ledger.db is older") || !strings.Contains(err.Error(), "come to 19, and had come to 20") {
		t.Errorf("a ledger that was longer: %v", err)
	}
	if err := d.Grown("ledger.db", 20); err != nil {
		t.Error(err)
	}
	if err := d.StillHolds("members.json", []string{"a", "c"}); err == nil || !strings.Contains(err.Error(), "lacks 1 of the 2") {
		t.Errorf("names of before: %v", err)
	}
	if err := errors.Join(d.StillHolds("members.json", []string{"a", "b", "c"}), d.Hold("members.json", []string{"a"}), d.StillHolds("members.json", []string{"a"})); err != nil {
		t.Errorf("names that grow, and are erased: %v", err)
	}
}

// TestADirectoryWithoutANoteIsCheckedAsWell opens one that the program of before left.
func TestADirectoryWithoutANoteIsCheckedAsWell(t *testing.T) {
	t.Parallel()
	for name, without := range map[string]string{"keys/ledger.key": "ledger.db", "keys/community/ca.key": "ledger.db", "gateway.key": "evidence.db"} {
		dir := lived(t)
		if err := errors.Join(os.Remove(filepath.Join(dir, "parts.json")), os.Remove(filepath.Join(dir, name))); err != nil {
			t.Fatal(err)
		}
		if _, err := disk.OpenDir(dir); err == nil || !strings.Contains(err.Error(), name+" is missing or empty, although "+without+" is there") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFilesAreTheirOwnersAlone looks at the modes of databases and folders.
func TestFilesAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data", "under")
	if err := disk.MakeFolder(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "some.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil { // as the program of before left it
		t.Fatal(err)
	}
	db, err := disk.OpenSQLite(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE t (a INTEGER)`); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, dir: 0o700, filepath.Dir(dir): 0o700} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
}
