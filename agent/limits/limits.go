// Package limits is what a homeowner wants of the home's agent, whatever the plan would gain
// otherwise: what a battery keeps for a blackout, at which prices the home trades with its
// neighbours, by when a car is charged, whose energy it would rather have, that nothing is
// fed in, and until when nobody is home.
//
// Units: shares of a charge are per mille of the usable capacity, prices are millionths of
// the currency unit per kWh (grid.Price). A ready-by time is a local time of day in the
// community's zone, which comes in as a *time.Location.
//
// What each limit binds:
//   - Reserve: no plan and no setpoint takes the battery below it. A battery that is below
//     it already is charged by what the roof gives, and the grid fills what is missing only
//     where the plan finds it cheap: a reserve is kept, not bought at any price.
//   - Floor and Ceiling: the least price at which the home offers energy and the most at
//     which it bids for some, and the prices from which its battery gives to neighbours or
//     takes from them. What the roof gives beyond the home's need is shared all the same:
//     the meter counts it at whatever the community pays.
//   - Cars: the charge that a car has by its ready-by time, wherever that is possible; what
//     is not possible is said before.
//   - Prefer: how much better than its price the home values energy (Value).
//   - ZeroExport: the connection meter counts no export as far as devices can be moved.
//   - AwayUntil: until then ready-by times rest, the home needs little, and heating keeps the
//     lower end of its band.
//
// The package is pure: functions of their arguments alone.
package limits

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Limits are those of one home. The zero value has none.
type Limits struct {
	Reserve    grid.PerMille  `json:"reserve,omitempty"`     // of the batteries' charge, kept for a blackout
	Floor      *grid.Price    `json:"floor,omitempty"`       // least price of what the home sells to neighbours; nil: none
	Ceiling    *grid.Price    `json:"ceiling,omitempty"`     // most that it pays neighbours; nil: none
	Prefer     Preference     `json:"prefer,omitempty"`      // empty: whatever costs least
	ZeroExport bool           `json:"zero_export,omitempty"` // nothing is fed into the grid
	AwayUntil  *time.Time     `json:"away_until,omitempty"`  // nil: somebody is home
	Cars       map[string]Car `json:"cars,omitempty"`        // by the device id of their charger
}

// Car is what the car at a charger is charged to, and by when. It is so every day.
type Car struct {
	ReadyBy TimeOfDay     `json:"ready_by"`
	Target  grid.PerMille `json:"target"` // of the car's capacity
}

// Preference says whose energy a home would rather have.
type Preference string

// The preferences.
const (
	PreferPrice      Preference = ""           // whatever costs least
	PreferNeighbours Preference = "neighbours" // what is shared within the community
	PreferSolar      Preference = "solar"      // what comes from roofs
)

// PreferenceWorth is what a preference is worth to the home: so much a kWh it gives up for it
// at most, 1 ct in a currency of 100 parts.
const PreferenceWorth grid.Price = 10_000

// Value returns what the home plans by in place of two prices of an interval: sell is what one
// more exported kWh brings and buy what one more imported kWh costs. given is the part of the
// exported kWh that the community would share, got that of the imported one, both per mille:
// what neighbours have left over comes from roofs, at once or out of their batteries. Bids and
// bills go by the prices as they are.
func (l Limits) Value(sell, buy grid.Price, given, got grid.PerMille) (worthSold, worthBought grid.Price) {
	const whole = 1000
	switch l.Prefer {
	case PreferNeighbours:
		return sell + PreferenceWorth*grid.Price(given)/whole, buy - PreferenceWorth*grid.Price(got)/whole
	case PreferSolar:
		return sell, buy - PreferenceWorth*grid.Price(got)/whole
	case PreferPrice:
	}
	return sell, buy
}

// Sells tells whether the home sells to neighbours at a price, and Buys whether it buys.
func (l Limits) Sells(at grid.Price) bool { return l.Floor == nil || at >= *l.Floor }

// Buys tells whether the home buys from neighbours at a price.
func (l Limits) Buys(at grid.Price) bool { return l.Ceiling == nil || at <= *l.Ceiling }

