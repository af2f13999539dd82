package plan

import (
	"math"

	"github.com/commonwatt/commonwatt/grid"
)

// Planner makes plans. The zero value is ready. It is not safe for concurrent use.
type Planner struct {
	in    *Input
	world world
	own   []float64 // the net energy without devices and without what was traded, as world.net
	attempt
	other attempt // the one that was dearer
	plan  Plan
	exact bool // without a margin, for oracles
}

// attempt is a plan of all devices.
type attempt struct {
	stores []store // heats, cars, batteries
	loads  []run
	net    []float64 // world.net with all of them
	cost   float64
}

// Plan returns what the devices should do. The plan and what it holds is overwritten by the
// next one; the input is read until then. Errors: those of Input.Validate.
func (p *Planner) Plan(in *Input) (*Plan, error) {
	if err := in.Validate(); err != nil {
		return nil, err
	}
	p.in = in
	p.settle()
	p.feel()
	peak := math.Inf(1)
	if in.Demand.Price > 0 {
		peak = p.seekPeak()
	}
	p.seek(peak)
	p.tell()
	return &p.plan, nil
}

// seek plans the devices in turn, each on what the others leave, in two orders, and keeps what
// costs less. Where batteries are last they store what the others have no use for; where they
// are first the others see the hours for which a battery keeps its charge, and leave them.
// peak is where a demand charge begins, W.
func (p *Planner) seek(peak float64) {
	p.start(peak)
	first := len(p.stores) - len(p.in.Batteries)
	rest, batteries := p.stores[:first], p.stores[first:]
	p.turn(rest, batteries)
	if first+len(p.loads) == 0 || len(batteries) == 0 {
		if len(p.stores)+len(p.loads) > 1 {
			p.turn(rest, batteries) // the second round of several of a kind
		}
		p.cost = p.spent()
		return
	}
	if first > 1 || len(batteries) > 1 {
		p.turn(rest, batteries)
	}
	p.cost = p.spent()
	p.change()
	p.start(peak)
	rest, batteries = p.stores[:first], p.stores[first:]
	for k := range batteries {
		p.revise(&batteries[k])
	}
	p.turn(rest, batteries)
	if first > 1 || len(batteries) > 1 {
		p.turn(rest, batteries)
	}
	if p.cost = p.spent(); p.cost > p.other.cost {
		p.change()
	}
}

// change makes the other attempt the one that counts.
func (p *Planner) change() {
	p.net = p.world.net
	p.attempt, p.other = p.other, p.attempt
	p.world.net = p.net
}

// start begins an attempt: no device does anything.
func (p *Planner) start(peak float64) {
	w := &p.world
	w.net = sized(w.net, len(p.own))
	copy(w.net, p.own)
	p.prepare()
	p.bound(peak)
}

// turn plans loads, other stores and batteries once, each on what all others leave.
func (p *Planner) turn(rest, batteries []store) {
	for k := range p.loads {
		p.place(&p.loads[k])
	}
	for k := range rest {
		p.revise(&rest[k])
	}
	for k := range batteries {
		p.revise(&batteries[k])
	}
}

// revise plans a store on what the others leave.
func (p *Planner) revise(st *store) {
	w := &p.world
	add(w.net, st.moves.flow, -1)
	st.solve(w)
	st.simulate(w)
	add(w.net, st.moves.flow, 1)
}

func add(to, what []float64, factor float64) {
	for k, v := range what {
		to[k] += factor * v
	}
}

// alike is the share of a price by which it may differ from another and count as the same.
const alike = 1e-3

// settle takes over the scenarios.
func (p *Planner) settle() {
	in, w := p.in, &p.world
	w.steps, w.scenarios = len(in.Steps), len(in.Scenarios)
	n := w.steps * w.scenarios
	w.weight, w.buy, w.sell = sized(w.weight, w.scenarios), sized(w.buy, n), sized(w.sell, n)
	w.traded, w.bounds, p.own = sized(w.traded, w.steps), sized(w.bounds, w.steps), sized(p.own, n)
	copy(w.traded, in.Traded)
	var sum float64
	for s := range in.Scenarios {
		sum += in.Scenarios[s].Weight
	}
	const perKWh = 1000
	for s := range in.Scenarios {
		x := &in.Scenarios[s]
		w.weight[s] = x.Weight / sum
		for t := range w.steps {
			k := s*w.steps + t
			p.own[k] = x.Net[t] - w.traded[t]
			w.buy[k], w.sell[k] = x.Buy[t]/perKWh, x.Sell[t]/perKWh
			if in.Limits.ZeroExport {
				w.sell[k] = 0 // the sun is curtailed
			}
			if above := w.sell[k] - w.buy[k]; above > 0 && above < alike*w.buy[k] {
				w.sell[k] = w.buy[k]
			}
		}
	}
	p.weigh()
	w.wishes = wishes{floor: math.Inf(-1), ceiling: math.Inf(1)}
	if l := in.Limits; l.Floor != nil {
		w.wishes.floor = float64(*l.Floor) / perKWh
	}
	if in.Limits.ZeroExport {
		w.wishes.floor = math.Inf(1)
	}
	if l := in.Limits; l.Ceiling != nil {
		w.wishes.ceiling = float64(*l.Ceiling) / perKWh
	}
}

