package plan

import (
	"math"

	"github.com/commonwatt/commonwatt/grid"
)

// world is what a store's programme is on: the net energy that the others leave, and prices,
// by scenario and step (scenario·steps + step).
type world struct {
	steps, scenarios int
	weight           []float64 // sums to 1
	net, buy, sell   []float64 // Wh; millionths a Wh
	room, over       []float64 // of what cars take: beyond so many Wh each costs so much more, millionths; 0 where any amount has one price
	traded           []float64 // by step
	bounds           []bounds  // by step
	wishes           wishes
	scale            scale
	scratch          tiers  // those of the rule that is at work
	ground           ground // that of the step that is at work
	plain            []bool // by step: it has no bounds, and no sell above its buy
	temper

	at []grid.Interval // the steps
}

// moment is what a store can do from a charge on in a step.
type moment struct {
	base, up, down, least, into float64
}

// from returns what can be done in a step that begins with a charge.
func (st *store) from(t int, charge float64) (m moment) {
	m.into = st.into[t]
	m.base = max(charge*st.keep[t]-st.drain[t], st.lo)
	m.up = max(min(limited(st.charge, charge, st.top, st.up[t]), st.top-m.base), 0)
	if st.down != nil {
		m.down = min(limited(st.discharge, charge, st.top, st.down[t]), max(m.base-st.reserve, 0))
	}
	m.least = min(st.least[t], m.up)
	return m
}

// rule sets r to what the store does in a step of a scenario. Where r was the rule of another scenario of the same step with the
// same prices its levels stay.
func (st *store) rule(w *world, r *rule, scenario, t int) {
	before := *r
	st.meet(w, r, scenario, t)
	if !w.plain[t] {
		return
	}
	if before.next != r.next || before.buy != r.buy || before.sell != r.sell || before.over != r.over {
		r.levels = st.levelsOf(r.next, st.into[t], r.buy, r.sell, w)
		st.crowd(r, st.into[t])
	}
	st.known[scenario*w.steps+t] = known{r.levels, r.crowded}
}

// recall sets r to the rule that solve found.
func (st *store) recall(w *world, r *rule, scenario, t int) {
	st.meet(w, r, scenario, t)
	of := &st.known[scenario*w.steps+t]
	r.levels, r.crowded = of.levels, of.crowded
}

// meet sets r to what a store meets in a step of a scenario.
func (st *store) meet(w *world, r *rule, scenario, t int) {
	k := scenario*w.steps + t
	r.net, r.buy, r.sell = w.net[k], w.buy[k], w.sell[k]
	r.next = st.after(w, t, w.mood[scenario])
	r.room, r.over = w.roomFor(st, k)
	r.tiers = nil
	if !w.plain[t] {
		w.bounds[t].tiersOf(&w.scratch, r.buy, r.sell, w.traded[t], w.scale.sure)
		r.tiers = &w.scratch
		st.mark(r.tiers, r.next, st.into[t])
	}
}

// mark notes the levels of each of the prices.
func (st *store) mark(x *tiers, next *row, into float64) {
	for k := range x.n {
		x.fill[k] = st.level(next, x.price[k]/into-soon)
		if st.down != nil {
			x.empty[k] = math.Max(st.level(next, x.price[k]*st.out-st.wear+soon), st.reserve)
		}
	}
}

// choose returns the charge at the end of a step, and what the step and all after it cost.
func (st *store) choose(w *world, r *rule, m *moment) (to, cost float64) {
	if r.tiers != nil {
		return st.search(w, r, m)
	}
	to = st.aim(w, r, m)
	return to, st.total(r, m, to)
}

// aim returns the charge at the end of a step.
func (st *store) aim(w *world, r *rule, m *moment) (to float64) {
	if r.tiers != nil {
		to, _ = st.search(w, r, m)
		return to
	}
	to = r.within(m, r.goal(m.base, m.up, m.down, m.into, st.out))
	if rise := to - m.base; rise > 0 && rise < m.least {
		to = m.base
		if least := m.base + m.least; st.total(r, m, least) < st.total(r, m, to) {
			to = least
		}
	}
	return to
}

// total returns what it costs to end a step with a charge.
func (st *store) total(r *rule, m *moment, to float64) float64 {
	flow := moved(m.base, to, m.into, st.out)
	sum := r.cost(r.net+flow) + st.at(r.next, to)
	if r.over > 0 && flow > r.room {
		sum += (flow - r.room) * r.over
	}
	if to < m.base {
		sum += (m.base - to) * st.wear
	}
	return sum
}

