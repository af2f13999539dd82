// Package measures says how well a community does, by what its statement book says of the
// intervals that are settled: sums over all members, and how the one fared whom the community
// served worst.
//
// # Model
//
// Of an interval, perfect sharing of what was metered would move as much as the smaller of all
// imports and all exports: Shareable. What was shared is what the members imported and did not
// take from the utility, whatever moved it (trades, the pool, own energy, an allocation key);
// it counts as far as it was shareable. Imbalance is what was metered otherwise than it was
// traded, both ways.
//
// What a member would have got without the community is the book's: its devices as they would
// have gone alone, at its own tariff. Worse off is who lost by more than a cent and by more than
// a thousandth of what its energy is worth (settlement.WorseOff).
//
// # Signs
//
// Money is + where members receive. Energies are never negative.
package measures

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/tariff"
)

// Book shows what settled intervals meant, in order of time. What see is shown it must not keep.
type Book interface {
	Each(ctx context.Context, from, to time.Time, see func(*statements.Interval) error) error
}

// Measures are those of the intervals of some time.
type Measures struct {
	From, Until  time.Time // begin of the first interval and end of the last; zero: there was none
	Intervals    int
	Members      int
	Net, Without grid.Money // of all members together, with the community and each alone
	Shared       grid.Energy
	Shareable    grid.Energy
	Imbalance    grid.Energy
	WorseOff     int        // members whom the community cost more than it saved
	Worst        grid.Money // what the member gained by the community that gained least; negative: it lost
}

const whole = 1000 // per mille

// Sharing returns the part that was shared of what could be, per mille; nil where there was
// nothing to share.
func (m Measures) Sharing() *int64 {
	if m.Shareable <= 0 {
		return nil
	}
	return new((int64(m.Shared)*whole + int64(m.Shareable)/2) / int64(m.Shareable)) //nolint:mnd // rounded
}

// member is what a member received, would have received alone, and what its energy is worth.
type member struct{ net, without, worth grid.Money }

// Of measures the intervals that begin in [from, to).
func Of(ctx context.Context, book Book, from, to time.Time) (m Measures, err error) {
	members := map[string]member{}
	err = book.Each(ctx, from, to, func(i *statements.Interval) error {
		if m.Intervals++; m.From.IsZero() {
			m.From = i.Interval.Begin()
		}
		m.Until = i.Interval.End()
		var all grid.Flow
		var utility grid.Energy
		for _, p := range i.Points {
			all = grid.Flow{Import: all.Import + p.Metered.Import, Export: all.Export + p.Metered.Export}
			utility += p.Cover.Retail
			m.Imbalance += max(p.Cover.Imbalance, -p.Cover.Imbalance)
			name := p.Member
			if name == "" { // was forgotten: by its point alone
				name = "\x00" + p.MeteringPoint
			}
			of, err := members[name].with(p)
			if err != nil {
				return fmt.Errorf("measures: %s: %w", i.Interval, err)
			}
			members[name] = of
		}
		shareable := min(all.Import, all.Export)
		m.Shareable += shareable
		m.Shared += min(max(all.Import-utility, 0), shareable)
		return nil
	})
	if err != nil {
		return Measures{}, err
	}
	return m.fare(members)
}

// fare adds how the members fared.
func (m Measures) fare(members map[string]member) (Measures, error) {
	m.Members = len(members)
	for k, name := range slices.Sorted(maps.Keys(members)) {
		of := members[name]
		gain, err := of.net.Sub(of.without)
		if err == nil {
			m.Net, err = m.Net.Add(of.net)
		}
		if err == nil {
			m.Without, err = m.Without.Add(of.without)
		}
		if err != nil {
			return Measures{}, fmt.Errorf("measures: %w", err)
		}
		if settlement.WorseOff(of.net, of.without, of.worth) {
			m.WorseOff++
		}
		if k == 0 || gain < m.Worst {
			m.Worst = gain
		}
	}
	return m, nil
}

// with adds what an interval meant for a point of the member. Errors: grid.ErrOverflow.
func (m member) with(p statements.Point) (member, error) {
	size := func(p grid.Price) grid.Price { return max(p, -p) }
	worth, err := settlement.Worth(tariff.Rates{Retail: size(p.Rates.Retail), FeedIn: -size(p.Rates.FeedIn)}, p.Metered)
	if err != nil {
		return m, err
	}
	for _, x := range []struct {
		sum *grid.Money
		add grid.Money
	}{{&m.net, p.Net}, {&m.without, p.Without}, {&m.worth, -worth}} {
		if *x.sum, err = x.sum.Add(x.add); err != nil {
			return m, err
		}
	}
	return m, nil
}