// weigh sets the scale.
func (p *Planner) weigh() {
	const least = 1e-3 // where all is for nothing
	w := &p.world
	most, sum := least, 0.0
	for k := range w.buy {
		most = math.Max(most, math.Max(math.Abs(w.buy[k]), math.Abs(w.sell[k])))
		sum += math.Abs(w.buy[k])
	}
	const sure, dear = 30, 5
	margin := 0.02
	if p.exact {
		margin = 0
	}
	w.scale = scale{sure * most, dear * most, margin * sum / float64(len(w.buy))}
}

// bound sets the limits of the connection, with a peak from which on demand is charged.
func (p *Planner) bound(peak float64) {
	w, l := &p.world, p.in.Limits
	w.plain = sized(w.plain, w.steps)
	for t, i := range p.in.Steps {
		h := i.Length().Hours()
		b := bounds{export: math.Inf(1), imported: math.Inf(1), peak: math.Inf(1)}
		if l.Export > 0 {
			b.export = math.Min(b.export, float64(l.Export)*h)
		}
		if l.Import > 0 {
			b.imported = float64(l.Import) * h
		}
		if !math.IsInf(peak, 1) {
			b.peak, b.above = peak*h, w.scale.sure/10 //nolint:mnd // above any energy, below what is missed
		}
		w.bounds[t] = b
		w.plain[t] = b.none()
		for s := range w.scenarios {
			w.plain[t] = w.plain[t] && w.sell[s*w.steps+t] <= w.buy[s*w.steps+t]
		}
	}
}

// sized returns a slice of n zeros, in the same memory where it is enough.
func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// prepare makes the stores.
func (p *Planner) prepare() {
	in := p.in
	n := len(in.Heats) + len(in.Cars) + len(in.Batteries)
	for len(p.stores) < n {
		p.stores = append(p.stores, store{})
	}
	p.stores = p.stores[:n]
	k := 0
	for d := range in.Heats {
		p.heat(&p.stores[k], &in.Heats[d])
		k++
	}
	for d := range in.Cars {
		p.car(&p.stores[k], &in.Cars[d])
		k++
	}
	for d := range in.Batteries {
		p.battery(&p.stores[k], &in.Batteries[d])
		k++
	}
	p.begin()
}

// blank empties a store and sizes it.
func (p *Planner) blank(st *store) {
	n, w := p.world.steps, &p.world
	*st = store{
		course: course{
			up: sized(st.up, n), least: sized(st.least, n), into: sized(st.into, n), keep: sized(st.keep, n),
			drain: sized(st.drain, n), ready: sized(st.ready, n), down: st.down[:0],
		},
		value: sized(st.value, (moods+1)*(n+1)),
		moves: results{held: sized(st.moves.held, n*w.scenarios), flow: sized(st.moves.flow, n*w.scenarios)},
		out:   1,
	}
	for t := range n {
		st.keep[t] = 1
	}
}

// power writes how much can be added by step, with the least.
func (p *Planner) power(st *store, x Powers) {
	for t, i := range p.in.Steps {
		st.up[t] = float64(x.Most) * i.Length().Hours() * st.into[t]
		st.least[t] = float64(x.Least) * i.Length().Hours() * st.into[t]
	}
	st.bent = x.Least > 0
}

const all = 1000 // per mille

func (p *Planner) battery(st *store, b *Battery) {
	down := sized(st.down, p.world.steps)
	p.blank(st)
	st.down = down
	st.held, st.out = b.Held, b.OutOf
	st.reserve = b.Capacity * float64(b.Reserve) / all
	st.span(0, math.Max(b.Capacity, b.Held), st.reserve)
	st.wear = float64(b.Wear) / 1000
	for t, i := range p.in.Steps {
		st.into[t] = b.Into
		st.down[t] = float64(b.Out.Most) * i.Length().Hours() / b.OutOf
	}
	p.power(st, b.Charge)
	if len(b.Charge.Limits) > 0 {
		st.charge = &b.Charge
	}
	if len(b.Out.Limits) > 0 {
		st.discharge = &b.Out
	}
	buy, sell := p.usual()
	st.terminal = math.Max((buy*b.OutOf+sell/b.Into)/2-st.wear, 0) //nolint:mnd // nobody knows which it will replace
	if b.Terminal != nil {
		st.terminal = float64(*b.Terminal) / 1000
	}
}

// usual returns the mean prices of the last day of the plan, millionths a Wh.
func (p *Planner) usual() (buy, sell float64) {
	w := &p.world
	end := p.in.Steps[w.steps-1].End()
	var hours float64
	for t := w.steps - 1; t >= 0; t-- {
		i := p.in.Steps[t]
		if end.Sub(i.Begin()).Hours() > 24 { //nolint:mnd // a day
			break
		}
		h := i.Length().Hours()
		hours += h
		for s := range w.scenarios {
			buy += h * w.weight[s] * w.buy[s*w.steps+t]
			sell += h * w.weight[s] * w.sell[s*w.steps+t]
		}
	}
	return buy / hours, sell / hours
}

