package rewards_test

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/settlement/rewards"
)

// TestCosts counts challenges of 6 kW for a minute at 0.30 EUR/kWh: 100 Wh are moved, of
// which a tenth is lost, 0.003 EUR each. One is counted once, and a day begins anew.
func TestCosts(t *testing.T) {
	var costs rewards.Costs
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for k, c := range []struct {
		begins time.Time
		cost   int64
		first  bool
	}{
		{noon, 3000, true}, {noon, 3000, false}, {noon.Add(time.Hour), 6000, true}, {noon.AddDate(0, 0, 1), 3000, true},
	} {
		challenge := chaincode.Challenge{Power: 6000, Start: c.begins, Until: c.begins.Add(time.Minute)}
		if cost, first := costs.Of("ann/battery", challenge, 300_000, c.begins); int64(cost) != c.cost || first != c.first {
			t.Errorf("%d: %d, %t, want %d, %t", k, cost, first, c.cost, c.first)
		}
	}
	if cost, _ := costs.Of("bob/battery", chaincode.Challenge{Power: 6000, Start: noon, Until: noon.Add(time.Minute)}, 300_000, noon); cost != 3000 {
		t.Errorf("another battery's challenges count: %d", cost)
	}
}
