package agent

import (
	"testing"

	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/tariff"
)

// TestWhatIsSharedIsPreferred has its numbers by hand: retail 0.30, feed-in 0.06, the middle 0.18,
// and a preference is worth 0.01 a kWh of what is shared.
func TestWhatIsSharedIsPreferred(t *testing.T) {
	rates := tariff.Rates{Retail: 300_000, FeedIn: 60_000}
	for _, c := range []struct {
		prefer                       limits.Preference
		sell, buy, wantSell, wantBuy float64
	}{
		{limits.PreferPrice, 90_000.4, 180_000, 90_000.4, 180_000},
		{limits.PreferNeighbours, 60_000, 300_000, 60_000, 300_000},   // none of it is shared
		{limits.PreferNeighbours, 90_000, 180_000, 92_500, 170_000},   // a quarter of what is given, all that is got
		{limits.PreferNeighbours, 180_000, 240_000, 190_000, 235_000}, // the other way round, half of what is got
		{limits.PreferNeighbours, 200_000, 150_000, 210_000, 140_000}, // never more than all
		{limits.PreferSolar, 180_000, 240_000, 180_000, 235_000},
	} {
		if sell, buy := preferred(limits.Limits{Prefer: c.prefer}, c.sell, c.buy, rates); sell != c.wantSell || buy != c.wantBuy {
			t.Errorf("%q at %g and %g: %g, %g, want %g, %g", c.prefer, c.sell, c.buy, sell, buy, c.wantSell, c.wantBuy)
		}
	}
	same := tariff.Rates{Retail: 100_000, FeedIn: 100_000}
	if sell, buy := preferred(limits.Limits{Prefer: limits.PreferNeighbours}, 100_000, 100_000, same); sell != 100_000 || buy != 100_000 {
		t.Errorf("where nothing is gained by sharing: %g, %g", sell, buy)
	}
}
