package auction

import (
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
)

// crossing is where supply meets demand: the trade of largest welfare, and of
// the largest volume among those.
type crossing struct {
	volume grid.Energy
	bids   int // the first so many bids trade, the last of them perhaps in part
	offers int
}

// cross walks both sides, best limits first.
func cross(bids, offers []lot) crossing {
	var c crossing
	var bid, offer grid.Energy // left of the current ones
	for b, o := 0, 0; ; {
		if bid == 0 && b < len(bids) {
			bid = bids[b].energy
			b++
		}
		if offer == 0 && o < len(offers) {
			offer = offers[o].energy
			o++
		}
		if bid == 0 || offer == 0 || bids[b-1].limit < offers[o-1].limit || bids[b-1].utility()+offers[o-1].utility() == 2 {
			return c
		}
		energy := min(bid, offer)
		bid -= energy
		offer -= energy
		c.volume += energy
		c.bids, c.offers = b, o
	}
}

// market is both sides after their trade.
type market struct {
	bids, offers []lot
	bought, sold []grid.Energy // by lot
	meet         crossing
}

// efficient makes the trade of largest welfare, with the utility.
func (c Case) efficient() (m market, err error) {
	m.bids, m.offers = c.merit()
	m.meet = cross(m.bids, m.offers)
	if m.bought, err = ration(m.bids, m.meet.volume); err == nil {
		m.sold, err = ration(m.offers, m.meet.volume)
	}
	return m, err
}

// ration gives energy to the lots in order of their limits; members at the last
// limit that gets any share what is left pro rata, by largest remainder.
func ration(lots []lot, energy grid.Energy) ([]grid.Energy, error) {
	fills := make([]grid.Energy, len(lots))
	for first := 0; first < len(lots) && energy > 0; {
		last, sum := first, grid.Energy(0)
		for ; last < len(lots) && lots[last].limit == lots[first].limit && lots[last].utility() == lots[first].utility(); last++ {
			sum += lots[last].energy
		}
		if sum <= energy {
			for i := first; i < last; i++ {
				fills[i] = lots[i].energy
			}
		} else if err := prorate(fills[first:last], lots[first:last], energy); err != nil {
			return nil, err
		}
		energy -= min(sum, energy)
		first = last
	}
	return fills, nil
}

// prorate splits energy over the lots by their own.
func prorate(fills []grid.Energy, lots []lot, energy grid.Energy) error {
	shares := make([]grid.Share, len(lots))
	for i, l := range lots {
		shares[i] = grid.Share{ID: l.id, Weight: int64(l.energy)}
	}
	split, err := grid.Split(int64(energy), shares)
	if err != nil {
		return fmt.Errorf("ration: %w", err)
	}
	for i, part := range split {
		fills[i] = grid.Energy(part)
	}
	return nil
}

// trades pairs filled bids with filled offers, all at the same two prices.
func (c Case) trades(bids, offers []lot, bought, sold []grid.Energy, pays, gets grid.Price) []Trade {
	fills := map[string]grid.Energy{}
	var orders []grid.Order
	for i, b := range bids {
		fills[b.id] = bought[i]
		orders = append(orders, b.order)
	}
	for i, o := range offers {
		fills[o.id] = sold[i]
		orders = append(orders, o.order)
	}
	var trades []Trade
	for _, p := range c.pair(orders, fills) {
		trades = append(trades, Trade{p.Bid, p.Offer, p.Energy, pays, gets})
	}
	return trades
}

// pair joins fills, preferred partners first where that leaves nobody without
// one.
func (c Case) pair(orders []grid.Order, fills map[string]grid.Energy) []Pair {
	if c.Prefers == nil {
		return Pairs(orders, fills, DifferentMembers)
	}
	return Pairs(orders, fills, DifferentMembers, Way{Fit: func(bid, offer grid.Order) bool {
		return DifferentMembers(bid, offer) && c.Prefers(bid, offer)
	}})
}
