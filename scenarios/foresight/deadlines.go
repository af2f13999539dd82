package foresight

import "github.com/commonwatt/commonwatt/grid"

// Deadlines are the times at which cars left.
type Deadlines struct {
	Feasible int `json:"deadlines"`        // alone the car would have been full by then
	Missed   int `json:"missed_deadlines"` // those of them at which it was not
}

// lacks is what a car may lack and still be full: less than a minute of charging.
const lacks = 200 * wattSeconds

// Deadlines returns those of the stays that ended within the intervals from the first to the last.
func (w *Watch) Deadlines(first, last grid.Interval) (d Deadlines) {
	from, to := w.index(first), w.index(last)
	for _, h := range w.homes {
		for _, s := range h.stays {
			if s.left < from || s.left > to || !s.over || s.lackedAlone > lacks {
				continue
			}
			d.Feasible++
			if s.lacked > lacks {
				d.Missed++
			}
		}
	}
	return d
}
