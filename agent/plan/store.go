package plan

import "math"

const (
	points = 65 // charges at which the cost to go is held
	last   = points - 1

	// soon breaks ties, in millionths a Wh: what a car or heat can have now as well as later it
	// has now. A battery waits: until then it becomes known whether it will be needed.
	soon = 1e-2
)

// scale is what things are worth by the prices of a plan, millionths a Wh.
type scale struct {
	// sure is what a missing Wh costs a plan that shall not miss it, far above any tariff.
	sure float64
	// dear is added to a price that the homeowner does not want to pay: it is paid only for what
	// would be missed otherwise.
	dear float64
	// margin is by how much it must be better to leave the home's own surplus to the grid than
	// to store it, and to buy than to cover the home's load: less is within the error of what a
	// forecast says, and the rule that a battery follows without a plan loses nothing then.
	margin float64
	// ahead and kept are shares of what lies between the two prices: so much must be saved
	// besides by what is bought ahead, and by what the home needs and is kept for later, where
	// the sun is expected to fill the battery (surplus 1). What is needed less than the forecast
	// says then takes the room of the sun, and nobody can tell how often that is: with these
	// shares recorded homes were hardly ever worse off than by the rule.
	ahead, kept float64
}

// course is what a store can do by step. Energies are in Wh stored.
type course struct {
	up, down []float64 // the most that can be added and taken out
	least    []float64 // the least that can be added when anything is
	into     []float64 // stored a Wh taken at the meter
	keep     []float64 // share that is still there at the end of the step
	drain    []float64 // taken by use at the begin of the step, after ready
	ready    []float64 // charge that there shall be at the begin of the step
}

// store is a device with a charge.
type store struct {
	course

	lo, top   float64 // Wh; the last point may lie above top, which is not passed
	pitch     float64 // Wh between points
	held      float64
	reserve   float64 // Wh under which nothing is taken out, and into which it is charged at any price
	out       float64 // Wh at the meter a Wh taken out
	wear      float64 // millionths a Wh taken out
	terminal  float64 // millionths a Wh still stored at the end
	waits     float64 // millionths a Wh that waiting must save
	ahead     float64 // millionths a Wh that charging before it is needed must save
	charge    *Powers // with limits by charge; nil: none
	discharge *Powers
	surplus   float64 // how much of the store the surplus of the next day fills, at most 1
	bent      bool    // what it can do is not convex
	crowds    bool    // a car: what it takes beyond the room is dearer

	value []row   // cost to go, millionths, by mood and step; one more than steps
	known []known // what solve found of the steps, by scenario and step
	moves results
}

// results are what a store does by scenario and step.
type results struct {
	held []float64 // Wh at the end of the step
	flow []float64 // Wh at the meter
}

// row is a function of the charge.
type row [points]float64

// at returns the cost to go with a charge.
func (st *store) at(r *row, charge float64) float64 { return st.placed(charge).of(r) }

