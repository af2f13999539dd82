package plan

import "math"

const (
	points = 65 // charges at which the cost to go is held
	last   = points - 1

	// sure is what a missing kWh costs a plan that shall not miss it, in millionths a Wh: ten
	// currency units a kWh, far above any tariff.
	sure = 1e4
	// dear is what is added to a price that the homeowner does not want to pay, in millionths a
	// Wh: it is paid only for what would be missed otherwise.
	dear = 1e3
	// soon breaks ties, in millionths a Wh: what can be had now as well as later is had now.
	soon = 1e-2
)

// course is what a store can do by step. Energies are in Wh stored.
type course struct {
	up, down []float64 // the most that can be added and taken out
	least    []float64 // the least that can be added when anything is
	into     []float64 // stored a Wh taken at the meter
	keep     []float64 // share that is still there at the end of the step
	drain    []float64 // taken by use at the begin of the step, after ready
	ready    []float64 // charge that there shall be at the begin of the step
}

// store is a device with a charge between lo and lo + last·pitch.
type store struct {
	course

	lo, pitch float64 // Wh
	held      float64
	reserve   float64 // Wh under which nothing is taken out, and into which it is charged at any price
	out       float64 // Wh at the meter a Wh taken out
	wear      float64 // millionths a Wh taken out
	terminal  float64 // millionths a Wh still stored at the end
	charge    *Powers // with limits by charge; nil: none
	discharge *Powers
	bent      bool // what it can do is not convex

	value []float64 // cost to go, millionths, by step and point; one row more than steps
	moves results
}

// results are what a store does by scenario and step.
type results struct {
	held []float64 // Wh at the end of the step
	flow []float64 // Wh at the meter
}

func (st *store) hi() float64 { return st.lo + last*st.pitch }

// at returns the cost to go with a charge before a step.
func (st *store) at(step int, charge float64) float64 {
	return between(st.value[step*points:(step+1)*points], (charge-st.lo)/st.pitch)
}

// between interpolates a row linearly.
func between(row []float64, x float64) float64 {
	if !(x > 0) {
		return row[0]
	}
	if x >= last {
		return row[last]
	}
	k := int(x)
	part := x - float64(k)
	return row[k] + part*(row[k+1]-row[k])
}

// level returns the highest charge below which one more Wh before a step is worth more than
// least, millionths a Wh.
func (st *store) level(step int, least float64) float64 {
	row := st.value[step*points : (step+1)*points : (step+1)*points]
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
	tiers          *tiers // nil: only the two
	step           int    // before which the levels are
}

// levels are charges: up to grid it is charged at buy, up to surplus at sell; down to home it
// is taken out at buy, down to sold at sell.
type levels struct{ grid, surplus, home, sold float64 }

// levelsOf returns those before the next step.
func (st *store) levelsOf(next int, into, buy, sell float64, wish *wishes) (l levels) {
	charge, give := buy, sell
	if buy > wish.ceiling {
		charge += dear
	}
	l.grid = st.level(next, charge/into-soon)
	if sell > wish.ceiling {
		sell += dear
	}
	l.surplus = st.level(next, sell/into-soon)
	if st.down == nil {
		l.home, l.sold = math.Inf(1), math.Inf(1)
		return l
	}
	l.home = math.Max(st.level(next, (buy-st.wear)*st.out+soon), st.reserve)
	l.sold = math.Inf(1)
	if give >= wish.floor {
		l.sold = math.Max(st.level(next, (give-st.wear)*st.out+soon), st.reserve)
	}
	return l
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
			return math.Min(l.grid, base+up)
		case base > l.home:
			to := base - r.net/out // covers all
			if to >= l.sold {
				to = l.sold
			} else {
				to = math.Max(to, l.home)
			}
			return math.Max(to, base-down)
		}
		return base
	}
	switch {
	case base < l.surplus:
		to := base - r.net*into // takes all
		if to <= l.grid {
			to = l.grid
		} else {
			to = math.Min(to, l.surplus)
		}
		return math.Min(to, base+up)
	case base > l.sold:
		return math.Max(l.sold, base-down)
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
