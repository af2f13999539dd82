package disk_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/disk"
)

// TestKeysOfBeforeEndInAYear brings a directory of version 6 with a key that has no end to the present one, also
// when the power ends after the step and before its version is written: the key ends a year from the step on,
// which a second time does not put off.
func TestKeysOfBeforeEndInAYear(t *testing.T) {
	path := t.TempDir()
	write(t, filepath.Join(path, "version"), "6\n")
	db, err := disk.OpenSQLite(filepath.Join(path, "accounts.db"))
	if err == nil {
		_, err = db.ExecContext(t.Context(), `
			CREATE TABLE key (digest BLOB PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, member TEXT NOT NULL, scopes TEXT NOT NULL, made INTEGER NOT NULL, maker TEXT NOT NULL) STRICT;
			INSERT INTO key VALUES (x'00', 'k', 'a display', 'ann', 'read', 100, '')`)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now().Unix()
	for k := range 2 {
		d, err := disk.OpenDir(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if db, err = disk.OpenSQLite(filepath.Join(path, "accounts.db")); err != nil {
			t.Fatal(err)
		}
		const year = 365 * 24 * 60 * 60
		if ends, err := disk.Column[int64](t.Context(), db, `SELECT expires FROM key WHERE id = 'k' AND name = 'a display'`); err != nil || len(ends) != 1 || k == 0 && (ends[0] < began+year || ends[0] > time.Now().Unix()+year) || k == 1 && ends[0] != 7 {
			t.Errorf("time %d: %v, %v", k+1, ends, err)
		}
		if _, err := db.ExecContext(t.Context(), `UPDATE key SET expires = 7`); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(path, "version"), "6\n")
	}
}
