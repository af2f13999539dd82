package embedded

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// TestADamagedIndexIsBuiltAgain damages each file of the index: it is set aside, and comes
// back from the chain with the same log.
func TestADamagedIndexIsBuiltAgain(t *testing.T) {
	t.Parallel()
	for what, damage := range map[string]func(b []byte) []byte{
		ledger.IndexFile + " is cut":          func(b []byte) []byte { return b[:len(b)/2] },
		ledger.IndexFile + " is none":         func(b []byte) []byte { return slices.Repeat([]byte("none"), len(b)/4) },
		ledger.HashesFile + " is empty":       func([]byte) []byte { return nil },
		ledger.HashesFile + " is cut":         func(b []byte) []byte { return b[:len(b)/2] },
		ledger.HashesFile + " has other bits": func(b []byte) []byte { b[3] ^= 1; return b },
	} {
		dir := filled(t)
		before, err := VerifyDir(t.Context(), dir, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		name := ledger.IndexFile
		if what[:len(ledger.HashesFile)] == ledger.HashesFile {
			name = ledger.HashesFile
		}
		whole, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), damage(whole), 0o600); err != nil {
			t.Fatal(err)
		}
		l := openAt(t, dir)
		if rebuilt := l.Rebuilt(); len(rebuilt) != 1 || rebuilt[0] != filepath.Join(dir, ledger.IndexFile) {
			t.Errorf("%s: set aside is %v", what, rebuilt)
		}
		if _, err := os.Stat(filepath.Join(dir, name+".damaged")); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		after, err := VerifyDir(t.Context(), dir, "", nil)
		if err != nil || after.Root != before.Root || after.Postings != before.Postings {
			t.Errorf("%s: root %s became %s: %v", what, before.Root, after.Root, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if again := openAt(t, dir); again.Rebuilt() != nil {
			t.Errorf("%s: it is built anew once more", what)
		}
	}
}
