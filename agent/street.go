package agent

import (
	"math"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// street is what the homes of a community expect of each other: sums alone, from which follows
// what a kWh more or less is worth to one of them.
//
// Each scenario is one course of the coming days. What all homes take without their batteries
// is known of it, and the batteries of the community are taken for one that covers what is
// lacking and stores what is left over, as they do for each other (hold.Street). What that one
// leaves is lack or surplus of the community: it is bought at retail, or given away at feed-in.
type street struct {
	first grid.Interval // of the rows
	base  [][]float64   // Wh that all take without their batteries
	b     storage       // their batteries together
	stale bool          // base changed since the rest was reckoned
	short [][]float64   // by scenario and interval: Wh that the utility gives, or takes (−)
	pool  [][]float64   // Wh that members give each other
	worth [][]share     // what one more Wh is worth to all
	room  [][]float64   // Wh that all could take more before the utility gives some; below 0: it gives already
}

// settle reckons what the batteries leave, where something changed.
func (st *street) settle() *street {
	if !st.stale {
		return st
	}
	st.stale, st.short, st.worth, st.room = false, st.short[:0], st.worth[:0], st.room[:0]
	for _, net := range st.base {
		short := slices.Clone(net)
		worth, room := st.b.run(short, st.first.Length().Hours())
		st.worth, st.room, st.short = append(st.worth, worth), append(st.room, room), append(st.short, short)
	}
	return st
}

// moves notes that a home's cars will take something else than was reckoned with, so that the
// next home does not take the same hour for the cheap one.
func (st *street) moves(x *expected, before, after charging) {
	st.turns(x, before, after, func(s int) []float64 { return x.cars[s] })
}

// turns is moves of anything that is usual in a scenario.
func (st *street) turns(x *expected, before, after charging, of func(s int) []float64) {
	shift := between(x.begins(), st.first)
	for s, net := range st.base {
		if s >= len(x.net) {
			continue
		}
		took := of(s)
		for k := range net {
			i, usual := st.first.Shift(k), took[min(max(k+shift, 0), len(took)-1)]
			net[k] += after.or(i, usual) - before.or(i, usual)
		}
	}
	st.stale = true
}

// few is energy that is none, Wh.
const few = 1.0

// share is how much a kWh is worth: so much of what the utility takes for one, and so much of what it pays.
type share struct{ retail, feedIn float64 }

func (s share) times(x float64) share { return share{s.retail * x, s.feedIn * x} }

// of returns it at a home's rates, millionths; no kWh is worth more than one that is bought.
func (s share) of(r tariff.Rates) float64 {
	return math.Min(s.retail*float64(r.Retail)+s.feedIn*float64(r.FeedIn), math.Max(float64(r.Retail), float64(r.FeedIn)))
}

// run has a battery cover what is lacking and store what is left over; net becomes what that
// leaves. It returns what one more Wh is worth: where the battery leaves something, what the utility makes
// of it, and else what it will be worth when next the battery is empty or full, with what is lost on
// the way. That the battery has not the power for all says nothing of any other time. room is how
// much more of an interval's needs the battery and what is left over could cover.
func (b storage) run(net []float64, hours float64) (worth []share, room []float64) {
	type end int
	const (
		within end = iota // between empty and full
		empty
		full
	)
	worth, room = make([]share, len(net)), make([]float64, len(net))
	ends, gives := make([]end, len(net)), make([]bool, len(net))
	for k, wh := range net {
		room[k] = math.Min(b.power*hours, b.held*oneWay) - wh
		if wh > 0 {
			given := math.Min(wh, math.Min(b.power*hours, b.held*oneWay))
			b.held -= given / oneWay
			net[k] -= given
			if gives[k] = true; b.held < few && net[k] > few {
				ends[k] = empty
			}
			continue
		}
		taken := math.Min(-wh, math.Min(b.power*hours, (b.capacity-b.held)/oneWay))
		b.held += taken * oneWay
		net[k] += taken
		if b.capacity-b.held < few && net[k] < -few {
			ends[k] = full
		}
	}
	stored := share{0.5 * oneWay, 0.5 / oneWay} // nobody knows what is after the last interval
	for k, wh := range slices.Backward(net) {
		switch ends[k] {
		case empty:
			stored = share{retail: oneWay}
		case full:
			stored = share{feedIn: 1 / oneWay}
		case within:
		}
		switch {
		case wh > few:
			worth[k] = share{retail: 1}
		case wh < -few:
			worth[k] = share{feedIn: 1}
		case gives[k]:
			worth[k] = stored.times(1 / oneWay)
		default:
			worth[k] = stored.times(oneWay)
		}
	}
	return worth, room
}

// pooled returns what the pool is expected to make of one more kWh that a home takes, or gives, in
// a scenario, in millionths, at its rates: half of what a kWh saves goes to who gives it and half to
// who takes it, and who comes too many shares with the others. buy is never less than the middle of
// feed-in and what neighbours' energy saves, and sell never more.
func (st *street) pooled(s, k int, r tariff.Rates) (buy, sell float64) {
	feedIn, avoided, retail := float64(r.FeedIn), float64(r.Avoided()), float64(r.Retail)
	if avoided < feedIn { // nothing is shared
		return retail, feedIn
	}
	short, pool := st.short[s][k], st.pool[s][k]+few
	buy, sell = retail-(avoided-middle(r)), middle(r)
	switch {
	case short > few:
		buy = retail - (avoided-middle(r))*pool/(pool+short)
	case short < -few:
		sell = feedIn + (middle(r)-feedIn)*pool/(pool-short)
	}
	return buy, sell
}

// common is how far a home plans by what a Wh is worth to all, and not by what the pool makes of
// it: the pool's prices are means, and hide what a Wh more or less is worth. By them alone batteries
// charge from each other, and cars from batteries that will lack it an hour later. What nobody pays
// for it is small: the community as a whole loses nothing by it, and gains what follows.
const common = 0.8

// prices returns what a home plans by in a scenario: what one more kWh taken costs, and what one
// more given brings, in millionths.
func (st *street) prices(s, k int, r tariff.Rates) (buy, sell float64) {
	buy, sell = st.pooled(s, k, r)
	worth := st.worth[s][k].of(r)
	return buy + (worth-buy)*common, sell + (worth-sell)*common
}

// from says of a kWh of an interval which part of it the community shares, and which part of what it
// has comes from roofs, per mille.
func (st *street) from(s, k int) (shared, solar grid.PerMille) {
	pool := st.pool[s][k]
	if both := pool + math.Abs(st.short[s][k]); both > few {
		shared = grid.PerMille(math.Round(float64(allCharge) * pool / both))
	}
	if st.base[s][k] < 0 {
		solar = allCharge // there is more sun than all homes take
	}
	return shared, solar
}

// middle is the price at which neighbours share.
func middle(r tariff.Rates) float64 { return float64(r.FeedIn+r.Avoided()) / 2 } //nolint:mnd // half each
