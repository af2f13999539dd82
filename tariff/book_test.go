package tariff_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

func flat(retail grid.Price) tariff.Tariff {
	return tariff.Tariff{Version: "v", Currency: "EUR", Retail: retail, FeedIn: 60_000}
}

func clockAt(t *testing.T, text string) tariff.Clock {
	t.Helper()
	now, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return tariff.Clock{Now: now, Minutes: 15, Zone: time.UTC}
}

func one(name string, versions ...tariff.Version) tariff.Schedule {
	return tariff.Schedule{Name: name, Currency: "EUR", Versions: versions}
}

func version(t *testing.T, from string, p grid.Price) tariff.Version {
	return tariff.Version{Version: from, ValidFrom: date(t, from), Components: []tariff.Component{{Name: "energy", Kind: tariff.Energy, Per: tariff.PerKWh, Price: &p}}}
}

func with(t *testing.T, k tariff.Kept, g tariff.Given, now string) tariff.Kept {
	t.Helper()
	if g.Default == nil {
		g.Default = []tariff.Dated{{}}
	}
	k, err := k.With(g, clockAt(t, now))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	var read tariff.Kept
	if err := json.Unmarshal(b, &read); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(read)
	if err != nil || string(again) != string(b) {
		t.Fatalf("%s was written as %s, %v", b, again, err)
	}
	return read
}

func retail(t *testing.T, k tariff.Kept, point, when string) grid.Price {
	t.Helper()
	r, err := tariff.NewBook(k, time.UTC).Rates(point, at(t, when))
	if err != nil {
		t.Fatal(err)
	}
	return r.Retail
}

// TestFlatTariffByDelivery changes the tariff between two starts: what was delivered before the
// second one, the interval that ran then included, keeps the first.
func TestFlatTariffByDelivery(t *testing.T) {
	k := with(t, tariff.Kept{}, tariff.Given{Flat: flat(300_000)}, "2026-06-01T10:00:00Z")
	k = with(t, k, tariff.Given{Flat: flat(600_000)}, "2026-06-01T10:20:00Z")
	k = with(t, k, tariff.Given{Flat: flat(600_000)}, "2026-06-01T12:20:00Z")
	for when, want := range map[string]grid.Price{"2020-01-01T00:00:00Z": 300_000, "2026-06-01T10:15:00Z": 300_000, "2026-06-01T10:30:00Z": 600_000} {
		if got := retail(t, k, "mp", when); got != want {
			t.Errorf("%s: %d, want %d", when, got, want)
		}
	}
	// A third one within the same interval takes the place of the second.
	k = with(t, k, tariff.Given{Flat: flat(700_000)}, "2026-06-01T12:21:00Z")
	k = with(t, k, tariff.Given{Flat: flat(600_000)}, "2026-06-01T12:22:00Z")
	if len(k.Flat) != 2 {
		t.Errorf("%+v", k.Flat)
	}
}

// TestWhatWasUsedStays changes versions that were used, and adds others.
func TestWhatWasUsedStays(t *testing.T) {
	use := []tariff.Dated{{Tariff: "a"}}
	k := with(t, tariff.Kept{}, tariff.Given{Default: use, Schedules: []tariff.Schedule{one("a", version(t, "2026-01-01", 1), version(t, "2026-07-01", 2)), one("idle", version(t, "2026-01-01", 5))}}, "2026-06-01T10:00:00Z")
	for _, c := range []struct {
		given tariff.Schedule
		want  string // empty: it is taken
	}{
		{one("a", version(t, "2026-01-01", 9)), "versions[0]: what counts from 2026-01-01 on was used up to 2026-06-01"},
		{one("a", version(t, "2026-01-01", 1), version(t, "2026-05-01", 7)), "versions[1].valid_from: 2026-05-01: up to 2026-06-01 other prices were used: write 2026-06-02 or later"},
		{one("a", version(t, "2026-06-02", 7)), ""},
		{one("a", version(t, "2026-01-01", 1), version(t, "2026-07-01", 7)), ""},
		{one("idle", version(t, "2026-01-01", 9)), ""},
	} {
		got, err := k.With(tariff.Given{Default: use, Schedules: []tariff.Schedule{c.given}}, clockAt(t, "2026-06-01T22:00:00Z"))
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) || c.want == "" && err != nil {
			t.Errorf("%v: %v, want %q", c.given, err, c.want)
		}
		if err == nil && retail(t, got, "mp", "2026-06-01T23:00:00Z") != 1 {
			t.Errorf("%v: the past has another price", c.given)
		}
	}
	// A version that is gone from the configuration still counts for what was delivered.
	k = with(t, k, tariff.Given{Default: []tariff.Dated{{Tariff: "b"}}, Schedules: []tariff.Schedule{one("b", version(t, "2026-01-01", 8))}}, "2026-06-03T10:00:00Z")
	if got := retail(t, k, "mp", "2026-06-02T00:00:00Z"); got != 1 {
		t.Errorf("%d, want 1", got)
	}
	if got := retail(t, k, "mp", "2026-06-03T10:15:00Z"); got != 8 {
		t.Errorf("%d, want 8", got)
	}
}

