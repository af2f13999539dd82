package shelf

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/usage"
)

// opened opens the tariffs of a directory, as a start does.
func opened(t *testing.T, path string, given tariff.Given, now time.Time) (*Shelf, error) {
	t.Helper()
	dir, err := disk.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	if given.Default == nil {
		given.Default = []tariff.Dated{{}}
	}
	return Open(dir, Options{Given: given, Minutes: 15, Zone: time.UTC}, now)
}

func retailAt(t *testing.T, x *Shelf, at time.Time) grid.Price {
	t.Helper()
	r, err := x.Rates("mp", grid.IntervalAt(at, 15))
	if err != nil {
		t.Fatal(err)
	}
	return r.Retail
}

// TestTariffsOverStarts starts a community under three flat tariffs in a row, and asks at the
// end what was delivered under each, also where the process died.
func TestTariffsOverStarts(t *testing.T) {
	path, at := t.TempDir(), time.Date(2026, 6, 1, 10, 7, 0, 0, time.UTC)
	var x *Shelf
	for k := range 3 {
		dir, err := disk.OpenDir(path)
		if err != nil {
			t.Fatal(err)
		}
		given := tariff.Given{Flat: tariff.Tariff{Version: "v", Currency: "EUR", Retail: grid.Price(100_000 * (k + 1))}, Default: []tariff.Dated{{}}}
		if x, err = Open(dir, Options{Given: given, Minutes: 15, Zone: time.UTC}, at.Add(time.Duration(k)*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := dir.Close(); err != nil { // what a killed process leaves: nothing more is written
			t.Fatal(err)
		}
	}
	for minutes, want := range map[int]grid.Price{-600: 100_000, 60: 100_000, 67: 100_000, 68: 200_000, 127: 200_000, 128: 300_000} {
		if got := retailAt(t, x, at.Add(time.Duration(minutes)*time.Minute)); got != want {
			t.Errorf("%d minutes on: %d, want %d", minutes, got, want)
		}
	}
}

// TestATariffThatWasUsedIsRefused changes one in the configuration after a day on which it
// counted; one that cannot be read is never made anew.
func TestATariffThatWasUsedIsRefused(t *testing.T) {
	path, now := t.TempDir(), time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	given := func(p grid.Price) tariff.Given {
		return tariff.Given{Default: []tariff.Dated{{Tariff: "a"}}, Schedules: []tariff.Schedule{{Name: "a", Currency: "EUR", Versions: []tariff.Version{{
			Version: "1", ValidFrom: tariff.Date{Year: 2026, Month: 1, Day: 1}, Components: []tariff.Component{{Name: "e", Kind: tariff.Energy, Per: tariff.PerKWh, Price: &p}},
		}}}}}
	}
	x, err := opened(t, path, given(1), now)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Day(now.Add(30 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := x.dir.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = opened(t, path, given(2), now.Add(31*time.Hour))
	if wrong := (*usage.Error)(nil); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "was used up to 2026-06-02") {
		t.Errorf("%v", err)
	}
	other := t.TempDir()
	if err := os.WriteFile(other+"/version", []byte("5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other+"/"+File, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := opened(t, other, given(1), now); err == nil || !strings.Contains(err.Error(), "restore it from the same copy") {
		t.Errorf("%v", err)
	}
}

// TestPushedPricesAreKept pushes prices, has the next start find them, and refuses another
// price for a time that has begun.
func TestPushedPricesAreKept(t *testing.T) {
	path, now := t.TempDir(), time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	given := tariff.Given{Default: []tariff.Dated{{Tariff: "a"}}, Schedules: []tariff.Schedule{{Name: "a", Currency: "EUR", Spot: &tariff.Spot{Minutes: 15}, Versions: []tariff.Version{{
		Version: "1", ValidFrom: tariff.Date{Year: 2026, Month: 1, Day: 1},
		Components: []tariff.Component{{Name: "e", Kind: tariff.Energy, Per: tariff.PerKWh, Spot: &tariff.OfSpot{Factor: tariff.Whole}}},
	}}}}}
	x, err := opened(t, path, given, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Rates("mp", grid.IntervalAt(now, 15)); err == nil {
		t.Error("a price that nobody gave")
	}
	if _, err := x.Default(grid.IntervalAt(now, 15)); err == nil {
		t.Error("a price that nobody gave")
	}
	if err := x.Push("a", []tariff.SpotPrice{{Start: now.Unix(), Price: 5}, {Start: now.Unix() + 900, Price: 6}}, now); err != nil || retailAt(t, x, now) != 5 {
		t.Errorf("%v", err)
	}
	if err := x.dir.Close(); err != nil {
		t.Fatal(err)
	}
	if x, err = opened(t, path, given, now.Add(time.Minute)); err != nil || retailAt(t, x, now) != 5 {
		t.Fatal(err)
	}
	used := (*tariff.UsedPriceError)(nil)
	if err := x.Push("a", []tariff.SpotPrice{{Start: now.Unix(), Price: 7}}, now); !errors.As(err, &used) {
		t.Errorf("%v", err)
	}
	if err := x.Push("a", []tariff.SpotPrice{{Start: now.Unix() + 900, Price: 7}}, now); err != nil || retailAt(t, x, now.Add(15*time.Minute)) != 7 {
		t.Errorf("%v", err)
	}
	if err := x.Push("b", nil, now); !errors.Is(err, tariff.ErrUnknown) {
		t.Errorf("%v", err)
	}
}
