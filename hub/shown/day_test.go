package shown

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// TestTheDayOfATariff shows a tariff of two windows over ordinary days and those on which the
// clocks change: a period ends where the price does, never at midnight of UTC.
func TestTheDayOfATariff(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	low, high := grid.Price(100_000), grid.Price(300_000)
	day, night := []tariff.Hours{{From: 6 * 60, To: 22 * 60}}, []tariff.Hours{{From: 22 * 60, To: 24 * 60}, {From: 0, To: 6 * 60}}
	s := tariff.Schedule{Name: "two", Currency: "EUR", Versions: []tariff.Version{{
		Version: "1", ValidFrom: tariff.Date{Year: 2026, Month: 3, Day: 1},
		Components: []tariff.Component{{Name: "e", Kind: tariff.Energy, Per: tariff.PerKWh, Windows: []tariff.Window{{Hours: day, Price: high}, {Hours: night, Price: low}}}},
	}}}
	for date, hours := range map[tariff.Date][]float64{
		{Year: 2026, Month: 6, Day: 1}:   {6, 16, 2},
		{Year: 2026, Month: 3, Day: 29}:  {5, 16, 2}, // 92 quarter-hours
		{Year: 2026, Month: 10, Day: 25}: {7, 16, 2}, // 100
	} {
		all := tariffDay(s, date, 15, tariff.Where{Zone: berlin})
		if len(all) != len(hours) {
			t.Fatalf("%s: %d periods, want %d: %+v", date, len(all), len(hours), all)
		}
		for k, p := range all {
			want := int64(low)
			if k == 1 {
				want = int64(high)
			}
			if p.Until.Sub(p.From).Hours() != hours[k] || p.Price.Retail != want || p.Components[0].Price != want {
				t.Errorf("%s: %+v", date, p)
			}
		}
		if !all[0].From.Equal(date.Begin(berlin)) {
			t.Errorf("%s begins at %s", date, all[0].From)
		}
	}
	before := tariffDay(s, tariff.Date{Year: 2026, Month: 2, Day: 28}, 15, tariff.Where{Zone: berlin})
	if len(before) != 1 || before[0].Price != nil || before[0].Problem == nil {
		t.Errorf("before it counts: %+v", before)
	}
}

// TestADayWithoutPrices is one period, although the reason names another interval each time.
func TestADayWithoutPrices(t *testing.T) {
	s := tariff.Schedule{Name: "dynamic", Currency: "EUR", Spot: &tariff.Spot{Minutes: 15}, Versions: []tariff.Version{{
		Version: "1", ValidFrom: tariff.Date{Year: 2026, Month: 1, Day: 1},
		Components: []tariff.Component{{Name: "e", Kind: tariff.Energy, Per: tariff.PerKWh, Spot: &tariff.OfSpot{Factor: 1_000_000}}},
	}}}
	all := tariffDay(s, tariff.Date{Year: 2026, Month: 6, Day: 1}, 15, tariff.Where{Zone: time.UTC})
	if len(all) != 1 || all[0].Problem == nil || all[0].Until.Sub(all[0].From) != 24*time.Hour {
		t.Errorf("%d periods, the first %+v", len(all), all[0])
	}
}
