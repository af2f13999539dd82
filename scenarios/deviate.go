package scenarios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/foresight"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/tariff"
)

// Deviations are what single members would have gained by trading otherwise than their agents
// do, while all others keep to theirs (best response). For each of them the scenario is replayed
// anew once for each deviation that is tried. So a gain is the least that a member could have
// gained at best: nobody tried all deviations there are.
type Deviations struct {
	From      time.Time `json:"from,omitzero"` // of what a community recorded; zero: it was a replay's own time
	To        time.Time `json:"to,omitzero"`
	Intervals int       `json:"intervals,omitempty"`

	Best    *Deviated   `json:"best"` // of all members; null: none was asked for
	Members []Deviating `json:"members"`
}

// Deviating is what a member tried, and what gained it most.
type Deviating struct {
	Deviated

	Money grid.Money `json:"money"` // the most that any of them brought it, without what was kept
	Tried []Tried    `json:"tried"`
}

// Deviated is the deviation that gained a member most.
type Deviated struct {
	Member string     `json:"member"`
	How    string     `json:"how"`
	Gain   grid.Money `json:"gain"` // over trading as its agent does; negative: nothing that was tried gained anything
}

// Tried is what came of a deviation.
type Tried struct {
	How    string      `json:"how"`
	Gain   grid.Money  `json:"gain"`            // Money, and what Stored and Cars are worth at the member's mean price
	Money  grid.Money  `json:"money"`           // that it received more
	Stored grid.Energy `json:"stored"`          // that its battery holds more at the end
	Cars   grid.Energy `json:"cars"`            // that its car took more
	Loads  grid.Energy `json:"loads,omitempty"` // that its appliance took more
}

// deviation is one way to trade otherwise. The zero deviation changes nothing.
type deviation struct {
	how    string
	shift  grid.PerMille  // prices in the member's favour, of what lies between its feed-in and what neighbours' energy saves it
	energy grid.PerMille  // of each order, of what the agent orders
	by     agent.Strategy // that trades; "": the member's own
}

const allOfIt grid.PerMille = 1000

// deviationsTried are those that are tried for each member.
func deviationsTried() []deviation {
	return []deviation{
		{how: "prices 1 % in its favour", shift: 10, energy: allOfIt},
		{how: "prices 5 % in its favour", shift: 50, energy: allOfIt},
		{how: "prices 20 % against it, to come first", shift: -200, energy: allOfIt},
		{how: "half of each order withheld", energy: allOfIt / 2},
		{how: "no orders", energy: 0},
		{how: "half as much again in each order", energy: allOfIt * 3 / 2},
		{how: "strategy self-consumption", energy: allOfIt, by: agent.BySelfConsumption},
		{how: "strategy price-curve", energy: allOfIt, by: agent.ByPriceCurve},
	}
}

// deviant is the one member of a replay that deviates.
type deviant struct {
	member string
	deviation
}

// of returns the strategy of a member.
func (d *deviant) of(s Scenario, member string) agent.Strategy {
	if d != nil && d.member == member && d.by != "" {
		return d.by
	}
	return s.Of(member)
}

// bids changes what the agent of a member's metering point orders.
func (d *deviant) bids(member string, all []drive.Bids, rates func(grid.Interval) (tariff.Rates, error)) []drive.Bids {
	if d == nil || d.member != member {
		return all
	}
	for k := range all {
		at, err := rates(all[k].Interval)
		if err != nil {
			continue // without a price there are no orders
		}
		all[k].Orders = d.orders(all[k].Orders, at)
	}
	return all
}

