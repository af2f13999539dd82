package plan

import (
	"math"

	"github.com/commonwatt/commonwatt/grid"
)

// Levels returns the charges between which a battery acts in a step at the prices given,
// millionths/kWh. The last Plan must have been made.
func (p *Planner) Levels(battery, step int, buy, sell float64) Levels {
	st, b := p.batteryAt(battery)
	l := st.levelsOf(st.after(&p.world, step, moods), st.into[step], buy/1000, sell/1000, &p.world)
	give := grid.PerMille(all)
	if !math.IsInf(l.sold, 1) {
		give = perMille(l.sold, b.Capacity)
	}
	return Levels{
		FromGrid: perMille(l.grid, b.Capacity), FromSurplus: perMille(l.surplus, b.Capacity),
		ForHome: perMille(l.home, b.Capacity), ToGrid: give,
	}
}

// GiveTo returns the charge down to which it is better to give at a price, millionths/kWh,
// than to keep what the first battery holds at the end of a step.
func (p *Planner) GiveTo(step int, price float64) grid.PerMille {
	return p.Levels(0, step, math.Max(price, p.plan.Steps[step].Buy), price).ToGrid
}

// TakeTo returns the charge up to which it is better to take at a price, millionths/kWh, than
// to leave it.
func (p *Planner) TakeTo(step int, price float64) grid.PerMille {
	return p.Levels(0, step, price, math.Min(price, p.plan.Steps[step].Sell)).FromGrid
}

func (p *Planner) batteryAt(k int) (*store, *Battery) {
	return &p.stores[len(p.stores)-len(p.in.Batteries)+k], &p.in.Batteries[k]
}

// Net returns what the home would take in a step, Wh at the meter, if it could trade any
// amount at one price, millionths/kWh: the mean over the scenarios. It does not rise with the
// price.
func (p *Planner) Net(step int, price float64) (sum float64) {
	w := &p.world
	for r := range p.loads {
		sum += p.loads[r].flow[step]
	}
	for s := range w.scenarios {
		sum += w.weight[s] * (p.own[s*w.steps+step] + w.traded[step])
	}
	for d := range p.stores {
		sum += p.stores[d].respond(w, step, price/1000)
	}
	return sum
}

// respond returns what a store takes in a step at one price for all, millionths a Wh: the mean
// over the scenarios.
func (st *store) respond(w *world, step int, price float64) (sum float64) {
	var known [moods]levels // one for all scenarios of a mood
	for mood := range known {
		known[mood] = st.levelsOf(st.after(w, step, mood), st.into[step], price, price, w)
	}
	for s := range w.scenarios {
		r := rule{buy: price, sell: price, next: st.after(w, step, w.mood[s]), levels: known[w.mood[s]]}
		charge := st.held
		if step > 0 {
			charge = st.moves.held[s*w.steps+step-1]
		}
		m := st.from(step, charge)
		to := st.aim(w, &r, &m)
		sum += w.weight[s] * moved(m.base, to, m.into, st.out)
	}
	return sum
}

// React returns what the stores take in a step, in the order of the plan's devices without
// the loads, when the home takes net without them, Wh, and energy costs buy and brings sell,
// millionths/kWh: what a controller in closed loop comes to. flows is used for the result.
func (p *Planner) React(flows []float64, step int, net, buy, sell float64) []float64 {
	w := &p.world
	flows = flows[:0]
	heats, cars, batteries := len(p.in.Heats), len(p.in.Cars), len(p.in.Batteries)
	for range heats + cars + batteries {
		flows = append(flows, 0)
	}
	for r := range p.loads {
		net += p.loads[r].flow[step]
	}
	net -= w.traded[step]
	// Each in turn sees what the others will probably do.
	for k := range p.stores {
		net += w.mean(&p.stores[k], step)
	}
	for k := range p.stores {
		st := &p.stores[k]
		net -= w.mean(st, step)
		r := rule{net: net, buy: buy / 1000, sell: sell / 1000, next: st.after(w, step, moods)}
		m := st.from(step, st.held)
		r.room, r.over = w.meanRoom(st, step)
		if w.plain[step] && sell <= buy {
			r.levels = st.levelsOf(r.next, m.into, r.buy, r.sell, w)
			st.crowd(&r, m.into)
		} else {
			w.bounds[step].tiersOf(&w.scratch, r.buy, r.sell, w.traded[step], w.scale.sure)
			r.tiers = &w.scratch
			st.mark(r.tiers, r.next, m.into)
		}
		to := st.aim(w, &r, &m)
		flow := moved(m.base, to, m.into, st.out)
		net += flow
		at := k - heats - cars // batteries first
		switch {
		case k < heats:
			at = batteries + cars + k
		case k < heats+cars:
			at = batteries + k - heats
		}
		flows[at] = flow
	}
	return flows
}

