package plan

// sweep adds a scenario's costs of all charges to the row of a step in which nothing is used
// or lost and limits do not depend on charge. It does what choose does, charge by charge;
// that is tested. Charges are counted in points here.
func (st *store) sweep(r *rule, t int, weight float64, row *row) {
	next := r.next
	x := sweeper{
		next: next, row: row, weight: weight, net: r.net, buy: r.buy, sell: r.sell,
		up: st.up[t] / st.pitch, top: (st.top - st.lo) / st.pitch, least: st.least[t] / st.pitch, paid: st.pitch / st.into[t],
		home: (r.levels.home - st.lo) / st.pitch, sold: (r.levels.sold - st.lo) / st.pitch,
		grid: (r.levels.grid - st.lo) / st.pitch, surplus: (r.levels.surplus - st.lo) / st.pitch,
		room: r.room * st.into[t] / st.pitch, over: r.over * st.pitch / st.into[t], crowded: (r.crowded - st.lo) / st.pitch,
	}
	fill, empty := x.grid, x.home
	if r.net < 0 {
		fill, empty = x.surplus, x.sold
	}
	j := 0
	for ; j < points && float64(j) < fill; j++ {
		x.charge(j)
	}
	still := r.net * r.buy
	if r.net < 0 {
		still = r.net * r.sell
	}
	for ; j < points && float64(j) <= empty; j++ {
		row[j] += weight * (still + next[j])
	}
	if j == points {
		return
	}
	g := giver{
		sweeper: &x, down: st.down[t] / st.pitch, reserve: (st.reserve - st.lo) / st.pitch,
		got: st.pitch * st.out, wear: st.wear * st.pitch,
	}
	for ; j < points; j++ {
		g.discharge(j)
	}
}

// sweeper is a step of a scenario, with charges in points.
type sweeper struct {
	next, row      *row
	weight         float64
	net, buy, sell float64
	up, top, least float64
	paid           float64 // Wh at the meter a point charged
	grid, surplus  float64
	home, sold     float64

	room, over, crowded float64 // as of a rule
}

func (x *sweeper) cost(net float64) float64 {
	if net > 0 {
		return net * x.buy
	}
	return net * x.sell
}

// after returns the cost to go from a charge.
func (x *sweeper) after(to float64) float64 {
	k := int(to)
	if uint(k) >= last {
		return x.next[last]
	}
	return x.next[k] + (to-float64(k))*(x.next[k+1]-x.next[k])
}

// charge adds the cost of a charge from which on there is something to store.
func (x *sweeper) charge(j int) {
	base := float64(j)
	to := x.grid
	if x.net < 0 {
		if all := base - x.net/x.paid; all > to {
			to = all
			if to > x.surplus {
				to = x.surplus
			}
		}
	}
	if x.over > 0 && to > base+x.room {
		to = min(to, max(base+x.room, x.crowded))
	}
	if to > base+x.up {
		to = base + x.up
	}
	if to > x.top {
		to = max(x.top, base)
	}
	cost := x.cost(x.net+(to-base)*x.paid) + x.after(to) + x.beyond(to-base)
	if rise := to - base; rise < x.least && rise > 0 && rise < min(x.up, x.top-base) {
		least := min(x.least, x.up, x.top-base)
		cost = x.cost(x.net) + x.next[j]
		if c := x.cost(x.net+least*x.paid) + x.after(base+least) + x.beyond(least); c < cost {
			cost = c
		}
	}
	x.row[j] += x.weight * cost
}

// beyond returns what a rise costs more for what is beyond the room.
func (x *sweeper) beyond(rise float64) float64 {
	return max(rise-x.room, 0) * x.over
}

// giver is a sweeper that also takes charge out.
type giver struct {
	*sweeper
	down, reserve float64
	got           float64 // Wh at the meter a point taken out
	wear          float64
}

// discharge adds the cost of a charge from which on something is given.
func (g *giver) discharge(j int) {
	base := float64(j)
	to := g.sold
	if g.net >= 0 {
		to = base - g.net/g.got
		if to >= g.sold {
			to = g.sold
		} else if to < g.home {
			to = g.home
		}
	}
	least := base - g.down
	if least < g.reserve {
		least = g.reserve
		if least > base {
			least = base
		}
	}
	if to < least {
		to = least
	}
	g.row[j] += g.weight * (g.cost(g.net-(base-to)*g.got) + (base-to)*g.wear + g.after(to))
}
