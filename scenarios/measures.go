package scenarios

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/scenarios/foresight"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/sharing"
	"github.com/commonwatt/commonwatt/tariff"
)

// Measures say how well the community did beside what was possible, and beside simpler ways.
// Shares are in per mille.
type Measures struct {
	// Welfare is the declared welfare of all trades against the optimum of the same orders; null
	// where no orders crossed.
	Welfare *int64 `json:"welfare_share"`
	// Foresight is the gain over everybody alone against that of the joint optimum with perfect
	// foresight; null where that was not computed.
	Foresight     *int64          `json:"foresight_share"`
	ForesightGain *foresight.Gain `json:"foresight,omitempty"`

	RuleBased grid.Money `json:"rule_based_net"`     // of all members: batteries by their own logic, cars at once, what is over shared by the rules
	ByKey     grid.Money `json:"allocation_key_net"` // the same homes by a dynamic allocation key at the middle price
	Worst     *Worst     `json:"worst_member"`       // whom the community served worst; null without members
	LoserPart int64      `json:"members_worse_off_share"`
	Cycles    int64      `json:"battery_cycles"` // full ones, mean of the batteries, in thousandths

	foresight.Deadlines
}

// Worst is the member that the community served worst.
type Worst struct {
	Member string     `json:"member"`
	Gain   grid.Money `json:"gain"` // over itself without the community; negative: it lost
}

// measure computes the measures, but for what compare knows of the members.
func (r *Result) measure(s *Summary) error {
	s.Welfare = r.Welfare.Share()
	s.Cycles = r.cycles()
	var err error
	if s.ForesightGain, err = r.foresee(s); err != nil {
		return err
	}
	if g := s.ForesightGain; g != nil {
		s.Foresight = g.Optimum.Gain
	}
	if r.watch != nil && len(r.Intervals) > 0 {
		s.Deadlines = r.watch.Deadlines(r.Intervals[0].Interval, r.Intervals[len(r.Intervals)-1].Interval)
	}
	key := settlement.DefaultRules()
	key.Pool = settlement.Off
	key.Key = &settlement.Key{Scheme: sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}}, Price: settlement.KeyPrice{By: settlement.ByMidpoint}}
	pool := settlement.DefaultRules()
	for _, way := range []struct {
		net   *grid.Money
		rules settlement.Rules
	}{{&s.RuleBased, pool}, {&s.ByKey, key}} {
		if *way.net, err = r.apart(way.rules); err != nil {
			return err
		}
	}
	return nil
}

// apart returns what all members would have received by other rules had nobody moved their batteries
// and cars, and nothing been traded.
func (r *Result) apart(rules settlement.Rules) (net grid.Money, err error) {
	for _, statements := range r.byInterval() {
		first := statements[0]
		in := settlement.Input{
			Interval: first.Interval, Run: 1, Rules: &rules, Points: map[string]settlement.Point{}, Rates: map[string]tariff.Rates{},
			Tariff: tariff.Tariff{Version: first.Counted.Version, Currency: first.Counted.Currency, Retail: first.Counted.Retail, FeedIn: first.Counted.FeedIn},
		}
		for _, s := range statements {
			in.Metered = append(in.Metered, record.Metered{MeteringPoint: s.MeteringPoint, Flow: s.Apart, Quality: grid.Good})
			in.Points[s.MeteringPoint] = settlement.Point{Account: s.MeteringPoint, Member: s.Member}
			in.Rates[s.MeteringPoint] = s.Counted
		}
		run, err := settlement.Settle(in)
		if err != nil {
			return 0, fmt.Errorf("by other rules: %w", err)
		}
		for _, s := range run.Statements {
			if net, err = net.Add(s.Net); err != nil {
				return 0, err
			}
		}
	}
	return net, nil
}

// byInterval returns the statements of each interval, by time.
func (r *Result) byInterval() [][]Statement {
	all := map[grid.Interval][]Statement{}
	for _, s := range r.Statements {
		all[s.Interval] = append(all[s.Interval], s)
	}
	var sorted [][]Statement
	for _, statements := range all {
		sorted = append(sorted, statements)
	}
	slices.SortFunc(sorted, func(a, b []Statement) int { return a[0].Interval.Compare(b[0].Interval) })
	return sorted
}

// mostForeseen bounds how large an optimum is computed in a summary: intervals times the cube
// of homes, as its equations grow.
const mostForeseen = 2880 * 25 * 25 * 25

// foresee compares with perfect foresight; nil where there are several tariffs, feed-in above
// retail, or too much to compute.
func (r *Result) foresee(s *Summary) (*foresight.Gain, error) {
	homes := int64(r.Scenario.Homes)
	if r.watch == nil || len(r.Statements) == 0 || int64(len(r.Intervals))*homes*homes*homes > mostForeseen {
		return nil, nil
	}
	var p foresight.Period
	for _, statements := range r.byInterval() {
		first := statements[0].Counted
		if slices.ContainsFunc(statements, func(s Statement) bool {
			return s.Counted.Retail != first.Retail || s.Counted.FeedIn != first.FeedIn || s.Counted.Community != 0
		}) || first.FeedIn > first.Retail {
			return nil, nil
		}
		if len(p.Retail) == 0 {
			p.First = statements[0].Interval
		}
		p.Retail, p.FeedIn = append(p.Retail, first.Retail), append(p.FeedIn, first.FeedIn)
	}
	went, _, err := r.watch.Kept(p)
	if err != nil {
		return nil, err
	}
	g, err := r.watch.Gain(p, s.Without.Net, foresight.Way{Money: s.Net, Kept: went}, nil)
	return &g, err
}

// cycles returns the full cycles of the batteries, mean, in thousandths.
func (r *Result) cycles() int64 {
	type register struct{ first, last grid.Energy }
	registers := map[string]register{}
	for _, x := range r.Readings {
		if _, isBattery := r.capacities[x.Device]; !isBattery || x.Export == nil {
			continue
		}
		at, known := registers[x.Device]
		if !known {
			at.first = *x.Export
		}
		at.last = *x.Export
		registers[x.Device] = at
	}
	var sum float64
	for device, x := range registers {
		sum += float64(x.last-x.first) / float64(r.capacities[device])
	}
	return int64(math.Round(1000 * sum / float64(max(len(registers), 1)))) //nolint:mnd // thousandths
}

// serve notes how the members fared.
func (s *Summary) serve(members map[string]standing) {
	for name, m := range members {
		if settlement.WorseOff(m.net, m.without, m.worth) {
			s.WorseOff++
		}
		w := Worst{name, m.net - m.without}
		if s.Worst == nil || cmp.Or(cmp.Compare(w.Gain, s.Worst.Gain), cmp.Compare(w.Member, s.Worst.Member)) < 0 {
			s.Worst = &w
		}
	}
	s.LoserPart = perMille(grid.Energy(s.WorseOff), grid.Energy(len(members)))
}

// declare follows the market's events.
func (r *replay) declare(ev community.Event) {
	w, done, err := r.declared.See(ev)
	if err != nil {
		r.failed = err
	}
	if done && !ev.Product.Interval.End().After(r.end) {
		r.result.Welfare = r.result.Welfare.Add(w)
	}
}