// mean returns what a store probably takes in a step, Wh.
func (w *world) mean(st *store, step int) (sum float64) {
	for s := range w.scenarios {
		sum += w.weight[s] * st.moves.flow[s*w.steps+step]
	}
	return sum
}

// Curve appends to dst the price curve of a step between the home's own feed-in and retail:
// at most so many points, of rising price and falling net energy.
func (p *Planner) Curve(dst []Point, step int, feedIn, retail grid.Price, most int) []Point {
	const tried = 48
	begin := len(dst)
	for k := range tried + 1 {
		price := feedIn + (retail-feedIn)*grid.Price(k)/tried
		net := grid.Energy(math.Round(p.Net(step, float64(price))))
		if n := len(dst); n > begin && dst[n-1].Net == net {
			dst[n-1].Price = price
			continue
		}
		dst = append(dst, Point{price, net})
	}
	for len(dst)-begin > most {
		// The two that are nearest become one between them.
		near, gap := begin, grid.Energy(math.MaxInt64)
		for k := begin; k+1 < len(dst); k++ {
			if d := dst[k].Net - dst[k+1].Net; d < gap {
				near, gap = k, d
			}
		}
		dst[near] = Point{dst[near+1].Price, dst[near+1].Net + gap/2} //nolint:mnd // the middle
		dst = append(dst[:near+1], dst[near+2:]...)
	}
	return dst
}

// Prices appends to dst what one more kWh at the meter is worth in each step of a scenario of
// the plan, millionths/kWh: Buy where the meter imports, Sell where it exports, and where it
// does neither what the first battery would give it for or take it at. A plan of a whole
// community, with its batteries as one, says so what its market's prices will probably be.
func (p *Planner) Prices(dst []float64, scenario int) []float64 {
	const little = 1.0 // Wh
	w := &p.world
	for t := range w.steps {
		k := scenario*w.steps + t
		buy, sell := w.buy[k]*1000, w.sell[k]*1000
		price := (buy + sell) / 2 //nolint:mnd // nobody knows better
		switch {
		case w.net[k] > little:
			price = buy
		case w.net[k] < -little:
			price = sell
		case len(p.in.Batteries) > 0:
			st, _ := p.batteryAt(0)
			price = w.inner(st, t, scenario)
		}
		dst = append(dst, math.Min(math.Max(price, sell), buy))
	}
	return dst
}

// inner returns the price at which a battery moves as it does in a step of a scenario,
// millionths/kWh.
func (w *world) inner(st *store, t, scenario int) float64 {
	k := scenario*w.steps + t
	next, held := st.after(w, t, w.mood[scenario]), st.moves.held[k]
	half := st.pitch / 2 //nolint:mnd // to either side
	from, to := math.Max(held-half, st.lo), math.Min(held+half, st.top)
	worth := (st.at(next, from) - st.at(next, to)) / (to - from)
	switch flow := st.moves.flow[k]; {
	case flow > 0:
		worth *= st.into[t]
	case flow < 0:
		worth = (worth + st.wear) / st.out
	}
	return worth * 1000
}
