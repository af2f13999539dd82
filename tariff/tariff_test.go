package tariff_test

import (
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

func TestValue(t *testing.T) {
	x := tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}
	// Both directions count: 100 Wh at 0.30 and 250 Wh at 0.06.
	if v, err := x.Value(grid.Flow{Import: 100, Export: 250}); err != nil || v != -30_000+15_000 {
		t.Errorf("%d, %v", v, err)
	}
	if _, err := x.Value(grid.Flow{Import: 1 << 62}); err == nil {
		t.Error("a value beyond 64 bits")
	}
}

func TestBadTariffs(t *testing.T) {
	good := tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	dear := good
	if dear.FeedIn = 400_000; dear.Validate() != nil {
		t.Error("feed-in above retail is real")
	}
	for want, change := range map[string]func(*tariff.Tariff){
		"tariff.version":  func(x *tariff.Tariff) { x.Version = "" },
		"tariff.currency": func(x *tariff.Tariff) { x.Currency = "Euro" },

		"tariff.currency: \"eur\"":  func(x *tariff.Tariff) { x.Currency = "eur" },
		"tariff.currency: \"E R\"":  func(x *tariff.Tariff) { x.Currency = "E R" },
		"tariff.retail: 1000000":    func(x *tariff.Tariff) { x.Retail = 1_000_000_000_001 },
		"tariff.feed_in: -10000000": func(x *tariff.Tariff) { x.FeedIn = -1_000_000_000_001 },
	} {
		bad := good
		change(&bad)
		if err := bad.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
