package hub

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

// TestAFirstStartMakesTheKeyFirst ends a first start where the evidence is opened: the
// key with which evidence is signed is there by then, so that no later start finds evidence
// without it.
func TestAFirstStartMakesTheKeyFirst(t *testing.T) {
	plan := planned(t)
	plan.Listen, plan.Data = "127.0.0.1:0", t.TempDir()
	write(t, filepath.Join(plan.Data, "version"), "5\n")
	if err := os.Symlink("nowhere/evidence.db", filepath.Join(plan.Data, EvidenceFile)); err != nil { // it cannot be opened
		t.Fatal(err)
	}
	h, err := Open(t.Context(), Options{Plan: plan, Version: "t", Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		_ = h.Close()
		t.Fatal("a database was opened in a folder that is not there")
	}
	if text, err := os.ReadFile(filepath.Join(plan.Data, "gateway.key")); err != nil || len(text) == 0 {
		t.Errorf("it left no key: %v", err)
	}
}
