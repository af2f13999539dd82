package archive_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official"
	"github.com/commonwatt/commonwatt/meters/official/archive"
)

// objects has ann object to the first quarter-hour.
func objects(t *testing.T, a *archive.Archive) archive.Objection {
	t.Helper()
	o, err := a.Object(t.Context(), archive.Objection{
		Member: "ann", Point: "mp", Interval: grid.Interval{Start: begin(), Minutes: 15},
		Claimed: grid.Flow{Import: 50}, Metered: grid.Flow{Import: 900, Export: 1}, Reason: "the meter jumped", Filed: time.Unix(begin()+9000, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// accept accepts an objection by a file with one value of the first quarter-hour.
func accept(t *testing.T, a *archive.Archive, id int64, content string) error {
	t.Helper()
	v := value(0, official.Total, 50)
	f := archive.File{Content: content, Digest: "d-" + content, Name: content, Format: official.CSV, Imported: time.Unix(begin(), 0), From: time.Unix(v.Start, 0), Until: time.Unix(v.End(), 0), Values: 1}
	d := archive.Decision{State: archive.StateAccepted, Answer: "seen", Role: "utility", Time: time.Unix(begin()+9900, 0), Quality: official.Replaced, Digest: f.Digest}
	return a.Decide(t.Context(), id, d, &f, brings(15, v))
}

// TestAnObjectionIsKeptAndDecidedOnce takes one through its life, and opens the archive again
// after each step, as after a crash.
func TestAnObjectionIsKeptAndDecidedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "official.db")
	open := func() *archive.Archive {
		a, err := archive.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := open()
	again := func() archive.Objection {
		t.Helper()
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		a = open()
		o, err := a.Objection(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	defer func() { _ = a.Close() }()
	filed := objects(t, a)
	if o := again(); o != filed || o.State != archive.StateOpen || o.Claimed.Import != 50 || o.Metered != (grid.Flow{Import: 900, Export: 1}) || o.Reason == "" || !o.Decision.Time.IsZero() {
		t.Errorf("filed: %+v", o)
	}
	if _, err := a.Object(t.Context(), filed); !errors.Is(err, archive.ErrOpenAlready) {
		t.Errorf("a second one to the same value: %v", err)
	}
	if err := accept(t, a, 1, "one"); err != nil {
		t.Fatal(err)
	}
	if o := again(); o.State != archive.StateAccepted || o.Decision.Digest != "d-one" || o.Decision.Quality != official.Replaced || o.Decision.Answer != "seen" || o.Recorded || o.Corrected || known(t, a) != "" {
		t.Errorf("accepted: %+v, %s", o, known(t, a))
	}
	if err := accept(t, a, 1, "two"); !errors.Is(err, archive.ErrDecided) {
		t.Errorf("decided twice: %v", err)
	}
	if files, err := a.Files(t.Context()); err != nil || len(files) != 1 {
		t.Errorf("the second decision left a file: %+v, %v", files, err)
	}
	if err := a.Recorded(t.Context(), "d-one"); err != nil {
		t.Fatal(err)
	}
	if o := again(); !o.Recorded || o.Corrected || known(t, a) != "0/G.01=50 by d-one;" {
		t.Errorf("recorded: %+v, %s", o, known(t, a))
	}
	if err := a.Corrected(t.Context(), archive.Accepted, filed.Interval); err != nil {
		t.Fatal(err)
	}
	if o := again(); !o.Corrected {
		t.Errorf("settled: %+v", o)
	}
	if _, err := a.Objection(t.Context(), 2); !errors.Is(err, archive.ErrNoObjection) {
		t.Errorf("one that there is not: %v", err)
	}
}

// TestADecisionWhoseFileCannotBeKeptIsNone decides with a file that is there already: neither is
// kept.
func TestADecisionWhoseFileCannotBeKeptIsNone(t *testing.T) {
	a, err := archive.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	stage(t, a, "one", 15, value(3, official.Total, 1))
	o := objects(t, a)
	if err := accept(t, a, o.ID, "one"); err == nil {
		t.Error("a file was taken twice")
	}
	if o, err := a.Objection(t.Context(), o.ID); err != nil || o.State != archive.StateOpen {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestAcceptedObjectionsCountAlone has a file and an accepted objection tell of one value, and of
// one each: where the community bills by what was metered here, the file changes nothing.
func TestAcceptedObjectionsCountAlone(t *testing.T) {
	a, err := archive.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := accept(t, a, objects(t, a).ID, "claim"); err != nil {
		t.Fatal(err)
	}
	stage(t, a, "month", 15, value(0, official.Total, 70), value(1, official.Total, 80))
	for _, digest := range []string{"d-claim", "d-month"} {
		if err := a.Recorded(t.Context(), digest); err != nil {
			t.Fatal(err)
		}
	}
	first := grid.Interval{Start: begin(), Minutes: 15}
	for which, want := range map[archive.Which]struct {
		energy  grid.Energy
		second  int
		pending int
	}{archive.Accepted: {50, 0, 1}, archive.All: {70, 1, 2}} {
		one, err1 := a.Of(t.Context(), which, first)
		two, err2 := a.Of(t.Context(), which, first.Shift(1))
		pending, err3 := a.Pending(t.Context(), which, 9)
		if err := errors.Join(err1, err2, err3); err != nil || len(one) != 1 || one[0].Energy != want.energy || len(two) != want.second || len(pending) != want.pending {
			t.Errorf("%d: %+v, %+v, %v, %v", which, one, two, pending, err)
		}
	}
	if err := a.Corrected(t.Context(), archive.Accepted, first); err != nil {
		t.Fatal(err)
	}
	if n, err := a.Waiting(t.Context()); err != nil || n != 2 {
		t.Errorf("the file's own corrections are still due: %d, %v", n, err)
	}
	if err := a.Erase(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	if all, err := a.Objections(t.Context(), "", "", 9); err != nil || len(all) != 0 {
		t.Errorf("erased: %+v, %v", all, err)
	}
	if next := objects(t, a); next.ID != 2 {
		t.Errorf("number %d was given twice", next.ID)
	}
}

// TestObjectionsAreReadFromAFile looks at an archive that is open elsewhere, at one of a version
// without objections, and where there is none: there nothing is made.
func TestObjectionsAreReadFromAFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "official.db")
	a, err := archive.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	o := objects(t, a)
	all, err := archive.ReadObjections(t.Context(), path, "")
	if err != nil || len(all) != 1 || all[0] != o {
		t.Errorf("%+v, %v, want %+v", all, err, o)
	}
	if all, err := archive.ReadObjections(t.Context(), path, archive.StateRefused); err != nil || len(all) > 0 {
		t.Errorf("refused: %+v, %v", all, err)
	}
	none := filepath.Join(dir, "none.db")
	if all, err := archive.ReadObjections(t.Context(), none, ""); err != nil || len(all) > 0 {
		t.Errorf("no file: %+v, %v", all, err)
	}
	if _, err := os.Stat(none); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
	old, err := disk.OpenSQLite(none)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.Exec("CREATE TABLE files (file INTEGER)"); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	if all, err := archive.ReadObjections(t.Context(), none, ""); err != nil || len(all) > 0 {
		t.Errorf("an earlier version: %+v, %v", all, err)
	}
}