// Away tells whether nobody is home at a time.
func (l Limits) Away(at time.Time) bool { return l.AwayUntil != nil && at.Before(*l.AwayUntil) }

// Ready returns the time by which the car at a charger is to be charged next, after a time, and
// to what: none when nobody has said, or when nobody is home then.
func (l Limits) Ready(charger string, after time.Time, zone *time.Location) (by time.Time, target grid.PerMille, some bool) {
	car, known := l.Cars[charger]
	if !known {
		return time.Time{}, 0, false
	}
	if l.Away(after) {
		after = *l.AwayUntil
	}
	return car.ReadyBy.Next(after, zone), car.Target, true
}

// Chargers returns the chargers whose cars have a ready-by time, sorted.
func (l Limits) Chargers() []string { return slices.Sorted(maps.Keys(l.Cars)) }

// Equal tells whether two are the same.
func (l Limits) Equal(m Limits) bool {
	same := func(a, b *grid.Price) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }
	away := (l.AwayUntil == nil) == (m.AwayUntil == nil) && (l.AwayUntil == nil || l.AwayUntil.Equal(*m.AwayUntil))
	return l.Reserve == m.Reserve && same(l.Floor, m.Floor) && same(l.Ceiling, m.Ceiling) && l.Prefer == m.Prefer &&
		l.ZeroExport == m.ZeroExport && away && maps.Equal(l.Cars, m.Cars)
}

// Clone returns a copy that shares nothing.
func (l Limits) Clone() Limits {
	l.Cars = maps.Clone(l.Cars)
	if l.Floor != nil {
		l.Floor = new(*l.Floor)
	}
	if l.Ceiling != nil {
		l.Ceiling = new(*l.Ceiling)
	}
	if l.AwayUntil != nil {
		l.AwayUntil = new(*l.AwayUntil)
	}
	return l
}

// TimeOfDay is a local time of day, in minutes since midnight.
type TimeOfDay int

const (
	minutesOfHour = 60
	minutesOfDay  = 24 * minutesOfHour
)

// ParseTimeOfDay reads "07:00".
func ParseTimeOfDay(s string) (TimeOfDay, error) {
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, fmt.Errorf("%q: want a time of day, such as 07:00", s)
	}
	return TimeOfDay(t.Hour()*minutesOfHour + t.Minute()), nil
}

// String returns it as "07:00".
func (t TimeOfDay) String() string {
	return fmt.Sprintf("%02d:%02d", int(t)/minutesOfHour, int(t)%minutesOfHour)
}

// MarshalText writes "07:00".
func (t TimeOfDay) MarshalText() ([]byte, error) {
	if t < 0 || t >= minutesOfDay {
		return nil, fmt.Errorf("%d minutes are no time of day", int(t))
	}
	return []byte(t.String()), nil
}

// UnmarshalText reads "07:00".
func (t *TimeOfDay) UnmarshalText(b []byte) (err error) {
	*t, err = ParseTimeOfDay(string(b))
	return err
}

// Next returns the first time after another one that is so by the clocks of a zone. On a day on
// which the clocks leave the time out it is the first instant after the gap, and where they
// show it twice the first of the two.
func (t TimeOfDay) Next(after time.Time, zone *time.Location) time.Time {
	local := after.In(zone)
	for day := local.Day(); ; day++ {
		if at := t.on(local.Year(), local.Month(), day, zone); at.After(after) {
			return at
		}
	}
}

// on returns when it is so on a day.
func (t TimeOfDay) on(year int, month time.Month, day int, zone *time.Location) time.Time {
	// The clocks of a zone are never more than a day from those of UTC, and are turned by less
	// than three hours: from a time that is surely before, each minute at which the clocks say
	// the day and the time, or more, is tried.
	wanted := time.Date(year, month, day, int(t)/minutesOfHour, int(t)%minutesOfHour, 0, 0, time.UTC)
	guess := time.Date(year, month, day, int(t)/minutesOfHour, int(t)%minutesOfHour, 0, 0, zone)
	const mostTurned = 3 * time.Hour
	at := guess.Add(-mostTurned)
	for ; wall(at).Before(wanted); at = at.Add(time.Minute) {
	}
	return at
}

// wall returns what the clocks show, as if it were UTC.
func wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
}
