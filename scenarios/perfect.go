package scenarios

import (
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/foresight"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// worthOf is what the metered import and export are worth at the own tariff, their absolute
// values added.
func worthOf(s Statement) (grid.Money, error) {
	size := func(p grid.Price) grid.Price { return max(p, -p) }
	worth, err := settlement.Worth(tariff.Rates{Retail: size(s.Counted.Retail), FeedIn: -size(s.Counted.FeedIn)}, s.Metered)
	return -worth, err
}

// standing is what a member received, would have received alone, and what its energy is worth.
type standing struct{ net, without, worth grid.Money }

// with adds a statement. Errors: grid.ErrOverflow.
func (m standing) with(s Statement) (standing, error) {
	worth, err := worthOf(s)
	if err != nil {
		return m, err
	}
	for _, x := range []struct {
		sum *grid.Money
		add grid.Money
	}{{&m.net, s.Net}, {&m.without, s.Alone()}, {&m.worth, worth}} {
		if *x.sum, err = x.sum.Add(x.add); err != nil {
			return m, err
		}
	}
	return m, nil
}

// perfectSharing is what all members would have received together in an interval, had what was
// metered been shared as well as can be.
func perfectSharing(statements []Statement, ownFirst bool) (grid.Money, error) {
	points := make([]foresight.Point, len(statements))
	for k, s := range statements {
		points[k] = foresight.Point{Rates: s.Counted, Flow: s.Metered}
	}
	return foresight.Shared(points, ownFirst)
}
