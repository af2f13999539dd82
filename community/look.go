package community

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// Fill is a trade as the member of one of its two orders sees it.
type Fill struct {
	Seq           uint64 // of the trade
	Interval      grid.Interval
	ClientID      string
	MeteringPoint string
	Side          grid.Side // of the order
	Energy        grid.Energy
	Price         grid.Price // what the member pays or gets, per kWh
}

// Fills returns a member's trades, of one interval or of all that are not settled for good, as
// they came.
func (m *Market) Fills(member string, only *grid.Interval) []Fill {
	intervals := slices.Collect(maps.Keys(m.traded.trades))
	if only != nil {
		intervals = []grid.Interval{*only}
	}
	var all []Fill
	for _, i := range intervals {
		for _, t := range m.traded.trades[i] {
			for _, f := range []Fill{
				{Seq: t.Seq, Interval: i, ClientID: t.Bid, MeteringPoint: t.Buyer, Side: grid.Bid, Energy: t.Energy, Price: t.BidPrice},
				{Seq: t.Seq, Interval: i, ClientID: t.Offer, MeteringPoint: t.Seller, Side: grid.Offer, Energy: t.Energy, Price: t.OfferPrice},
			} {
				if m.Owner(f.MeteringPoint) == member {
					f.ClientID = m.clientOf(f.ClientID)
					all = append(all, f)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b Fill) int { return cmp.Compare(a.Seq, b.Seq) })
	return all
}

// Level is what waits at a price.
type Level struct {
	Price  grid.Price
	Energy grid.Energy
}

// Best is where the market of an interval stands at a metering point: the dearest bid and the
// cheapest offer with which an order from there would trade at once. In a market of calls alone
// they wait for the call auction, and the dearest bid may be above the cheapest offer.
type Best struct {
	Bid, Offer *Level // nil: there is none
}

// Best returns the best prices of an interval at a metering point of a member; empty: its only
// one. Errors: *RefusedError, which names the field.
func (m *Market) Best(member, point string, i grid.Interval) (Best, error) {
	if point == "" {
		point = m.only(member)
	}
	account := m.accounts[point]
	if account == 0 || m.points[account].Member != member {
		return Best{}, &RefusedError{fmt.Sprintf("metering_point: %q does not belong to member %q", point, member)}
	}
	if m.product(m.label(i)).Interval != i || !m.engine.IsOpen(m.label(i)) {
		return Best{}, &RefusedError{m.Explain(matching.NotOpen)}
	}
	var b Best
	for side, level := range map[grid.Side]**Level{grid.Bid: &b.Bid, grid.Offer: &b.Offer} {
		if price, energy, some := m.engine.Best(account, m.label(i), side); some {
			*level = &Level{price, energy}
		}
	}
	return b, nil
}
