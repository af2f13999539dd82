package kept_test

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/agent/limits/kept"
	"github.com/commonwatt/commonwatt/disk"
)

func open(t *testing.T, path string, given map[string]limits.Limits) (*kept.Kept, func()) {
	t.Helper()
	dir, err := disk.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	k, err := kept.Open(dir, given)
	if err != nil {
		t.Fatal(err)
	}
	return k, func() {
		if err := dir.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestWhatWasSetCounts sets limits, and opens the directory again with another
// configuration.
func TestWhatWasSetCounts(t *testing.T) {
	path, now := t.TempDir(), time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	given := map[string]limits.Limits{"ann": {Reserve: 100}, "bob": {Reserve: 300}}
	k, closed := open(t, path, given)
	if l, since := k.Of("ann"); l.Reserve != 100 || !since.IsZero() {
		t.Errorf("%+v, %s", l, since)
	}
	var told []string
	k.Watch(func(member string) { told = append(told, member) })
	if err := k.Set("ann", limits.Limits{ZeroExport: true}, now); err != nil {
		t.Fatal(err)
	}
	closed()

	k, closed = open(t, path, map[string]limits.Limits{"ann": {Reserve: 900}, "bob": {Reserve: 400}})
	defer closed()
	if l, since := k.Of("ann"); l.Reserve != 0 || !l.ZeroExport || !since.Equal(now) {
		t.Errorf("what was set: %+v, %s", l, since)
	}
	if got := k.Limits("bob"); got.Reserve != 400 {
		t.Errorf("what nobody has set is the configuration's: %+v", got)
	}
	if got := k.Limits("cy"); !got.Equal(limits.Limits{}) {
		t.Errorf("of nobody: %+v", got)
	}
	if err := k.Reset("ann"); err != nil || k.Limits("ann").Reserve != 900 {
		t.Errorf("%+v, %v", k.Limits("ann"), err)
	}
	if !slices.Equal(told, []string{"ann"}) {
		t.Errorf("told of %v", told)
	}
}

// TestWhatIsReturnedIsACopy changes what was returned and what was set.
func TestWhatIsReturnedIsACopy(t *testing.T) {
	k, closed := open(t, t.TempDir(), nil)
	defer closed()
	l := limits.Limits{Cars: map[string]limits.Car{"c": {ReadyBy: 1, Target: 500}}}
	if err := k.Set("ann", l, time.Time{}); err != nil {
		t.Fatal(err)
	}
	l.Cars["c"] = limits.Car{}
	k.Limits("ann").Cars["c"] = limits.Car{}
	if got := k.Limits("ann").Cars["c"]; got.Target != 500 {
		t.Errorf("%+v", got)
	}
}

// TestDamageIsNamed opens a file that cannot be read: nothing stands in for it.
func TestDamageIsNamed(t *testing.T) {
	dir, err := disk.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dir.Close() }()
	if err := os.WriteFile(dir.File(kept.File), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	var part *disk.PartError
	if _, err := kept.Open(dir, nil); !errors.As(err, &part) {
		t.Errorf("%v", err)
	}
}

// TestWhatIsNotWrittenDoesNotCount sets limits where nothing can be written.
func TestWhatIsNotWrittenDoesNotCount(t *testing.T) {
	path := t.TempDir()
	k, closed := open(t, path, nil)
	closed()
	if err := os.Mkdir(path+"/"+kept.File, 0o700); err != nil { // which nothing replaces
		t.Fatal(err)
	}
	if err := os.WriteFile(path+"/"+kept.File+"/x", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.Set("ann", limits.Limits{Reserve: 100}, time.Time{}); err == nil || k.Limits("ann").Reserve != 0 {
		t.Errorf("%v, %+v", err, k.Limits("ann"))
	}
}

// TestRead reads what was set beside who has the directory open.
func TestRead(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	if all, err := kept.Read(path); err != nil || len(all) != 0 {
		t.Errorf("nobody has set any: %+v, %v", all, err)
	}
	k, closed := open(t, path, map[string]limits.Limits{"bob": {Reserve: 300}})
	defer closed()
	if err := k.Set("ann", limits.Limits{Reserve: 200}, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	if all, err := kept.Read(path); err != nil || len(all) != 1 || all["ann"].Reserve != 200 {
		t.Errorf("%+v, %v", all, err)
	}
	if err := os.WriteFile(path+"/"+kept.File, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := kept.Read(path); !errors.As(err, new(*disk.PartError)) {
		t.Errorf("a damaged file: %v", err)
	}
}
