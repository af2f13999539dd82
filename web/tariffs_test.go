package web

import (
	"errors"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/web/api"
)

// byHome are the prices of one home alone.
type byHome map[string]tariff.Rates

func (b byHome) Rates(point string, _ grid.Interval) (tariff.Rates, error) {
	r, known := b[point]
	if !known {
		return r, errors.New("not known")
	}
	return r, nil
}

func (b byHome) Default(grid.Interval) (tariff.Tariff, error) {
	return tariff.Tariff{Version: "usual", Currency: "JPY", Retail: 31_000_000, FeedIn: 8_000_000}, nil
}

// TestAHomeShowsItsOwnTariff: what it expects and what it shares at go by it; a home whose
// price is not known shows none.
func TestAHomeShowsItsOwnTariff(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	l, err := NewLive("elm", tariff.Tariff{Version: "t", Currency: "JPY"}, []grid.Device{
		{ID: "a/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "mp-a"}, {ID: "b/meter", Kind: grid.Meter, Member: "bob", MeteringPoint: "mp-b"},
	}, func(string, string) (string, error) { return "", nil }, func() time.Time { return now }, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.SharePool(1)
	l.ShareHalfWay()
	l.PricedBy(byHome{"mp-a": {Tariff: "dear", Version: "2026", Currency: "JPY", Retail: 40_000_000, FeedIn: 10_000_000, Community: 10_000_000}}, 15)
	l.ShowExpected("mp-a", grid.IntervalAt(now, 15), 1000)
	s := l.look(sight{}, api.Status{Speed: 1})
	if s.Tariff.Version != "usual" || s.Tariff.Retail != 31_000_000 {
		t.Errorf("%+v", s.Tariff)
	}
	ann, bob := s.Homes[0], s.Homes[1]
	if ann.Tariff == nil || *ann.Tariff.Name != "dear" || ann.Tariff.Retail != 40_000_000 || *ann.Tariff.Community != 10_000_000 {
		t.Fatalf("%+v", ann.Tariff)
	}
	if *ann.Pool != 20_000_000 || ann.Expected.Money != -40_000_000 { // (40 − 10 + 10) / 2; 1 kWh at 40
		t.Errorf("%d, %+v", *ann.Pool, ann.Expected)
	}
	if bob.Tariff != nil || bob.Pool != nil {
		t.Errorf("%+v, %v", bob.Tariff, bob.Pool)
	}
}
