package plan

import (
	"math"

	"github.com/commonwatt/commonwatt/grid"
)

// tell writes the plan.
func (p *Planner) tell() {
	w, out := &p.world, &p.plan
	out.Steps = sized(out.Steps, w.steps)
	out.Cost = p.spent()
	values := make16(w.scenarios)
	for t, i := range p.in.Steps {
		x := Step{Interval: i}
		for s := range w.scenarios {
			k := s*w.steps + t
			net := w.net[k] + w.traded[t]
			if l := p.in.Limits; l.ZeroExport {
				net = math.Max(net, 0)
			}
			values.set(s, math.Max(net, -w.bounds[t].export))
			x.Cost += w.weight[s] * w.priced(k, t)
			x.Buy += w.weight[s] * w.buy[k] * 1000
			x.Sell += w.weight[s] * w.sell[k] * 1000
		}
		x.Net = values.band(w.weight)
		out.Steps[t] = x
	}
	p.tellDevices()
	p.foresee()
	out.Value = 0
	if len(p.in.Batteries) > 0 {
		st := &p.stores[len(p.stores)-len(p.in.Batteries)]
		now := &st.value[moods*(w.steps+1)]
		out.Value = (st.at(now, st.held-st.pitch/2) - st.at(now, st.held+st.pitch/2)) / st.pitch * 1000 //nolint:mnd // to either side
	}
}

// priced returns what the meter's energy of a step costs in a scenario.
func (w *world) priced(k, t int) float64 {
	r := rule{buy: w.buy[k], sell: w.sell[k]}
	if !w.plain[t] {
		b := w.bounds[t]
		b.above = 0 // a demand charge is reckoned by itself
		b.tiersOf(&w.scratch, r.buy, r.sell, w.traded[t], w.scale.sure)
		r.tiers = &w.scratch
	}
	return r.cost(w.net[k])
}

// spent returns the cost of all steps, with wear, less what is left at the end.
func (p *Planner) spent() (sum float64) {
	w := &p.world
	for s := range w.scenarios {
		for t := range w.steps {
			sum += w.weight[s] * w.priced(s*w.steps+t, t)
		}
		for d := range p.stores {
			st := &p.stores[d]
			for t := range w.steps {
				f := st.moves.flow[s*w.steps+t]
				if f < 0 {
					sum -= w.weight[s] * f / st.out * st.wear
				}
				if room, over := w.roomFor(st, s*w.steps+t); over > 0 && f > room {
					sum += w.weight[s] * (f - room) * over
				}
			}
			sum -= w.weight[s] * st.terminal * (st.moves.held[s*w.steps+w.steps-1] - st.lo)
		}
	}
	return sum
}

func (p *Planner) tellDevices() {
	w, out := &p.world, &p.plan
	heats, cars := len(p.in.Heats), len(p.in.Cars)
	n := len(p.stores) + len(p.loads)
	for len(out.Devices) < n {
		out.Devices = append(out.Devices, Device{})
	}
	out.Devices = out.Devices[:n]
	at := 0
	tell := func(id string, kind Kind) *Device {
		d := &out.Devices[at]
		d.ID, d.Kind = id, kind
		d.Power, d.Charge = sized(d.Power, w.steps), d.Charge[:0]
		at++
		return d
	}
	for k := range p.in.Batteries {
		w.tellStore(tell(p.in.Batteries[k].ID, Stationary), &p.stores[heats+cars+k], 0)
	}
	for k := range p.in.Cars {
		w.tellStore(tell(p.in.Cars[k].ID, Vehicle), &p.stores[heats+k], p.in.Cars[k].Capacity)
	}
	for k := range p.in.Heats {
		w.tellStore(tell(p.in.Heats[k].ID, Warmth), &p.stores[k], p.in.Heats[k].Room)
	}
	for k := range p.loads {
		d := tell(p.loads[k].load.ID, Waiting)
		for t, i := range p.in.Steps {
			d.Power[t] = p.loads[k].flow[t] / i.Length().Hours()
		}
	}
}

