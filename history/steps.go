package history

import (
	"fmt"
	"time"
)

// Step is how long the parts of a range are.
type Step string

// The steps.
const (
	FiveMinutes Step = "5m"
	Quarter     Step = "15m"
	Hour        Step = "1h"
	Day         Step = "1d"
	Month       Step = "1mo"
)

// A RangeError says what is wrong with what was asked for, by the name of the parameter.
type RangeError struct{ Field, Text string }

func (e *RangeError) Error() string { return e.Field + ": " + e.Text }

// Parameter tells who only knows the error's methods what it is about.
func (e *RangeError) Parameter() string { return e.Field }

// minutes is how long a step is that is no calendar day or month; 0 for these.
func (s Step) minutes() int {
	return map[Step]int{FiveMinutes: 5, Quarter: 15, Hour: 60}[s]
}

// mostPoints is how many steps a range may have: a year of quarter-hours, and more.
const mostPoints = 36_000

// mostTold is how far a range of steps may reach that come from telemetry alone.
const mostTold = 8 * 24 * time.Hour

// check tells what is wrong with a range.
func (k *Keeper) check(from, to time.Time, s Step) error {
	minutes := s.minutes()
	switch {
	case minutes == 0 && s != Day && s != Month:
		return &RangeError{"step", fmt.Sprintf("%q is none: ask for 5m, 15m, 1h, 1d or 1mo", s)}
	case !from.Before(to):
		return &RangeError{"to", "it has to be later than from"}
	case minutes > 0 && minutes < k.Minutes && minutes != FiveMinutes.minutes():
		return &RangeError{"step", fmt.Sprintf("intervals are of %d minutes here: ask for a step that is not shorter, or for 5m, which is without money", k.Minutes)}
	case s == FiveMinutes && k.Minutes > FiveMinutes.minutes() && to.Sub(from) > mostTold:
		return &RangeError{"step", "5m reaches over eight days at most: ask for 15m or more"}
	case minutes > 0 && to.Sub(from) > mostPoints*time.Duration(minutes)*time.Minute, to.Sub(from) > mostPoints*24*time.Hour:
		return &RangeError{"step", fmt.Sprintf("the range has more than %d of them: ask for a longer step", mostPoints)}
	}
	return nil
}

// bounds returns the beginnings of the steps that lie in [from, to), and the end of the last
// one. Days and months begin at local midnight; shorter steps are counted from there, by the
// clock that never goes back.
func bounds(from, to time.Time, s Step, zone *time.Location) (all []time.Time) {
	at := begin(from.In(zone), s)
	for at.Before(to) {
		all = append(all, at)
		at = next(at, s)
	}
	return append(all, at)
}

// begin returns when the step began into which a local time falls.
func begin(t time.Time, s Step) time.Time {
	y, m, d := t.Date()
	midnight := time.Date(y, m, d, 0, 0, 0, 0, t.Location())
	switch s {
	case Month:
		return time.Date(y, m, 1, 0, 0, 0, 0, t.Location())
	case Day:
		return midnight
	default:
		length := time.Duration(s.minutes()) * time.Minute
		return midnight.Add(t.Sub(midnight).Truncate(length))
	}
}

func next(t time.Time, s Step) time.Time {
	y, m, d := t.Date()
	switch s {
	case Month:
		return time.Date(y, m+1, 1, 0, 0, 0, 0, t.Location())
	case Day:
		return time.Date(y, m, d+1, 0, 0, 0, 0, t.Location())
	default:
		return t.Add(time.Duration(s.minutes()) * time.Minute)
	}
}

// Before returns the range before one that it is compared with: as many months before where it
// is of whole months, as many days where it is of whole days, else what is as long.
func Before(from, to time.Time, zone *time.Location) (time.Time, time.Time) {
	from, to = from.In(zone), to.In(zone)
	midnight := func(t time.Time) bool { return t.Equal(begin(t, Day)) }
	switch {
	case midnight(from) && midnight(to) && from.Day() == 1 && to.Day() == 1:
		months := (to.Year()-from.Year())*12 + int(to.Month()-from.Month()) //nolint:mnd // of a year
		return time.Date(from.Year(), from.Month()-time.Month(months), 1, 0, 0, 0, 0, zone), from
	case midnight(from) && midnight(to):
		days := 0
		for at := from; at.Before(to); at = next(at, Day) {
			days++
		}
		return time.Date(from.Year(), from.Month(), from.Day()-days, 0, 0, 0, 0, zone), from
	default:
		return from.Add(from.Sub(to)), from
	}
}
