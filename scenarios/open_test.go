package scenarios_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/usage"
)

// TestLedgersOfAReplay begins a ledger of each kind that needs no binaries: one in memory
// leaves nothing in the directory, one beside the results stays, and is not begun twice.
func TestLedgersOfAReplay(t *testing.T) {
	s, err := scenarios.Parse(summerDay(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for kind, files := range map[string]bool{scenarios.InMemory: false, scenarios.Embedded: true} {
		dir := filepath.Join(dir, kind)
		l, err := scenarios.OpenLedger(t.Context(), s, dir, kind, nil)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if err := l.Close(); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if _, err := os.Stat(filepath.Join(dir, ledger.IndexFile)); (err == nil) != files {
			t.Errorf("%s: the index is there: %t, want %t", kind, err == nil, files)
		}
	}
	_, err = scenarios.OpenLedger(t.Context(), s, filepath.Join(dir, scenarios.Embedded), scenarios.InMemory, nil)
	mendable(t, err, "has the ledger of another replay already")
}

// TestLedgersThatAReplayCannotHave refuses what the caller has to mend.
func TestLedgersThatAReplayCannotHave(t *testing.T) {
	s, err := scenarios.Parse(summerDay(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	_, err = scenarios.OpenLedger(t.Context(), s, dir, "paper", nil)
	mendable(t, err, `--ledger: "paper": must be memory, embedded or fabric`)
	t.Setenv("FABRIC_BIN", t.TempDir())
	_, err = scenarios.OpenLedger(t.Context(), s, dir, scenarios.OnFabric, nil)
	mendable(t, err, "peer, orderer, configtxgen not found")
	if err := os.Mkdir(filepath.Join(dir, "fabric"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = scenarios.OpenLedger(t.Context(), s, dir, scenarios.OnFabric, nil)
	mendable(t, err, "has a network already")
}

// TestResultsOfAnotherReplay knows a directory by any one of the files, and what belongs to no
// replay by its being there.
func TestResultsOfAnotherReplay(t *testing.T) {
	dir := t.TempDir()
	s, err := scenarios.Parse(summerDay(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, free := range []string{filepath.Join(dir, "new"), dir} {
		if err := s.Free(free, "v1"); err != nil {
			t.Error(err)
		}
	}
	for _, name := range append(scenarios.Files(), "letter.txt") {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		mendable(t, s.Free(dir, "v1"), "("+name+")")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func mendable(t *testing.T, err error, want string) {
	t.Helper()
	if wrong := (*usage.Error)(nil); !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one that the caller can mend, with %q", err, want)
	}
}
