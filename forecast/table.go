package forecast

import (
	"math"
	"slices"
	"time"
)

const (
	minutesOfDay = 24 * 60
	secondsOfDay = 24 * 60 * 60
)

// table is a series as local days × slots of local wall time. Where the clock goes forward a
// day lacks slots (NaN); where it goes back two intervals share a slot, which holds the mean of
// both.
type table struct {
	minutes int
	slots   int         // of a day
	first   Day         // of the rows
	rows    [][]float64 // NaN where not known

	filled int // rows whose means are in sums
	sums   []dayMeans
}

// dayMeans is what is often asked of a day.
type dayMeans struct{ all, evening float64 }

// wall is the local clock that people live by.
type wall struct{ zone *time.Location }

// at returns the local day and the slot of an interval.
func (w wall) at(start int64, minutes int) (Day, int) {
	if w.zone != nil {
		_, offset := time.Unix(start, 0).In(w.zone).Zone()
		start += int64(offset)
	}
	day := start / secondsOfDay
	second := start % secondsOfDay
	if second < 0 {
		day, second = day-1, second+secondsOfDay
	}
	return Day(day), int(second) / 60 / minutes
}

func newTable(minutes int) *table {
	return &table{minutes: minutes, slots: minutesOfDay / minutes}
}

// row returns that of a day, which is made where it is missing. Rows are added at the end
// only: a day before the first is nil.
func (t *table) row(d Day) []float64 {
	if len(t.rows) == 0 {
		t.first = d
	}
	if d < t.first {
		return nil
	}
	for len(t.rows) <= int(d-t.first) {
		t.rows = append(t.rows, unknown(t.slots))
	}
	return t.rows[d-t.first]
}

// end is the day after the last.
func (t *table) end() Day { return t.first + Day(len(t.rows)) }

// value returns that of a day and slot, where the slot may lie in the days before or after; NaN
// where it is not known.
func (t *table) value(d Day, slot int) float64 {
	for slot < 0 {
		d, slot = d-1, slot+t.slots
	}
	for slot >= t.slots {
		d, slot = d+1, slot-t.slots
	}
	if d < t.first || d >= t.end() {
		return math.NaN()
	}
	return t.rows[d-t.first][slot]
}

// add puts a series in: its values take the place of what is there for their time.
func (t *table) add(s Series, w wall) {
	latest, farthest := Day(math.MinInt32), -1 // that were seen
	for k, v := range s.Values {
		d, slot := w.at(s.First.Start+int64(k*s.First.Minutes)*60, s.First.Minutes)
		row := t.row(d)
		if row == nil {
			continue
		}
		again := d < latest || d == latest && slot <= farthest // the clock went back: a second pass
		if !again {
			latest, farthest = d, slot
		}
		switch {
		case again && known(v) && known(row[slot]):
			row[slot] = (row[slot] + v) / 2
		case again && !known(v):
		default:
			row[slot] = v
		}
		t.filled = min(t.filled, int(d-t.first))
	}
}

// clone returns a table whose rows from a day on can be changed.
func (t *table) clone(from Day) *table {
	c := *t
	c.rows = slices.Clone(t.rows)
	for i := max(0, int(from-t.first)); i < len(c.rows); i++ {
		c.rows[i] = slices.Clone(c.rows[i])
	}
	c.sums = slices.Clone(t.sums)
	c.filled = min(t.filled, max(0, int(from-t.first)))
	return &c
}

// evening is how many hours before midnight count as a day's evening.
const evening = 4

// means returns those of a day; NaN where it has no values.
func (t *table) means(d Day) dayMeans {
	at := int(d - t.first)
	if at < 0 || at >= len(t.rows) {
		return dayMeans{math.NaN(), math.NaN()}
	}
	for len(t.sums) < len(t.rows) {
		t.sums = append(t.sums, dayMeans{})
	}
	for ; t.filled <= at; t.filled++ {
		row := t.rows[t.filled]
		t.sums[t.filled] = dayMeans{meanOf(row), meanOf(row[t.slots-evening*60/t.minutes:])}
	}
	return t.sums[at]
}

// meanOf returns the mean of the values that are known; NaN of none.
func meanOf(values []float64) float64 {
	var sum, n float64
	for _, v := range values {
		if known(v) {
			sum, n = sum+v, n+1
		}
	}
	return sum / n
}

func unknown(n int) []float64 {
	row := make([]float64, n)
	for i := range row {
		row[i] = math.NaN()
	}
	return row
}

// weekday of a day: 0 is a Monday.
func (d Day) weekday() int { return (int(d)%7 + 7 + 3) % 7 } // 1 January 1970 was a Thursday

// weekend tells whether a day is a Saturday or a Sunday.
func (d Day) weekend() bool { return d.weekday() >= 5 }

// Time returns the midnight that begins the day, as if it were one in UTC.
func (d Day) Time() time.Time { return time.Unix(int64(d)*secondsOfDay, 0).UTC() }

// season returns where in the year a day lies, as an angle.
func (d Day) season() float64 {
	const year = 365.2425
	return 2 * math.Pi * math.Mod(float64(d), year) / year
}
