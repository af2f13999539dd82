package foresight

import (
	"errors"
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/optimum"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// ErrFeedIn says that in some interval a home is paid more for what it feeds in than another pays: an
// optimum is reckoned only where sharing never loses.
var ErrFeedIn = errors.New("feed-in is above retail")

// Add takes in the interval that follows, in which each home of the street has its rates. Errors: ErrFeedIn.
func (p *Period) Add(i grid.Interval, rates []tariff.Rates) error {
	if len(p.Retail) == 0 {
		p.First = i
	}
	points := make([]Point, len(rates))
	best := rates[0]
	for k, r := range rates {
		points[k].Rates = r
		best.Retail, best.FeedIn = min(best.Retail, r.Retail), max(best.FeedIn, r.FeedIn)
	}
	if best.FeedIn > best.Retail {
		return fmt.Errorf("%w: %d and %d millionths a kWh", ErrFeedIn, best.FeedIn, best.Retail)
	}
	p.Retail, p.FeedIn = append(p.Retail, best.Retail), append(p.FeedIn, best.FeedIn)
	if _, one := oneOf(points); one {
		rates = nil
	}
	p.Own = append(p.Own, rates)
	return nil
}

// own returns by how much less a schedule of the optimum comes to where each home pays its own rates and not
// the best of all.
func (p Period) own(c optimum.Case, moves [][]grid.Energy) (less grid.Money, err error) {
	for t, rates := range p.Own {
		if rates == nil {
			continue
		}
		points := make([]Point, len(rates))
		var all grid.Energy
		for k := range points {
			net := c.Homes[k].Net[t] + moves[k][t]
			points[k] = Point{rates[k], grid.Flow{Import: max(net, 0), Export: max(-net, 0)}}
			all += net
		}
		best, err := settlement.Worth(tariff.Rates{Retail: p.Retail[t], FeedIn: p.FeedIn[t]}, grid.Flow{Import: max(all, 0), Export: max(-all, 0)})
		if err != nil {
			return 0, err
		}
		reached, err := Shared(points, true)
		if err != nil {
			return 0, err
		}
		less += best - reached
	}
	return less, nil
}
