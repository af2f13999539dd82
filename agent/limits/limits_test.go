package limits_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/grid"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestReadyByOverTurnedClocks has oracles from the rules of the zones: Europe/Berlin goes from
// 02:00 to 03:00 on 29 March 2026 and back from 03:00 to 02:00 on 25 October, Lord Howe by half
// an hour from 02:00 to 02:30 on 4 October 2026 and back from 02:00 to 01:30 on 5 April.
func TestReadyByOverTurnedClocks(t *testing.T) {
	for _, c := range []struct{ zone, after, ready, want string }{
		{"Europe/Berlin", "2026-06-01T04:59:00Z", "07:00", "2026-06-01T05:00:00Z"},
		{"Europe/Berlin", "2026-06-01T05:00:00Z", "07:00", "2026-06-02T05:00:00Z"},       // it is past then
		{"Europe/Berlin", "2026-12-31T20:00:00Z", "07:00", "2027-01-01T06:00:00Z"},       // the year turns
		{"Europe/Berlin", "2026-03-28T23:00:00Z", "02:30", "2026-03-29T01:00:00Z"},       // left out: the first instant after
		{"Europe/Berlin", "2026-10-24T22:30:00Z", "02:30", "2026-10-25T00:30:00Z"},       // twice: the first
		{"Europe/Berlin", "2026-10-25T00:30:00Z", "02:30", "2026-10-26T01:30:00Z"},       // and not the second
		{"Europe/Berlin", "2026-03-28T23:00:00Z", "00:00", "2026-03-29T22:00:00Z"},       // a day of 23 hours
		{"Australia/Lord_Howe", "2026-10-03T14:00:00Z", "02:15", "2026-10-03T15:30:00Z"}, // left out
		{"Australia/Lord_Howe", "2026-04-04T13:00:00Z", "01:45", "2026-04-04T14:45:00Z"}, // twice
		{"Australia/Lord_Howe", "2026-04-04T14:45:00Z", "01:45", "2026-04-05T15:15:00Z"},
	} {
		after, err := time.Parse(time.RFC3339, c.after)
		if err != nil {
			t.Fatal(err)
		}
		ready, err := limits.ParseTimeOfDay(c.ready)
		if err != nil {
			t.Fatal(err)
		}
		if got := ready.Next(after, zone(t, c.zone)).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s after %s in %s: %s, want %s", c.ready, c.after, c.zone, got, c.want)
		}
	}
}

// TestReadyIsNextWhereverOneAsks walks through a year with two turns of the clock: the next
// ready-by time is later than what was asked, at most 25 hours away, and the same for all that
// lies before it.
func TestReadyIsNextWhereverOneAsks(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "Australia/Lord_Howe", "UTC"} {
		z := zone(t, name)
		for _, ready := range []limits.TimeOfDay{0, 105, 135, 150, 420, 1439} {
			at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			days := 0
			for end := at.AddDate(1, 0, 0); at.Before(end); days++ {
				next := ready.Next(at, z)
				if ahead := next.Sub(at); ahead <= 0 || ahead > 25*time.Hour {
					t.Fatalf("%s %s after %s: %s", name, ready, at, next)
				}
				if again := ready.Next(next.Add(-time.Second), z); !again.Equal(next) {
					t.Fatalf("%s %s: %s from afar, %s just before", name, ready, next, again)
				}
				at = next
			}
			if days < 365 || days > 366 {
				t.Errorf("%s %s: %d times a year", name, ready, days)
			}
		}
	}
}

