package scenarios

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/commonwatt/commonwatt/agent/readiness"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/scenarios/foresight"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/measures"
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

	// RuleBased is what all members would have received with batteries by their own logic and cars at
	// once, and what is over shared by the pool at its middle price: what planning is held against.
	RuleBased grid.Money `json:"rule_based_net"`
	// ByKey is what they would have received for what was metered, by a dynamic allocation key at the
	// middle price: what the market is held against.
	ByKey     grid.Money `json:"allocation_key_net"`
	Worst     *Worst     `json:"worst_member"` // whom the community served worst; null without members
	LoserPart int64      `json:"members_worse_off_share"`
	Cycles    int64      `json:"battery_cycles"` // full ones, mean of the batteries, in thousandths

	readiness.Count // of the deadlines of cars

	Skill ForecastSkill `json:"forecast_skill"`
}

// Worst is the member that the community served worst.
type Worst struct {
	Member string     `json:"member"`
	Gain   grid.Money `json:"gain"` // over itself without the community; negative: it lost
}

// measure computes the measures, but for what compare knows of the members.
func (r *Result) measure(s *Summary) error {
	s.Welfare = r.Welfare.Share()
	s.Cycles, s.Skill = r.cycles(), skilled(r.Skill)
	var err error
	if s.ForesightGain, err = r.foresee(s); err != nil {
		return err
	}
	if g := s.ForesightGain; g != nil {
		s.Foresight = g.Optimum.Gain
	}
	s.Count = r.deadlines()
	if s.RuleBased, err = r.otherwise(settlement.DefaultRules(), func(x Statement) grid.Flow { return x.Apart }); err != nil {
		return err
	}
	s.ByKey, err = r.otherwise(measures.ByDynamicKey(), func(x Statement) grid.Flow { return x.Metered })
	return err
}

// otherwise returns what all members would have received by other rules for what flowed, had
// nothing been traded.
func (r *Result) otherwise(rules settlement.Rules, flowed func(Statement) grid.Flow) (net grid.Money, err error) {
	for _, statements := range r.byInterval() {
		first := statements[0]
		in := settlement.Input{
			Interval: first.Interval, Run: 1, Rules: &rules, Points: map[string]settlement.Point{}, Rates: map[string]tariff.Rates{},
			Tariff: tariff.Tariff{Version: first.Counted.Version, Currency: first.Counted.Currency, Retail: first.Counted.Retail, FeedIn: first.Counted.FeedIn},
		}
		for _, s := range statements {
			in.Metered = append(in.Metered, record.Metered{MeteringPoint: s.MeteringPoint, Flow: flowed(s), Quality: grid.Good})
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
const mostForeseen = 2880 * 50 * 50 * 50

// foresee compares with perfect foresight; nil where feed-in is above retail, or there is too much to compute.
func (r *Result) foresee(s *Summary) (*foresight.Gain, error) {
	homes := int64(r.Scenario.Homes)
	if r.watch == nil || len(r.Statements) == 0 || int64(len(r.Intervals))*homes*homes*homes > mostForeseen {
		return nil, nil
	}
	var p foresight.Period
	for _, statements := range r.byInterval() {
		own := map[string]tariff.Rates{}
		for _, x := range statements {
			own[x.MeteringPoint] = x.Counted
		}
		rates, err := ratesOf(r.Scenario.World(), own)
		if err == nil {
			err = p.Add(statements[0].Interval, rates)
		}
		if errors.Is(err, foresight.ErrFeedIn) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	went, _, err := r.watch.Kept(p)
	if err != nil {
		return nil, err
	}
	g, err := r.watch.Gain(p, s.Without.Net, foresight.Way{Money: s.Net, Kept: went}, nil)
	return &g, err
}

// ratesOf brings the rates of metering points into the order of a street's homes.
func ratesOf(spec world.Spec, points map[string]tariff.Rates) ([]tariff.Rates, error) {
	rates := make([]tariff.Rates, len(spec.Homes))
	for k, h := range spec.Homes {
		own, known := points["mp-"+h.ID] // as the recorder and the simulation name it
		if !known {
			return nil, fmt.Errorf("%s has no tariff, for its metering point mp-%s was not settled", h.ID, h.ID)
		}
		rates[k] = own
	}
	return rates, nil
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
