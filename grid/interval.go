package grid

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Interval is a delivery interval, half-open: [Start, Start + Minutes). It is
// comparable and usable as a map key.
type Interval struct {
	Start   int64 // unix seconds, UTC, a multiple of the length
	Minutes int   // 5, 15, 30 or 60
}

// Lengths lists the allowed lengths of a delivery interval in minutes.
func Lengths() []int { return []int{5, 15, 30, 60} }

// IntervalAt returns the interval of the given length that contains t.
// minutes must be one of Lengths.
func IntervalAt(t time.Time, minutes int) Interval {
	length := int64(minutes) * 60
	start := t.Unix()
	remainder := start % length
	if remainder < 0 {
		remainder += length
	}
	return Interval{Start: start - remainder, Minutes: minutes}
}

// Validate reports a length that is not allowed or a start that is not a
// multiple of it.
func (i Interval) Validate() error {
	if !slices.Contains(Lengths(), i.Minutes) {
		return fmt.Errorf("interval length %d min: must be one of 5, 15, 30, 60", i.Minutes)
	}
	if i.Start%(int64(i.Minutes)*60) != 0 {
		return fmt.Errorf("interval start %s: must be a multiple of %d min", i.Begin().Format(time.RFC3339), i.Minutes)
	}
	return nil
}

// Begin returns the first instant of the interval, in UTC.
func (i Interval) Begin() time.Time { return time.Unix(i.Start, 0).UTC() }

// End returns the first instant after the interval, in UTC.
func (i Interval) End() time.Time { return i.Begin().Add(i.Length()) }

// Length returns the duration of the interval.
func (i Interval) Length() time.Duration { return time.Duration(i.Minutes) * time.Minute }

// Contains tells whether t lies in [Begin, End).
func (i Interval) Contains(t time.Time) bool {
	return !t.Before(i.Begin()) && t.Before(i.End())
}

// Shift returns the interval n lengths later, or earlier when n is negative.
func (i Interval) Shift(n int) Interval {
	i.Start += int64(n) * int64(i.Minutes) * 60
	return i
}

// Weeks returns the interval of the same time n weeks later, or earlier when n is negative.
func (i Interval) Weeks(n int) Interval {
	const week = 7 * 24 * 60 // minutes
	return i.Shift(n * week / i.Minutes)
}

// Compare orders intervals by start, then by length.
func (i Interval) Compare(j Interval) int {
	switch {
	case i.Start != j.Start && i.Start < j.Start, i.Start == j.Start && i.Minutes < j.Minutes:
		return -1
	case i == j:
		return 0
	default:
		return 1
	}
}

// String returns the start and length, as in 2026-06-01T12:00:00Z/15.
func (i Interval) String() string {
	return i.Begin().Format(time.RFC3339) + "/" + strconv.Itoa(i.Minutes)
}

// ParseInterval reads what String writes and nothing else.
func ParseInterval(s string) (Interval, error) {
	at, length, found := strings.Cut(s, "/")
	if !found {
		return Interval{}, fmt.Errorf("interval %q: want START/MINUTES, as in 2026-06-01T12:00:00Z/15", s)
	}
	start, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return Interval{}, fmt.Errorf("interval %q: %w", s, err)
	}
	minutes, err := strconv.Atoi(length)
	if err != nil {
		return Interval{}, fmt.Errorf("interval %q: %w", s, err)
	}
	i := Interval{Start: start.Unix(), Minutes: minutes}
	if err := i.Validate(); err != nil {
		return Interval{}, err
	}
	if i.String() != s {
		return Interval{}, fmt.Errorf("interval %q: canonical form is %q", s, i)
	}
	return i, nil
}

type intervalJSON struct {
	Start   time.Time `json:"start"`
	Minutes int       `json:"minutes"`
}

// MarshalJSON writes {"start": RFC 3339, "minutes": N}.
func (i Interval) MarshalJSON() ([]byte, error) {
	b, err := json.Marshal(intervalJSON{Start: i.Begin(), Minutes: i.Minutes})
	if err != nil {
		return nil, fmt.Errorf("encode interval %s: %w", i, err)
	}
	return b, nil
}

// UnmarshalJSON reads what MarshalJSON writes and validates it.
func (i *Interval) UnmarshalJSON(b []byte) error {
	var v intervalJSON
	if err := json.Unmarshal(b, &v); err != nil {
		return fmt.Errorf("interval: %w", err)
	}
	if v.Start.Nanosecond() != 0 {
		return fmt.Errorf("interval start %s: whole seconds only", v.Start.Format(time.RFC3339Nano))
	}
	parsed := Interval{Start: v.Start.Unix(), Minutes: v.Minutes}
	if err := parsed.Validate(); err != nil {
		return err
	}
	*i = parsed
	return nil
}
