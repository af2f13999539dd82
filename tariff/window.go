package tariff

import (
	"fmt"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Window is a price that counts at some local times: on days of the week, in seasons, at
// hours. What is empty does not restrict. The windows of a component cover each moment of a
// year once.
type Window struct {
	Days    []time.Weekday `json:"days,omitempty"`
	Seasons []Season       `json:"seasons,omitempty"`
	Hours   []Hours        `json:"hours,omitempty"`
	Price   grid.Price     `json:"price"` // millionths/kWh
}

// Season is a part of the year, both days included; it may go over the end of the year.
type Season struct {
	From YearDay `json:"from"`
	To   YearDay `json:"to"`
}

// YearDay is a day of every year, month and day.
type YearDay struct {
	Month time.Month `json:"month"`
	Day   int        `json:"day"`
}

// Hours is a part of the day in minutes after midnight, half-open; it may go over midnight,
// and then belongs to the two days on which it is. 0 to 1440 is the whole day.
type Hours struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// dayMinutes is how many minutes a day has on the clock.
const dayMinutes = 24 * 60

// moment is a local time as windows know it.
type moment struct {
	day     YearDay
	weekday time.Weekday
	minute  int // of the day, on the clock
}

func momentOf(t time.Time) moment {
	return moment{YearDay{t.Month(), t.Day()}, t.Weekday(), t.Hour()*60 + t.Minute()}
}

// number orders the days of a year.
func (d YearDay) number() int { return int(d.Month)*32 + d.Day }

func (d YearDay) String() string { return fmt.Sprintf("%02d-%02d", d.Month, d.Day) }

// has tells whether a day is in the season.
func (s Season) has(d YearDay) bool {
	from, to, at := s.From.number(), s.To.number(), d.number()
	if from <= to {
		return from <= at && at <= to
	}
	return at >= from || at <= to
}

// has tells whether a minute of the day is in the hours.
func (h Hours) has(minute int) bool {
	if h.From < h.To {
		return h.From <= minute && minute < h.To
	}
	return minute >= h.From || minute < h.To
}

// has tells whether the window counts at a moment.
func (w Window) has(m moment) bool {
	return w.on(m.day, m.weekday) && (len(w.Hours) == 0 || slices.ContainsFunc(w.Hours, func(h Hours) bool { return h.has(m.minute) }))
}

// on tells whether the window counts at some time of a day.
func (w Window) on(d YearDay, weekday time.Weekday) bool {
	return (len(w.Days) == 0 || slices.Contains(w.Days, weekday)) &&
		(len(w.Seasons) == 0 || slices.ContainsFunc(w.Seasons, func(s Season) bool { return s.has(d) }))
}

// yearDays returns all days that a year may have, with the 29th of February.
func yearDays() (all []YearDay) {
	const leap = 2024
	for d := time.Date(leap, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() == leap; d = d.AddDate(0, 0, 1) {
		all = append(all, YearDay{d.Month(), d.Day()})
	}
	return all
}

// checkWindows tells where windows do not fit: hours that are not at the begin of an
// interval, overlaps and gaps, of each the first.
func checkWindows(p *problems, path string, all []Window, minutes int) {
	if minutes <= 0 || dayMinutes%minutes != 0 {
		p.add(path, "delivery intervals of %d minutes do not fill a day", minutes)
		return
	}
	for k, w := range all {
		at := fmt.Sprintf("%s[%d].", path, k)
		if outOfRange(w.Price) {
			p.add(at+"price", "%d is out of range: at most %d either way", w.Price, int64(mostPrice))
		}
		for _, h := range w.Hours {
			switch {
			case h.From < 0 || h.From >= dayMinutes || h.To < 0 || h.To > dayMinutes || h.From == h.To:
				p.add(at+"hours", "%s is no part of a day: write 06:00-22:00", h)
			case h.From%minutes != 0 || h.To%minutes != 0:
				p.add(at+"hours", "%s is not at the begin of a delivery interval: intervals are %d minutes", h, minutes)
			}
		}
	}
	if gap, some := firstMoment(all, minutes, func(n int) bool { return n == 0 }); some {
		p.add(path, "there is a gap: nothing counts %s", gap)
	}
	if double, some := firstMoment(all, minutes, func(n int) bool { return n > 1 }); some {
		var both []int
		for k, w := range all {
			if w.has(double) {
				both = append(both, k)
			}
		}
		p.add(fmt.Sprintf("%s[%d]", path, both[1]), "overlaps with windows[%d]: both count %s", both[0], double)
	}
}

// firstMoment finds the first moment of a year at which so many windows count as is asked for.
func firstMoment(all []Window, minutes int, wanted func(n int) bool) (moment, bool) {
	seen := map[string]bool{}
	for _, d := range yearDays() {
		for weekday := range time.Saturday + 1 {
			m := moment{day: d, weekday: (weekday + 1) % 7} //nolint:mnd // from Monday on
			on := make([]byte, len(all))
			for k, w := range all {
				if w.on(d, m.weekday) {
					on[k] = 1
				}
			}
			if seen[string(on)] {
				continue // a day like one before
			}
			seen[string(on)] = true
			for m.minute = 0; m.minute < dayMinutes; m.minute += minutes {
				n := 0
				for _, w := range all {
					if w.has(m) {
						n++
					}
				}
				if wanted(n) {
					return m, true
				}
			}
		}
	}
	return moment{}, false
}

func (m moment) String() string {
	return fmt.Sprintf("on a %s, %s, at %s", m.weekday, m.day, clockText(m.minute))
}

// String returns the hours as people write them.
func (h Hours) String() string { return clockText(h.From) + "-" + clockText(h.To) }

func clockText(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

// Fits tells whether local time fits delivery intervals of so many minutes: windows and
// versions begin with an interval only where the clock differs from UTC by whole intervals,
// or by what their hours make up for.
func (s Schedule) Fits(minutes int, zone *time.Location) error {
	length := minutes * 60
	for _, v := range s.Versions {
		const first = 2000 // before it nobody counts intervals
		for _, month := range []time.Month{time.January, time.July, v.ValidFrom.Month} {
			at := time.Date(max(v.ValidFrom.Year, first), month, 1, 0, 0, 0, 0, zone)
			if _, offset := at.Zone(); offset%length != 0 {
				return fmt.Errorf("local time in %s is %s from UTC, and delivery intervals of %d minutes begin on multiples of it in UTC: take shorter intervals", zone, time.Duration(offset)*time.Second, minutes)
			}
		}
	}
	return nil
}