func TestTimesOfDayAreRead(t *testing.T) {
	for _, text := range []string{"7:00", "24:00", "07:60", "", "07:00:00", "seven", "-1:00"} {
		if got, err := limits.ParseTimeOfDay(text); err == nil {
			t.Errorf("%q: %s", text, got)
		}
	}
	for _, text := range []string{"00:00", "07:05", "23:59"} {
		if got, err := limits.ParseTimeOfDay(text); err != nil || got.String() != text {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
}

func full() limits.Limits {
	return limits.Limits{
		Reserve: 200, Floor: new(grid.Price(80_000)), Ceiling: new(grid.Price(255_000)), Prefer: limits.PreferNeighbours, ZeroExport: true,
		AwayUntil: new(time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC)), Cars: map[string]limits.Car{"ann/charger": {ReadyBy: 420, Target: 800}},
	}
}

// TestWrittenAndRead holds that limits come back as they were, under names that are kept.
func TestWrittenAndRead(t *testing.T) {
	text, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"reserve":200,"floor":80000,"ceiling":255000,"prefer":"neighbours","zero_export":true,"away_until":"2026-06-10T12:00:00Z","cars":{"ann/charger":{"ready_by":"07:00","target":800}}}`
	var got limits.Limits
	if err := json.Unmarshal(text, &got); err != nil || string(text) != want || !got.Equal(full()) {
		t.Errorf("%s: %+v, %v", text, got, err)
	}
}

// TestEachFieldCounts changes one field after the other: the limits are others then, and a
// copy that was made before stays as it was.
func TestEachFieldCounts(t *testing.T) {
	for name, change := range map[string]func(*limits.Limits){
		"reserve": func(l *limits.Limits) { l.Reserve++ }, "floor": func(l *limits.Limits) { *l.Floor++ }, "no floor": func(l *limits.Limits) { l.Floor = nil },
		"ceiling": func(l *limits.Limits) { *l.Ceiling-- }, "no ceiling": func(l *limits.Limits) { l.Ceiling = nil },
		"prefer": func(l *limits.Limits) { l.Prefer = limits.PreferSolar }, "export": func(l *limits.Limits) { l.ZeroExport = false },
		"home": func(l *limits.Limits) { l.AwayUntil = nil }, "longer away": func(l *limits.Limits) { *l.AwayUntil = l.AwayUntil.Add(time.Hour) },
		"target": func(l *limits.Limits) { l.Cars["ann/charger"] = limits.Car{ReadyBy: 420, Target: 900} },
		"no car": func(l *limits.Limits) { delete(l.Cars, "ann/charger") },
	} {
		l := full()
		before := l.Clone()
		change(&l)
		if l.Equal(before) || !before.Equal(full()) {
			t.Errorf("%s: %+v equals %+v", name, l, before)
		}
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	home := limits.Home{Batteries: []string{"ann/battery"}, Chargers: []string{"ann/charger"}, Roofs: []string{"ann/inverter"}}
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	if err := full().CheckFor(home, now); err != nil {
		t.Error(err)
	}
	if err := (limits.Limits{}).CheckFor(limits.Home{}, now); err != nil {
		t.Error(err)
	}
	for field, change := range map[string]func(*limits.Limits, *limits.Home){
		"reserve":                   func(l *limits.Limits, _ *limits.Home) { l.Reserve = 1001 },
		"reserve ":                  func(l *limits.Limits, _ *limits.Home) { l.Reserve = -1 },
		"reserve  ":                 func(_ *limits.Limits, h *limits.Home) { h.Batteries = nil },
		"floor":                     func(l *limits.Limits, _ *limits.Home) { *l.Floor = 100_000_001 },
		"ceiling":                   func(l *limits.Limits, _ *limits.Home) { *l.Ceiling = -100_000_001 },
		"prefer":                    func(l *limits.Limits, _ *limits.Home) { l.Prefer = "cheap" },
		"cars.ann/charger.ready_by": func(l *limits.Limits, _ *limits.Home) { l.Cars["ann/charger"] = limits.Car{ReadyBy: 1440, Target: 800} },
		"cars.ann/charger.target":   func(l *limits.Limits, _ *limits.Home) { l.Cars["ann/charger"] = limits.Car{ReadyBy: 420} },
		"cars.ann/charger":          func(_ *limits.Limits, h *limits.Home) { h.Chargers = nil },
		"zero_export":               func(l *limits.Limits, h *limits.Home) { h.Roofs, h.Batteries, l.Reserve = nil, nil, 0 },
		"away_until":                func(l *limits.Limits, _ *limits.Home) { *l.AwayUntil = now },
		"away_until ":               func(l *limits.Limits, _ *limits.Home) { *l.AwayUntil = now.AddDate(2, 0, 0) },
	} {
		l, h := full(), home
		change(&l, &h)
		err := l.CheckFor(h, now)
		var named *limits.FieldError
		if !errors.As(err, &named) || named.Field != strings.TrimSpace(field) || !strings.Contains(named.Text, " ") {
			t.Errorf("%q: %v", field, err)
		}
	}
}

// TestPricesBind tries prices at and beside the limits.
func TestPricesBind(t *testing.T) {
	l, free := full(), limits.Limits{}
	if l.Sells(79_999) || !l.Sells(80_000) || !l.Buys(255_000) || l.Buys(255_001) || !free.Sells(-1) || !free.Buys(1<<40) {
		t.Error("the prices do not bind as they should")
	}
}

// TestPreferenceIsWorthSoMuch has its numbers from the definition: 10,000 a kWh of what is
// shared, which half of the exported and eight tenths of the imported energy are.
func TestPreferenceIsWorthSoMuch(t *testing.T) {
	for _, c := range []struct {
		prefer            limits.Preference
		wantSell, wantBuy grid.Price
	}{{limits.PreferPrice, 60_000, 300_000}, {limits.PreferNeighbours, 65_000, 292_000}, {limits.PreferSolar, 60_000, 292_000}} {
		if sell, buy := (limits.Limits{Prefer: c.prefer}).Value(60_000, 300_000, 500, 800); sell != c.wantSell || buy != c.wantBuy {
			t.Errorf("%q: %d, %d", c.prefer, sell, buy)
		}
	}
}

// TestAwayReadyByRests asks for the car of a home that nobody is in.
func TestAwayReadyByRests(t *testing.T) {
	l, berlin := full(), zone(t, "Europe/Berlin")
	by, target, some := l.Ready("ann/charger", time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), berlin)
	if want := time.Date(2026, 6, 11, 5, 0, 0, 0, time.UTC); !some || target != 800 || !by.Equal(want) {
		t.Errorf("%s %d %t, want %s", by, target, some, want)
	}
	if _, _, some := l.Ready("bob/charger", time.Time{}, berlin); some {
		t.Error("a charger that is not the home's is ready")
	}
}

func TestSentencesExplain(t *testing.T) {
	words := limits.Words{Zone: zone(t, "Europe/Berlin"), Currency: "EUR", Minor: "ct"}
	var got []string
	for _, s := range full().Sentences(words) {
		got = append(got, s.Field+": "+s.Text)
	}
	want := []string{
		"reserve: The battery is never planned below 20 %: that much is kept for a blackout.",
		"floor: Energy is offered to neighbours at 8.00 ct/kWh or more, and the battery gives to them only then; what the roof has left over is shared all the same.",
		"ceiling: Energy is bought from neighbours at 25.50 ct/kWh or less.",
		"prefer: Sharing with neighbours goes before the grid where it costs no more than 1.00 ct/kWh extra.",
		"zero_export: Nothing is fed into the grid as far as the devices of this home can be held back; neighbours get nothing either.",
		"away_until: Until Wednesday 10 June 14:00 nobody is home: ready-by times rest, and heating keeps the lower end of its band.",
		"cars.ann/charger: The car at ann/charger has 80 % by 07:00 each day, at the cheapest hours until then.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if none := (limits.Limits{}).Sentences(words); len(none) != 1 || none[0].Text != "There are no limits: the agent does whatever costs least." {
		t.Errorf("%q", none)
	}
	below := limits.Limits{Floor: new(grid.Price(-12_345))}.Sentences(limits.Words{Zone: time.UTC, Currency: "JPY"})
	if !strings.Contains(below[0].Text, " -0.01 JPY/kWh ") {
		t.Errorf("%q", below)
	}
}
