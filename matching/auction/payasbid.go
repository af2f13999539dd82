package auction

import "github.com/commonwatt/commonwatt/grid"

// PayAsBid trades in merit order: the highest bid with the lowest offer, each
// pair at the price at K between their limits (Wurman, Walsh, Wellman 1998, the
// discriminatory k-double auction). Of offers at one limit, those that the bid
// prefers come first.
func PayAsBid(c Case) (Result, error) {
	bids, offers := c.lots()
	meet := cross(bids, offers)
	bought, err := ration(bids, meet.volume)
	if err != nil {
		return Result{}, err
	}
	sold, err := ration(offers, meet.volume)
	if err != nil {
		return Result{}, err
	}
	var r Result
	first := 0
	for b := range bids {
		for bought[b] > 0 {
			for sold[first] == 0 {
				first++
			}
			o := first
			for k := first; c.Prefers != nil && k < len(offers) && offers[k].limit == offers[first].limit; k++ {
				if sold[k] > 0 && c.Prefers(bids[b].order, offers[k].order) {
					o = k
					break
				}
			}
			energy := min(bought[b], sold[o])
			bought[b] -= energy
			sold[o] -= energy
			price := Between(offers[o].limit, bids[b].limit, c.K)
			r.Trades = append(r.Trades, Trade{bids[b].id, offers[o].id, energy, price, price})
		}
	}
	return c.finish(r), nil
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
