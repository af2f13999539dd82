package auction

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

var (
	errNoUtility = errors.New("utility: missing: midpoint needs its two prices")
	errNoUnits   = errors.New("orders: mcafee allows single units of equal size only")
)

// McAfee is the trade reduction of R. P. McAfee, A dominant strategy double
// auction, Journal of Economic Theory 56 (1992): with k efficient trades, all
// trade at the middle of the (k+1)th limits if the k-th accept it, else k−1
// trade, the buyers at the k-th bid, the sellers at the k-th offer.
func McAfee(c Case) (Result, error) {
	if err := c.onePerMember("mcafee"); err != nil {
		return Result{}, err
	}
	for i, o := range c.Orders {
		if o.Energy != c.Orders[0].Energy {
			return Result{}, fmt.Errorf("orders[%d].energy: %d Wh: %w", i, o.Energy, errNoUnits)
		}
	}
	bids, offers := c.lots()
	k := cross(bids, offers).bids
	if k == 0 {
		return c.finish(Result{}), nil
	}
	pays, gets := bids[k-1].limit, offers[k-1].limit
	trading := k - 1
	if k < len(bids) && k < len(offers) {
		if p := Between(min(bids[k].limit, offers[k].limit), max(bids[k].limit, offers[k].limit), Half); gets <= p && p <= pays {
			pays, gets, trading = p, p, k
		}
	}
	var r Result
	for i := range trading {
		r.Trades = append(r.Trades, Trade{bids[i].id, offers[i].id, bids[i].energy, pays, gets})
	}
	if trading > 0 && pays == gets {
		r.Price = &pays
	}
	return c.finish(r), nil
}

// Huang is the multi-unit trade reduction of P. Huang, A. Scheller-Wolf, K.
// Sycara, Design of a multi-unit double auction e-market, Computational
// Intelligence 18 (2002): the marginal bid and offer set the two prices and do
// not trade; of the others the side with more energy gives up the excess in
// equal parts.
func Huang(c Case) (Result, error) {
	if err := c.onePerMember("huang"); err != nil {
		return Result{}, err
	}
	bids, offers := c.lots()
	meet := cross(bids, offers)
	if meet.volume == 0 {
		return c.finish(Result{}), nil
	}
	pays, gets := bids[meet.bids-1].limit, offers[meet.offers-1].limit
	bids, offers = bids[:meet.bids-1], offers[:meet.offers-1]
	volume := min(total(bids), total(offers))
	bought, sold := curtail(bids, total(bids)-volume), curtail(offers, total(offers)-volume)
	return c.finish(Result{Trades: c.trades(bids, offers, bought, sold, pays, gets)}), nil
}

// curtail takes excess energy from the lots in equal parts, from none more than
// it has; what does not divide is taken from the first by id, which does not
// depend on the limits.
func curtail(lots []lot, excess grid.Energy) []grid.Energy {
	left, byID := make([]grid.Energy, len(lots)), make([]int, len(lots))
	for i, l := range lots {
		left[i], byID[i] = l.energy, i
	}
	slices.SortFunc(byID, func(a, b int) int { return strings.Compare(lots[a].id, lots[b].id) })
	for excess > 0 {
		var some grid.Energy // lots that have any
		for _, e := range left {
			if e > 0 {
				some++
			}
		}
		part, odd := excess/some, excess%some
		for _, i := range byID {
			if left[i] == 0 {
				continue
			}
			take := part
			if odd > 0 {
				take++
				odd--
			}
			take = min(take, left[i])
			left[i] -= take
			excess -= take
		}
	}
	return left
}
