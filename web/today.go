package web

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/web/api"
)

// today is what the intervals of a day came to, as far as they are settled.
type today struct {
	day     int64                                             // in days since 1970
	counted map[string]map[grid.Interval]settlement.Statement // by metering point
}

func dayOf(t time.Time) int64 { return t.Unix() / int64((24 * time.Hour).Seconds()) }

// turn goes on to the day of a time, and tells whether that is another one: it is empty.
func (t *today) turn(now time.Time) bool {
	if dayOf(now) == t.day {
		return false
	}
	t.day = dayOf(now)
	clear(t.counted)
	return true
}

// count adds a statement, in place of an earlier run's.
func (t *today) count(i grid.Interval, s settlement.Statement) {
	all := t.counted[s.MeteringPoint]
	if all == nil {
		all = map[grid.Interval]settlement.Statement{}
		t.counted[s.MeteringPoint] = all
	}
	all[i] = s
}

// sum adds up the statements of a home's metering points. An interval counts once, and
// as estimated when it is so at any of them.
func (t *today) sum(points []string) api.Today {
	var sum api.Today
	settled, estimated := map[grid.Interval]bool{}, map[grid.Interval]bool{}
	for _, point := range points {
		for i, s := range t.counted[point] {
			sum.Net += int64(s.Net)
			sum.RetailOnly += int64(s.RetailOnly)
			sum.Without += int64(s.Alone())
			sum.WithoutEstimated = sum.WithoutEstimated || s.WithoutEstimated
			settled[i] = true
			if !s.Quality.Measured() {
				estimated[i] = true
			}
			if sum.Since == nil || i.Begin().Before(*sum.Since) {
				sum.Since = new(i.Begin())
			}
		}
	}
	sum.Intervals, sum.Estimated = len(settled), len(estimated)
	return sum
}
