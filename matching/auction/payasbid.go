package auction

import (
	"github.com/commonwatt/commonwatt/grid"
)

// PayAsBid trades in merit order: the highest bid with the lowest offer, each
// pair at the price at K between their limits (Wurman, Walsh, Wellman 1998, the
// discriminatory k-double auction). While the utility has energy left to sell
// (or to buy) nobody pays more (or gets less) than at the utility. Of offers at
// one limit, those that the bid prefers come first.
func PayAsBid(c Case) (Result, error) {
	m, err := c.efficient()
	if err != nil {
		return Result{}, err
	}
	bids, offers, bought, sold := m.bids, m.offers, m.bought, m.sold
	low, high := lowest, highest // what the utility would give and take instead
	for i, b := range bids {
		if b.utility() == 1 && bought[i] < b.energy {
			low = b.limit
		}
	}
	for i, o := range offers {
		if o.utility() == 1 && sold[i] < o.energy {
			high = o.limit
		}
	}
	var r Result
	for b, first := 0, 0; b < len(bids); b++ {
		for bought[b] > 0 {
			for sold[first] == 0 {
				first++
			}
			o := c.preferred(bids[b], offers, sold, first)
			energy := min(bought[b], sold[o])
			bought[b] -= energy
			sold[o] -= energy
			price := Between(max(offers[o].limit, low), min(bids[b].limit, high), c.K)
			switch {
			case bids[b].utility() == 1:
				price = bids[b].limit
			case offers[o].utility() == 1:
				price = offers[o].limit
			}
			r.Trades = append(r.Trades, Trade{bids[b].id, offers[o].id, energy, price, price})
		}
	}
	return r.ordered(), nil
}

// preferred returns the offer that a bid is served by: of those with energy left
// at the limit of the first, the first that it prefers.
func (c Case) preferred(bid lot, offers []lot, sold []grid.Energy, first int) int {
	for k := first; c.Prefers != nil && k < len(offers) && offers[k].limit == offers[first].limit; k++ {
		if sold[k] > 0 && c.Prefers(bid.order, offers[k].order) {
			return k
		}
	}
	return first
}

// Midpoint trades at the mid-market rate, half-way between the utility's two
// prices; the longer side is rationed pro rata (Long, Wu, Zhang, Thomas, Cheng,
// Jenkins 2017).
func Midpoint(c Case) (Result, error) {
	if c.Utility == nil {
		return Result{}, errNoUtility
	}
	price := Between(c.Utility.FeedIn, c.Utility.Retail, Half)
	bids, offers := c.lots()
	bids = within(bids, func(l lot) bool { return l.limit >= price })
	offers = within(offers, func(l lot) bool { return l.limit <= price })
	volume := min(total(bids), total(offers))
	bought, sold := make([]grid.Energy, len(bids)), make([]grid.Energy, len(offers))
	if err := prorate(bought, bids, volume); err != nil {
		return Result{}, err
	}
	if err := prorate(sold, offers, volume); err != nil {
		return Result{}, err
	}
	r := Result{Trades: c.trades(bids, offers, bought, sold, price, price)}
	if volume > 0 {
		r.Price = &price
	}
	return c.finish(r), nil
}

func within(lots []lot, in func(lot) bool) (kept []lot) {
	for _, l := range lots {
		if in(l) {
			kept = append(kept, l)
		}
	}
	return kept
}

func total(lots []lot) (sum grid.Energy) {
	for _, l := range lots {
		sum += l.energy
	}
	return sum
}