// search does what choose does where a meter has more prices than two, or a higher one for
// what it gives than for what it takes: the best charge is at a level of one of the prices,
// where the meter passes from one to the next, or where a limit is.
func (st *store) search(w *world, r *rule, m *moment) (to, cost float64) {
	to, cost = m.base, st.total(r, m, m.base)
	try := func(charge float64) {
		charge = math.Min(math.Max(charge, m.base-m.down), m.base+m.up)
		if rise := charge - m.base; rise > 0 && rise < m.least {
			charge = m.base + m.least
		}
		if charge == to || !w.wishes.allow(r, m, charge, st) {
			return
		}
		c := st.total(r, m, charge)
		if taken := r.net + moved(m.base, charge, m.into, st.out); charge > m.base && r.buy > w.wishes.ceiling && taken > 0 {
			c += math.Min(taken, (charge-m.base)/m.into) * w.scale.dear
		}
		if c < cost {
			to, cost = charge, c
		}
	}
	try(m.base + m.up)
	try(m.base - m.down)
	try(m.base + m.least)
	if r.over > 0 {
		try(m.base + r.room*m.into)
	}
	for k := range r.tiers.n {
		try(r.tiers.fill[k])
		if st.down != nil {
			try(r.tiers.empty[k])
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

// after returns the cost to go after a step for whom it is in a mood. What mood it is in the
// first step is not known in time.
func (st *store) after(w *world, t, mood int) *row {
	if t == 0 {
		mood = moods
	}
	return &st.value[mood*(w.steps+1)+t+1]
}

// solve fills the cost to go.
func (st *store) solve(w *world) {
	st.await(w)
	for mood := range moods + 1 {
		end := st.after(w, w.steps-1, mood)
		for j := range end {
			end[j] = -st.terminal * float64(j) * st.pitch
		}
	}
	var now [moods]row
	surveyed := false // the step after
	for t := w.steps - 1; t >= 0; t-- {
		clear(now[:])
		even := w.plain[t] && st.keep[t] == 1 && st.drain[t] == 0 && st.charge == nil && st.discharge == nil
		if !even {
			st.survey(w, t, &w.ground, surveyed && st.alike(t))
		}
		surveyed = !even
		var r rule
		for s := range w.scenarios {
			st.rule(w, &r, s, t)
			to, weight := &now[w.mood[s]], w.weight[s]/w.share[w.mood[s]]
			if even {
				st.sweep(&r, t, weight, to)
			} else {
				st.reckon(w, &r, &w.ground, w.mood[s], weight, to)
			}
		}
		st.blend(w, t, &now)
	}
}

// blend makes from the costs to go of the moods in a step those of the moods in the step
// before, each of which lasts or is drawn anew.
func (st *store) blend(w *world, t int, now *[moods]row) {
	mean := &st.value[moods*(w.steps+1)+t]
	if st.bent || !w.plain[t] {
		for mood := range now {
			hull(&now[mood])
		}
	}
	var missing row
	st.missed(w, t, &missing)
	*mean = missing
	for mood := range now {
		share, of := w.share[mood], &now[mood]
		for j, cost := range of {
			mean[j] += share * cost
		}
	}
	stay := w.stay[t]
	for mood := range now {
		to, of := &st.value[mood*(w.steps+1)+t], &now[mood]
		for j, cost := range of {
			to[j] = mean[j] + stay*(cost+missing[j]-mean[j])
		}
	}
}

// missed sets a row to what is paid for what its charges lack at the begin of a step.
func (st *store) missed(w *world, t int, to *row) {
	if st.keep[t] == 1 && st.drain[t] == 0 && st.ready[t] <= st.lo && (st.down == nil || st.reserve <= st.lo) {
		return // nothing
	}
	for j := range to {
		to[j] = st.missing(w, t, st.lo+float64(j)*st.pitch)
	}
}

// missing returns what is paid for what a charge lacks at the begin of a step.
func (st *store) missing(w *world, t int, charge float64) (sum float64) {
	if lacks := st.ready[t] - charge; lacks > 0 {
		sum += lacks * w.scale.sure
	}
	if lacks := st.lo - (charge*st.keep[t] - st.drain[t]); lacks > 0 {
		sum += lacks * w.scale.sure
	}
	if lacks := st.reserve - charge; lacks > 0 && st.down != nil {
		sum += lacks * w.scale.dear / 10 //nolint:mnd // soon, but not at once whatever it takes
	}
	return sum
}

// hull replaces a row by the greatest convex one that is nowhere above it.
func hull(row *row) {
	if row.convex() {
		return
	}
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

// convex tells whether the row never rises less from one point to the next than it did before.
func (r *row) convex() bool {
	before := r[1] - r[0]
	for j := 2; j < points; j++ {
		rise := r[j] - r[j-1]
		if before > rise {
			return false
		}
		before = rise
	}
	return true
}

// simulate follows each scenario from the charge now.
func (st *store) simulate(w *world) {
	for t := range w.steps {
		var r rule
		for s := range w.scenarios {
			k := s*w.steps + t
			charge := st.held
			if t > 0 {
				charge = st.moves.held[k-1]
			}
			st.recall(w, &r, s, t)
			m := st.from(t, charge)
			to := st.aim(w, &r, &m)
			st.moves.held[k], st.moves.flow[k] = to, moved(m.base, to, m.into, st.out)
		}
	}
}
