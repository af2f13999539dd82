package plan

import "math"

const (
	// moods is how many kinds of courses are told apart: what comes is less, as much as or more
	// than usual.
	moods = 3
	// lasts is the time after which a mood has changed with a probability of 1 − 1/e, hours.
	lasts = 12.0
)

// temper is which scenarios are of which mood.
type temper struct {
	mood  []int          // by scenario
	share [moods]float64 // weight of a mood's scenarios
	stay  []float64      // by step: how probably the mood before it lasts
}

// feel sorts the scenarios into moods by what the home will take in the next day, of own.
func (w *world) feel(own []float64) {
	w.mood, w.stay = sized(w.mood, w.scenarios), sized(w.stay, w.steps)
	for t := range w.steps {
		if t > 0 {
			w.stay[t] = math.Exp(-w.at[t-1].Length().Hours() / lasts)
		}
	}
	var f few
	f.n = min(w.scenarios, mostFew)
	for s := range w.scenarios {
		var sum float64
		for t, i := range w.at {
			if i.Begin().Sub(w.at[0].Begin()).Hours() >= 24 { //nolint:mnd // a day
				break
			}
			sum += own[s*w.steps+t]
		}
		f.set(s, sum)
	}
	f.sort()
	w.share = [moods]float64{}
	var below float64
	for _, s := range f.order[:f.n] {
		w.mood[s] = min(int((below+w.weight[s]/2)*moods), moods-1) //nolint:mnd // its middle
		below += w.weight[s]
		w.share[w.mood[s]] += w.weight[s]
	}
}
