package plan

import (
	"math"
	"time"
)

// run is when a load runs.
type run struct {
	load  *Load
	first int       // step in which it begins
	late  bool      // it cannot be ready in time
	flow  []float64 // Wh by step
}

// place puts a load where it costs least, on what the others leave.
func (r *run) place(w *world, nobody time.Time) {
	r.put(w, -1)
	l := r.load
	best, least := -1, math.Inf(1)
	soonest := -1 // in case none is in time
	for first, i := range w.at {
		end := i.Begin().Add(l.Runs)
		allowed := !i.Begin().Before(l.From) && !i.Begin().Before(nobody)
		if l.Began {
			allowed = first == 0
		}
		if !allowed || end.After(w.at[w.steps-1].End()) {
			continue
		}
		if soonest < 0 {
			soonest = first
		}
		if !l.Ready.IsZero() && end.After(l.Ready) {
			break
		}
		var cost float64
		for t := first; t < w.steps; t++ {
			e := r.takes(w, first, t)
			if e == 0 {
				break
			}
			for s := range w.scenarios {
				k := s*w.steps + t
				x := rule{buy: w.buy[k], sell: w.sell[k]}
				if !w.plain[t] {
					w.bounds[t].tiersOf(&w.scratch, x.buy, x.sell, w.traded[t], w.scale.sure)
					x.tiers = &w.scratch
				}
				cost += w.weight[s] * (x.cost(w.net[k]+e) - x.cost(w.net[k]))
			}
		}
		if cost < least-soon*float64(l.Power) {
			best, least = first, cost
		}
	}
	r.late = best < 0
	if best < 0 {
		best = soonest
	}
	r.put(w, best)
}

// takes returns what a load takes in a step when it begins in another.
func (r *run) takes(w *world, first, t int) float64 {
	begin := w.at[first].Begin()
	end := begin.Add(r.load.Runs)
	i := w.at[t]
	if t < first || !end.After(i.Begin()) {
		return 0
	}
	d := min(i.Length(), end.Sub(i.Begin()))
	return float64(r.load.Power) * float64(d) / float64(time.Hour)
}

// put moves a load to where it begins in a step; −1: nowhere.
func (r *run) put(w *world, first int) {
	for t := range w.steps {
		var e float64
		if first >= 0 {
			e = r.takes(w, first, t)
		}
		if e == r.flow[t] {
			continue
		}
		for s := range w.scenarios {
			w.net[s*w.steps+t] += e - r.flow[t]
		}
		r.flow[t] = e
	}
	r.first = first
}
