package pairing_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/sim"
)

// TestAnotherTakesItsPlace replaces an inverter by pairing: what it showed last and until
// when is kept, the new one counts from then on, and what is no replacement is refused.
func TestAnotherTakesItsPlace(t *testing.T) {
	t.Parallel()
	devices := neighbourhood(t, nil)
	bench := pairing.Open(t.TempDir(), profiles(t), []pairing.Binding{{Device: grid.Device{ID: "eve/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "mp-ann"}}})
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	bench.Clock = func() time.Time { return noon }
	bench.Totals = func(context.Context, string) (*grid.Reading, error) {
		return &grid.Reading{Time: noon, Import: new(grid.Energy(7000)), Export: new(grid.Energy(12))}, nil
	}
	var begun []pairing.Binding
	bench.Adopt = func(_ context.Context, b pairing.Binding) (func(), error) {
		return func() { begun = append(begun, b) }, nil
	}
	to := grid.Device{ID: "ann/pv", Member: "ann", MeteringPoint: "mp-ann"}
	pair := func(d *sim.Device, replaces string) error {
		s := begin(t, bench, d)
		checked(t, bench, s.ID)
		if err := bench.Replace(s.ID, replaces); err != nil {
			return err
		}
		if _, err := bench.Bind(s.ID, to); err != nil {
			return err
		}
		_, err := bench.Watch(t.Context(), s.ID, 3*time.Second, func(int) {})
		return err
	}
	if err := pair(devices["home-04/inverter"], ""); err != nil {
		t.Fatal(err)
	}
	if err := pair(devices["home-02/inverter"], "ann/pv"); !conflict(err, "needs another id") {
		t.Errorf("with the id of the old one: %v", err)
	}
	to.ID = "ann/pv-2"
	if err := pair(devices["home-02/inverter"], "eve/meter"); !conflict(err, "eve/meter is the meter of ann") {
		t.Errorf("in place of a configured meter: %v", err)
	}
	if err := pair(devices["home-04/inverter"], "ann/pv"); !conflict(err, "same device") {
		t.Errorf("in place of itself: %v", err)
	}
	noon = noon.Add(time.Hour)
	if err := pair(devices["home-02/inverter"], "ann/pv"); err != nil {
		t.Fatal(err)
	}
	paired, err1 := bench.Paired()
	removed, err2 := bench.Removed()
	if err := errors.Join(err1, err2); err != nil || len(paired) != 1 || len(removed) != 1 || len(begun) != 2 {
		t.Fatalf("paired %+v, removed %+v, begun %+v, %v", paired, removed, begun, err)
	}
	if b := paired[0]; b.ID != "ann/pv-2" || b.Replaces != "ann/pv" || !b.Since.Equal(noon) || begun[1].Replaces != "ann/pv" {
		t.Errorf("paired %+v", b)
	}
	if b := removed[0]; b.ID != "ann/pv" || !b.Until.Equal(noon) || *b.Ended.Import != 7000 || *b.Ended.Export != 12 {
		t.Errorf("removed %+v", b)
	}
}

// TestALastMeterGoesWhenItIsSure lets go of a connection meter, tells so, and gives devices names and
// other ratings.
func TestALastMeterGoesWhenItIsSure(t *testing.T) {
	t.Parallel()
	devices := neighbourhood(t, nil)
	bench := pairing.Open(t.TempDir(), profiles(t), nil)
	s := begin(t, bench, devices["home-04/meter"])
	checked(t, bench, s.ID)
	if _, err := bench.Bind(s.ID, grid.Device{ID: "ann/meter", Member: "ann", MeteringPoint: "mp-ann"}); err != nil {
		t.Fatal(err)
	}
	if _, err := bench.Watch(t.Context(), s.ID, 3*time.Second, func(int) {}); err != nil {
		t.Fatal(err)
	}
	var changed, gone []pairing.Binding
	bench.Changed = func(_ context.Context, b pairing.Binding) (func(), error) {
		return func() { changed = append(changed, b) }, nil
	}
	bench.Dismissed = func(b pairing.Binding) { gone = append(gone, b) }
	if err := bench.Change(t.Context(), "ann/meter", func(r *pairing.Ratings) { r.ImportLimit = new(grid.Power(11_000)) }); err != nil || len(changed) != 1 || *changed[0].ImportLimit != 11_000 {
		t.Errorf("limited: %+v, %v", changed, err)
	}
	if err := bench.Change(t.Context(), "ann/meter", func(r *pairing.Ratings) { r.Capacity = new(grid.Energy(1)) }); !conflict(err, "capacity") {
		t.Errorf("a meter with a capacity: %v", err)
	}
	if err := bench.Rename("ann/meter", "cellar"); err != nil {
		t.Error(err)
	}
	if names, err := bench.Names(); err != nil || names["ann/meter"] != "cellar" {
		t.Errorf("called %v, %v", names, err)
	}
	if err := bench.Remove(t.Context(), "ann/meter", pairing.Removal{}); !conflict(err, "confirm") || len(gone) > 0 {
		t.Errorf("not sure: %v", err)
	}
	if err := bench.Remove(t.Context(), "ann/meter", pairing.Removal{By: "eve", Reason: "moved away", Sure: true}); err != nil || len(gone) != 1 || gone[0].Until.IsZero() {
		t.Errorf("sure: %+v, %v", gone, err)
	}
	missing := (*pairing.NotFoundError)(nil)
	if err := bench.Change(t.Context(), "ann/meter", func(*pairing.Ratings) {}); !errors.As(err, &missing) {
		t.Errorf("it is gone: %v", err)
	}
}
