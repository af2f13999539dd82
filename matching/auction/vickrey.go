package auction

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

// Vickrey is the double auction of W. Vickrey, Counterspeculation, auctions, and
// competitive sealed tenders, Journal of Finance 16 (1961), with the payments of
// Clarke and Groves: who trades pays (or gets) what its trading takes from (or
// spares) the others. A member's energy then has several prices, those of the
// orders that it displaces, the best for the others first.
func Vickrey(c Case) (Result, error) {
	m, err := c.efficient()
	if err != nil {
		return Result{}, err
	}
	bids, offers, bought, sold := m.bids, m.offers, m.bought, m.sold
	won := map[string]grid.Energy{} // by member
	for i, b := range bids {
		won[b.member] += bought[i]
	}
	for i, o := range offers {
		won[o.member] += sold[i]
	}
	prices := map[string][]step{} // by member: what its energy displaces
	for i, b := range bids {
		if bought[i] > 0 && prices[b.member] == nil {
			prices[b.member] = m.displaced(b.member, grid.Bid, won[b.member])
		}
	}
	for i, o := range offers {
		if sold[i] > 0 && prices[o.member] == nil {
			prices[o.member] = m.displaced(o.member, grid.Offer, won[o.member])
		}
	}
	members := map[string]string{}
	for _, l := range slices.Concat(bids, offers) {
		members[l.id] = l.member
	}
	one := c.trades(bids, offers, bought, sold, 0, 0)
	slices.SortFunc(one, func(a, b Trade) int { return cmp.Or(strings.Compare(a.Bid, b.Bid), strings.Compare(a.Offer, b.Offer)) })
	var r Result
	for _, t := range one {
		for t.Energy > 0 {
			buyer, seller := next(prices, members[t.Bid]), next(prices, members[t.Offer])
			energy := min(t.Energy, buyer.energy, seller.energy)
			r.Trades = append(r.Trades, Trade{t.Bid, t.Offer, energy, buyer.price, seller.price})
			t.Energy -= energy
			use(prices, members[t.Bid], energy)
			use(prices, members[t.Offer], energy)
		}
	}
	return r.ordered(), nil
}

// step is energy at a price.
type step struct {
	price  grid.Price
	energy grid.Energy
}

// next is the next step of a member; the utility has none of its own.
func next(prices map[string][]step, member string) step {
	if member == utilityName {
		return step{energy: math.MaxInt64}
	}
	return prices[member][0]
}

func use(prices map[string][]step, member string, energy grid.Energy) {
	if member == utilityName {
		return
	}
	steps := prices[member]
	if steps[0].energy -= energy; steps[0].energy == 0 {
		steps = steps[1:]
	}
	prices[member] = steps
}

// displaced returns what a member's energy takes from the others, best for them
// first. Without a buyer, the energy that it won would serve others' bids that
// now are not served, or would not be taken from others' offers; whichever is
// worth more, unit by unit, from the margin outwards. A seller's energy is the
// mirror image.
func (m market) displaced(member string, side grid.Side, energy grid.Energy) []step {
	// waiting are lots of the member's own side that have energy left, from the
	// margin outwards; trading lots of the other side that trade, inwards.
	waiting, trading := m.bids, m.offers
	waits, trades := m.bought, m.sold
	w, t := m.meet.bids, m.meet.offers
	better := func(a, b grid.Price) bool { return a > b }
	if side == grid.Offer {
		waiting, trading, waits, trades = m.offers, m.bids, m.sold, m.bought
		w, t = m.meet.offers, m.meet.bids
		better = func(a, b grid.Price) bool { return a < b }
	}
	w = m.first(waiting, w)
	t = m.last(trading, t)
	var left, taken grid.Energy // of the current ones
	var steps []step
	for energy > 0 {
		for w < len(waiting) && (waiting[w].member == member || left == waiting[w].energy-waits[w]) {
			w, left = w+1, 0
		}
		for t >= 0 && (trading[t].member == member || taken == trades[t]) {
			t, taken = t-1, 0
		}
		fromWaiting := w < len(waiting) && (t < 0 || better(waiting[w].limit, trading[t].limit))
		var s step
		if fromWaiting {
			s = step{waiting[w].limit, min(energy, waiting[w].energy-waits[w]-left)}
			left += s.energy
		} else {
			s = step{trading[t].limit, min(energy, trades[t]-taken)}
			taken += s.energy
		}
		energy -= s.energy
		steps = append(steps, s)
	}
	return steps
}

// first returns the first lot at the limit of the last that trades: with rations
// each there may have energy left.
func (market) first(lots []lot, trading int) int {
	n := max(trading-1, 0)
	for n > 0 && lots[n-1].limit == lots[n].limit {
		n--
	}
	return n
}

// last returns the last lot at the limit of the last that trades.
func (market) last(lots []lot, trading int) int {
	n := trading - 1
	for n+1 < len(lots) && lots[n+1].limit == lots[n].limit {
		n++
	}
	return n
}
