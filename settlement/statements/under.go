package statements

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// Under returns what the interval would have meant for its metering points under other rules,
// such as an allocation key that names metering points: of what was metered, at the rates that
// counted, without any trade and without the fees of lines. Points whose value was estimated share
// nothing, as in a settlement. What homes would have done otherwise under these rules is not
// known. The statements are by metering point.
func (i *Interval) Under(rules settlement.Rules) ([]settlement.Statement, error) {
	in := settlement.Input{Interval: i.Interval, Run: 1, Rules: &rules, Points: map[string]settlement.Point{}}
	in.Rates = map[string]tariff.Rates{}
	for k, p := range i.Points {
		if k == 0 {
			in.Tariff = tariff.Tariff{Version: p.Rates.Version, Currency: p.Rates.Currency, Retail: p.Rates.Retail, FeedIn: p.Rates.FeedIn}
		}
		m := record.Metered{MeteringPoint: p.MeteringPoint, Flow: p.Metered, Quality: p.Quality}
		if m.Quality == grid.Final {
			m.Quality = grid.Good // it counts as if it was metered
		}
		in.Metered = append(in.Metered, m)
		in.Points[p.MeteringPoint] = settlement.Point{Account: p.Account, Member: p.Member}
		in.Rates[p.MeteringPoint] = p.Rates
	}
	run, err := settlement.Settle(in)
	if err != nil {
		return nil, fmt.Errorf("under other rules: %w", err)
	}
	return run.Statements, nil
}

// Member is what a member had, and what it would have had under other rules.
type Member struct {
	Name           string
	Net, Would     grid.Money  // + receives
	Without        grid.Money  // without the community
	Worth          grid.Money  // of what was metered at its own tariff, import and export added as absolute values
	Shared, Shares grid.Energy // need that neighbours met: as it was, and as it would have been
}

// Under returns what the intervals that begin in [from, to) meant for the members, by name, and
// what they would have meant under other rules, and how many intervals that were.
func (b *Book) Under(ctx context.Context, from, to time.Time, rules settlement.Rules) (members []Member, intervals int, err error) {
	all := map[string]*Member{}
	err = b.Each(ctx, from, to, func(i *Interval) error {
		would, err := i.Under(rules)
		if err != nil {
			return err
		}
		nets := map[string]settlement.Statement{}
		for _, s := range would {
			nets[s.MeteringPoint] = s
		}
		intervals++
		for k := range i.Points {
			p := &i.Points[k]
			if all[p.Member] == nil {
				all[p.Member] = &Member{Name: p.Member}
			}
			if err := all[p.Member].add(p, nets[p.MeteringPoint]); err != nil {
				return fmt.Errorf("%s, member %s: %w", i.Interval, p.Member, err)
			}
		}
		return nil
	})
	for _, name := range slices.Sorted(maps.Keys(all)) {
		members = append(members, *all[name])
	}
	return members, intervals, err
}

// add adds an interval of a metering point.
func (m *Member) add(p *Point, would settlement.Statement) error {
	owed, err1 := p.Rates.Retail.Cost(p.Metered.Import)
	earned, err2 := p.Rates.FeedIn.Cost(p.Metered.Export)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	for _, x := range []struct {
		sum *grid.Money
		add grid.Money
	}{{&m.Net, p.Net}, {&m.Would, would.Net}, {&m.Without, p.Without}, {&m.Worth, max(owed, -owed)}, {&m.Worth, max(earned, -earned)}} {
		var err error
		if *x.sum, err = x.sum.Add(x.add); err != nil {
			return err
		}
	}
	m.Shared += shared(p.Metered, p.Cover)
	m.Shares += shared(would.Metered, would.Cover)
	return nil
}

// shared is the need of a point that neighbours met: by trades that it drew, by pool or key.
func shared(f grid.Flow, c settlement.Cover) grid.Energy {
	return min(c.Bought, f.Import) + c.PoolBought + c.KeyBought
}
