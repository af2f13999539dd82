package auction

import (
	"cmp"
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
	prices := map[string][]step{} // by member: what its energy displaces
	for i, b := range bids {
		if bought[i] > 0 && prices[b.member] == nil {
			prices[b.member] = displaced(b.member, bids, offers, bought, sold)
		}
	}
	for i, o := range offers {
		if sold[i] > 0 && prices[o.member] == nil {
			steps := displaced(o.member, bids, offers, bought, sold)
			slices.Reverse(steps) // a seller's dearest first
			prices[o.member] = steps
		}
	}
	one := c.trades(bids, offers, bought, sold, 0, 0)
	slices.SortFunc(one, func(a, b Trade) int { return cmp.Or(strings.Compare(a.Bid, b.Bid), strings.Compare(a.Offer, b.Offer)) })
	members := map[string]string{}
	for _, l := range slices.Concat(bids, offers) {
		members[l.id] = l.member
	}
	var r Result
	for _, t := range one {
		for t.Energy > 0 {
			buyer, seller := &prices[members[t.Bid]][0], &prices[members[t.Offer]][0]
			energy := min(t.Energy, buyer.energy, seller.energy)
			r.Trades = append(r.Trades, Trade{t.Bid, t.Offer, energy, buyer.price, seller.price})
			t.Energy -= energy
			use(prices, members[t.Bid], energy)
			use(prices, members[t.Offer], energy)
		}
	}
	return c.finish(r), nil
}

// step is energy at a price.
type step struct {
	price  grid.Price
	energy grid.Energy
}

func use(prices map[string][]step, member string, energy grid.Energy) {
	steps := prices[member]
	if steps[0].energy -= energy; steps[0].energy == 0 {
		steps = steps[1:]
	}
	prices[member] = steps
}

// displaced compares the trade with that of the same market without a member:
// what the others' bids lose and the others' offers sell more because of a
// buyer, at their limits, and the other way round for a seller. Lowest price
// first; the energies add up to the member's own.
func displaced(member string, bids, offers []lot, bought, sold []grid.Energy) []step {
	others := func(l lot) bool { return l.member != member }
	otherBids, otherOffers := within(bids, others), within(offers, others)
	without := cross(otherBids, otherOffers).volume
	change := map[grid.Price]grid.Energy{}
	for i, b := range bids {
		if others(b) {
			change[b.limit] -= bought[i]
		}
	}
	for i, o := range offers {
		if others(o) {
			change[o.limit] += sold[i]
		}
	}
	// At one limit it does not matter who of the others is served.
	serve := func(lots []lot, sign grid.Energy) {
		left := without
		for _, l := range lots {
			energy := min(l.energy, left)
			left -= energy
			change[l.limit] += sign * energy
		}
	}
	serve(otherBids, 1)
	serve(otherOffers, -1)
	var steps []step
	for price, energy := range change {
		if energy != 0 {
			steps = append(steps, step{price, max(energy, -energy)})
		}
	}
	slices.SortFunc(steps, func(a, b step) int { return cmp.Compare(a.price, b.price) })
	return steps
}
