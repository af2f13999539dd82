package corrections

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/official/archive"
)

// metered is a community in which one metering point took 240 Wh in each interval, and nothing
// is compared.
type metered struct{}

func (metered) Signed(context.Context, grid.Interval) (map[string]grid.Flow, error) {
	return map[string]grid.Flow{"mp": {Import: 240}}, nil
}

func (metered) Compare(context.Context, grid.Interval, map[string]drive.OfficialValue) (*drive.Compared, error) {
	return nil, nil //nolint:nilnil // as of an interval that is not settled
}

// office opens a desk of a community with one metering point, whose ledger is away while *away
// is an error.
func office(t *testing.T, away *error) *Desk {
	t.Helper()
	a, err := archive.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	r := New(Options{
		Archive: a, Clock: func() time.Time { return time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC) }, Log: slog.New(slog.DiscardHandler),
		Record: func(context.Context, chaincode.OfficialFile) error { return *away },
	})
	return &Desk{
		Runner: r, Compare: metered{}, Minutes: 15, Zone: time.UTC, Points: func() []string { return []string{"mp"} }, Owner: func(string) string { return "ann" },
		Replaced: func(string, grid.Interval) bool { return false }, Blind: func(what string) (string, error) { return "secret of " + what, nil },
	}
}

const (
	mapping = `unit: kWh
minutes: 15
time: {column: time, format: rfc3339}
point: {column: point}
values: [{column: in, code: "1-1:1.9.0 G.01"}]
`
	quarter = "point,time,in\nmp,2026-06-01T12:00:00Z,0.250\n"
)

// TestImport takes one file through what may happen to it: looked at, kept while the ledger is
// away, counted once it is there, and sent once more.
func TestImport(t *testing.T) {
	away := errors.New("the ledger is away")
	d := office(t, &away)
	u := Upload{Name: "june.csv", File: []byte(quarter), Mapping: []byte(mapping)}
	send := func() Import {
		t.Helper()
		done, err := d.Import(t.Context(), u)
		if err != nil || done.Unread != nil || len(done.Preview.Problems) > 0 {
			t.Fatalf("%+v %+v, %v", done, done.Preview, err)
		}
		return done
	}
	files := func() int {
		t.Helper()
		all, _, err := d.Files(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if done := send(); done.Applied || done.Digest != "" || done.Preview.New != 1 || done.Preview.Points[0].Signed.Import != 240 || files() != 0 {
		t.Errorf("looked at: %+v %+v, %d files", done, *done.Preview, files())
	}
	u.Apply = true
	if done := send(); done.Applied || !done.Waits || done.Digest == "" || files() != 1 {
		t.Errorf("the ledger is away: %+v, %d files", done, files())
	}
	away = nil
	if done := send(); !done.Applied || done.Waits || done.Already || files() != 1 {
		t.Errorf("the ledger is there again: %+v, %d files", done, files())
	}
	if done := send(); done.Applied || !done.Already || done.Digest == "" || files() != 1 {
		t.Errorf("once more: %+v, %d files", done, files())
	}
}

// TestWhatCannotBeReadIsKeptNowhere sends files in which one thing is wrong.
func TestWhatCannotBeReadIsKeptNowhere(t *testing.T) {
	var there error
	for name, c := range map[string]struct{ file, mapping string }{
		"a bad row":                   {quarter + "mp,2026-06-01T12:15:00Z,much\n", mapping},
		"a mapping that is none":      {quarter, "unit: pound\n"},
		"a time zone that is none":    {quarter, mapping + "time_zone: Europe/Elmton\n"},
		"another's metering point":    {quarter + "other,2026-06-01T12:15:00Z,0.1\n", mapping},
		"a file that says it is none": {"", mapping},
	} {
		d := office(t, &there)
		done, err := d.Import(t.Context(), Upload{Name: "x.csv", File: []byte(c.file), Mapping: []byte(c.mapping), Apply: true})
		wrong := len(done.Unread)
		if done.Preview != nil {
			wrong += len(done.Preview.Problems)
		}
		if all, _, _ := d.Files(t.Context()); err != nil || wrong == 0 || done.Applied || len(all) != 0 {
			t.Errorf("%s: %+v, %v, %d files", name, done, err, len(all))
		}
	}
}

// TestTheMonthThatIsOver is compared where none is asked for.
func TestTheMonthThatIsOver(t *testing.T) {
	var there error
	d := office(t, &there)
	if m, err := d.Reconcile(t.Context(), ""); err != nil || m.Month != "2026-06" || m.Intervals != 0 {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := d.Reconcile(t.Context(), "June"); err == nil {
		t.Error("a month that is none")
	}
}
