package plan

import (
	"math"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// blank empties a store and sizes it.
func (w *world) blank(st *store) {
	n := w.steps
	*st = store{
		course: course{
			up: sized(st.up, n), least: sized(st.least, n), into: sized(st.into, n), keep: sized(st.keep, n),
			drain: sized(st.drain, n), ready: sized(st.ready, n), down: st.down[:0],
		},
		value: sized(st.value, (moods+1)*(n+1)),
		known: sized(st.known, n*w.scenarios),
		moves: results{held: sized(st.moves.held, n*w.scenarios), flow: sized(st.moves.flow, n*w.scenarios)},
		out:   1,
	}
	for t := range n {
		st.keep[t] = 1
	}
}

// power writes how much can be added by step, with the least.
func (w *world) power(st *store, x Powers) {
	for t, i := range w.at {
		st.up[t] = float64(x.Most) * i.Length().Hours() * st.into[t]
		st.least[t] = float64(x.Least) * i.Length().Hours() * st.into[t]
	}
	st.bent = x.Least > 0
}

const all = 1000 // per mille

func (w *world) battery(st *store, b *Battery) {
	down := sized(st.down, w.steps)
	w.blank(st)
	st.down = down
	st.held, st.out = b.Held, b.OutOf
	st.reserve = b.Capacity * float64(b.Reserve) / all
	st.span(0, math.Max(b.Capacity, b.Held), st.reserve)
	st.wear = float64(b.Wear) / 1000
	for t, i := range w.at {
		st.into[t] = b.Into
		st.down[t] = float64(b.Out.Most) * i.Length().Hours() / b.OutOf
	}
	w.power(st, b.Charge)
	if len(b.Charge.Limits) > 0 {
		st.charge = &b.Charge
	}
	if len(b.Out.Limits) > 0 {
		st.discharge = &b.Out
	}
	buy, sell := w.usual()
	st.terminal = math.Max((buy*b.OutOf+sell/b.Into)/2-st.wear, 0) //nolint:mnd // nobody knows which it will replace
	if b.Terminal != nil {
		st.terminal = float64(*b.Terminal) / 1000
	}
}

// usual returns the mean prices of the last day of the plan, millionths a Wh.
func (w *world) usual() (buy, sell float64) {
	end := w.at[w.steps-1].End()
	var hours float64
	for t := w.steps - 1; t >= 0; t-- {
		i := w.at[t]
		if end.Sub(i.Begin()).Hours() > 24 { //nolint:mnd // a day
			break
		}
		h := i.Length().Hours()
		hours += h
		for s := range w.scenarios {
			buy += h * w.weight[s] * w.buy[s*w.steps+t]
			sell += h * w.weight[s] * w.sell[s*w.steps+t]
		}
	}
	return buy / hours, sell / hours
}

func (w *world) car(st *store, c *Car) {
	w.blank(st)
	st.down = nil
	most := c.Most
	if most == 0 {
		most = all
	}
	st.held, st.waits, st.crowds = c.Held, float64(c.Waits)/1000, true
	for t := range st.into {
		st.into[t] = c.Into
	}
	w.power(st, c.Power)
	hi, lo, first := math.Max(c.Capacity*float64(most)/all, c.Held), c.Held, 0.0
	for _, trip := range c.Trips {
		ready, at := c.Capacity*float64(trip.Ready)/all, w.travel(st, trip)
		if at < 0 {
			continue
		}
		hi = math.Max(hi, ready)
		st.ready[at], st.drain[at] = math.Max(st.ready[at], ready), st.drain[at]+trip.Use
		lo = math.Max(lo-trip.Use, 0)
		if first == 0 {
			first = ready
		}
	}
	st.span(lo, hi, first)
	if len(c.Power.Limits) > 0 {
		st.charge = &c.Power
	}
	buy, sell := w.cheapest()
	st.terminal = (buy + sell) / 2 / c.Into //nolint:mnd // surplus goes in, what is bought does not
	if c.Opportune != nil {
		st.terminal = float64(*c.Opportune) / 1000
	}
}

// travel takes away what a car that is on a trip cannot charge, and returns the step in which
// it leaves; −1 where that is not in the plan.
func (w *world) travel(st *store, trip Trip) (leaves int) {
	leaves = -1
	for t, i := range w.at {
		if !i.End().After(trip.Leave) || !i.Begin().Before(trip.Return) {
			continue // it is at home for the whole step
		}
		st.up[t], st.least[t] = 0, 0
		if leaves < 0 {
			leaves = t
		}
	}
	if trip.Leave.Before(w.at[0].Begin()) {
		return -1 // it has left already
	}
	return leaves
}

// span lays the points over a range, one of them at a charge that counts.
func (st *store) span(lo, hi, point float64) {
	const least = 1.0 // Wh
	st.lo, st.top = lo, math.Max(hi, lo+least)
	st.pitch = (st.top - lo) / last
	if n := math.Floor((point - lo) / st.pitch); n >= 1 {
		st.pitch = (point - lo) / n
	}
}

// cheapest returns the lowest mean prices of a step, millionths a Wh.
func (w *world) cheapest() (buy, sell float64) {
	buy, sell = math.Inf(1), math.Inf(1)
	for t := range w.steps {
		var b, s float64
		for k := range w.scenarios {
			b += w.weight[k] * w.buy[k*w.steps+t]
			s += w.weight[k] * w.sell[k*w.steps+t]
		}
		buy, sell = math.Min(buy, b), math.Min(sell, s)
	}
	return buy, sell
}

func (w *world) heat(st *store, h *Heat, nobody time.Time) {
	w.blank(st)
	st.down = nil
	away := func(i grid.Interval) bool { return i.Begin().Before(nobody) }
	st.held, st.ahead = h.Held, float64(h.Ahead)/1000
	if away(w.at[0]) {
		st.lo = -h.Away
	}
	st.span(math.Min(st.lo, h.Held), math.Max(h.Room, h.Held), 0)
	var cop float64
	for t, i := range w.at {
		hours := i.Length().Hours()
		st.into[t] = 1
		if h.COP != nil {
			st.into[t] = h.COP[t]
		}
		cop += st.into[t] / float64(w.steps)
		st.keep[t] = math.Exp(-h.Loss * hours)
		st.drain[t] = h.Demand[t]
		st.ready[t] = st.lo
		if !away(i) {
			st.ready[t] = math.Max(0, st.lo)
		}
	}
	w.power(st, h.Power)
	buy, sell := w.usual()
	st.terminal = (buy + sell) / 2 / cop
	if h.Terminal != nil {
		st.terminal = float64(*h.Terminal) / 1000
	}
}
