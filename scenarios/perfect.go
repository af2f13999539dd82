package scenarios

import (
	"cmp"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
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
// metered been shared as well as can be: a point's own first, where the rules say so, then those who save most by it from
// those who would have earned least, as long as that is no loss. Fees of lines are left out.
func perfectSharing(statements []Statement, ownFirst bool) (grid.Money, error) {
	first := statements[0].Counted
	if !slices.ContainsFunc(statements, func(s Statement) bool {
		return s.Counted.Community != 0 || s.Counted.Retail != first.Retail || s.Counted.FeedIn != first.FeedIn
	}) {
		var all grid.Flow
		for _, s := range statements {
			all = grid.Flow{Import: all.Import + s.Metered.Import, Export: all.Export + s.Metered.Export}
		}
		both := min(all.Import, all.Export)
		return settlement.Worth(first, grid.Flow{Import: all.Import - both, Export: all.Export - both})
	}
	takers, givers := make([]Statement, len(statements)), []Statement{}
	for k, s := range statements {
		both := min(s.Metered.Import, s.Metered.Export)
		if !ownFirst || s.Counted.FeedIn > s.Counted.Retail {
			both = 0
		}
		s.Metered = grid.Flow{Import: s.Metered.Import - both, Export: s.Metered.Export - both}
		takers[k] = s
	}
	givers = append(givers, takers...)
	slices.SortStableFunc(takers, func(a, b Statement) int { return -cmp.Compare(a.Counted.Avoided(), b.Counted.Avoided()) })
	slices.SortStableFunc(givers, func(a, b Statement) int { return cmp.Compare(a.Counted.FeedIn, b.Counted.FeedIn) })
	var sum grid.Money
	add := func(p grid.Price, e grid.Energy) error {
		cost, err := p.Cost(e)
		if err == nil {
			sum, err = sum.Sub(cost)
		}
		return err
	}
	for t, g := 0, 0; t < len(takers) && g < len(givers); {
		taker, giver := &takers[t], &givers[g]
		switch e := min(taker.Metered.Import, giver.Metered.Export); {
		case e > 0 && taker.Counted.Avoided() < giver.Counted.FeedIn:
			t = len(takers) // whoever comes now would lose by it
		case e > 0:
			taker.Metered.Import -= e
			giver.Metered.Export -= e
			if err := add(taker.Counted.Community, e); err != nil {
				return 0, err
			}
		case taker.Metered.Import == 0:
			t++
		default:
			g++
		}
	}
	for k := range takers {
		err := add(takers[k].Counted.Retail, takers[k].Metered.Import)
		if err == nil {
			err = add(-givers[k].Counted.FeedIn, givers[k].Metered.Export)
		}
		if err != nil {
			return 0, err
		}
	}
	return sum, nil
}
