package tariff_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func date(t *testing.T, text string) tariff.Date {
	t.Helper()
	d, err := tariff.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func at(t *testing.T, text string) grid.Interval {
	t.Helper()
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return grid.IntervalAt(when, 15)
}

// module3 is a tariff of Germany, with grid fees by the time of day (§14a EnWG, module 3: three
// levels, Bundesnetzagentur BK8-22/010-A), a levy, and a percentage of two of them.
func module3(t *testing.T) tariff.Schedule {
	return tariff.Schedule{Name: "module-3", Currency: "EUR", Versions: []tariff.Version{{
		Version: "2026", ValidFrom: date(t, "2026-01-01"), VAT: &tariff.VAT{Rate: 190_000},
		Components: []tariff.Component{
			{Name: "energy", Kind: tariff.Energy, Per: tariff.PerKWh, Price: new(grid.Price(120_000))},
			{Name: "grid", Kind: tariff.Grid, Per: tariff.PerKWh, Windows: []tariff.Window{
				{Hours: []tariff.Hours{{0, 360}}, Price: 10_000},
				{Hours: []tariff.Hours{{1020, 1260}}, Price: 150_000},
				{Hours: []tariff.Hours{{360, 1020}, {1260, 1440}}, Price: 80_000},
			}, Community: tariff.Community{Part: tariff.Part{Share: 1_000_000}, By: []tariff.Distance{{Class: "circuit", Part: tariff.Part{Share: 600_000}}}}},
			{Name: "levy", Kind: tariff.Levy, Per: tariff.PerKWh, Price: new(grid.Price(16_600)), NoVAT: true},
			{Name: "tax", Kind: tariff.Tax, Per: tariff.Percent, Share: 63_333, Of: []string{"energy", "grid"}, Community: tariff.Community{Part: tariff.Part{Share: 1_000_000}}},
			{Name: "base", Kind: tariff.Metering, Per: tariff.PerMonth, Amount: 9_000_000},
			{Name: "meter", Kind: tariff.Metering, Per: tariff.PerDay, Amount: 54_795},
			{Name: "feed-in", Kind: tariff.Energy, Export: true, Per: tariff.PerKWh, Price: new(grid.Price(78_600)), NoVAT: true},
		},
	}}}
}

// TestAt reckons a tariff by hand. The tax is 6.3333 % of energy and grid: at 18:00 in Berlin
// (16:00 UTC in summer) of 0.12 + 0.15 that is 0.0170999100, rounded 0.017100.
func TestAt(t *testing.T) {
	s, berlin := module3(t), zone(t, "Europe/Berlin")
	if p := s.Problems(15); p != nil {
		t.Fatal(p)
	}
	for _, c := range []struct {
		at, distance              string
		retail, feedIn, community grid.Price
	}{
		{"2026-06-01T16:00:00Z", "", 120_000 + 150_000 + 16_600 + 17_100, 78_600, 150_000 + 9_500}, // 6.3333 % of 0.15 is 0.00949995
		{"2026-06-01T16:00:00Z", "circuit", 120_000 + 150_000 + 16_600 + 17_100, 78_600, 90_000 + 5_700},
		{"2026-01-01T16:00:00Z", "", 120_000 + 150_000 + 16_600 + 17_100, 78_600, 159_500}, // 17:00 there
		{"2026-01-01T15:45:00Z", "", 120_000 + 80_000 + 16_600 + 12_667, 78_600, 80_000 + 5_067},
		{"2026-06-01T22:00:00Z", "", 120_000 + 10_000 + 16_600 + 8_233, 78_600, 10_000 + 633}, // midnight: 0.13 × 6.3333 % = 0.00823329
	} {
		r, err := s.At(at(t, c.at), tariff.Where{Zone: berlin, Distance: c.distance})
		want := tariff.Rates{Tariff: "module-3", Version: "2026", Currency: "EUR", Retail: c.retail, FeedIn: c.feedIn, Community: c.community}
		if err != nil || r != want {
			t.Errorf("%s %s: %+v, %v, want %+v", c.at, c.distance, r, err, want)
		}
		parts, err := s.Parts(at(t, c.at), tariff.Where{Zone: berlin, Distance: c.distance})
		var retail, feedIn grid.Price
		for _, p := range parts {
			if p.Export {
				feedIn += p.Price
			} else {
				retail += p.Price
			}
			if vat := p.VAT; (vat == 0) != (p.Component == "levy" || p.Export) {
				t.Errorf("%s: VAT %s", p.Component, vat)
			}
		}
		if err != nil || retail != r.Retail || feedIn != r.FeedIn {
			t.Errorf("%s: the parts sum to %d and %d, %v", c.at, retail, feedIn, err)
		}
	}
	if _, err := s.At(at(t, "2025-12-31T22:45:00Z"), tariff.Where{Zone: berlin}); err == nil || !strings.Contains(err.Error(), "2025-12-31") {
		t.Errorf("before the first version: %v", err)
	}
	if _, err := s.At(at(t, "2025-12-31T23:00:00Z"), tariff.Where{Zone: berlin}); err != nil {
		t.Errorf("the first quarter of an hour of the year there: %v", err)
	}
}

// TestDaysOfTheClock counts the quarters of an hour of each window on local days of 92, 96 and
// 100: in Berlin the clock skips 02:00 to 03:00 on 29 March 2026, and has it twice on 25
// October, which both belong to the window of the night.
func TestDaysOfTheClock(t *testing.T) {
	s, berlin := module3(t), zone(t, "Europe/Berlin")
	for day, want := range map[string][3]int{
		"2026-03-28": {24, 16, 56}, "2026-03-29": {20, 16, 56}, "2026-10-25": {28, 16, 56},
	} {
		d := date(t, day)
		count := map[grid.Price]int{}
		for i := grid.IntervalAt(d.Begin(berlin), 15); i.Begin().Before(d.Add(1).Begin(berlin)); i = i.Shift(1) {
			parts, err := s.Parts(i, tariff.Where{Zone: berlin})
			if err != nil {
				t.Fatal(err)
			}
			count[parts[1].Price]++
		}
		if got := [3]int{count[10_000], count[150_000], count[80_000]}; got != want {
			t.Errorf("%s: %v quarters at night, peak and otherwise, want %v", day, got, want)
		}
	}
}

// TestBeginOfADay: in Beirut midnight is skipped, in Havana it is twice.
func TestBeginOfADay(t *testing.T) {
	for _, c := range []struct{ zone, day, begin string }{
		{"Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z"},
		{"Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z"}, // 00:00 is 01:00 there
		{"America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"},
		{"UTC", "2026-02-28", "2026-02-28T00:00:00Z"},
	} {
		if got := date(t, c.day).Begin(zone(t, c.zone)).UTC().Format(time.RFC3339); got != c.begin {
			t.Errorf("%s in %s begins at %s, want %s", c.day, c.zone, got, c.begin)
		}
	}
}

// TestStanding: nine a month for ten days of June of 30 is 3, by the day 10 × 0.054795.
func TestStanding(t *testing.T) {
	s := module3(t)
	lines, err := s.Standing(date(t, "2026-06-21"), date(t, "2026-08-01"))
	if err != nil {
		t.Fatal(err)
	}
	var got []grid.Money
	for _, l := range lines {
		got = append(got, l.Amount)
	}
	if want := []grid.Money{3_000_000, 547_950, 9_000_000, 31 * 54_795}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestProblems(t *testing.T) {
	for want, change := range map[string]func(*tariff.Schedule){
		"versions[0].components[1].windows[1]: overlaps with windows[0]: both count on a Monday, 01-01, at 05:00": func(s *tariff.Schedule) { s.Versions[0].Components[1].Windows[1].Hours[0].From = 300 },
		"versions[0].components[1].windows: there is a gap: nothing counts on a Monday, 01-01, at 17:00":          func(s *tariff.Schedule) { s.Versions[0].Components[1].Windows[1].Hours[0].From = 1035 },
		"versions[0].components[1].windows[1].hours: 17:10-21:00 is not at the begin":                             func(s *tariff.Schedule) { s.Versions[0].Components[1].Windows[1].Hours[0].From = 1030 },
		"versions[0].components[3].of[1]: there is no component \"gird\"":                                         func(s *tariff.Schedule) { s.Versions[0].Components[3].Of[1] = "gird" },
		"versions[0].components[3].of[1]: \"tax\" is a percentage that leads back":                                func(s *tariff.Schedule) { s.Versions[0].Components[3].Of[1] = "tax" },
		"currency: \"EUX\" is not an ISO 4217 code":                                                               func(s *tariff.Schedule) { s.Currency = "EUX" },
		"versions[1].valid_from: 2026-01-01 is given twice":                                                       func(s *tariff.Schedule) { s.Versions = append(s.Versions, s.Versions[0]) },
		"versions[0].components[0].series: the tariff has no series": func(s *tariff.Schedule) {
			s.Versions[0].Components[0].Price, s.Versions[0].Components[0].Spot = nil, &tariff.OfSpot{Factor: tariff.Whole}
		},
	} {
		s := module3(t)
		change(&s)
		found := slices.ContainsFunc(s.Problems(15), func(p tariff.ProblemError) bool { return strings.HasPrefix(p.Error(), want) })
		if !found {
			t.Errorf("no %q in %v", want, s.Problems(15))
		}
	}
}

// TestWindowsOfDaysAndSeasons: winter's workdays have a price, the rest has another; a
// missing Sunday is a gap.
func TestWindowsOfDaysAndSeasons(t *testing.T) {
	week := []time.Weekday{1, 2, 3, 4, 5}
	winter := tariff.Season{From: tariff.YearDay{Month: 10, Day: 1}, To: tariff.YearDay{Month: 3, Day: 31}}
	summer := tariff.Season{From: tariff.YearDay{Month: 4, Day: 1}, To: tariff.YearDay{Month: 9, Day: 30}}
	s := tariff.Schedule{Name: "s", Currency: "CHF", Versions: []tariff.Version{{Version: "1", ValidFrom: date(t, "2026-01-01"), Components: []tariff.Component{
		{Name: "grid", Kind: tariff.Grid, Per: tariff.PerKWh, Windows: []tariff.Window{
			{Seasons: []tariff.Season{winter}, Days: week, Price: 9},
			{Seasons: []tariff.Season{winter}, Days: []time.Weekday{6, 0}, Price: 5},
			{Seasons: []tariff.Season{summer}, Price: 3},
		}},
	}}}}
	if p := s.Problems(15); p != nil {
		t.Fatal(p)
	}
	for at0, want := range map[string]grid.Price{"2026-01-05T12:00:00Z": 9, "2026-01-04T12:00:00Z": 5, "2026-03-31T12:00:00Z": 9, "2026-04-01T12:00:00Z": 3} {
		if r, err := s.At(at(t, at0), tariff.Where{Zone: time.UTC}); err != nil || r.Retail != want {
			t.Errorf("%s: %d, %v, want %d", at0, r.Retail, err, want)
		}
	}
	s.Versions[0].Components[0].Windows[1].Days = []time.Weekday{6}
	if p := s.Problems(15); len(p) != 1 || !strings.Contains(p[0].Text, "on a Sunday, 01-01, at 00:00") {
		t.Error(p)
	}
}

// TestSpot: 1.19 × price + 0.05, of a quarter of an hour, of an hour in which four lie, and of
// a quarter of which there is none.
func TestSpot(t *testing.T) {
	first := at(t, "2026-06-01T12:00:00Z")
	var prices []tariff.SpotPrice
	for k, p := range []grid.Price{100_000, -20_000, 33_333, 1} {
		prices = append(prices, tariff.SpotPrice{Start: first.Shift(k).Start, Price: p})
	}
	s := tariff.Schedule{Name: "dynamic", Currency: "EUR", Spot: &tariff.Spot{Minutes: 15, Prices: prices}, Versions: []tariff.Version{{
		Version: "1", ValidFrom: date(t, "2026-01-01"),
		Components: []tariff.Component{{Name: "energy", Kind: tariff.Energy, Per: tariff.PerKWh, Spot: &tariff.OfSpot{Factor: 1_190_000, Addition: 50_000}}},
	}}}
	where := tariff.Where{Zone: time.UTC}
	for k, want := range []grid.Price{169_000, 26_200, 89_666, 50_001} { // 39666.27, 1.19 rounded
		if r, err := s.At(first.Shift(k), where); err != nil || r.Retail != want {
			t.Errorf("%d: %d, %v, want %d", k, r.Retail, err, want)
		}
	}
	// 113334/4 = 28333.5, × 1.19 = 33716.865
	if r, err := s.At(grid.Interval{Start: first.Start, Minutes: 60}, where); err != nil || r.Retail != 83_717 {
		t.Errorf("an hour: %d, %v", r.Retail, err)
	}
	if r, err := s.At(grid.Interval{Start: first.Start + 300, Minutes: 5}, where); err != nil || r.Retail != 169_000 {
		t.Errorf("five minutes: %d, %v", r.Retail, err)
	}
	_, err := s.At(first.Shift(4), where)
	if missing, is := err.(*tariff.MissingPriceError); !is || !strings.Contains(err.Error(), "2026-06-01T13:00:00Z") { //nolint:errorlint // as it is returned
		t.Errorf("%v %v", missing, err)
	}
	now := first.Begin()
	if _, err := s.Spot.With([]tariff.SpotPrice{{Start: first.Start, Price: 1}}, now); err == nil {
		t.Error("a price that was used changes")
	}
	spot, err := s.Spot.With([]tariff.SpotPrice{{Start: first.Shift(1).Start, Price: 7}, {Start: first.Shift(4).Start, Price: 8}, {Start: first.Start, Price: 100_000}}, now)
	if err != nil || len(spot.Prices) != 5 || spot.Prices[1].Price != 7 {
		t.Errorf("%v, %v", spot, err)
	}
}

func TestExtremes(t *testing.T) {
	e, err := module3(t).Extremes()
	// The dearest is 0.12 + 0.15 + 0.0166 + 0.0171, the cheapest that of the night.
	if err != nil || e.RetailHigh != 303_700 || e.RetailLow != 154_833 || e.FeedInLow != 78_600 || e.FeedInHigh != 78_600 || e.AvoidedLow != 303_700-159_500 {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestMinorDigits(t *testing.T) {
	for code, want := range map[string]int{"EUR": 2, "JPY": 0, "KWD": 3, "HUF": 2, "CLF": 4, "XTS": 2} {
		if got := tariff.MinorDigits(code); got != want || !tariff.KnownCurrency(code) {
			t.Errorf("%s: %d, want %d", code, got, want)
		}
	}
	if tariff.KnownCurrency("EUX") || tariff.KnownCurrency("eur") {
		t.Error("no code of ISO 4217 is known")
	}
}
