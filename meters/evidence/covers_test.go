package evidence_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/meters/evidence"
)

// TestEvidenceOlderThanTheLedgerIsNamed asks for an interval that the ledger has: evidence
// that tells of others alone is an older copy; one that tells of none is of a program that
// kept nothing of it.
func TestEvidenceOlderThanTheLedgerIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "evidence.db")
	e, err := evidence.Open(t.Context(), path, "elm")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	const first, second = "2026-06-01T12:00:00Z/15", "2026-06-01T12:15:00Z/15"
	if err := errors.Join(e.Covers(t.Context(), ""), e.Covers(t.Context(), first), e.KeepWorking(t.Context(), first, 1, "root", []byte("{}")), e.Covers(t.Context(), first), e.Covers(t.Context(), "")); err != nil {
		t.Fatal(err)
	}
	if err := e.Covers(t.Context(), second); !errors.As(err, new(*disk.PartError)) || !strings.Contains(err.Error(), path+" is older than the ledger") || !strings.Contains(err.Error(), second) {
		t.Errorf("an older copy: %v", err)
	}
}

// TestWorkingsOf shows the runs of one interval, and of no other, in their order.
func TestWorkingsOf(t *testing.T) {
	t.Parallel()
	e, err := evidence.Open(t.Context(), filepath.Join(t.TempDir(), "evidence.db"), "elm")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	const first, second = "2026-06-01T12:00:00Z/15", "2026-06-01T12:15:00Z/15"
	if err := errors.Join(e.KeepWorking(t.Context(), first, 2, "b", []byte("two")), e.KeepWorking(t.Context(), first, 1, "a", []byte("one")), e.KeepWorking(t.Context(), second, 1, "c", []byte("other"))); err != nil {
		t.Fatal(err)
	}
	var got []string
	see := func(run int, root string, working []byte) error {
		got = append(got, fmt.Sprintf("%d %s %s", run, root, working))
		return nil
	}
	if err := e.WorkingsOf(t.Context(), first, see); err != nil || strings.Join(got, " ") != "1 a one 2 b two" {
		t.Errorf("%v, %v", got, err)
	}
}
