package optimum

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Load is something that waits until it is started, and then runs through without a pause, such as a dishwasher.
type Load struct {
	Power grid.Power    // while it runs
	Runs  time.Duration // above 0
	// It starts at From at the earliest, and is done by Until, both after the beginning of the case. It may start at any moment
	// between.
	From, Until time.Duration
}

// validate tells what is wrong with a load in a case of so long.
func (l Load) validate(long time.Duration) error {
	if l.Power < 0 || l.Runs <= 0 || l.From < 0 || l.Until > long || l.From+l.Runs > l.Until {
		return fmt.Errorf("runs %s from %s on until %s: must lie within the case of %s, and take no longer than there is time", l.Runs, l.From, l.Until, long)
	}
	return nil
}

// load is a Load in a programme, in kWh.
type load struct {
	home   int
	power  float64         // kW
	runs   time.Duration   //
	starts []time.Duration // one of which is best at any prices, in order
}

// newLoad finds the starts of a load. What it costs changes evenly with its start, but for where start or end
// pass from one interval into the next: so the best is there, or at an end of its time.
func newLoad(home int, of Load, minutes int) load {
	last := of.Until - of.Runs
	all := []time.Duration{of.From, last}
	step := time.Duration(minutes) * time.Minute
	for at := of.From.Truncate(step); at <= of.Until; at += step {
		all = append(all, at, at-of.Runs)
	}
	all = slices.DeleteFunc(all, func(at time.Duration) bool { return at < of.From || at > last })
	slices.Sort(all)
	return load{home, float64(of.Power) / kilo, of.Runs, slices.Compact(all)}
}

// each calls for every interval in which the load runs that starts at a time, with what it takes there, kWh.
func (l load) each(start time.Duration, minutes int, see func(interval int, wh float64)) {
	step := time.Duration(minutes) * time.Minute
	for at := start; at < start+l.runs; {
		next := min(at.Truncate(step)+step, start+l.runs)
		see(int(at/step), l.power*(next-at).Hours())
		at = next
	}
}

// cheapest is the start at which the load costs least, the earliest of several, and what it costs then.
func (l load) cheapest(prices []float64, minutes int) (start time.Duration, least float64) {
	least = math.Inf(1)
	for _, at := range l.starts {
		cost := 0.0
		l.each(at, minutes, func(t int, kWh float64) { cost += prices[t] * kWh })
		if cost < least-1e-12 {
			start, least = at, cost
		}
	}
	return start, least
}

// loose is a load that could pause and run at less: a store that takes its energy at any times between.
func (l load) loose(minutes int) store {
	step := time.Duration(minutes) * time.Minute
	from, until := l.starts[0], l.starts[len(l.starts)-1]+l.runs
	s := store{home: l.home, first: int(from / step), in: 1, out: 1, capacity: l.power * l.runs.Hours(), fixed: true}
	for at := from; at < until; {
		next := min(at.Truncate(step)+step, until)
		s.most = append(s.most, l.power*(next-at).Hours())
		at = next
	}
	return s
}

// rounds is in how many steps all loads are given their starts.
const rounds = 8

// best solves a programme with loads. First all of them are loose, which no schedule exceeds; then, a part of them after the
// other, the largest first, each is given the start at which it costs least at the prices that the rest leads to. Each series of
// prices bounds what any schedule pays, with each load at the best of its starts: the closest bound counts.
func (p *programme) best() (s solution) {
	order := make([]int, len(p.loads))
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return int(math.Copysign(1, p.loads[b].power*p.loads[b].runs.Hours()-p.loads[a].power*p.loads[a].runs.Hours()))
	})
	s.bound = math.Inf(1)
	starts := make([]time.Duration, len(p.loads))
	atOnce := (len(order) + rounds - 1) / rounds
	for given := 0; ; given = min(given+atOnce, len(order)) {
		now := p.with(order, given, starts)
		prices, held, steps := now.solve()
		s.steps += steps
		exact := slices.Clone(prices)
		for t, price := range exact {
			exact[t] = min(max(price, p.feedIn[t]), p.retail[t])
		}
		if bound := -p.bound(exact); bound < s.bound {
			s.bound, s.prices = bound, prices
		}
		if given == len(order) {
			s.value, s.moves = now.priced(held)
			p.improve(&s, order, starts)
			return s
		}
		for _, k := range order[given:min(given+atOnce, len(order))] {
			starts[k], _ = p.loads[k].cheapest(exact, p.minutes)
		}
	}
}

// with is the programme with the first loads of an order at their starts, and the others loose.
func (p *programme) with(order []int, given int, starts []time.Duration) *programme {
	q := *p
	q.net, q.stores, q.loads = slices.Clone(p.net), slices.Clone(p.stores), nil
	for n, k := range order {
		if n >= given {
			q.stores = append(q.stores, p.loads[k].loose(p.minutes))
			continue
		}
		p.loads[k].each(starts[k], p.minutes, func(t int, kWh float64) { q.net[t] += kWh })
	}
	return &q
}

// improve gives each load in turn the start at which all pay least beside what everything else takes, moves the stores anew, and
// goes on as long as that gains anything. It adds to the moves what the loads take.
func (p *programme) improve(s *solution, order []int, starts []time.Duration) {
	const most = 4 // a few rounds find what there is
	for range most {
		next := slices.Clone(starts)
		net := p.taken(s.moves, starts)
		for _, k := range order {
			next[k] = p.place(p.loads[k], starts[k], net)
		}
		if slices.Equal(next, starts) {
			break
		}
		now := p.with(order, len(order), next)
		_, held, steps := now.solve()
		s.steps += steps
		value, moves := now.priced(held)
		if value <= s.value {
			break
		}
		s.value, s.moves = value, moves
		copy(starts, next)
	}
	for k, l := range p.loads {
		l.each(starts[k], p.minutes, func(t int, kWh float64) { s.moves[l.home][t] += grid.Energy(math.Round(kWh * kilo)) })
	}
}

// taken is what all take with what the stores move and loads that start so, kWh by interval.
func (p *programme) taken(moves [][]grid.Energy, starts []time.Duration) []float64 {
	net := slices.Clone(p.net)
	for _, all := range moves {
		for t, wh := range all {
			net[t] += float64(wh) / kilo
		}
	}
	for k, l := range p.loads {
		l.each(starts[k], p.minutes, func(t int, kWh float64) { net[t] += kWh })
	}
	return net
}

// place moves a load within what all take to where they pay least.
func (p *programme) place(l load, start time.Duration, net []float64) time.Duration {
	pays := func(t int, kWh float64) float64 { return max(kWh, 0)*p.retail[t] + min(kWh, 0)*p.feedIn[t] }
	l.each(start, p.minutes, func(t int, kWh float64) { net[t] -= kWh })
	best, least := start, math.Inf(1)
	for _, at := range l.starts {
		more := 0.0
		l.each(at, p.minutes, func(t int, kWh float64) { more += pays(t, net[t]+kWh) - pays(t, net[t]) })
		if more < least-1e-9 {
			best, least = at, more
		}
	}
	l.each(best, p.minutes, func(t int, kWh float64) { net[t] += kWh })
	return best
}

// solution is what was found, in whole currency units.
type solution struct {
	value, bound float64
	prices       []float64
	moves        [][]grid.Energy
	steps        int
}
