package archive_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official"
	"github.com/commonwatt/commonwatt/meters/official/archive"
)

func begin() int64 { return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC).Unix() }

// value is of the k-th quarter-hour.
func value(k int, code official.Code, wh grid.Energy) official.Value {
	return official.Value{Key: official.Key{Point: "mp", Start: begin() + int64(k)*900, Code: code, Direction: official.Import}, Minutes: 15, Energy: wh, Quality: official.Measured}
}

// brings are values of a point of ann's.
func brings(minutes int, values ...official.Value) archive.News {
	return archive.News{Values: values, Minutes: minutes, Owner: func(string) string { return "ann" }}
}

func stage(t *testing.T, a *archive.Archive, name string, minutes int, news ...official.Value) {
	t.Helper()
	err := a.Stage(t.Context(), archive.File{Content: name, Digest: "d-" + name, Name: name, Format: official.CSV, Imported: time.Unix(begin(), 0), From: time.Unix(begin(), 0), Until: time.Unix(begin()+900, 0), Values: len(news)}, brings(minutes, news...))
	if err != nil {
		t.Fatal(err)
	}
}

func known(t *testing.T, a *archive.Archive) string {
	t.Helper()
	all, err := a.Known(t.Context(), begin(), begin()+86_400)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, k := range all {
		fmt.Fprintf(&text, "%d/%s=%d by %s;", (k.Start-begin())/900, k.Code, k.Energy, k.File)
	}
	return text.String()
}

// TestValuesCountOnceTheLedgerHasThem stages two files, of which the second corrects the
// first: what counts, what is to be corrected, and what is still to be recorded, before and
// after each step, and the same when the archive is opened again.
func TestValuesCountOnceTheLedgerHasThem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "official.db")
	a, err := archive.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	reopen := func() {
		t.Helper()
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if a, err = archive.Open(t.Context(), path); err != nil {
			t.Fatal(err)
		}
	}
	defer func() { _ = a.Close() }()
	want := func(step, values string, pending, unrecorded int) {
		t.Helper()
		reopen()
		p, err1 := a.Pending(t.Context(), archive.All, 100)
		n, err2 := a.Waiting(t.Context())
		u, err3 := a.Unrecorded(t.Context())
		if got := known(t, a); got != values || len(p) != pending || n != pending || len(u) != unrecorded || err1 != nil || err2 != nil || err3 != nil {
			t.Errorf("%s: %q, %v pending, %d unrecorded %v %v %v; want %q, %d, %d", step, got, p, len(u), err1, err2, err3, values, pending, unrecorded)
		}
	}
	want("empty", "", 0, 0)
	stage(t, a, "one", 15, value(0, official.Total, 100), value(1, official.Total, 200), value(2, official.Covered, 7))
	want("staged", "", 0, 1)
	if err := a.Recorded(t.Context(), "d-one"); err != nil {
		t.Fatal(err)
	}
	want("recorded", "0/G.01=100 by d-one;1/G.01=200 by d-one;2/G.03=7 by d-one;", 2, 0)
	if err := a.Corrected(t.Context(), archive.All, grid.Interval{Start: begin(), Minutes: 15}); err != nil {
		t.Fatal(err)
	}
	want("one corrected", "0/G.01=100 by d-one;1/G.01=200 by d-one;2/G.03=7 by d-one;", 1, 0)
	stage(t, a, "two", 15, value(1, official.Total, 201))
	want("the second staged", "0/G.01=100 by d-one;1/G.01=200 by d-one;2/G.03=7 by d-one;", 1, 1)
	// What is corrected now goes by the first file: the second one's correction stays due.
	if err := a.Corrected(t.Context(), archive.All, grid.Interval{Start: begin() + 900, Minutes: 15}); err != nil {
		t.Fatal(err)
	}
	want("corrected by the first", "0/G.01=100 by d-one;1/G.01=200 by d-one;2/G.03=7 by d-one;", 0, 1)
	if err := a.Recorded(t.Context(), "d-two"); err != nil {
		t.Fatal(err)
	}
	want("the second recorded", "0/G.01=100 by d-one;1/G.01=201 by d-two;2/G.03=7 by d-one;", 1, 0)
	history, err := a.History(t.Context(), value(1, official.Total, 0).Key)
	if err != nil || len(history) != 2 || history[0].Energy != 201 || history[1].Energy != 200 {
		t.Errorf("history %+v %v", history, err)
	}
	files, err := a.Files(t.Context())
	if err != nil || len(files) != 2 || files[0].Name != "two" || !files[0].Recorded || files[0].Changed != 1 || files[1].Format != official.CSV {
		t.Errorf("files %+v %v", files, err)
	}
	if f, err := a.Find(t.Context(), "one", ""); err != nil || f == nil || f.Digest != "d-one" || f.Changed != 3 {
		t.Errorf("%+v %v", f, err)
	}
	if f, err := a.Find(t.Context(), "one", "mapped"); err != nil || f != nil {
		t.Errorf("with another mapping: %+v %v", f, err)
	}
	if err := a.Erase(t.Context(), "bob"); err != nil || known(t, a) == "" {
		t.Errorf("another was erased: %q %v", known(t, a), err)
	}
	if err := a.Erase(t.Context(), "ann"); err != nil || known(t, a) != "" {
		t.Errorf("erased: %q %v", known(t, a), err)
	}
}

// TestAnImportThatFailsLeavesNothing stages a file of which one value is there twice, one
// that is there already, and one while its request is given up.
func TestAnImportThatFailsLeavesNothing(t *testing.T) {
	a, err := archive.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	stage(t, a, "one", 60, value(0, official.Total, 100))
	if err := a.Recorded(t.Context(), "d-one"); err != nil {
		t.Fatal(err)
	}
	before := known(t, a)
	if err := a.Stage(t.Context(), archive.File{Content: "two", Digest: "d-two"}, brings(15, value(5, official.Total, 1), value(6, official.Total, 1), value(5, official.Total, 2))); err == nil {
		t.Error("a value twice was taken")
	}
	if err := a.Stage(t.Context(), archive.File{Content: "one", Digest: "d-x"}, brings(15, value(5, official.Total, 1))); err == nil {
		t.Error("a file twice was taken")
	}
	given, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Stage(given, archive.File{Content: "three", Digest: "d-three"}, brings(15, value(5, official.Total, 1))); err == nil {
		t.Error("a request that was given up was carried out")
	}
	files, err := a.Files(t.Context())
	pending, err2 := a.Pending(t.Context(), archive.All, 9)
	if err != nil || err2 != nil || len(files) != 1 || known(t, a) != before || len(pending) != 1 || pending[0] != (grid.Interval{Start: begin(), Minutes: 60}) {
		t.Errorf("%d files, %q, %v", len(files), known(t, a), pending)
	}
}
