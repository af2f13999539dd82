package disk_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/commonwatt/commonwatt/disk"
)

func filled(t *testing.T, rows int) (path string, db *sql.DB) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "some.db")
	db, err := disk.OpenSQLite(path, "wal_autocheckpoint(10)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE t (a INTEGER, b TEXT)`); err != nil {
		t.Fatal(err)
	}
	add(t, db, rows)
	return path, db
}

func add(t *testing.T, db *sql.DB, rows int) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO t SELECT i, printf('%0500d', i) FROM n`, rows)
	if err != nil {
		t.Fatal(err)
	}
}

// TestAFrozenDatabaseStaysAsItWas writes on, and checkpoints, while a database is copied: the
// copy is of the moment, and whole.
func TestAFrozenDatabaseStaysAsItWas(t *testing.T) {
	t.Parallel()
	path, db := filled(t, 1000)
	frozen, err := disk.FreezeSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		add(t, db, 100)
		if _, err := db.ExecContext(t.Context(), `UPDATE t SET b = 'changed' WHERE a % 7 = 0`); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := errors.Join(frozen.Write(t.Context(), &out), frozen.Close()); err != nil {
		t.Fatal(err)
	}
	if int64(out.Len()) != frozen.Size {
		t.Errorf("%d bytes, announced %d", out.Len(), frozen.Size)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(copied, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := disk.Sound(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	again, err := disk.ReadSQLite(copied)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	var rows, changed int
	if err := again.QueryRowContext(t.Context(), `SELECT COUNT(*), COUNT(*) FILTER (WHERE b = 'changed') FROM t`).Scan(&rows, &changed); err != nil {
		t.Fatal(err)
	}
	if rows != 1000 || changed != 0 {
		t.Errorf("the copy has %d rows, %d of them changed later", rows, changed)
	}
}

// TestAHeldDatabaseIsNotWritten has a writer wait until the database is let go.
func TestAHeldDatabaseIsNotWritten(t *testing.T) {
	t.Parallel()
	path, db := filled(t, 10)
	letGo, err := disk.HoldSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := disk.HoldSQLite(t.Context(), path); err == nil {
		t.Error("it was held twice")
	}
	frozen, err := disk.FreezeSQLite(t.Context(), path) // who reads does not wait
	if err != nil {
		t.Fatal(err)
	}
	if err := frozen.Close(); err != nil {
		t.Error(err)
	}
	written := make(chan error, 1)
	go func() {
		_, err := db.ExecContext(context.Background(), `INSERT INTO t VALUES (1, '')`)
		written <- err
	}()
	select {
	case err := <-written:
		t.Fatalf("it was written while it was held: %v", err)
	default:
	}
	if err := letGo(); err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}

// TestADamagedDatabaseIsNotSound overwrites pages in the middle.
func TestADamagedDatabaseIsNotSound(t *testing.T) {
	t.Parallel()
	path, db := filled(t, 1000)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := disk.Sound(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	if _, err := f.WriteAt(bytes.Repeat([]byte("x"), 3*page), 20*page); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := disk.Sound(t.Context(), path); err == nil {
		t.Error(fmt.Errorf("it is said to be sound"))
	}
}
