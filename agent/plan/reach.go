package plan

// From each charge a store whose charge is used or lost, such as heat, or whose power depends on its charge, can do something else
// than sweep reckons with. It is the same in all scenarios of a step, and so is, by their mood, what costs follow.

// ground is what a store can do from all charges in a step.
type ground struct {
	from [points]reach
	then [moods]costs
}

// reach is what a store can do from a charge in a step.
type reach struct {
	moment

	stay, some, most stop // with nothing added, the least that can be, and all
}

// stop is a charge that a step may end with.
type stop struct {
	place

	charge, flow float64 // flow is what the meter counts until then, Wh
}

// costs are the costs to go from the stops, by the charge that a step begins with.
type costs struct{ stay, some, most row }

// place is where a charge lies among the points of a row.
type place struct {
	at   int
	part float64 // of the way to the next point
}

func (st *store) placed(charge float64) place {
	x := (charge - st.lo) / st.pitch
	if !(x > 0) {
		return place{}
	}
	if x >= last {
		return place{at: last}
	}
	k := int(x)
	return place{k, x - float64(k)}
}

// of returns what a row has at a place.
func (p place) of(r *row) float64 {
	if uint(p.at) >= last {
		return r[last]
	}
	return r[p.at] + p.part*(r[p.at+1]-r[p.at])
}

// survey finds what a store can do in a step; known tells that it is what it can do in the step after.
func (st *store) survey(w *world, t int, g *ground, known bool) {
	for j := range g.from {
		if known {
			break
		}
		x := &g.from[j]
		x.moment = st.from(t, st.lo+float64(j)*st.pitch)
		x.stay, x.some, x.most = st.stop(&x.moment, 0), st.stop(&x.moment, x.least), st.stop(&x.moment, x.up)
	}
	for mood := range g.then {
		next, c := st.after(w, t, mood), &g.then[mood]
		for j := range g.from {
			x := &g.from[j]
			c.stay[j], c.some[j], c.most[j] = x.stay.of(next), x.some.of(next), x.most.of(next)
		}
	}
}

// alike tells whether a store can do the same in a step as in the one after.
func (c *course) alike(t int) bool {
	return t+1 < len(c.up) && c.up[t] == c.up[t+1] && c.least[t] == c.least[t+1] && c.into[t] == c.into[t+1] && c.keep[t] == c.keep[t+1] &&
		c.drain[t] == c.drain[t+1] && (c.down == nil || c.down[t] == c.down[t+1])
}

func (st *store) stop(m *moment, rise float64) stop {
	to := m.base + rise
	return stop{st.placed(to), to, moved(m.base, to, m.into, st.out)}
}

// reckon adds the costs of all charges in a scenario of a mood to the row of a step, as choose has them charge by charge.
func (st *store) reckon(w *world, r *rule, g *ground, mood int, weight float64, row *row) {
	if r.tiers != nil || r.over > 0 || st.down != nil {
		for j := range row {
			_, cost := st.choose(w, r, &g.from[j].moment)
			row[j] += weight * cost
		}
		return
	}
	then, still := &g.then[mood], r.cost(r.net)
	for j := st.fill(r, g, then, weight, row); j < points; j++ {
		row[j] += weight * (still + then.stay[j])
	}
}

// fill adds the costs of the charges from which a store that gives nothing is filled, at two prices for any amount, and returns how
// many they are.
func (st *store) fill(r *rule, g *ground, then *costs, weight float64, row *row) (n int) {
	until, grid := r.levels.grid, r.levels.grid
	if r.net < 0 {
		until = r.levels.surplus
	}
	full := st.at(r.next, grid)
	for ; n < points && g.from[n].base < until; n++ {
		x := &g.from[n]
		to := grid
		if all := x.base - r.net*x.into; r.net < 0 && all > to {
			to = min(all, until)
		}
		var cost float64
		switch {
		case to >= x.most.charge:
			to, cost = x.most.charge, r.cost(r.net+x.most.flow)+then.most[n]
		case to == grid:
			cost = r.cost(r.net+(to-x.base)/x.into) + full
		default:
			cost = r.cost(r.net+(to-x.base)/x.into) + st.at(r.next, to)
		}
		if rise := to - x.base; rise > 0 && rise < x.least {
			cost = min(r.cost(r.net)+then.stay[n], r.cost(r.net+x.some.flow)+then.some[n])
		}
		row[n] += weight * cost
	}
	return n
}
