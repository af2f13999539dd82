package billing

import (
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/statements"
)

// keyed is what an interval would have been under a dynamic allocation key: what all gave in
// it goes to all who took, in proportion to what each took, at the middle between the avoided
// price of those who take and the feed-in price of those who give, both weighted by energy;
// the rest goes to and comes from the utility. Remainders go by largest remainder, ties by
// account.
type keyed struct {
	takers, givers []grid.Share
	at             [][2]int // of each point, its place among takers and givers, from 1
	shares         []keyShare
}

// keyShare is what a point has under the key.
type keyShare struct {
	taken, given grid.Energy
	money        grid.Money // with the utility's part, without VAT, + receives
}

func (k *keyed) of(point int) keyShare { return k.shares[point] }

// share reckons an interval.
func (k *keyed) share(i *statements.Interval) error {
	k.takers, k.givers, k.at, k.shares = k.takers[:0], k.givers[:0], k.at[:0], k.shares[:0]
	var taken, given int64
	for n := range i.Points {
		p := &i.Points[n]
		at := [2]int{}
		if p.Metered.Import > 0 {
			k.takers = append(k.takers, grid.Share{ID: p.Account, Weight: int64(p.Metered.Import)})
			taken, at[0] = taken+int64(p.Metered.Import), len(k.takers)
		}
		if p.Metered.Export > 0 {
			k.givers = append(k.givers, grid.Share{ID: p.Account, Weight: int64(p.Metered.Export)})
			given, at[1] = given+int64(p.Metered.Export), len(k.givers)
		}
		k.at = append(k.at, at)
	}
	shared := min(taken, given)
	var to, from []int64
	var err error
	if shared > 0 {
		if to, err = grid.Split(shared, k.takers); err == nil {
			from, err = grid.Split(shared, k.givers)
		}
		if err != nil {
			return err
		}
	}
	for _, at := range k.at {
		var s keyShare
		if at[0] > 0 && to != nil {
			s.taken = grid.Energy(to[at[0]-1])
		}
		if at[1] > 0 && from != nil {
			s.given = grid.Energy(from[at[1]-1])
		}
		k.shares = append(k.shares, s)
	}
	price, err := k.price(i, shared)
	if err != nil {
		return err
	}
	for n := range i.Points {
		if err := k.shares[n].pay(&i.Points[n], price); err != nil {
			return err
		}
	}
	return nil
}

// price returns the middle between the mean avoided price of what is taken and the mean
// feed-in price of what is given.
func (k *keyed) price(i *statements.Interval, shared int64) (grid.Price, error) {
	if shared == 0 {
		return 0, nil
	}
	var sum exact
	for n := range i.Points {
		p := &i.Points[n]
		sum.add(p.Rates.Avoided(), k.shares[n].taken)
		sum.add(p.Rates.FeedIn, k.shares[n].given)
	}
	m, err := round(sum.sum(), 2*shared)
	return grid.Price(m), err
}

// pay reckons what a point pays and gets.
func (s *keyShare) pay(p *statements.Point, price grid.Price) error {
	for _, x := range []struct {
		price  grid.Price
		energy grid.Energy // + the point pays
	}{
		{price, s.taken - s.given}, {p.Rates.Retail, p.Metered.Import - s.taken}, {p.Rates.Community, s.taken}, {p.Rates.FeedIn, s.given - p.Metered.Export},
	} {
		cost, err := x.price.Cost(x.energy)
		if err != nil {
			return err
		}
		if s.money, err = s.money.Sub(cost); err != nil {
			return err
		}
	}
	return nil
}
