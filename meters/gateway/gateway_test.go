package gateway

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

func directory(t *testing.T) *disk.Dir {
	t.Helper()
	d, err := disk.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// TestIdentity keeps name and key; a key that waits to be announced changes neither before
// the gateway starts, and a name that is missing is named.
func TestIdentity(t *testing.T) {
	d := directory(t)
	first, err := OpenIdentity(d)
	if err != nil {
		t.Fatal(err)
	}
	public, err := first.Public()
	if err != nil || !strings.HasPrefix(first.Name, "gw-") || len(first.Name) != len("gw-1a2b3c4d") {
		t.Errorf("%q, %v", first.Name, err)
	}
	if _, err := proof.DecodeKey(public); err != nil {
		t.Error(err)
	}
	if err := Announce(d); err != nil {
		t.Fatal(err)
	}
	again, err := OpenIdentity(d)
	if err != nil || again.Name != first.Name || !again.Key.Equal(first.Key) {
		t.Errorf("opened again it is %s: %v", again.Name, err)
	}
	waiting, err := os.ReadFile(d.File(nextFile))
	if err != nil {
		t.Fatal(err)
	}
	if next, err := proof.DecodePrivateKey(waiting); err != nil || next.Equal(first.Key) {
		t.Errorf("the key that waits is the old one: %v", err)
	}
	if err := os.Remove(d.File(nameFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenIdentity(d); err == nil || !strings.Contains(err.Error(), nameFile) {
		t.Errorf("without its name: %v", err)
	}
	if err := os.WriteFile(d.File(keyFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenIdentity(d); err == nil || !strings.Contains(err.Error(), keyFile) {
		t.Errorf("with an empty key: %v", err)
	}
}

// TestTotals keeps the last register of each direction, also over a reading that lacks one,
// and over a start.
func TestTotals(t *testing.T) {
	d := directory(t)
	kept, err := openTotals(d)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := kept.Totals(t.Context(), "ann/meter"); r != nil || err != nil {
		t.Errorf("of a device that was never read: %+v, %v", r, err)
	}
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	kept.note([]grid.Reading{{Device: "ann/meter", Time: noon, Import: new(grid.Energy(100)), Export: new(grid.Energy(7)), Power: new(grid.Power(1))}})
	kept.note([]grid.Reading{{Device: "ann/meter", Time: noon.Add(time.Second), Import: new(grid.Energy(101))}})
	if err := kept.save(); err != nil {
		t.Fatal(err)
	}
	again, err := openTotals(d)
	if err != nil {
		t.Fatal(err)
	}
	r, err := again.Totals(t.Context(), "ann/meter")
	if err != nil || r == nil || *r.Import != 101 || *r.Export != 7 || r.Power != nil || !r.Time.Equal(noon.Add(time.Second)) {
		t.Errorf("after a start: %+v, %v", r, err)
	}
	if err := os.WriteFile(d.File(totalsFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openTotals(d); err == nil || !strings.Contains(err.Error(), totalsFile) {
		t.Errorf("of a damaged file: %v", err)
	}
}