// TestWhoHasWhat: a point gets a tariff of its own, loses it, and is given one by date.
func TestWhoHasWhat(t *testing.T) {
	all := []tariff.Schedule{one("a", version(t, "2026-01-01", 1)), one("b", version(t, "2026-01-01", 2))}
	given := func(d ...tariff.Dated) tariff.Given {
		g := tariff.Given{Flat: flat(9), Schedules: all, Points: map[string][]tariff.Dated{}}
		if d != nil {
			g.Points["mp"] = d
		}
		return g
	}
	k := with(t, tariff.Kept{}, given(), "2026-06-01T10:00:00Z")
	k = with(t, k, given(tariff.Dated{Tariff: "a"}), "2026-06-01T11:00:00Z")
	k = with(t, k, given(), "2026-06-01T12:00:00Z")
	k = with(t, k, given(tariff.Dated{Tariff: "b", From: date(t, "2026-06-03")}), "2026-06-01T13:00:00Z")
	k = with(t, k, given(tariff.Dated{Tariff: "b", From: date(t, "2026-06-03")}), "2026-06-07T13:00:00Z")
	for when, want := range map[string]grid.Price{
		"2026-06-01T10:30:00Z": 1, "2026-06-01T12:15:00Z": 9, "2026-06-02T23:45:00Z": 9, "2026-06-03T00:00:00Z": 2,
	} {
		if got := retail(t, k, "mp", when); got != want {
			t.Errorf("%s: %d, want %d\n%+v", when, got, want, k.Points["mp"])
		}
	}
	if got := retail(t, k, "other", "2026-06-01T11:30:00Z"); got != 9 {
		t.Errorf("%d", got)
	}
	if _, err := k.With(tariff.Given{Flat: flat(9), Schedules: all, Default: []tariff.Dated{{}}, Points: map[string][]tariff.Dated{"mp": {{Tariff: "a", From: date(t, "2026-06-04")}}}}, clockAt(t, "2026-06-07T14:00:00Z")); err == nil || !strings.Contains(err.Error(), "give it a date after 2026-06-07") {
		t.Error(err)
	}
	if _, err := k.With(tariff.Given{Flat: flat(9), Default: []tariff.Dated{{Tariff: "nobody's"}}}, clockAt(t, "2026-06-07T14:00:00Z")); err == nil || !strings.Contains(err.Error(), `there is no tariff "nobody's"`) {
		t.Error(err)
	}
}

// TestBookOfAFlatTariff holds that it says what the tariff said.
func TestBookOfAFlatTariff(t *testing.T) {
	x, i := flat(300_000), at(t, "2026-06-01T10:00:00Z")
	b := tariff.FlatBook(x)
	r, err := b.Rates("mp", i)
	if err != nil || r != x.Rates() {
		t.Errorf("%+v, %v", r, err)
	}
	if d, err := b.Default(i); err != nil || d != x {
		t.Errorf("%+v, %v", d, err)
	}
	parts, err := b.Parts("mp", i)
	want := []tariff.Priced{{Component: "energy", Kind: tariff.Energy, Price: 300_000}, {Component: "feed-in", Kind: tariff.Energy, Export: true, Price: 60_000}}
	if err != nil || !reflect.DeepEqual(parts, want) {
		t.Errorf("%+v, %v", parts, err)
	}
	if e, err := b.Extremes(i.Begin()); err != nil || e != x.Extremes() {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestStandingByAssignment: a point that changes its tariff owes each for its days.
func TestStandingByAssignment(t *testing.T) {
	a, b := one("a", version(t, "2026-01-01", 1)), one("b", version(t, "2026-01-01", 2))
	a.Versions[0].Components = append(a.Versions[0].Components, tariff.Component{Name: "day", Kind: tariff.Metering, Per: tariff.PerDay, Amount: 100})
	b.Versions[0].Components = append(b.Versions[0].Components, tariff.Component{Name: "day", Kind: tariff.Metering, Per: tariff.PerDay, Amount: 7})
	k := with(t, tariff.Kept{}, tariff.Given{Schedules: []tariff.Schedule{a, b}, Default: []tariff.Dated{{Tariff: "a"}, {Tariff: "b", From: date(t, "2026-06-11")}}}, "2026-06-01T10:00:00Z")
	lines, err := tariff.NewBook(k, time.UTC).Standing("mp", date(t, "2026-06-01"), date(t, "2026-07-01"), 15)
	if err != nil || len(lines) != 2 || lines[0].Amount != 1000 || lines[1].Amount != 140 {
		t.Errorf("%+v, %v", lines, err)
	}
}

// BenchmarkRates measures a point in an interval, of a tariff of seven components.
func BenchmarkRates(b *testing.B) {
	s := module3(&testing.T{})
	k, err := tariff.Kept{}.With(tariff.Given{Schedules: []tariff.Schedule{s}, Default: []tariff.Dated{{Tariff: s.Name}}}, tariff.Clock{Now: time.Unix(1_780_000_000, 0), Minutes: 15, Zone: time.UTC})
	if err != nil {
		b.Fatal(err)
	}
	book, i := tariff.NewBook(k, time.UTC), grid.IntervalAt(time.Unix(1_780_000_000, 0), 15)
	for b.Loop() {
		if _, err := book.Rates("mp", i); err != nil {
			b.Fatal(err)
		}
	}
}
