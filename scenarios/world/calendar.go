package world

import (
	"fmt"
	"slices"
	"time"
)

// Germany is the name of the calendar of the holidays that all of Germany has.
const Germany = "germany"

// calendar says which days nobody has to go to work. A day is that of UTC, which at longitude 0 is
// the local one.
type calendar struct {
	germany bool
	days    []int64 // since 1970
}

// CheckHolidays checks what Spec.Holidays are to be.
func CheckHolidays(all []string) error {
	_, err := newCalendar(all)
	return err
}

func newCalendar(all []string) (c calendar, err error) {
	for _, h := range all {
		if h == Germany {
			c.germany = true
			continue
		}
		at, err := time.Parse(time.DateOnly, h)
		if err != nil {
			return c, fmt.Errorf("%q is neither a date, as 2026-12-24, nor the name of a calendar: %s", h, Germany)
		}
		c.days = append(c.days, at.Unix()/secondsPerDay)
	}
	return c, nil
}

const secondsPerDay = 24 * 3600

// free tells whether a day is a holiday or of a weekend.
func (c calendar) free(day int64) bool {
	return isWeekend(day) || slices.Contains(c.days, day) || c.germany && isGerman(day)
}

// isWeekend tells whether a day since 1970, which began on a Thursday, is a Saturday or a Sunday.
func isWeekend(day int64) bool { return (day+4)%7 == 0 || (day+4)%7 == 6 }

func isGerman(day int64) bool {
	at := time.Unix(day*secondsPerDay, 0).UTC()
	switch at.Format("01-02") {
	case "01-01", "05-01", "10-03", "12-25", "12-26":
		return true
	}
	const goodFriday, easterMonday, ascension, whitMonday = -2, 1, 39, 50
	after := day - easter(at.Year()).Unix()/secondsPerDay
	return after == goodFriday || after == easterMonday || after == ascension || after == whitMonday
}

// easter returns Easter Sunday by the anonymous Gregorian algorithm (Meeus 1991, Astronomical
// Algorithms, chapter 8).
func easter(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	g := (8*b + 13) / 25
	h := (19*a + b - d - g + 15) % 30
	j, k := c/4, c%4
	m := (a + 11*h) / 319
	r := (2*e + 2*j - k - h + m + 32) % 7
	month := (h - m + r + 90) / 25
	return time.Date(year, time.Month(month), (h-m+r+month+19)%32, 0, 0, 0, 0, time.UTC)
}
