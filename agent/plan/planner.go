package plan

import "math"

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
	p.world.feel(p.own)
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
	p.world.bound(p.in.Limits, peak)
}

// turn plans loads, other stores and batteries once, each on what all others leave.
func (p *Planner) turn(rest, batteries []store) {
	for k := range p.loads {
		p.loads[k].place(&p.world, p.in.Limits.Away)
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
	w.at, w.steps, w.scenarios = in.Steps, len(in.Steps), len(in.Scenarios)
	n := w.steps * w.scenarios
	w.weight, w.buy, w.sell = sized(w.weight, w.scenarios), sized(w.buy, n), sized(w.sell, n)
	w.room, w.over = sized(w.room, n), sized(w.over, n)
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
			if x.Room != nil {
				w.room[k], w.over[k] = math.Max(x.Room[t], 0), math.Max((x.Beyond[t]-x.Buy[t])/perKWh, 0)
			}
			if above := w.sell[k] - w.buy[k]; above > 0 && above < alike*w.buy[k] {
				w.sell[k] = w.buy[k]
			}
		}
	}
	w.weigh(p.exact)
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
func (w *world) weigh(exact bool) {
	const least = 1e-3 // where all is for nothing
	most, sum := least, 0.0
	for k := range w.buy {
		most = math.Max(most, math.Max(math.Abs(w.buy[k]), math.Abs(w.sell[k])))
		sum += math.Abs(w.buy[k])
	}
	const sure, dear = 30, 5
	w.scale = scale{sure: sure * most, dear: dear * most}
	if exact {
		return
	}
	w.scale.margin = 0.02 * sum / float64(len(w.buy))
	if w.scenarios > 1 { // the future is not known
		w.scale.ahead, w.scale.kept = 0.5, 0.3
	}
}

// bound sets the limits of the connection, with a peak from which on demand is charged.
func (w *world) bound(l Limits, peak float64) {
	w.plain = sized(w.plain, w.steps)
	for t, i := range w.at {
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

// prepare makes the stores and the runs of the loads.
func (p *Planner) prepare() {
	in := p.in
	n := len(in.Heats) + len(in.Cars) + len(in.Batteries)
	for len(p.stores) < n {
		p.stores = append(p.stores, store{})
	}
	p.stores = p.stores[:n]
	k := 0
	for d := range in.Heats {
		p.world.heat(&p.stores[k], &in.Heats[d], in.Limits.Away)
		k++
	}
	for d := range in.Cars {
		p.world.car(&p.stores[k], &in.Cars[d])
		k++
	}
	for d := range in.Batteries {
		p.world.battery(&p.stores[k], &in.Batteries[d])
		k++
	}
	for len(p.loads) < len(in.Loads) {
		p.loads = append(p.loads, run{})
	}
	p.loads = p.loads[:len(in.Loads)]
	for k := range p.loads {
		r := &p.loads[k]
		*r = run{load: &in.Loads[k], first: -1, flow: sized(r.flow, p.world.steps)}
	}
}

// seekPeak finds the peak of demand that costs least, W.
func (p *Planner) seekPeak() float64 {
	const tries = 6
	reached := float64(p.in.Demand.Peak)
	p.seek(math.Inf(1))
	best := math.Max(p.world.highest(), reached)
	low, high := reached, best
	least := p.cost + float64(p.in.Demand.Price)*(best-reached)/1000
	for range tries {
		middle := (low + high) / 2 //nolint:mnd // halves
		p.seek(middle)
		got := math.Max(p.world.highest(), reached)
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
func (w *world) highest() (watts float64) {
	for t, i := range w.at {
		var mean float64
		for s := range w.scenarios {
			mean += w.weight[s] * (w.net[s*w.steps+t] + w.traded[t])
		}
		watts = math.Max(watts, mean/i.Length().Hours())
	}
	return watts
}
