package tariff

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// nightly is a tariff whose grid fee has two levels, of which neighbours pay a part, and that pays for what is fed in.
func nightly() Schedule {
	level := func(from, to int, price grid.Price) Window {
		return Window{Hours: []Hours{{From: from * 60, To: to * 60}}, Price: price}
	}
	always := func(price grid.Price) []Window { return []Window{{Price: price}} }
	return Schedule{Name: "nightly", Currency: "EUR", Versions: []Version{{
		Version: "1", ValidFrom: Date{2026, 3, 1},
		Components: []Component{
			{Name: "energy", Kind: Energy, Per: PerKWh, Windows: always(120_000)},
			{Name: "grid", Kind: Grid, Per: PerKWh, Windows: []Window{level(0, 6, 10_000), level(6, 24, 80_000)}},
			{Name: "feed-in", Kind: Energy, Per: PerKWh, Export: true, Windows: always(80_000)},
		},
	}}}
}

// TestADayInSlices has the same slices of a schedule by itself and of a book in which everybody has it, on a day of 24 hours and
// on those of 23 and 25; before its first version the day is one slice without a price.
func TestADayInSlices(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s := nightly()
	for day, first := range map[Date]int{{2026, 6, 1}: 24, {2026, 3, 29}: 20, {2026, 10, 25}: 28} { // quarters of an hour before six
		kept, err := Kept{}.With(Given{Schedules: []Schedule{s}, Default: []Dated{{Tariff: "nightly"}}}, Clock{Now: day.Begin(berlin), Minutes: 15, Zone: berlin})
		if err != nil {
			t.Fatal(err)
		}
		all := s.Day(day, 15, Where{Zone: berlin})
		if of := NewBook(kept, berlin).Day("", day.Add(1), 15); len(of) != 2 {
			t.Errorf("the day after %s has %d slices in the book", day, len(of))
		}
		if len(all) != 2 || all[0].Count != first || all[1].Count != 72 || !all[0].First.Begin().Equal(day.Begin(berlin)) || !all[1].End().Equal(day.Add(1).Begin(berlin)) {
			t.Fatalf("%s: %+v", day, all)
		}
		if all[0].Rates.Retail != 130_000 || all[1].Rates.Retail != 200_000 || all[1].Rates.FeedIn != 80_000 {
			t.Errorf("%s: %+v", day, all)
		}
		if got := Components(all); !slices.Equal(got, []string{"energy", "grid", "feed-in"}) {
			t.Errorf("components: %v", got)
		}
		if got := Paid(all); !slices.Equal(got, []string{"feed-in"}) {
			t.Errorf("the utility pays %v", got)
		}
		b := NewBook(kept, berlin)
		i := all[1].First.Shift(80) // tomorrow, when everybody has it
		if got, want := b.Slice("", i), s.Slice(i, Where{Zone: berlin}); got.Err != nil || got.Rates != want.Rates || got.First != want.First || !slices.Equal(got.Parts, want.Parts) {
			t.Errorf("%s: the book has %+v, the schedule %+v", i, got, want)
		}
	}
	before := s.Day(Date{2026, 2, 28}, 15, Where{Zone: berlin})
	if len(before) != 1 || before[0].Err == nil || before[0].Count != 96 || Components(before) != nil {
		t.Errorf("before it counts: %+v", before)
	}
}

// TestOnly finds a tariff among those of a configuration, the one without components by its version.
func TestOnly(t *testing.T) {
	g := Given{Flat: Tariff{Version: "flat-1"}, Schedules: []Schedule{{Name: "a"}, {Name: "b"}}, Default: []Dated{{}, {From: Date{2026, 7, 1}, Tariff: "a", Distance: "near"}}}
	if one, err := g.Only("b"); err != nil || !slices.Equal(one.Default, []Dated{{Tariff: "b", Distance: "near"}}) {
		t.Errorf("%+v, %v", one.Default, err)
	}
	if one, err := g.Only("flat-1"); err != nil || !slices.Equal(one.Default, []Dated{{}}) {
		t.Errorf("%+v, %v", one.Default, err)
	}
	if _, err := g.Only("c"); err == nil || err.Error() != `there is no tariff "c": there are a, b, flat-1` {
		t.Errorf("%v", err)
	}
	g.Default = g.Default[1:]
	if _, err := g.Only("flat-1"); err == nil || strings.Contains(err.Error(), ", flat-1") {
		t.Errorf("nobody has the flat one: %v", err)
	}
}

// TestParseMoment reads local moments, also where the clock changes: by the rules of Europe/Berlin, 02:30 is skipped on
// 29 March 2026 and comes twice on 25 October.
func TestParseMoment(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"2026-06-01T18:00":          "2026-06-01T16:00:00Z",
		"2026-06-01 18:00":          "2026-06-01T16:00:00Z",
		"2026-06-01T18:00:00+03:00": "2026-06-01T15:00:00Z",
		"2026-03-29T03:00":          "2026-03-29T01:00:00Z",
		"2026-03-29T02:30":          "is skipped in Europe/Berlin",
		"2026-10-25T02:30":          "is twice in Europe/Berlin: write it with its zone, as 2026-10-25T02:30:00+01:00 or 2026-10-25T02:30:00+02:00",
		"2026-10-25T01:59":          "2026-10-24T23:59:00Z",
		"18:00":                     "is no time",
	} {
		at, err := ParseMoment(text, berlin)
		if got := at.UTC().Format(time.RFC3339); err == nil && got != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v, want %s", text, got, err, want)
		}
	}
}
