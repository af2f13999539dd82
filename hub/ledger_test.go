package hub

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/usage"
)

// registers opens the ledger of a directory, registers members' meters, and closes it.
func registers(t *testing.T, path string, members ...string) error {
	t.Helper()
	dir, err := disk.OpenDir(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	l, err := OpenLedger(t.Context(), config.Plan{Community: "elm", Tariff: tariff.Tariff{Currency: "EUR"}}, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	for _, m := range members {
		if err := l.Register(t.Context(), grid.Device{ID: m + "/meter", Kind: grid.Meter, Member: m, MeteringPoint: "mp-" + m}); err != nil {
			t.Fatal(err)
		}
	}
	return errors.Join(dir.NoteParts(), l.Close())
}

// TestAnOlderCopyIsNotGoneOnWith puts an older copy of one part of a directory beside the
// newer others: the start names it, and no member gets another pseudonym.
func TestAnOlderCopyIsNotGoneOnWith(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		ledger.NamesFile: "members.json is older than the rest of the directory: it lacks 1 of the 2 that it held",
		"ledger.db":      "is older than",
	} {
		path := filepath.Join(t.TempDir(), "data")
		if err := registers(t, path, "ann"); err != nil {
			t.Fatal(err)
		}
		older, err := os.ReadFile(filepath.Join(path, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(registers(t, path, "bob"), registers(t, path)); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(path, name), string(older))
		if err := registers(t, path); !errors.As(err, new(*usage.Error)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s of before: %v, want %s", name, err, want)
		}
		if err := os.Remove(filepath.Join(path, name)); err != nil {
			t.Fatal(err)
		}
		if err := registers(t, path); !errors.As(err, new(*usage.Error)) || !strings.Contains(err.Error(), name+" is missing or empty") {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// TestWhoIsErasedIsNotMissed forgets a member, and adds one: the next start misses nobody.
func TestWhoIsErasedIsNotMissed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data")
	if err := registers(t, path, "ann", "bob"); err != nil {
		t.Fatal(err)
	}
	dir, err := disk.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	l, err := OpenLedger(t.Context(), config.Plan{Community: "elm", Tariff: tariff.Tariff{Currency: "EUR"}}, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Names.Erase("ann"), l.Close(), dir.Close()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(registers(t, path, "cy"), registers(t, path)); err != nil {
		t.Error(err)
	}
}