// tellStore writes what a store will do; capacity is what its charge is a share of, 0: its range.
func (w *world) tellStore(d *Device, st *store, capacity float64) {
	if capacity == 0 {
		capacity = st.top
	}
	d.Charge = sized(d.Charge, w.steps)
	values := make16(w.scenarios)
	for t, i := range w.at {
		for s := range w.scenarios {
			k := s*w.steps + t
			values.set(s, st.moves.held[k]/capacity*all)
			d.Power[t] += w.weight[s] * st.moves.flow[k] / i.Length().Hours()
		}
		d.Charge[t] = values.band(w.weight)
	}
}

// few are the values of the scenarios in a step, with their order. They are on the stack up to
// mostFew scenarios.
type few struct {
	value [mostFew]float64
	order [mostFew]int
	n     int
}

const mostFew = 64

func make16(n int) (f few) {
	f.n = min(n, mostFew)
	return f
}

func (f *few) set(k int, v float64) {
	if k < mostFew {
		f.value[k], f.order[k] = v, k
	}
}

func (f *few) sort() {
	for k := 1; k < f.n; k++ {
		for j := k; j > 0 && f.value[f.order[j]] < f.value[f.order[j-1]]; j-- {
			f.order[j], f.order[j-1] = f.order[j-1], f.order[j]
		}
	}
}

// band returns mean and tenths of the values.
func (f *few) band(weight []float64) (b Band) {
	const tenth = 0.1
	f.sort()
	var below, sum float64
	b.Low, b.High = f.value[f.order[0]], f.value[f.order[f.n-1]]
	low, high := false, false
	for _, k := range f.order[:f.n] {
		sum += weight[k]
		b.Mean += weight[k] * f.value[k]
		below += weight[k]
		if !low && below > tenth {
			b.Low, low = f.value[k], true
		}
		if !high && below >= 1-tenth {
			b.High, high = f.value[k], true
		}
	}
	b.Mean /= sum
	return b
}

// foresee says what cannot be met even when the device takes all that it can from now on.
func (p *Planner) foresee() {
	p.plan.Unmet = p.plan.Unmet[:0]
	heats := len(p.in.Heats)
	for k := range p.stores[:heats+len(p.in.Cars)] {
		st := &p.stores[k]
		if k < heats {
			p.foreseeStore(st, Unmet{Device: p.in.Heats[k].ID, Kind: Warmth, Power: p.in.Heats[k].Power.Most}, 1)
			continue
		}
		c := &p.in.Cars[k-heats]
		p.foreseeStore(st, Unmet{Device: c.ID, Kind: Vehicle, Power: c.Power.Most}, all/c.Capacity)
	}
	for k := range p.loads {
		r := &p.loads[k]
		if !r.late {
			continue
		}
		u := Unmet{Device: r.load.ID, Kind: Waiting, At: p.in.Steps[max(r.first, 0)], Power: r.load.Power, Hours: r.load.Runs.Hours()}
		u.Want = float64(r.load.Power) * u.Hours
		p.plan.Unmet = append(p.plan.Unmet, u)
	}
}

func (p *Planner) foreseeStore(st *store, u Unmet, unit float64) {
	w := &p.world
	const least = 1.0 // Wh that nobody misses
	charge, hours := st.held, 0.0
	for t, i := range p.in.Steps {
		if st.ready[t]-charge > least {
			u.At, u.Want, u.Get, u.Hours = i, st.ready[t]*unit, charge*unit, hours
			p.plan.Unmet = append(p.plan.Unmet, u)
			return
		}
		m := st.from(t, charge)
		up := m.up
		if l := p.in.Limits.Import; l > 0 {
			up = math.Min(up, math.Max(float64(l)*i.Length().Hours()-w.others(st, t), 0)*m.into)
		}
		if m.up > 0 {
			hours += i.Length().Hours()
		}
		charge = m.base + up
	}
}

// others returns the mean of what the meter shows without a store, Wh.
func (w *world) others(st *store, t int) (mean float64) {
	for s := range w.scenarios {
		k := s*w.steps + t
		mean += w.weight[s] * (w.net[k] + w.traded[t] - st.moves.flow[k])
	}
	return mean
}

func perMille(charge, capacity float64) grid.PerMille {
	return grid.PerMille(math.Round(math.Min(math.Max(charge/capacity, 0), 1) * all))
}
