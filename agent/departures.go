package agent

import (
	"context"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/grid"
)

// When a car leaves whose owner says no time is learned from when it left before: of the days like this one, working days
// or weekends, the earliest times count, for a car that is charged too soon costs little, and one that is not
// charged when somebody wants it costs a way.

const (
	// usuallyLeaves is by when a car is charged of which neither its owner nor its past says when it leaves.
	usuallyLeaves limits.TimeOfDay = 6*60 + 30
	// leastDays is of how many days of a kind it must be known when the car left, to learn from them.
	leastDays = 3
	// seldom is how many days of a kind pass with a departure on at most one of them, where none is reckoned with.
	seldom = 10
	// strange is how many departures hide one that was so early that it says nothing.
	strange = 20
	// daysOfPlan is on how many days a plan may have a departure.
	daysOfPlan = 3
)

// presences remembers when cars were at their chargers.
type presences struct {
	telemetry Telemetry

	of map[string]*presence // by charger
}

// presence is what is known of one charger.
type presence struct {
	first grid.Interval
	seen  []grid.Presence
	sure  int // so many are not asked for any more

	until time.Time // midnight up to which past was made
	past  []outings
}

// recall returns whether a car was at a charger in the past intervals, without the one that runs at now. It asks
// for what it does not remember.
func (p *presences) recall(ctx context.Context, charger string, current grid.Interval) (*presence, error) {
	n := int(historyDays * 24 * time.Hour / current.Length())
	c := p.of[charger]
	if c == nil || c.first.Shift(len(c.seen)).Compare(current) > 0 || c.first.Shift(2*n).Compare(current) < 0 {
		c = &presence{first: current.Shift(-n)}
		p.of[charger] = c
	}
	from := c.first.Shift(c.sure)
	asked, err := p.telemetry.Plugged(ctx, charger, from, between(from, current))
	if err != nil {
		return nil, err
	}
	c.seen = append(c.seen[:c.sure], asked...)
	for c.sure < len(c.seen) && (c.seen[c.sure] != grid.Unread || current.Begin().Sub(c.first.Shift(c.sure).End()) > settles) {
		c.sure++
	}
	return c, nil
}

// outings are the departures of a car on a past day, as the clock showed when the interval began in which it was last there.
type outings struct {
	free   bool // the day is of a weekend
	leaves []limits.TimeOfDay
}

// days returns the whole days of the zone before today of which at least half is known, with the departures on them.
func (c *presence) days(today time.Time) []outings {
	if !c.until.Equal(today) {
		c.past, c.until = c.outings(today), today
	}
	return c.past
}

func (c *presence) outings(today time.Time) (all []outings) {
	const halfADay = 12 * 60
	known, at, told := 0, time.Time{}, c.told()
	var day outings
	end := func() {
		if !at.IsZero() && at.Before(today) && known*c.first.Minutes >= halfADay {
			all = append(all, day)
		}
	}
	for k, seen := range c.seen {
		begin := c.first.Shift(k).Begin().In(today.Location())
		if d := midnight(begin); !d.Equal(at) {
			end()
			known, at, day = 0, d, outings{free: isFree(d)}
		}
		if seen != grid.Unread && k >= told {
			known++
		}
		if seen == grid.CarHere && k+1 < len(c.seen) && c.seen[k+1] == grid.CarAway {
			day.leaves = append(day.leaves, limits.TimeOfDay(begin.Hour()*60+begin.Minute()))
		}
	}
	end()
	return all
}

// silent is for how long a charger that is read tells of no car before it is taken for one that could not.
const silent = 7 * 24 * time.Hour

// told returns from which interval on the charger tells of cars. What was read of one whose car was not known then, since
// nobody said what it holds, says nothing of when it left.
func (c *presence) told() int {
	first := slices.Index(c.seen, grid.CarHere)
	if first >= 0 && time.Duration(first)*c.first.Length() >= silent {
		return first
	}
	return 0
}

func midnight(t time.Time) time.Time {
	year, month, day := t.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, t.Location())
}

func isFree(day time.Time) bool {
	return day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
}

// leaves returns by when a car that is there now is to be charged, by the departures of past days: today's if there
// may be one yet, else those of the days that follow; with none of them in sight by the usual time of the last.
func leaves(past []outings, now time.Time, zone *time.Location) time.Time {
	local := now.In(zone)
	today := midnight(local)
	after := limits.TimeOfDay(local.Hour()*60 + local.Minute())
	for d := range daysOfPlan {
		day := today.AddDate(0, 0, d)
		by, likely, known := earliest(past, isFree(day), after)
		if !known {
			by, likely = usuallyLeaves, usuallyLeaves > after
		}
		if likely {
			return by.Next(latest(day.Add(-time.Second), now), zone)
		}
		after = -1
	}
	return usuallyLeaves.Next(today.AddDate(0, 0, daysOfPlan-1), zone)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// earliest returns how early a car leaves on a day of a kind after a time of day. likely is false where it hardly ever
// leaves then, known where too few such days are known.
//
// The next time may be earlier than all before it. By how much is taken from how far the earliest lie
// from each other, which estimates where a distribution ends (Robson and Whitlock 1964); twice of that is taken off.
func earliest(past []outings, free bool, after limits.TimeOfDay) (by limits.TimeOfDay, likely, known bool) {
	var days int
	var first []limits.TimeOfDay // departure of each day after the time
	for _, d := range past {
		if d.free != free {
			continue
		}
		days++
		if k := slices.IndexFunc(d.leaves, func(l limits.TimeOfDay) bool { return l > after }); k >= 0 {
			first = append(first, d.leaves[k])
		}
	}
	if days < leastDays {
		return 0, false, false
	}
	if len(first)*seldom < days || len(first) == 0 {
		return 0, false, true
	}
	slices.Sort(first)
	first = first[len(first)/strange:]
	const several, cautious = 3, 2
	last := min(several, len(first)-1)
	by = first[0] - (first[last]-first[0])*cautious/several
	return max(by, after+1), true, true
}
