package shown

import (
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/tariff/shelf"
)

// TestPushedPricesAreShown pushes prices for two intervals: the series, and what counts now
// and over the day, are shown by them.
func TestPushedPricesAreShown(t *testing.T) {
	now := time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	dir, err := disk.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	given := tariff.Given{Default: []tariff.Dated{{Tariff: "a"}}, Schedules: []tariff.Schedule{{Name: "a", Currency: "EUR", Spot: &tariff.Spot{Minutes: 15}, Versions: []tariff.Version{{
		Version: "1", ValidFrom: tariff.Date{Year: 2026, Month: 1, Day: 1},
		Components: []tariff.Component{{Name: "e", Kind: tariff.Energy, Per: tariff.PerKWh, Spot: &tariff.OfSpot{Factor: tariff.Whole}}},
	}}}}}
	kept, err := shelf.Open(dir, shelf.Options{Given: given, Minutes: 15, Zone: time.UTC}, now)
	if err != nil {
		t.Fatal(err)
	}
	var followed []tariff.Extremes
	desk := Tariffs{Shelf: kept, Zone: time.UTC, Minutes: 15, Clock: func() time.Time { return now }, Reprice: func(e tariff.Extremes) error {
		followed = append(followed, e)
		return nil
	}}
	series, err := desk.Push("a", []tariff.SpotPrice{{Start: now.Unix(), Price: 5}, {Start: now.Unix() + 900, Price: 6}})
	if err != nil || series.Prices != 2 || !series.Until.Equal(now.Add(30*time.Minute)) {
		t.Errorf("%+v, %v", series, err)
	}
	if len(followed) != 1 || followed[0].RetailHigh != 6 {
		t.Errorf("the market follows %+v", followed)
	}
	s := desk.Shown()
	if s.Usual != "a" || len(s.Tariffs) != 1 || s.Tariffs[0].Now.Retail != 5 || s.Tariffs[0].Series.Prices != 2 {
		t.Fatalf("%+v", s)
	}
	var prices []int64
	for _, p := range s.Tariffs[0].Today {
		if p.Problem == nil {
			prices = append(prices, p.Price.Retail)
		}
	}
	if !slices.Equal(prices, []int64{5, 6}) {
		t.Errorf("over the day %v", prices)
	}
}