func (p *Planner) car(st *store, c *Car) {
	p.blank(st)
	st.down = nil
	most := c.Most
	if most == 0 {
		most = all
	}
	st.held = c.Held
	for t := range st.into {
		st.into[t] = c.Into
	}
	p.power(st, c.Power)
	hi, lo, first := math.Max(c.Capacity*float64(most)/all, c.Held), c.Held, 0.0
	for _, trip := range c.Trips {
		ready, at := c.Capacity*float64(trip.Ready)/all, p.travel(st, trip)
		if at < 0 {
			continue
		}
		hi = math.Max(hi, ready)
		st.ready[at], st.drain[at] = math.Max(st.ready[at], ready), st.drain[at]+trip.Use
		lo = math.Max(lo-trip.Use, 0)
		if first == 0 {
			first = ready
		}
	}
	st.span(lo, hi, first)
	if len(c.Power.Limits) > 0 {
		st.charge = &c.Power
	}
	buy, sell := p.cheapest()
	st.terminal = (buy + sell) / 2 / c.Into //nolint:mnd // surplus goes in, what is bought does not
	if c.Opportune != nil {
		st.terminal = float64(*c.Opportune) / 1000
	}
}

// travel takes away what a car that is on a trip cannot charge, and returns the step in which
// it leaves; −1 where that is not in the plan.
func (p *Planner) travel(st *store, trip Trip) (leaves int) {
	leaves = -1
	for t, i := range p.in.Steps {
		if !i.End().After(trip.Leave) || !i.Begin().Before(trip.Return) {
			continue // it is at home for the whole step
		}
		st.up[t], st.least[t] = 0, 0
		if leaves < 0 {
			leaves = t
		}
	}
	if trip.Leave.Before(p.in.Steps[0].Begin()) {
		return -1 // it has left already
	}
	return leaves
}

// span lays the points over a range, one of them at a charge that counts.
func (st *store) span(lo, hi, point float64) {
	const least = 1.0 // Wh
	st.lo, st.top = lo, math.Max(hi, lo+least)
	st.pitch = (st.top - lo) / last
	if n := math.Floor((point - lo) / st.pitch); n >= 1 {
		st.pitch = (point - lo) / n
	}
}

// cheapest returns the lowest mean prices of a step, millionths a Wh.
func (p *Planner) cheapest() (buy, sell float64) {
	w := &p.world
	buy, sell = math.Inf(1), math.Inf(1)
	for t := range w.steps {
		var b, s float64
		for k := range w.scenarios {
			b += w.weight[k] * w.buy[k*w.steps+t]
			s += w.weight[k] * w.sell[k*w.steps+t]
		}
		buy, sell = math.Min(buy, b), math.Min(sell, s)
	}
	return buy, sell
}

func (p *Planner) heat(st *store, h *Heat) {
	p.blank(st)
	st.down = nil
	away := func(i grid.Interval) bool { return i.Begin().Before(p.in.Limits.Away) }
	st.held = h.Held
	if away(p.in.Steps[0]) {
		st.lo = -h.Away
	}
	st.span(math.Min(st.lo, h.Held), math.Max(h.Room, h.Held), 0)
	var cop float64
	for t, i := range p.in.Steps {
		hours := i.Length().Hours()
		st.into[t] = 1
		if h.COP != nil {
			st.into[t] = h.COP[t]
		}
		cop += st.into[t] / float64(len(p.in.Steps))
		st.keep[t] = math.Exp(-h.Loss * hours)
		st.drain[t] = h.Demand[t]
		st.ready[t] = st.lo
		if !away(i) {
			st.ready[t] = math.Max(0, st.lo)
		}
	}
	p.power(st, h.Power)
	buy, sell := p.usual()
	st.terminal = (buy + sell) / 2 / cop
	if h.Terminal != nil {
		st.terminal = float64(*h.Terminal) / 1000
	}
}

// seekPeak finds the peak of demand that costs least, W.
func (p *Planner) seekPeak() float64 {
	const tries = 6
	reached := float64(p.in.Demand.Peak)
	p.seek(math.Inf(1))
	best := math.Max(p.highest(), reached)
	low, high := reached, best
	least := p.cost + float64(p.in.Demand.Price)*(best-reached)/1000
	for range tries {
		middle := (low + high) / 2 //nolint:mnd // halves
		p.seek(middle)
		got := math.Max(p.highest(), reached)
		if got <= middle*1.01+1 { //nolint:mnd // it can be kept
			high = middle
		} else {
			low = middle
		}
		if c := p.cost + float64(p.in.Demand.Price)*(got-reached)/1000; c < least {
			best, least = got, c
		}
	}
	return best
}

// highest returns the highest mean power of a step that is expected, W.
func (p *Planner) highest() (watts float64) {
	w := &p.world
	for t, i := range p.in.Steps {
		var mean float64
		for s := range w.scenarios {
			mean += w.weight[s] * (w.net[s*w.steps+t] + w.traded[t])
		}
		watts = math.Max(watts, mean/i.Length().Hours())
	}
	return watts
}
