package plan

import (
	"testing"

	"github.com/commonwatt/commonwatt/grid"
)

// Heat is warmed ahead where that saves what is asked beyond what is lost, and not for less: neither with what is bought
// in cheap hours nor with what the roof has left over then. A tank that takes 200 Wh an hour, with energy cheap in the
// hours 2 to 5.
func TestHeatIsWarmedAheadForWhatIsWorthIt(t *testing.T) {
	const needs, usual = 4 * 200.0, 300_000
	for _, c := range []struct {
		roof   float64 // Wh an hour left over in the cheap hours
		cheap  float64 // what a kWh costs then, or brings with a roof
		ahead  grid.Price
		warmed bool
	}{
		{0, 285_000, 0, true},
		{0, 285_000, 20_000, false},
		{0, 250_000, 20_000, true},
		{0, 299_000, 0, false},
		{3000, 285_000, 0, true},
		{3000, 285_000, 20_000, false},
		{3000, 250_000, 20_000, true},
	} {
		in := steady(24, func(hour int) (net, buy, sell float64) {
			switch {
			case hour < 2 || hour >= 6:
				return 200, usual, 60_000
			case c.roof > 0:
				return -c.roof, usual, c.cheap
			default:
				return 200, c.cheap, 60_000
			}
		})
		h := Heat{ID: "rod", Room: 4000, Loss: 0.01, Power: Powers{Most: 3000}, Ahead: c.ahead}
		for range in.Steps {
			h.Demand = append(h.Demand, needs/4)
		}
		in.Heats = []Heat{h}
		var p Planner
		planned(t, &p, in)
		var wh float64
		for k := 2; k < 6; k++ {
			wh += p.stores[0].moves.flow[k]
		}
		if wh > needs*1.2 != c.warmed {
			t.Errorf("at %.0f, with %.0f Wh left over and ahead for %d it takes %.0f Wh in cheap hours, and needs %.0f: want more %t", c.cheap, c.roof, c.ahead, wh, needs, c.warmed)
		}
	}
}
