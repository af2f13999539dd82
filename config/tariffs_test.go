package config_test

import (
	"encoding/json"
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
		`line 5: versions[0].components[0].price: "0.1 EUR" has not the unit EUR/kWh`,
		`line 6: versions[0].components[1].windows[0].hours: "6-22" are no hours`,
		`line 6: versions[0].components[1].side: "up": must be import or export`,
		`line 4: versions[0].valid_from: missing: give the local date from which on this counts`,
		`line 7: versions[1].valid_from: "1.1.2026" is no date`,
		`line 8: versions[1].vat.rate: "19" is no percentage with at most 4 decimals`,
		`line 8: versions[1].vat.prices: "both": must be net or gross: whether the prices contain the tax`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
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
