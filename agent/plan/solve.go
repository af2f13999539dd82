package plan

import "math"

// world is what a store's programme is on: the net energy that the others leave, and prices,
// by scenario and step (scenario·steps + step).
type world struct {
	steps, scenarios int
	weight           []float64 // sums to 1
	net, buy, sell   []float64 // Wh; millionths a Wh
	traded           []float64 // by step
	bounds           []bounds  // by step
	wishes           wishes
	plain            bool // no step has bounds, and none a sell above its buy
}

// moment is what a store can do from a charge on in a step.
type moment struct {
	base, up, down, least, into float64
	lost                        float64 // millionths, for what is missing
}

// from returns what can be done in a step that begins with a charge.
func (st *store) from(t int, charge float64) (m moment) {
	m.into = st.into[t]
	if lacks := st.ready[t] - charge; lacks > 0 {
		m.lost = lacks * sure
	}
	m.base = charge*st.keep[t] - st.drain[t]
	if lacks := st.lo - m.base; lacks > 0 {
		m.lost += lacks * sure
		m.base = st.lo
	}
	m.up = math.Min(limited(st.charge, charge, st.hi(), st.up[t]), st.hi()-m.base)
	if m.up < 0 {
		m.up = 0
	}
	if st.down != nil {
		m.down = math.Min(limited(st.discharge, charge, st.hi(), st.down[t]), math.Max(m.base-st.reserve, 0))
	}
	m.least = math.Min(st.least[t], m.up)
	return m
}

// rule returns what the store does in a step of a scenario; tiers is where those are written
// that it needs.
func (st *store) rule(w *world, scenario, t int, scratch *tiers) rule {
	k := scenario*w.steps + t
	r := rule{net: w.net[k], buy: w.buy[k], sell: w.sell[k]}
	if !w.plain {
		w.bounds[t].tiersOf(scratch, r.buy, r.sell, w.traded[t])
		r.tiers = scratch
		return r
	}
	r.levels = st.levelsOf(t+1, st.into[t], r.buy, r.sell, &w.wishes)
	return r
}

// choose returns the charge at the end of a step, and what the step and all after it cost.
func (st *store) choose(w *world, r *rule, t int, m *moment) (to, cost float64) {
	if r.tiers != nil {
		return st.search(w, r, t, m)
	}
	to = r.goal(m.base, m.up, m.down, m.into, st.out)
	cost = st.total(r, t, m, to)
	if rise := to - m.base; rise > 0 && rise < m.least {
		stay, least := m.base, m.base+m.least
		to, cost = stay, st.total(r, t, m, stay)
		if c := st.total(r, t, m, least); c < cost {
			to, cost = least, c
		}
	}
	return to, cost
}

// total returns what it costs to end a step with a charge.
func (st *store) total(r *rule, t int, m *moment, to float64) float64 {
	sum := m.lost + r.cost(r.net+moved(m.base, to, m.into, st.out)) + st.at(t+1, to)
	if to < m.base {
		sum += (m.base - to) * st.wear
	}
	if lacks := st.reserve - to; lacks > 0 && st.down != nil {
		sum += lacks * dear / 10 //nolint:mnd // soon, but not at once whatever it takes
	}
	return sum
}

// search does what choose does where a meter has more prices than two, or a higher one for
// what it gives than for what it takes: the best charge is at a level of one of the prices,
// where the meter passes from one to the next, or where a limit is.
func (st *store) search(w *world, r *rule, t int, m *moment) (to, cost float64) {
	to, cost = m.base, st.total(r, t, m, m.base)
	try := func(charge float64) {
		charge = math.Min(math.Max(charge, m.base-m.down), m.base+m.up)
		if rise := charge - m.base; rise > 0 && rise < m.least {
			charge = m.base + m.least
		}
		if !w.wishes.allow(r, m, charge, st) {
			return
		}
		c := st.total(r, t, m, charge)
		if taken := r.net + moved(m.base, charge, m.into, st.out); charge > m.base && r.buy > w.wishes.ceiling && taken > 0 {
			c += math.Min(taken, (charge-m.base)/m.into) * dear
		}
		if c < cost {
			to, cost = charge, c
		}
	}
	try(m.base + m.up)
	try(m.base - m.down)
	try(m.base + m.least)
	for k := range r.tiers.n {
		price := r.tiers.price[k]
		try(st.level(t+1, price/m.into-soon))
		if st.down != nil {
			try(math.Max(st.level(t+1, (price-st.wear)*st.out+soon), st.reserve))
		}
		room := r.tiers.to[k] - r.net // until the meter is at the end of the tier
		if room > 0 {
			try(m.base + room*m.into)
		} else {
			try(m.base + room/st.out)
		}
	}
	return to, cost
}

// allow tells whether the homeowner's bounds of prices let a charge be.
func (w *wishes) allow(r *rule, m *moment, to float64, st *store) bool {
	if to > m.base {
		return r.buy <= w.ceiling || r.net+moved(m.base, to, m.into, st.out) <= 0 || st.down == nil
	}
	return r.sell >= w.floor || to == m.base || r.net+moved(m.base, to, m.into, st.out) >= -1e-9
}

// solve fills the cost to go.
func (st *store) solve(w *world) {
	end := st.value[w.steps*points:]
	for j := range points {
		end[j] = -st.terminal * float64(j) * st.pitch
	}
	var scratch tiers
	for t := w.steps - 1; t >= 0; t-- {
		row := st.value[t*points : (t+1)*points]
		clear(row)
		for s := range w.scenarios {
			r := st.rule(w, s, t, &scratch)
			st.sweep(w, &r, t, w.weight[s], row)
		}
		if st.bent || !w.plain {
			hull(row)
		}
	}
}

// sweep adds a scenario's costs of all charges to a row.
func (st *store) sweep(w *world, r *rule, t int, weight float64, row []float64) {
	for j := range row {
		m := st.from(t, st.lo+float64(j)*st.pitch)
		_, cost := st.choose(w, r, t, &m)
		row[j] += weight * cost
	}
}

// hull replaces a row by the greatest convex one that is nowhere above it.
func hull(row []float64) {
	var kept [points]int
	n := 0
	for j := range row {
		for n > 1 && (row[kept[n-1]]-row[kept[n-2]])*float64(j-kept[n-1]) >= (row[j]-row[kept[n-1]])*float64(kept[n-1]-kept[n-2]) {
			n--
		}
		kept[n] = j
		n++
	}
	for k := range n - 1 {
		i, j := kept[k], kept[k+1]
		for x := i + 1; x < j; x++ {
			row[x] = row[i] + (row[j]-row[i])*float64(x-i)/float64(j-i)
		}
	}
}

// simulate follows each scenario from the charge now.
func (st *store) simulate(w *world) {
	var scratch tiers
	for s := range w.scenarios {
		charge := st.held
		for t := range w.steps {
			r := st.rule(w, s, t, &scratch)
			m := st.from(t, charge)
			to, _ := st.choose(w, &r, t, &m)
			k := s*w.steps + t
			st.moves.held[k], st.moves.flow[k] = to, moved(m.base, to, m.into, st.out)
			charge = to
		}
	}
}
