package history

import (
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// points sums up what is known by steps, whose ends are given.
func (o known) points(ends []time.Time, now time.Time, minutes int) []Point {
	all := make([]Point, 0, len(ends)-1)
	at := 0
	for n := range len(ends) - 1 {
		p := Point{Start: ends[n], End: ends[n+1], Expected: expected(ends[n], minTime(ends[n+1], now), minutes)}
		sum := step{point: &p, has: o.kinds()}
		for at < len(o.home) && o.home[at].interval.Begin().Before(p.End) {
			sum.add(&o.home[at], o.at(o.home[at].interval))
			at++
		}
		sum.finish()
		if p.Expected > 0 || p.Intervals > 0 { // else it has begun a moment ago
			all = append(all, p)
		}
	}
	return all
}

// expected is how many intervals begin in [from, to) and are over by to, where that is now.
func expected(from, to time.Time, minutes int) int {
	if !from.Before(to) {
		return 0
	}
	return int(to.Sub(from) / (time.Duration(minutes) * time.Minute))
}

func (o known) kinds() map[grid.DeviceKind]bool {
	kinds := map[grid.DeviceKind]bool{}
	for _, s := range o.devices {
		kinds[s.kind] = true
	}
	return kinds
}

// behind is what flowed behind the meter in an interval, by kind of device; one of which it is
// not known of every device is missing.
type behind map[grid.DeviceKind]grid.Flow

// at returns what the devices counted in an interval. Intervals are asked for in order of time.
func (o known) at(i grid.Interval) behind {
	b, lacking := behind{}, map[grid.DeviceKind]bool{}
	for k := range o.devices {
		s := &o.devices[k]
		for s.at < len(s.cells) && s.cells[s.at].interval.Compare(i) < 0 {
			s.at++
		}
		if s.at == len(s.cells) || s.cells[s.at].interval != i {
			lacking[s.kind] = true
			continue
		}
		f, n := b[s.kind], &s.cells[s.at].numbers
		f.Import += grid.Energy(n[taken])
		f.Export += grid.Energy(n[given])
		b[s.kind] = f
	}
	for kind := range lacking {
		delete(b, kind)
	}
	return b
}

// step sums up a step.
type step struct {
	point     *Point
	has       map[grid.DeviceKind]bool
	flow      Flow
	money     Money
	estimated bool
	times     map[Series]int // intervals of which a series is known
}

// add adds an interval.
func (s *step) add(c *cell, of behind) {
	if s.times == nil {
		s.times, s.point.Behind = map[Series]int{}, map[Series]grid.Energy{}
	}
	s.point.Intervals++
	flow := Flow{Import: grid.Energy(c.numbers[imported]), Export: grid.Energy(c.numbers[exported])}
	s.flow.Import += flow.Import
	s.flow.Export += flow.Export
	s.point.FromNeighbours += grid.Energy(c.numbers[fromNeighbours])
	s.point.ToNeighbours += grid.Energy(c.numbers[toNeighbours])
	s.estimated = s.estimated || c.flags&estimated != 0
	if c.flags&provisional == 0 {
		s.point.Settled++
		s.money.Cost += grid.Money(c.numbers[cost]) // bounded by what a ledger can hold
		s.money.Earned += grid.Money(c.numbers[earned])
		s.money.Without += grid.Money(c.numbers[without])
		s.money.WithoutEstimated = s.money.WithoutEstimated || c.flags&withoutEstimated != 0
		s.money.Import += flow.Import
		s.money.Export += flow.Export
	}
	s.addBehind(flow, of)
}

// addBehind adds what flowed behind the meter. What the home used is what came in, less what
// went out and into devices; it is not known where a device's energy is not.
func (s *step) addBehind(flow Flow, of behind) {
	count := func(name Series, e grid.Energy) {
		s.times[name]++
		s.point.Behind[name] += e
	}
	use := flow.Net()
	for kind, f := range of {
		use -= f.Net()
		switch kind {
		case grid.Inverter:
			count(Solar, f.Export)
		case grid.Battery:
			count(BatteryIn, f.Import)
			count(BatteryOut, f.Export)
		case grid.Charger:
			count(Charger, f.Import)
		default:
			count(Heat, f.Import)
		}
	}
	if len(of) == len(s.has) {
		count(HomeUse, max(use, 0)) // a counter may be read a moment later than another
	}
}

// seriesOf returns what is shown of a kind of device.
func seriesOf(kind grid.DeviceKind) []Series {
	switch kind {
	case grid.Inverter:
		return []Series{Solar}
	case grid.Battery:
		return []Series{BatteryIn, BatteryOut}
	case grid.Charger:
		return []Series{Charger}
	default:
		return []Series{Heat}
	}
}

// finish says how far the step is known.
func (s *step) finish() {
	p := s.point
	if p.Quality = s.quality(); p.Quality == Missing {
		return
	}
	p.Flow = &s.flow
	if p.Settled > 0 {
		p.Money = &s.money
	}
	wanted := []Series{HomeUse}
	for kind := range s.has {
		wanted = append(wanted, seriesOf(kind)...)
	}
	for _, name := range wanted {
		if s.times[name] < p.Intervals {
			p.Lacking = append(p.Lacking, name)
		}
	}
	slices.Sort(p.Lacking)
}

func (s *step) quality() Quality {
	p := s.point
	switch {
	case p.Intervals == 0:
		return Missing
	case p.Intervals < p.Expected:
		return Partial
	case p.Settled < p.Intervals:
		return Provisional
	case s.estimated:
		return Estimated
	default:
		return Measured
	}
}
