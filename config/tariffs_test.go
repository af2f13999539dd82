package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// TestTariffsOfAFile reads the two tariffs of the example and reckons one moment of each by
// hand: at 19:00 in Berlin on 1 June 2026 the peak counts, and the day-ahead price is the one
// that the file has for 17:00 UTC, 106.96 EUR/MWh.
func TestTariffsOfAFile(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	all, problems := config.ReadTariffs("testdata/tariffs.yaml", 15, berlin)
	if problems != nil || len(all) != 2 {
		t.Fatal(problems)
	}
	text, err := os.ReadFile("testdata/prices.csv")
	if err != nil || !strings.Contains(string(text), "2026-06-01T17:00:00Z,106.96\n") {
		t.Fatalf("the file is another: %v", err)
	}
	i := grid.IntervalAt(time.Date(2026, 6, 1, 17, 0, 0, 0, time.UTC), 15)
	for k, want := range []tariff.Rates{
		// 0.1250 + 0.1410 + 0.0132 + 0.0295 + 0.0205
		{Tariff: "time-of-use", Version: "2026-01-01", Currency: "EUR", Retail: 329_200, FeedIn: 78_600, Community: 141_000 + 13_200 + 29_500},
		// energy 0.10696 × 1.03 + 0.015 = 0.1251688; 2.5 % of that and of 0.0790 = 0.00510422; community 0.6 × 0.0790
		{Tariff: "dynamic", Version: "2026-01-01", Currency: "EUR", Retail: 125_169 + 79_000 + 42_700 + 5_104, FeedIn: 106_960, Community: 47_400},
	} {
		got, err := all[k].At(i, tariff.Where{Zone: berlin, Distance: "circuit"})
		if err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
}

// TestEveryProblemAtOnce: a file with several faults names each with its line.
func TestEveryProblemAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.yaml")
	if err := os.WriteFile(path, []byte(`name: a
currency: EUR
versions:
  - components:
      - {name: e, kind: enregy, price: 0.1 EUR}
      - {name: f, kind: energy, windows: [{hours: 6-22, price: 0.1 EUR/kWh}], side: up}
  - valid_from: 1.1.2026
    vat: {rate: 19, prices: both}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, problems := config.ReadTariffs(path, 15, time.UTC)
	var got []string
	for _, p := range problems {
		if p.File != path {
			t.Errorf("%+v names no file", p)
		}
		p.File = ""
		text, _, _ := strings.Cut(p.Error(), ": write")
		got = append(got, text)
	}
	want := []string{
		`line 4: versions[0].valid_from: missing: give the local date from which on this counts`,
		`line 5: versions[0].components[0].price: "0.1 EUR" has not the unit EUR/kWh`,
		`line 5: versions[0].components[0].kind: "enregy" is not one of [energy grid levy metering tax]`,
		`line 6: versions[0].components[1].windows[0].hours: "6-22" are no hours`,
		`line 6: versions[0].components[1].side: "up": must be import or export`,
		`line 7: versions[1].valid_from: "1.1.2026" is no date`,
		`line 7: versions[1].components: missing: give one at least`,
		`line 8: versions[1].vat.rate: "19" is no percentage with at most 4 decimals`,
		`line 8: versions[1].vat.prices: "both": must be net or gross: whether the prices contain the tax`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// problemsOf reads a text as a file of tariffs, and returns what is wrong, a line each.
func problemsOf(t *testing.T, text string, minutes int) string {
	t.Helper()
	_, problems := config.ParseTariffs([]byte(text), minutes, time.UTC)
	var all []string
	for _, p := range problems {
		all = append(all, p.Error())
	}
	return strings.Join(all, "\n")
}

// TestProblemsNameTheirOwnField: what is missing or wrong in one place is said there, and not
// of all that depends on it.
func TestProblemsNameTheirOwnField(t *testing.T) {
	const price = "versions: [{valid_from: 2026-01-01, components: [{name: e, kind: energy, price: 0.1 EUR/kWh}]}]\n"
	for text, want := range map[string]string{
		"name: a\n" + price:                  "line 1: currency: missing: write three capital letters of ISO 4217, such as EUR or CHF",
		"name: a\ncurrency: [EUR]\n" + price: "line 2: currency: is not a text",
		price: "line 1: currency: missing: write three capital letters of ISO 4217, such as EUR or CHF\n" +
			"line 1: name: missing: give it one, by which metering points have it",
		"name: a\ncurrency: EUR\nseries: {minutes: 15}\n" + price:                                                                    "line 3: series: no component goes by it: write series: {} beside one, in place of its price, or leave it out",
		"- {name: a, currency: EUR, " + strings.TrimSpace(price) + "}\n- {name: a, currency: EUR, " + strings.TrimSpace(price) + "}": `line 2: [1].name: there are two tariffs "a": give each a name of its own`,
		"name: a\ncurrency: EUR\n" + strings.Replace(price, "0.1", "99999999999999", 1):                                              `line 3: versions[0].components[0].price: "99999999999999" is out of range`,
	} {
		if got := problemsOf(t, text, 15); got != want {
			t.Errorf("%s\ngot\n%s\nwant\n%s", text, got, want)
		}
	}
}

// TestWindowsOfNoInterval: intervals that there are not are an error, not an endless loop.
func TestWindowsOfNoInterval(t *testing.T) {
	const text = "name: a\ncurrency: EUR\nversions: [{valid_from: 2026-01-01, components: [{name: e, kind: energy, windows: [{price: 1 EUR/kWh}]}]}]\n"
	for _, minutes := range []int{0, -15} {
		if got := problemsOf(t, text, minutes); !strings.Contains(got, "do not fill a day") {
			t.Errorf("%d minutes: %q", minutes, got)
		}
	}
}

// TestRowsOfPrices: each row that is wrong is named with its line and field, and a file
// without its header is not taken without its first price.
func TestRowsOfPrices(t *testing.T) {
	const first, second, third = "2026-06-01T00:00:00Z,1", "2026-06-01T02:15:00+02:00,-2.5", "2026-06-01T00:30:00Z,3"
	for text, want := range map[string]string{
		"time,price\n" + first + "\n" + second + "\n": "",
		"\ufeffTime, Price\r\n" + first + "\r\n":      "",
		first + "\n" + second:                         `line 1: "2026-06-01T00:00:00Z,1": the first line must be the header time,price`,
		"price,time\n" + first:                        `line 1: "price,time": the first line must be the header time,price`,
		"":                                            "line 1: the file is empty: the first line must be the header time,price",
		"time,price\n" + first + "\n" + third:         "line 3: time: 2026-06-01T00:30:00Z: there is a hole: the price of 2026-06-01T00:15:00Z is missing",
		"time,price\n" + second + "\n" + first + "\n" + third:                 "line 3: time: 2026-06-01T00:00:00Z is not in the order of time: sort the lines by it",
		"time,price\n" + first + "\n" + first + "\n" + second + "\n" + second: "line 3: time: 2026-06-01T00:00:00Z is given twice\nline 5: time: 2026-06-01T02:15:00+02:00 is given twice",
		"time,price\n1.6.2026,1\n2026-06-01T00:05:00Z,x\n2026-06-01T00:15:00Z\n2026-06-01T00:30:00Z,9999999999": `line 2: time: "1.6.2026": write it as 2026-06-01T12:00:00+02:00
line 3: price: "x" is not a number with at most 6 decimals
line 3: time: 2026-06-01T00:05:00Z is not at the begin of 15 minutes
line 4: wrong number of fields
line 5: price: "9999999999" is out of range`,
	} {
		all, err := config.ParsePrices([]byte(text), 15, false)
		if got := fmt.Sprint(err); got != want && (want != "" || err != nil || len(all) == 0) {
			t.Errorf("%q\ngot\n%s\nwant\n%s", text, got, want)
		}
	}
}

// FuzzTariffs reads texts as tariffs: one that is taken can be reckoned at any time that its
// versions count, and is the same after it was kept.
func FuzzTariffs(f *testing.F) {
	for _, path := range append(files(f, "good"), append(files(f, "bad"), "testdata/tariffs.yaml")...) {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add([]byte(strings.ReplaceAll(string(b), ", file: testdata/prices.csv", "")))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		all, problems := config.ParseTariffs(b, 15, time.UTC)
		if len(problems) > 0 {
			return
		}
		for _, s := range all {
			kept, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			var again tariff.Schedule
			if err := json.Unmarshal(kept, &again); err != nil || again.Digest(again.Versions[0]) != s.Digest(s.Versions[0]) {
				t.Fatalf("%s, %v", kept, err)
			}
			if _, err := s.Extremes(); err != nil {
				continue // a sum that is out of range
			}
			i := grid.IntervalAt(s.Versions[0].ValidFrom.Begin(time.UTC), 15)
			if _, err := s.At(i, tariff.Where{Zone: time.UTC}); err != nil && s.Spot == nil {
				t.Fatalf("%s: %v", b, err)
			}
		}
	})
}

// FuzzPrices reads texts as a series: what is taken has a price for each step.
func FuzzPrices(f *testing.F) {
	for _, path := range []string{"testdata/prices.csv", "testdata/prices-hole.csv"} {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:500], true)
		f.Add(b[:500], false)
	}
	f.Fuzz(func(t *testing.T, b []byte, byMWh bool) {
		all, err := config.ParsePrices(b, 15, byMWh)
		for k := 1; err == nil && k < len(all); k++ {
			if all[k].Start != all[k-1].Start+900 {
				t.Fatal("a hole")
			}
		}
	})
}
