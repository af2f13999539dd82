package consent_test

import (
	"os"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/members/consent"
)

func open(t *testing.T, path string) (*consent.Kept, *disk.Dir) {
	t.Helper()
	dir, err := disk.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	k, err := consent.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return k, dir
}

// TestTheLatestDecisionCounts over a restart, and the earlier ones stay.
func TestTheLatestDecisionCounts(t *testing.T) {
	path, now := t.TempDir(), time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	k, dir := open(t, path)
	var told []string
	k.Watch(func(member string) { told = append(told, member) })
	if k.Allows("ann", consent.Research) || !k.Allows("ann", consent.Sums) {
		t.Error("what nobody decided is not as it is by default")
	}
	for n, all := range []map[consent.Use]bool{
		{consent.Research: true}, {consent.Research: true}, {consent.Research: false, consent.Sums: false}, {consent.Research: true}, {consent.Sums: false}, {},
	} {
		if err := k.Decide("ann", all, now.Add(time.Duration(n)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Decide("ann", map[consent.Use]bool{"sell": true}, now); err == nil {
		t.Error("an unknown use is taken")
	}
	if len(told) != 3 {
		t.Errorf("told of %v", told)
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
	k, dir = open(t, path)
	if !k.Allows("ann", consent.Research) || k.Allows("ann", consent.Sums) || k.Allows("bob", consent.Research) {
		t.Error("after a restart something else counts")
	}
	all := k.Decisions("ann")
	if len(all) != 4 || all[0] != (consent.Decision{Use: consent.Research, Allowed: true, Time: now}) || !all[3].Time.Equal(now.Add(3*time.Hour)) {
		t.Errorf("decisions %+v", all)
	}
	if err := k.Forget("ann"); err != nil || k.Allows("ann", consent.Research) || len(k.Decisions("ann")) > 0 {
		t.Errorf("after forgetting: %v", err)
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir.File(consent.File), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if dir, err := disk.OpenDir(path); err != nil {
		t.Fatal(err)
	} else if _, err := consent.Open(dir); err == nil {
		t.Error("a torn file is read")
	}
}
