package agent

import (
	"math"

	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// preferred returns what a home plans by in place of what a kWh more out brings and a kWh more
// in costs, as its owner prefers neighbours or solar energy. How much of that kWh is shared
// follows from where its price lies between the utility's and the middle.
func preferred(l limits.Limits, sell, buy float64, r tariff.Rates) (worthSold, worthBought float64) {
	if l.Prefer == limits.PreferPrice {
		return sell, buy
	}
	given, got := sharedPart(sell, float64(r.FeedIn), middle(r)), sharedPart(buy, float64(r.Avoided()), middle(r))
	s, b := l.Value(grid.Price(math.Round(sell)), grid.Price(math.Round(buy)), given, got)
	return float64(s), float64(b)
}

// sharedPart is how far a price is from the utility's towards the middle, per mille; at the middle
// and beyond it all is shared.
func sharedPart(price, utility, middle float64) grid.PerMille {
	if utility == middle { // nothing is gained by sharing
		return 0
	}
	return grid.PerMille(math.Round(float64(allCharge) * min(max((price-utility)/(middle-utility), 0), 1)))
}
