package tariff

import (
	"fmt"
	"time"
)

// Date is a day of the community's local calendar, from which on something counts. The zero
// Date lies before all others.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf returns the day of t in a zone.
func DateOf(t time.Time, zone *time.Location) Date {
	y, m, d := t.In(zone).Date()
	return Date{y, m, d}
}

// ParseDate reads a date as 2026-07-01 and in no other form.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("%q is no date: write it as 2026-07-01", s)
	}
	return DateOf(t, time.UTC), nil
}

// IsZero tells whether it is the zero Date.
func (d Date) IsZero() bool { return d == Date{} }

// Compare orders dates by time.
func (d Date) Compare(e Date) int { return d.noon().Compare(e.noon()) }

// noon is a moment of the day that no change of the clock touches.
func (d Date) noon() time.Time {
	const noon = 12
	return time.Date(d.Year, d.Month, d.Day, noon, 0, 0, 0, time.UTC)
}

// Add returns the day so many days later, or earlier when n is negative.
func (d Date) Add(n int) Date { return DateOf(d.noon().AddDate(0, 0, n), time.UTC) }

// Until returns how many days it is from d to e.
func (d Date) Until(e Date) int {
	const day = 24 * time.Hour
	return int(e.noon().Sub(d.noon()) / day)
}

// Begin returns the first moment of the day in a zone: usually midnight, and where the clock
// skips midnight the moment at which the day begins.
func (d Date) Begin(zone *time.Location) time.Time {
	t := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, zone)
	if DateOf(t, zone).Compare(d) < 0 { // midnight was skipped: time.Date went back before the change
		_, until := t.ZoneBounds()
		return until
	}
	// Midnight that is twice begins with the earlier one.
	if from, _ := t.ZoneBounds(); !from.IsZero() {
		if before := from.Add(-time.Nanosecond); DateOf(before, zone) == d {
			_, now := t.Zone()
			_, was := before.Zone()
			return t.Add(time.Duration(now-was) * time.Second)
		}
	}
	return t
}

// monthLength is the number of days of the date's month.
func (d Date) monthLength() int { return Date{d.Year, d.Month, 1}.Until(Date{d.Year, d.Month + 1, 1}) }

// String returns the date as ParseDate reads it.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// MarshalText writes the date; the zero Date is an empty text.
func (d Date) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return nil, nil
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (d *Date) UnmarshalText(b []byte) (err error) {
	*d = Date{}
	if len(b) > 0 {
		*d, err = ParseDate(string(b))
	}
	return err
}
