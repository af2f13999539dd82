package disk

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
)

// fill writes so many megabytes, and deletes them again.
func fill(t *testing.T, db *sql.DB, megabytes int) {
	t.Helper()
	for _, statement := range []string{`CREATE TABLE IF NOT EXISTS heap (x BLOB)`, `DELETE FROM heap`} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
		for range megabytes {
			if _, err := db.Exec(`INSERT INTO heap VALUES (zeroblob(1000000))`); err != nil {
				t.Fatal(err)
			}
		}
		megabytes = 0
	}
}

func sizes(t *testing.T, path string) (file, log int64) {
	t.Helper()
	for name, n := range map[string]*int64{path: &file, path + "-wal": &log} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		*n = info.Size()
	}
	return file, log
}

// TestFreePagesGoBack keeps a reserve of what was deleted, and no log; a database of
// before does so once it was rebuilt.
func TestFreePagesGoBack(t *testing.T) {
	const least, most = spareLeast * 4096, spareLeast*4096 + 1<<20
	path := filepath.Join(t.TempDir(), "new.db")
	e, err := OpenElastic(path)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, e, 40)
	if err := GiveBack(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if file, log := sizes(t, path); file < least || file > most || log != 0 {
		t.Errorf("the database is left with %d bytes, its log with %d", file, log)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}

	path = filepath.Join(t.TempDir(), "old.db")
	old, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	fill(t, old, 40)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := OpenElastic(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := MakeElastic(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	elastic, pages, _, err := pagesOf(t.Context(), s)
	if err != nil || !elastic || pages > spareLeast {
		t.Errorf("the old database gives nothing back: %t, %d pages, %v", elastic, pages, err)
	}
}
