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
}

// from returns what can be done in a step that begins with a charge.
func (st *store) from(t int, charge float64) (m moment) {
	m.into = st.into[t]
	m.base = math.Max(charge*st.keep[t]-st.drain[t], st.lo)
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

// rule sets r to what the store does in a step of a scenario; scratch is where tiers are
// written that it needs. Where r was the rule of another scenario of the same step with the
// same prices its levels stay.
func (st *store) rule(w *world, r *rule, scenario, t int, scratch *tiers) {
	k := scenario*w.steps + t
	r.net = w.net[k]
	if w.plain {
		if r.step != t+1 || r.buy != w.buy[k] || r.sell != w.sell[k] {
			r.step, r.buy, r.sell = t+1, w.buy[k], w.sell[k]
			r.levels = st.levelsOf(t+1, st.into[t], r.buy, r.sell, &w.wishes)
		}
		return
	}
	r.buy, r.sell = w.buy[k], w.sell[k]
	w.bounds[t].tiersOf(scratch, r.buy, r.sell, w.traded[t])
	r.tiers = scratch
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
	sum := r.cost(r.net+moved(m.base, to, m.into, st.out)) + st.at(t+1, to)
	if to < m.base {
		sum += (m.base - to) * st.wear
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
		var r rule
		for s := range w.scenarios {
			st.rule(w, &r, s, t, &scratch)
			if w.plain && st.keep[t] == 1 && st.drain[t] == 0 && st.charge == nil && st.discharge == nil {
				st.sweep(&r, t, w.weight[s], (*[points]float64)(row))
				continue
			}
			for j := range row {
				m := st.from(t, st.lo+float64(j)*st.pitch)
				_, cost := st.choose(w, &r, t, &m)
				row[j] += w.weight[s] * cost
			}
		}
		for j := range row {
			row[j] += st.missing(t, st.lo+float64(j)*st.pitch)
		}
		if st.bent || !w.plain {
			hull(row)
		}
	}
}

// missing returns what is paid for what a charge lacks at the begin of a step.
func (st *store) missing(t int, charge float64) (sum float64) {
	if lacks := st.ready[t] - charge; lacks > 0 {
		sum += lacks * sure
	}
	if lacks := st.lo - (charge*st.keep[t] - st.drain[t]); lacks > 0 {
		sum += lacks * sure
	}
	if lacks := st.reserve - charge; lacks > 0 {
		sum += lacks * dear / 10 //nolint:mnd // soon, but not at once whatever it takes
	}
	return sum
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
	for t := range w.steps {
		var r rule
		for s := range w.scenarios {
			k := s*w.steps + t
			charge := st.held
			if t > 0 {
				charge = st.moves.held[k-1]
			}
			st.rule(w, &r, s, t, &scratch)
			m := st.from(t, charge)
			to, _ := st.choose(w, &r, t, &m)
			st.moves.held[k], st.moves.flow[k] = to, moved(m.base, to, m.into, st.out)
		}
	}
}
