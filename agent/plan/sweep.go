package plan

// sweep adds a scenario's costs of all charges to the row of a step in which nothing is used
// or lost and limits do not depend on charge. It does what choose does, charge by charge;
// that is tested. Charges are counted in points here.
func (st *store) sweep(r *rule, t int, weight float64, row *row) {
	x := sweeper{
		next: r.next, row: row, weight: weight, net: r.net, buy: r.buy, sell: r.sell,
		up: st.up[t] / st.pitch, top: (st.top - st.lo) / st.pitch, least: st.least[t] / st.pitch, paid: st.pitch / st.into[t],
		grid: (r.levels.grid - st.lo) / st.pitch, surplus: (r.levels.surplus - st.lo) / st.pitch,
	}
	if r.over > 0 {
		x.room, x.over, x.crowded = r.room*st.into[t]/st.pitch, r.over*st.pitch/st.into[t], (r.crowded-st.lo)/st.pitch
	}
	j := x.charge()
	if st.down == nil {
		x.rest(j, points)
		return
	}
	g := giver{
		sweeper: &x, home: (r.levels.home - st.lo) / st.pitch, sold: (r.levels.sold - st.lo) / st.pitch,
		down: st.down[t] / st.pitch, reserve: (st.reserve - st.lo) / st.pitch, got: st.pitch * st.out, wear: st.wear * st.pitch,
	}
	empty := g.home
	if r.net < 0 {
		empty = g.sold
	}
	g.discharge(x.rest(j, beyond(empty)))
}

// beyond returns the first point above a charge.
func beyond(charge float64) int {
	j := 0
	for j < points && float64(j) <= charge {
		j++
	}
	return j
}

// sweeper is a step of a scenario, with charges in points.
type sweeper struct {
	next, row      *row
	weight         float64
	net, buy, sell float64
	up, top, least float64
	paid           float64 // Wh at the meter a point charged
	grid, surplus  float64

	room, over, crowded float64 // as of a rule
}

func (x *sweeper) cost(net float64) float64 {
	if net > 0 {
		return net * x.buy
	}
	return net * x.sell
}

// after returns what a row has at a charge.
func after(next *row, to float64) float64 {
	k := int(to)
	if uint(k) >= last {
		return next[last]
	}
	return next[k] + (to-float64(k))*(next[k+1]-next[k])
}

// rest adds the costs of the charges from a point up to another with which a store does nothing, and returns where it ended.
func (x *sweeper) rest(j, end int) int {
	still := x.cost(x.net)
	for ; j < end && j < points; j++ {
		x.row[j] += x.weight * (still + x.next[j])
	}
	return j
}

// charge adds the costs of the charges from which on there is something to store, and returns how many they are.
func (x *sweeper) charge() (n int) {
	next, row, net, buy, sell, weight := x.next, x.row, x.net, x.buy, x.sell, x.weight
	up, top, paid, grid, surplus, over := x.up, x.top, x.paid, x.grid, x.surplus, x.over
	fill, all := grid, net/paid
	if net < 0 {
		fill = surplus
	}
	for base := 0.0; n < points && base < fill; n, base = n+1, base+1 {
		to := grid
		if net < 0 && base-all > to {
			to = base - all
			if to > surplus {
				to = surplus
			}
		}
		if over > 0 && to > base+x.room {
			to = min(to, max(base+x.room, x.crowded))
		}
		if to > base+up {
			to = base + up
		}
		if to > top {
			to = max(top, base)
		}
		if rise := to - base; over > 0 || rise < x.least && rise > 0 {
			row[n] += weight * x.stepped(n, to)
			continue
		}
		taken := net + (to-base)*paid
		if taken > 0 {
			taken *= buy
		} else {
			taken *= sell
		}
		row[n] += weight * (taken + after(next, to))
	}
	return n
}

// stepped returns what it costs to charge from a point up to a charge, or not at all, or the least that can be, where what is
// beyond the room is dearer.
func (x *sweeper) stepped(j int, to float64) float64 {
	base := float64(j)
	rise := to - base
	if rise >= x.least || rise <= 0 || rise >= min(x.up, x.top-base) {
		return x.cost(x.net+rise*x.paid) + after(x.next, to) + x.beyond(rise)
	}
	least := min(x.least, x.up, x.top-base)
	still := x.cost(x.net) + x.next[j]
	return min(still, x.cost(x.net+least*x.paid)+after(x.next, base+least)+x.beyond(least))
}

// beyond returns what a rise costs more for what is beyond the room.
func (x *sweeper) beyond(rise float64) float64 {
	return max(rise-x.room, 0) * x.over
}

// giver is a sweeper that also takes charge out.
type giver struct {
	*sweeper

	home, sold    float64
	down, reserve float64
	got           float64 // Wh at the meter a point taken out
	wear          float64
}

// discharge adds the costs of the charges from a point on with which something is given.
func (g *giver) discharge(j int) {
	next, row, net, buy, sell, weight := g.next, g.row, g.net, g.buy, g.sell, g.weight
	home, sold, down, reserve, got, wear := g.home, g.sold, g.down, g.reserve, g.got, g.wear
	all := net / got
	for base := float64(j); j < points; j, base = j+1, base+1 {
		to := sold
		if net >= 0 {
			to = base - all
			if to >= sold {
				to = sold
			} else if to < home {
				to = home
			}
		}
		least := base - down
		if least < reserve {
			least = reserve
			if least > base {
				least = base
			}
		}
		if to < least {
			to = least
		}
		taken := net - (base-to)*got
		if taken > 0 {
			taken *= buy
		} else {
			taken *= sell
		}
		row[j] += weight * (taken + (base-to)*wear + after(next, to))
	}
}