// orders changes the orders of an interval. Prices stay between feed-in and what neighbours' energy
// saves: beyond them a trade would be worse than the utility.
func (d deviation) orders(orders []grid.Order, at tariff.Rates) (changed []grid.Order) {
	by := (at.Avoided() - at.FeedIn) * grid.Price(d.shift) / grid.Price(allOfIt)
	for _, o := range orders {
		if o.Energy = o.Energy * grid.Energy(d.energy) / grid.Energy(allOfIt); o.Energy <= 0 {
			continue
		}
		if o.Side == grid.Bid {
			o.Price = min(max(o.Price-by, at.FeedIn), max(at.Avoided(), o.Price))
		} else {
			o.Price = max(min(o.Price+by, at.Avoided()), min(at.FeedIn, o.Price))
		}
		changed = append(changed, o)
	}
	return changed
}

// sampled are so many homes of a street, evenly spread over it.
func sampled(homes, n int) (all []int) {
	for k := range n {
		all = append(all, k*homes/n)
	}
	return all
}

// Deviate finds out what members gain by deviating: of as many as the scenario says. progress is
// called with the share done, 0 to 1.
func (r *Result) Deviate(ctx context.Context, progress func(float64)) error {
	homes, tried := sampled(r.Scenario.Homes, r.Scenario.Deviate), deviationsTried()
	if len(homes) == 0 {
		return nil
	}
	r.Deviations = &Deviations{}
	parts := float64(len(homes) * len(tried))
	for n, home := range homes {
		m := Deviating{Deviated: Deviated{Member: r.Scenario.World().Homes[home].ID}}
		for k, d := range tried {
			t, err := r.deviate(ctx, home, deviant{m.Member, d}, func(share float64) { progress((float64(n*len(tried)+k) + share) / parts) })
			if err != nil {
				return fmt.Errorf("%s with %s: %w", m.Member, d.how, err)
			}
			m.add(t)
		}
		r.Deviations.Members = append(r.Deviations.Members, m)
	}
	r.Deviations.Best = new(slices.MaxFunc(r.Deviations.Members, func(a, b Deviating) int { return cmp.Compare(a.Gain, b.Gain) }).Deviated)
	return nil
}

// add notes what came of a deviation.
func (m *Deviating) add(t Tried) {
	first := len(m.Tried) == 0
	if m.Tried = append(m.Tried, t); first || t.Gain > m.Gain {
		m.How, m.Gain = t.How, t.Gain
	}
	if first || t.Money > m.Money {
		m.Money = t.Money
	}
}

// deviate replays the scenario with a member that deviates, and compares what it has.
func (r *Result) deviate(ctx context.Context, home int, d deviant, progress func(float64)) (t Tried, err error) {
	l, err := embedded.OpenMemory(ctx, Community, r.Scenario.Currency(), ledger.SeededNames(r.Scenario.Seed))
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	other, err := play(ctx, r.Scenario, l, &d, progress)
	if err != nil {
		return t, err
	}
	period, was, err := r.fared(home, d.member)
	if err != nil {
		return t, err
	}
	_, is, err := other.fared(home, d.member)
	if err != nil {
		return t, err
	}
	t = Tried{How: d.how, Money: is.Money - was.Money, Stored: is.Stored - was.Stored, Cars: is.Cars - was.Cars, Loads: is.Loads - was.Loads}
	t.Gain = t.Money + period.Kept(foresight.Kept{Stored: t.Stored, Cars: t.Cars, Loads: t.Loads})
	return t, nil
}

// fared returns what a member received and kept, and what energy cost it.
func (r *Result) fared(home int, member string) (p foresight.Period, w foresight.Way, err error) {
	for _, statements := range r.byInterval() {
		for _, s := range statements {
			if s.Member != member {
				continue
			}
			if len(p.Retail) == 0 {
				p.First = s.Interval
			}
			p.Retail, p.FeedIn = append(p.Retail, s.Counted.Retail), append(p.FeedIn, s.Counted.FeedIn)
			if w.Money, err = w.Money.Add(s.Net); err != nil {
				return p, w, fmt.Errorf("%s, up to %s: %w", member, s.Interval, err)
			}
		}
	}
	w.Kept, err = r.watch.KeptBy(home, p)
	return p, w, err
}
