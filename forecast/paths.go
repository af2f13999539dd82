package forecast

import (
	"cmp"
	"math"
	"slices"
)

// Days returns up to n days of the past, each of which makes a scenario of all the models:
// those that all of them have errors of, chosen so that small and large errors of their sum
// come as often as they did. Series of one community that draw the same days have their
// weather in common. With too short a past there are fewer, or none.
func Days(n int, models ...*Model) []Day {
	type total struct {
		day Day
		sum float64
	}
	var all []total
	if len(models) == 0 || n <= 0 {
		return nil
	}
	for _, d := range models[0].errorDays() {
		t := total{day: d}
		common := true
		for _, m := range models {
			sum, ok := m.errorOf(d)
			if common = common && ok; !common {
				break
			}
			if m.options.Kind == PV {
				sum = -sum // production lessens what is imported
			}
			t.sum += sum
		}
		if common {
			all = append(all, t)
		}
	}
	if len(all) <= n {
		days := make([]Day, len(all))
		for i, t := range all {
			days[i] = t.day
		}
		return days
	}
	slices.SortStableFunc(all, func(a, b total) int { return cmp.Compare(a.sum, b.sum) })
	days := make([]Day, n)
	for k := range days {
		days[k] = all[(2*k+1)*len(all)/(2*n)].day
	}
	slices.Sort(days)
	return days
}

// errorDays returns the days whose forecast errors are known, but for the first, since a trace
// needs what was before.
func (m *Model) errorDays() (days []Day) {
	if m.errs == nil {
		return nil
	}
	for i := range m.errs.z {
		days = append(days, m.errs.first+Day(i))
	}
	return days
}

// errorOf returns the sum of a day's errors; false where most of them are not known.
func (m *Model) errorOf(d Day) (sum float64, ok bool) {
	if m.errs == nil {
		return 0, false
	}
	i := int(d - m.errs.first)
	if i < 0 || i >= len(m.errs.z) {
		return 0, false
	}
	n := 0
	for slot, z := range m.errs.z[i] {
		if known(z) {
			sum += z * m.errs.sigma[slot]
			n++
		} else if m.errs.sigma[slot] == 0 {
			n++ // there is never an error
		}
	}
	return sum * math.Sqrt(m.walk.scale.floor), 2*n > len(m.errs.z[i])
}

// Paths returns a scenario of the coming intervals for each of the days: the forecast, moved
// by the errors that forecasts issued at this time of day made on that day and the next, after
// correction by what was known then. All are as likely.
func (o *Outlook) Paths(days []Day) [][]float64 {
	paths := make([][]float64, len(days))
	for j, d := range days {
		path := make([]float64, len(o.Points))
		var trace []float64
		if o.errs != nil && len(path) > 0 {
			trace = o.errs.trace(d, o.place, o.every)
		}
		for k, p := range o.Points {
			path[k] = p.Mean
			if trace != nil {
				path[k] += trace[k] * o.unit[k]
			}
			if o.kind != Net {
				path[k] = math.Max(0, path[k])
			}
		}
		paths[j] = path
	}
	return paths
}
