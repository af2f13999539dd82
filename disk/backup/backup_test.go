package backup_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/disk/backup"
	"github.com/commonwatt/commonwatt/usage"
)

const passphrase = "oak street, number nine"

// lived is a data directory with a database that is open, an order log that grows, and what
// belongs into no backup.
func lived(t *testing.T) (dir string, db *sql.DB) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{
		"version": "5\n", "parts.json": "{}", "keys/ledger.key": "secret", "orders/0.journal": strings.Repeat("o", 300_000), "bus/s/msgs/1.blk": "messages", "bus/s/msgs/index.db": "state", "empty": "",
		"lock": "", "address": "http://", "half.new": "x", "orders/next.zeros": "0", "runs/1/summary.json": "{}", "ledger-index.db.damaged": "x",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	db, err := disk.OpenSQLite(filepath.Join(dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE n (v INTEGER); INSERT INTO n VALUES (1)`); err != nil {
		t.Fatal(err)
	}
	return dir, db
}

// written makes a backup of a directory that is changed between its moment and the copying.
func written(t *testing.T, dir string, meanwhile func()) []byte {
	t.Helper()
	m, err := backup.Take(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	meanwhile()
	var file bytes.Buffer
	if err := errors.Join(m.Write(t.Context(), &file, backup.Head{Program: "test", Community: "oak"}, passphrase), m.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// TestABackupIsOfOneMoment changes every file of a directory after the moment: the copy has
// nothing of that.
func TestABackupIsOfOneMoment(t *testing.T) {
	t.Parallel()
	dir, db := lived(t)
	file := written(t, dir, func() {
		if _, err := db.ExecContext(t.Context(), `INSERT INTO n VALUES (2); UPDATE n SET v = v + 10`); err != nil {
			t.Fatal(err)
		}
		grow, err := os.OpenFile(filepath.Join(dir, "bus/s/msgs/1.blk"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = grow.WriteString(" and more")
		if err := errors.Join(err, grow.Close(), disk.Replace(filepath.Join(dir, "keys/ledger.key"), []byte("another"), disk.Private), os.Remove(filepath.Join(dir, "bus/s/msgs/index.db"))); err != nil {
			t.Fatal(err)
		}
	})
	if bytes.Contains(file, []byte("secret")) || len(file) > 20_000 {
		t.Errorf("%d bytes, in the clear: %t", len(file), bytes.Contains(file, []byte("secret")))
	}
	into := t.TempDir()
	head, err := backup.Unpack(bytes.NewReader(file), passphrase, into, func(int64, int64) {})
	if err != nil || head.Community != "oak" || head.Layout != disk.Version {
		t.Fatalf("%+v, %v", head, err)
	}
	var names []string
	err = filepath.WalkDir(into, func(path string, d os.DirEntry, err error) error {
		if name, _ := filepath.Rel(into, path); !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if want := []string{"bus/s/msgs/1.blk", "bus/s/msgs/index.db", "empty", "keys/ledger.key", "ledger.db", "orders/0.journal", "parts.json", "version"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("it has %q, %v, want %q", names, err, want)
	}
	for name, want := range map[string]string{"keys/ledger.key": "secret", "bus/s/msgs/1.blk": "messages", "bus/s/msgs/index.db": "state", "version": "5\n"} {
		if text, err := os.ReadFile(filepath.Join(into, name)); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	again, err := disk.ReadSQLite(filepath.Join(into, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if all, err := disk.Column[int](t.Context(), again, `SELECT v FROM n`); err != nil || !slices.Equal(all, []int{1}) {
		t.Errorf("the database has %v, %v", all, err)
	}
}

// TestNothingIsWrittenWhileAMomentIsTaken has a writer wait for as long as all stands still.
func TestNothingIsWrittenWhileAMomentIsTaken(t *testing.T) {
	t.Parallel()
	dir, db := lived(t)
	other, err := disk.OpenSQLite(filepath.Join(dir, "other.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.ExecContext(t.Context(), `CREATE TABLE n (v INTEGER)`); err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil) // somebody writes for longer than a moment waits
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	attempts := 0
	_, err = backup.Take(t.Context(), dir, func(f func() error) error {
		attempts++
		return f()
	})
	if err == nil || attempts < 2 {
		t.Errorf("a moment in which somebody writes, after %d attempts: %v", attempts, err)
	}
	if _, err := other.ExecContext(t.Context(), `INSERT INTO n VALUES (1)`); err != nil {
		t.Errorf("what was held is not let go: %v", err)
	}
}

// TestATornBackupIsRefused cuts a backup at many places, and changes bytes of it: each is
// refused with a sentence that says what to do.
func TestATornBackupIsRefused(t *testing.T) {
	t.Parallel()
	dir, _ := lived(t)
	file := written(t, dir, func() {})
	if _, err := backup.Read(bytes.NewReader(file), passphrase, nil); err != nil {
		t.Fatal(err)
	}
	refuse := func(what string, file []byte, with, want string) {
		t.Helper()
		if _, err := backup.Read(bytes.NewReader(file), with, nil); !usage.Is(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for cut := 0; cut < len(file); cut += 1 + len(file)/6 {
		refuse("cut", file[:cut], passphrase, "backup")
	}
	refuse("without its last byte", file[:len(file)-1], passphrase, "cut short or was changed")
	for at := 0; at < len(file); at += 1 + len(file)/6 {
		changed := slices.Clone(file)
		changed[at] ^= 1
		refuse("changed", changed, passphrase, "backup")
	}
	refuse("another passphrase", file, "oak street, number ten", "passphrase does not open")
	refuse("another file", []byte("a letter"), passphrase, "no backup")
	if err := backup.CheckPassphrase("short"); !usage.Is(err) {
		t.Error(err)
	}
}

// TestABackupThatFailsIsNotSealed has the disk of the backup fill up: what is there is refused.
func TestABackupThatFailsIsNotSealed(t *testing.T) {
	t.Parallel()
	dir, _ := lived(t)
	m, err := backup.Take(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var file bytes.Buffer
	if err := m.Write(ctx, &file, backup.Head{}, passphrase); err == nil {
		t.Fatal("it was finished")
	}
	if _, err := backup.Read(&file, passphrase, nil); err == nil {
		t.Error("half a backup is taken for a whole one")
	}
	if err := m.Write(t.Context(), full{}, backup.Head{}, passphrase); err == nil || !strings.Contains(err.Error(), "short write") {
		t.Error(err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