// level returns the highest charge below which one more Wh is worth more than least, millionths
// a Wh.
func (st *store) level(row *row, least float64) float64 {
	low, high := 0, last // the first segment that is worth no more
	for at := least * st.pitch; low < high; {
		middle := (low + high) / 2 //nolint:mnd // halves
		if row[middle]-row[middle+1] > at {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return st.lo + float64(low)*st.pitch
}

// limited returns the most that can be moved at a charge, of what the step allows.
func limited(p *Powers, charge, capacity, most float64) float64 {
	if p == nil {
		return most
	}
	const all = 1000
	x := charge / capacity * all
	watts := float64(p.Limits[len(p.Limits)-1].Power)
	for k, l := range p.Limits {
		if x > float64(l.At) {
			continue
		}
		watts = float64(l.Power)
		if k > 0 {
			before := p.Limits[k-1]
			watts = float64(before.Power) + float64(l.Power-before.Power)*(x-float64(before.At))/float64(l.At-before.At)
		}
		break
	}
	return most * math.Min(watts/float64(p.Most), 1)
}

// rule is what a store does in a step of a scenario: the meter shows net without it, and
// every Wh above 0 costs buy, below it brings sell, millionths a Wh.
type rule struct {
	net, buy, sell float64
	levels         levels
	tiers          *tiers  // nil: only the two
	room, over     float64 // beyond so many Wh that a car takes each costs so much more; over 0: none does
	crowded        float64 // charge up to which it is charged beyond the room
	next           *row    // cost to go after the step
}

// levels are charges: up to grid it is charged at buy, up to surplus at sell; down to home it
// is taken out at buy, down to sold at sell.
type levels struct{ grid, surplus, home, sold float64 }

// known are the levels of a step of a scenario, and of a car the charge up to which it is charged beyond its room.
type known struct {
	levels  levels
	crowded float64
}

// levelsOf returns those of a cost to go.
func (st *store) levelsOf(next *row, into, buy, sell float64, w *world) (l levels) {
	charge, give, margin := buy, sell, w.scale.margin
	if sell == buy {
		margin = soon // it is one price for all
	}
	if buy > w.wishes.ceiling {
		charge += w.scale.dear
	}
	hedge := st.hedge(next, buy, sell, w)
	if sell > w.wishes.ceiling {
		sell += w.scale.dear
	}
	if st.ahead > 0 {
		margin = soon
	}
	if st.down == nil {
		l.grid, l.surplus = st.level(next, st.worth(charge, into, soon)), st.level(next, st.worth(sell, into, margin))
		l.home, l.sold = math.Inf(1), math.Inf(1)
		return l
	}
	l.grid = st.level(next, charge/into+soon+hedge*w.scale.ahead)
	l.surplus = st.level(next, (sell+st.ahead)/into-margin)
	l.home = max(st.level(next, buy*st.out-st.wear+margin+hedge*w.scale.kept), st.reserve)
	l.sold = math.Inf(1)
	if give >= w.wishes.floor {
		l.sold = max(st.level(next, give*st.out-st.wear+soon), st.reserve)
	}
	return l
}

// worth returns what a Wh must be worth in a store that gives nothing, to be charged at a price: less than the price by a
// margin, or by what waiting must save.
func (st *store) worth(price, into, margin float64) float64 {
	least := (price+st.ahead)/into - margin
	if st.waits > 0 {
		least = min(least, price/into-st.waits)
	}
	return least
}

// hedge returns what would be lost by a Wh whose room the sun should have had, times how much
// of the store the sun is expected to fill. It counts in the step that runs: what later ones
// do is decided when more is known.
func (st *store) hedge(next *row, buy, sell float64, w *world) float64 {
	if next != st.after(w, 0, moods) {
		return 0
	}
	return st.surplus * max(buy-sell, 0)
}

// await notes how much of the store the surplus of the next day fills.
func (st *store) await(w *world) {
	const day = 24 * 60 * 60
	sum := 0.0
	for s := range w.scenarios {
		for t := 0; t < w.steps && w.at[t].Start-w.at[0].Start < day; t++ {
			sum += w.weight[s] * math.Max(-w.net[s*w.steps+t], 0) * st.into[t]
		}
	}
	st.surplus = math.Min(sum/(st.top-st.lo), 1)
}

// wishes are the homeowner's bounds of prices, millionths a Wh.
type wishes struct{ floor, ceiling float64 }

// goal returns the charge at the end of a step that begins, once what is used is gone, with
// base.
func (r *rule) goal(base, up, down, into, out float64) float64 {
	l := &r.levels
	if r.net >= 0 {
		switch {
		case base < l.grid:
			return min(l.grid, base+up)
		case base > l.home:
			to := base - r.net/out // covers all
			if to >= l.sold {
				to = l.sold
			} else {
				to = max(to, l.home)
			}
			return max(to, base-down)
		}
		return base
	}
	switch {
	case base < l.surplus:
		to := base - r.net*into // takes all
		if to <= l.grid {
			to = l.grid
		} else {
			to = min(to, l.surplus)
		}
		return min(to, base+up)
	case base > l.sold:
		return max(l.sold, base-down)
	}
	return base
}

// meter returns the energy at the meter that moves a charge.
func moved(from, to, into, out float64) float64 {
	if to > from {
		return (to - from) / into
	}
	return (to - from) * out
}

// cost returns what the meter's energy costs.
func (r *rule) cost(net float64) float64 {
	if r.tiers != nil {
		return r.tiers.cost(net)
	}
	if net > 0 {
		return net * r.buy
	}
	return net * r.sell
}
