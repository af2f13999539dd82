package forecast

import (
	"math"
	"slices"
	"strings"
)

// element is what a column of weather measures.
type element int

const (
	plain element = iota // something else: a feature as it is
	temperature
	radiation
	cloud
	wind
	windEast
	windNorth
)

// elementOf tells by the name.
func elementOf(name string) element {
	name = strings.ToLower(name)
	if i := strings.IndexByte(name, '('); i > 0 { // a unit
		name = name[:i]
	}
	words := strings.FieldsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	is := func(exact []string, parts ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(exact, w) }) ||
			slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(name, p) })
	}
	switch {
	case is([]string{"u10", "10u", "u100", "var165"}):
		return windEast
	case is([]string{"v10", "10v", "v100", "var166"}):
		return windNorth
	case is([]string{"ws", "ff", "fg", "wspd", "ws10"}, "wind") && !is([]string{"dir", "wd"}, "direction", "gust"):
		return wind
	case is([]string{"tcc", "clouds", "nn", "var164", "okta"}, "cloud"):
		return cloud
	case is([]string{"ghi", "dni", "dhi", "bhi", "gti", "poa", "swr", "swdown", "dswrf", "ssrd", "ssr", "fdir", "rad", "sun", "sunshine", "var169"},
		"radiation", "irradiance", "irradiation", "solar", "insolation", "shortwave"):
		return radiation
	case is([]string{"t", "ta", "tt", "t2m", "2t", "t2", "tmp", "temp", "tair", "tavg", "tl", "var167"}, "temp"):
		return temperature
	default:
		return plain
	}
}

// column is a column of weather as days × slots of a series.
type column struct {
	name string
	is   element
	*table
}

// maxGap is how many hours of missing weather are filled in from both sides.
const maxGap = 3

// columns lays weather over the slots of a series: each slot has the value of the time in its
// middle, linear between what is given; gaps of a few hours are closed, within a day only, since
// tomorrow's weather may not be known yet. What accumulates over a day is turned into what it
// gains.
func columns(given []Weather, like *table, w wall) (all []column) {
	for _, g := range given {
		if len(g.Values) == 0 || g.First.Minutes <= 0 {
			continue
		}
		c := column{g.Name, elementOf(g.Name), newTable(like.minutes)}
		c.lay(g, w)
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b column) int { return strings.Compare(a.name, b.name) })
	return joinWinds(all)
}

// lay puts the values in. Those of longer intervals than the series' stand for the middle of
// their hour, those of shorter ones are averaged.
func (c column) lay(g Weather, w wall) {
	values := g.Values
	if c.is == radiation {
		values = gains(values, minutesOfDay/g.First.Minutes)
	}
	sums, counts := newTable(c.minutes), newTable(c.minutes)
	for k, v := range values {
		start := g.First.Start + int64(k*g.First.Minutes)*60
		if g.First.Minutes > c.minutes {
			start += int64(g.First.Minutes-c.minutes) / 2 * 60
		}
		d, slot := w.at(start, c.minutes)
		sum, count := sums.row(d), counts.row(d)
		c.row(d)
		if sum == nil || !known(v) || math.IsInf(v, 0) {
			continue
		}
		if !known(sum[slot]) {
			sum[slot], count[slot] = 0, 0
		}
		sum[slot] += v
		count[slot]++
	}
	c.first = sums.first
	for i, row := range sums.rows {
		for s := range row {
			c.rows[i][s] = row[s] / counts.rows[i][s]
		}
		bridge(c.rows[i], max(maxGap*60, 2*g.First.Minutes)/c.minutes)
	}
}

// bridge closes gaps of up to most values within a day, and holds the first and the last value
// of it to its ends.
func bridge(row []float64, most int) {
	last := -1
	for s, v := range row {
		if !known(v) {
			continue
		}
		switch gap := s - last - 1; {
		case gap == 0 || gap > most:
		case last < 0:
			hold(row[:s], v)
		default:
			from, missing := row[max(last, 0)], row[last+1:s]
			for k := range missing {
				f := float64(k+1) / float64(s-last)
				missing[k] = from*(1-f) + v*f
			}
		}
		last = s
	}
	if last >= 0 && len(row)-1-last <= most {
		hold(row[last+1:], row[last])
	}
}

func hold(row []float64, v float64) {
	for k := range row {
		row[k] = v
	}
}

// gains returns what a column gains by the interval where it accumulates and falls back once a
// day, and the column itself otherwise.
func gains(values []float64, day int) []float64 {
	falls := make([]int, day)
	var pairs, fell, rose int
	for k := 1; k < len(values); k++ {
		if !known(values[k]) || !known(values[k-1]) {
			continue
		}
		pairs++
		switch {
		case values[k] < values[k-1]:
			falls[k%day]++
			fell++
		case values[k] > values[k-1]:
			rose++
		}
	}
	at := 0
	for k, n := range falls {
		if n > falls[at] {
			at = k
		}
	}
	days := pairs / day
	if days < 3 || falls[at] < days*8/10 || fell-falls[at] > pairs/100 || rose < pairs/4 {
		return values
	}
	out := unknown(len(values))
	for k := range values {
		switch {
		case k%day == at:
			out[k] = values[k] // the first of an accumulation
		case k > 0:
			out[k] = math.Max(0, values[k]-values[k-1])
		}
	}
	return out
}

// joinWinds turns components of wind into its speed.
func joinWinds(all []column) []column {
	find := func(e element) int { return slices.IndexFunc(all, func(c column) bool { return c.is == e }) }
	for {
		u, v := find(windEast), find(windNorth)
		if u < 0 || v < 0 {
			break
		}
		speed := column{all[u].name + "+" + all[v].name, wind, newTable(all[u].minutes)}
		for i, row := range all[u].rows {
			d := all[u].first + Day(i)
			to := speed.row(d)
			for s, x := range row {
				to[s] = math.Hypot(x, all[v].value(d, s))
			}
		}
		all[u] = speed
		all = slices.Delete(all, v, v+1)
	}
	for i := range all {
		if all[i].is == windEast || all[i].is == windNorth {
			all[i].is = plain
		}
	}
	return all
}
