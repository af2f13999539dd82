package notices_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/notices"
)

// ofVersion5 is a data directory of version 5, in which homes chose as one: oak with two accounts, elm
// with one, and ash, where a demonstration's guests chose.
func ofVersion5(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "version"), []byte("5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, queries := range map[string]string{
		"accounts.db": `
			CREATE TABLE account (id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL, member TEXT NOT NULL, language TEXT NOT NULL, password TEXT NOT NULL, created INTEGER NOT NULL, epoch INTEGER NOT NULL) STRICT;
			INSERT INTO account VALUES ('a-younger', 'cleo@x.example', 'Cleo', 'homeowner', 'oak', '', '', 200, 1), ('z-older', 'ann@x.example', 'Ann', 'homeowner', 'oak', '', '', 100, 1),
				('bob', 'bob@x.example', 'Bob', 'homeowner', 'elm', '', '', 100, 1), ('olga', 'olga@x.example', 'Olga', 'operator', '', '', '', 50, 1);`,
		notices.File: `
			CREATE TABLE settings (member TEXT PRIMARY KEY, chosen TEXT NOT NULL);
			CREATE TABLE browsers (endpoint TEXT PRIMARY KEY, member TEXT NOT NULL, p256dh TEXT NOT NULL, auth TEXT NOT NULL);
			CREATE TABLE outbox (
				id INTEGER PRIMARY KEY, member TEXT NOT NULL, kind TEXT NOT NULL, channel TEXT NOT NULL, key TEXT NOT NULL, notice TEXT NOT NULL, state TEXT NOT NULL,
				tries INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT 0, sent INTEGER NOT NULL DEFAULT 0,
				UNIQUE (member, kind, channel, key)
			);
			CREATE INDEX outbox_waits ON outbox (state, next);
			CREATE TABLE keys (name TEXT PRIMARY KEY, key TEXT NOT NULL);
			INSERT INTO keys VALUES ('off', 'the secret of the links');
			INSERT INTO settings VALUES ('oak', '{"on":{"bill":["email"]},"since":"2026-05-01T00:00:00Z"}'), ('ash', '{"on":{"bill":["push"]},"since":"2026-05-01T00:00:00Z"}');
			INSERT INTO browsers VALUES ('https://push.example/1', 'oak', 'p', 'a'), ('https://push.example/2', 'elm', 'p', 'a');
			INSERT INTO outbox (member, kind, channel, key, notice, state, sent) VALUES ('oak', 'bill', 'email', '2026-000017', '{"kind":"bill","key":"2026-000017"}', 'sent', 1);`,
	} {
		db, err := disk.OpenSQLite(filepath.Join(dir, file))
		if err == nil {
			_, err = db.ExecContext(context.Background(), queries)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestWhatHomesChoseIsEachAccounts brings a directory of version 5 to the present one, also when the
// power ends after the step and before its version is written: each account of a home goes on with
// what the home had chosen and had been told, a browser tells one of them, and nothing is sent again.
func TestWhatHomesChoseIsEachAccounts(t *testing.T) {
	path := ofVersion5(t)
	for range 2 {
		d, err := disk.OpenDir(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, "version"), []byte("5\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := newHub(t)
	h.path = filepath.Join(path, notices.File)
	h.open()
	ann, cleo, guests := notices.Recipient{Account: "z-older", Member: "oak"}, notices.Recipient{Account: "a-younger", Member: "oak"}, notices.Recipient{Account: "guest", Member: "ash"}
	bob := notices.Recipient{Account: "bob", Member: "elm"}
	for r, want := range map[notices.Recipient]string{ann: "true false 1", cleo: "true false 0", guests: "false true 0", bob: "false false 1"} {
		s, err := h.book.Of(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		browsers, err := h.book.Browsers(t.Context(), r)
		if got := fmt.Sprint(s.Wants(notices.Bill, notices.EMail), s.Wants(notices.Bill, notices.Push), len(browsers)); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", r, got, err, want)
		}
	}
	h.facts["oak"] = notices.Facts{Bills: []notices.Billed{{ID: "2026-000017", Issued: h.now}, {ID: "2026-000018", Issued: h.now, Due: grid.Money(-1_000_000)}}}
	h.step()
	if got, want := fmt.Sprint(h.subjects()), "[Am Anger: Bill 2026-000018 Am Anger: Bill 2026-000018]"; got != want {
		t.Errorf("letters %s, want %s", got, want)
	}
}
