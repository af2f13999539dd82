package plan

import "time"

// Clock is a time of day, as a homeowner says it.
type Clock struct{ Hour, Minute int }

// Next returns the first instant at or after t at which a clock of the zone shows c. A time
// that the day does not have, as when clocks go forward, is the first instant after the gap;
// of a time that it has twice, the first counts.
func (c Clock) Next(t time.Time, zone *time.Location) time.Time {
	local := t.In(zone)
	for day := -1; ; day++ {
		at := c.on(local.Year(), local.Month(), local.Day()+day, zone)
		if !at.Before(t) {
			return at
		}
	}
}

// on returns the instant of a day.
func (c Clock) on(year int, month time.Month, day int, zone *time.Location) time.Time {
	want := time.Date(year, month, day, c.Hour, c.Minute, 0, 0, time.UTC)
	// The offset from UTC just before and just after the day's change, if it has one, are
	// those half a day to either side.
	_, before := want.Add(-24 * time.Hour).In(zone).Zone()
	_, after := want.Add(24 * time.Hour).In(zone).Zone()
	// The earlier of the two candidates that shows the time is the first.
	early, late := want.Add(-time.Duration(max(before, after))*time.Second), want.Add(-time.Duration(min(before, after))*time.Second)
	for _, at := range []time.Time{early, late} {
		if l := at.In(zone); l.Hour() == c.Hour && l.Minute() == c.Minute && l.Day() == want.Day() {
			return at.In(zone)
		}
	}
	// In a gap neither does: the change lies between them, and is where the offset jumps.
	_, low := early.In(zone).Zone()
	for late.Sub(early) > time.Second {
		middle := early.Add(late.Sub(early) / 2).Truncate(time.Second)
		if _, offset := middle.In(zone).Zone(); offset == low {
			early = middle
		} else {
			late = middle
		}
	}
	return late.In(zone)
}
