package corrections

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official"
	"github.com/commonwatt/commonwatt/meters/official/archive"
)

// TestWhatAStopLeftIsRecorded starts after a stop between the import of a file and its record
// on the ledger: its values do not count until the ledger, which is away at first, has it.
func TestWhatAStopLeftIsRecorded(t *testing.T) {
	a, err := archive.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	i := grid.IntervalAt(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), 15)
	v := official.Value{Key: official.Key{Point: "mp", Start: i.Start, Code: official.Total, Direction: official.Import}, Minutes: 15, Energy: 7, Quality: official.Replaced}
	f := archive.File{Content: "c", Digest: "d", Format: official.MSCONS, From: i.Begin(), Until: i.End(), Values: 1}
	if err := a.Stage(t.Context(), f, archive.News{Values: []official.Value{v}, Minutes: 15, Owner: func(string) string { return "ann" }}); err != nil {
		t.Fatal(err)
	}
	var recorded []chaincode.OfficialFile
	away := errors.New("the ledger is away")
	c := &Runner{Options: Options{Archive: a, Log: slog.New(slog.DiscardHandler), Record: func(_ context.Context, f chaincode.OfficialFile) error {
		recorded = append(recorded, f)
		return away
	}}}
	values := Values{Archive: a}
	if err := c.catchUp(t.Context()); !errors.Is(err, away) {
		t.Errorf("%v", err)
	}
	if of, err := values.Of(t.Context(), i); err != nil || len(of) != 0 {
		t.Errorf("values count that are not on the ledger: %+v %v", of, err)
	}
	away = nil
	if err := c.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := chaincode.OfficialFile{Digest: "d", Format: "mscons", From: "2026-06-01T12:00:00Z", Until: "2026-06-01T12:15:00Z", Values: 1}
	if len(recorded) != 2 || recorded[1] != want {
		t.Errorf("%+v", recorded)
	}
	of, err := values.Of(t.Context(), i)
	if got := of["mp"]; err != nil || got.Import == nil || *got.Import != 7 || got.Export != nil || got.Quality != grid.Official2 || len(got.Files) != 1 || got.Files[0] != "d" {
		t.Errorf("%+v %v", of, err)
	}
	if err := c.catchUp(t.Context()); err != nil || len(recorded) != 2 {
		t.Errorf("recorded again: %d, %v", len(recorded), err)
	}
}
