package foresight

import (
	"cmp"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// Point is what a metering point took and gave in an interval, at its own tariff.
type Point struct {
	tariff.Rates
	grid.Flow
}

// Shared is what all points receive together in an interval where what flowed is shared as well as can be:
// a point's own first, where the rules say so, then those who save most by it from those who would have
// earned least, as long as that is no loss. Fees of lines are left out. Errors: grid.ErrOverflow.
func Shared(points []Point, ownFirst bool) (grid.Money, error) {
	if rates, one := oneOf(points); one {
		return settlement.Worth(rates, rest(points))
	}
	takers := make([]Point, len(points))
	for k, p := range points {
		both := min(p.Import, p.Export)
		if !ownFirst || p.FeedIn > p.Retail {
			both = 0
		}
		p.Flow = grid.Flow{Import: p.Import - both, Export: p.Export - both}
		takers[k] = p
	}
	givers := slices.Clone(takers)
	slices.SortStableFunc(takers, func(a, b Point) int { return -cmp.Compare(a.Avoided(), b.Avoided()) })
	slices.SortStableFunc(givers, func(a, b Point) int { return cmp.Compare(a.FeedIn, b.FeedIn) })
	var sum grid.Money
	for t, g := 0, 0; t < len(takers) && g < len(givers); {
		taker, giver := &takers[t], &givers[g]
		switch e := min(taker.Import, giver.Export); {
		case e > 0 && taker.Avoided() < giver.FeedIn:
			t = len(takers) // whoever comes now would lose by it
		case e > 0:
			taker.Import -= e
			giver.Export -= e
			if err := pay(&sum, taker.Community, e); err != nil {
				return 0, err
			}
		case taker.Import == 0:
			t++
		default:
			g++
		}
	}
	for k := range takers {
		if err := cmp.Or(pay(&sum, takers[k].Retail, takers[k].Import), pay(&sum, -givers[k].FeedIn, givers[k].Export)); err != nil {
			return 0, err
		}
	}
	return sum, nil
}

// oneOf returns the rates that all points have; one is false where they differ, or where neighbours'
// energy costs something beside its price.
func oneOf(points []Point) (rates tariff.Rates, one bool) {
	for _, p := range points {
		rates = points[0].Rates
		if p.Community != 0 || p.Retail != rates.Retail || p.FeedIn != rates.FeedIn {
			return rates, false
		}
	}
	return rates, true
}

// rest is what is left of all flows when they were shared.
func rest(points []Point) grid.Flow {
	var all grid.Flow
	for _, p := range points {
		all = grid.Flow{Import: all.Import + p.Import, Export: all.Export + p.Export}
	}
	both := min(all.Import, all.Export)
	return grid.Flow{Import: all.Import - both, Export: all.Export - both}
}

// pay takes what energy costs off a sum.
func pay(sum *grid.Money, p grid.Price, e grid.Energy) error {
	cost, err := p.Cost(e)
	if err == nil {
		*sum, err = sum.Sub(cost)
	}
	return err
}
