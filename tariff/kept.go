package tariff

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Kept is what a community keeps of its tariffs: all that counted, so that a configuration
// which changes never changes what is billed of the past.
type Kept struct {
	Flat      []FlatSince             `json:"flat"`      // the tariff without components, by time; the first counts before it too
	Schedules []Schedule              `json:"schedules"` // by name
	Default   []Assignment            `json:"default"`   // the community's usual one, by time
	Points    map[string][]Assignment `json:"points,omitempty"`
	Through   map[string]Date         `json:"through,omitempty"` // by tariff: the local day up to which, included, its versions were in use
	Until     int64                   `json:"until"`             // unix seconds: up to there it is settled who had what
}

// FlatSince is the tariff without components from a delivery interval on.
type FlatSince struct {
	From   int64  `json:"from"` // unix seconds
	Tariff Tariff `json:"tariff"`
}

// Assignment is which tariff counts from a time on.
type Assignment struct {
	From     int64  `json:"from"`               // unix seconds
	Tariff   string `json:"tariff,omitempty"`   // empty: of a point the community's usual one, of the community the one without components
	Distance string `json:"distance,omitempty"` // class, as of Community.By
}

// Given is what a configuration says of tariffs.
type Given struct {
	Flat      Tariff // counts where Default names none
	Schedules []Schedule
	Default   []Dated
	Points    map[string][]Dated
}

// Dated is which tariff counts from a local date on. One with the zero date counts from the
// next delivery interval after it was first seen.
type Dated struct {
	From     Date
	Tariff   string
	Distance string
}

// Clock says when it is, and in which delivery intervals and local time is reckoned.
type Clock struct {
	Now     time.Time
	Minutes int
	Zone    *time.Location
}

// Next returns when the next delivery interval begins.
func (c Clock) Next() int64 { return grid.IntervalAt(c.Now, c.Minutes).Shift(1).Start }

// Today returns the local date.
func (c Clock) Today() Date { return DateOf(c.Now, c.Zone) }

// With returns what is kept once a configuration is seen. What was in use stays; the error
// says what a configuration would change of it, and how to mend that.
func (k Kept) With(g Given, c Clock) (Kept, error) {
	out := Kept{Points: map[string][]Assignment{}, Through: maps.Clone(k.Through), Until: k.Until}
	var err error
	if out.Schedules, err = k.schedules(g.Schedules, c); err != nil {
		return k, err
	}
	out.Flat = flatWith(k.Flat, g.Flat, c)
	if out.Default, err = assigned("tariff", k.Default, g.Default, c, k.Until); err != nil {
		return k, err
	}
	points := slices.Sorted(maps.Keys(k.Points))
	for point := range g.Points {
		if _, known := k.Points[point]; !known {
			points = append(points, point)
		}
	}
	slices.Sort(points)
	for _, point := range points {
		if out.Points[point], err = assigned("tariff of "+point, k.Points[point], g.Points[point], c, k.Until); err != nil {
			return k, err
		}
	}
	return out.Used(c), out.complete()
}

// Used returns what is kept once the present local day has begun: what counts on it, and what
// counted since this was noted last, was in use. It is to be kept before anything of that day
// is delivered.
func (k Kept) Used(c Clock) Kept {
	now, today := grid.IntervalAt(c.Now, c.Minutes).Start, c.Today()
	k.Through = maps.Clone(k.Through)
	if k.Through == nil {
		k.Through = map[string]Date{}
	}
	note := func(all []Assignment) {
		for n, a := range all {
			begun, over := n == 0 || a.From <= now, n+1 < len(all) && all[n+1].From <= k.Until
			if a.Tariff != "" && begun && !over && today.Compare(k.Through[a.Tariff]) > 0 {
				k.Through[a.Tariff] = today
			}
		}
	}
	note(k.Default)
	for _, all := range k.Points {
		note(all)
	}
	k.Until = max(k.Until, now)
	return k
}

// complete tells which tariff is named that is not there.
func (k Kept) complete() error {
	check := func(whose string, all []Assignment) error {
		for _, a := range all {
			if a.Tariff != "" && !slices.ContainsFunc(k.Schedules, func(s Schedule) bool { return s.Name == a.Tariff }) {
				return fmt.Errorf("%s: there is no tariff %q under tariffs", whose, a.Tariff)
			}
		}
		return nil
	}
	if err := check("tariff", k.Default); err != nil {
		return err
	}
	for _, point := range slices.Sorted(maps.Keys(k.Points)) {
		if err := check("tariff of "+point, k.Points[point]); err != nil {
			return err
		}
	}
	return nil
}

// flatWith notes a tariff without components that is another than before.
func flatWith(kept []FlatSince, t Tariff, c Clock) []FlatSince {
	if len(kept) == 0 {
		return []FlatSince{{0, t}}
	}
	kept = slices.Clone(kept)
	for len(kept) > 1 && kept[len(kept)-1].From >= c.Next() { // seen before, and nothing was delivered under it yet
		kept = kept[:len(kept)-1]
	}
	if kept[len(kept)-1].Tariff == t {
		return kept
	}
	return append(kept, FlatSince{c.Next(), t})
}

// assigned joins who had what with what a configuration says.
func assigned(whose string, kept []Assignment, given []Dated, c Clock, until int64) ([]Assignment, error) {
	past := slices.DeleteFunc(slices.Clone(kept), func(a Assignment) bool { return a.From > until && a.From >= c.Next() })
	var future []Assignment
	for k, d := range given {
		a := Assignment{Tariff: d.Tariff, Distance: d.Distance}
		switch {
		case d.From.IsZero() && len(past) > 0:
			a.From = c.Next()
		case d.From.IsZero():
		default:
			a.From = grid.IntervalAt(d.From.Begin(c.Zone), c.Minutes).Start
		}
		if len(kept) > 0 && !d.From.IsZero() && a.From <= until {
			before := inForce(past, a.From)
			last := k+1 == len(given)
			if !same(before, a) {
				return nil, fmt.Errorf("%s: %s from %s would change what was delivered since: there %s counted: give it a date after %s",
					whose, named(a), d.From, named(before), DateOf(time.Unix(until, 0), c.Zone))
			}
			if last && !same(inForce(past, until), a) {
				a.From = c.Next() // what came after it is no longer said
				future = append(future, a)
			}
			continue
		}
		future = append(future, a)
	}
	if len(given) == 0 && (len(past) == 0 || past[len(past)-1].Tariff != "" || past[len(past)-1].Distance != "") {
		a := Assignment{} // nothing of its own, any more
		if len(past) > 0 {
			a.From = c.Next()
		}
		future = append(future, a)
	}
	for _, a := range future {
		if len(past) == 0 || !same(past[len(past)-1], a) {
			past = append(past, a)
		}
	}
	slices.SortStableFunc(past, func(a, b Assignment) int { return cmp.Compare(a.From, b.From) })
	return past, nil
}

func same(a, b Assignment) bool { return a.Tariff == b.Tariff && a.Distance == b.Distance }

func named(a Assignment) string {
	name := fmt.Sprintf("%q", a.Tariff)
	if a.Tariff == "" {
		name = "the community's"
	}
	if a.Distance != "" {
		name += " at the distance " + a.Distance
	}
	return name
}

// schedules joins the tariffs that were in use with those of a configuration.
func (k Kept) schedules(given []Schedule, c Clock) ([]Schedule, error) {
	all := slices.DeleteFunc(slices.Clone(k.Schedules), func(s Schedule) bool { return k.Through[s.Name].IsZero() }) // nobody had it
	for _, g := range given {
		at := slices.IndexFunc(all, func(s Schedule) bool { return s.Name == g.Name })
		if at < 0 {
			all = append(all, g)
			continue
		}
		joined, err := joined(all[at], g, k.Through[g.Name], c.Now)
		if err != nil {
			return nil, fmt.Errorf("tariff %q: %w", g.Name, err)
		}
		all[at] = joined
	}
	slices.SortFunc(all, func(a, b Schedule) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// joined returns a tariff with the versions of a configuration, and with those that were in
// use up to a day, which it must not change.
func joined(kept, given Schedule, through Date, now time.Time) (Schedule, error) {
	if kept.Currency != given.Currency {
		return kept, fmt.Errorf("currency: is %s since it was first used: give the tariff in %s another name", kept.Currency, given.Currency)
	}
	out := Schedule{Name: kept.Name, Currency: kept.Currency, Spot: kept.Spot}
	for _, v := range kept.Versions {
		if v.ValidFrom.Compare(through) > 0 {
			continue // never used
		}
		out.Versions = append(out.Versions, v)
		k := slices.IndexFunc(given.Versions, func(g Version) bool { return g.ValidFrom == v.ValidFrom })
		if k >= 0 && kept.Digest(v) != given.Digest(given.Versions[k]) {
			return kept, fmt.Errorf("versions[%d]: what counts from %s on was used up to %s and must stay as it was: put it back, and add a version with valid_from: %s or later",
				k, v.ValidFrom, through, through.Add(1))
		}
	}
	for k, v := range given.Versions {
		known := slices.ContainsFunc(out.Versions, func(o Version) bool { return o.ValidFrom == v.ValidFrom })
		switch {
		case known:
		case v.ValidFrom.Compare(through) <= 0 && len(out.Versions) > 0:
			return kept, fmt.Errorf("versions[%d].valid_from: %s: up to %s other prices were used: write %s or later", k, v.ValidFrom, through, through.Add(1))
		default:
			out.Versions = append(out.Versions, v)
		}
	}
	slices.SortFunc(out.Versions, func(a, b Version) int { return a.ValidFrom.Compare(b.ValidFrom) })
	if given.Spot == nil {
		return out, nil
	}
	if out.Spot == nil {
		out.Spot = given.Spot
		return out, nil
	}
	spot, err := out.Spot.With(given.Spot.Prices, now)
	if err != nil {
		return kept, fmt.Errorf("series.file: %w", err)
	}
	out.Spot = &spot
	return out, nil
}

// Push returns what is kept with more prices of a tariff's series.
func (k Kept) Push(name string, prices []SpotPrice, now time.Time) (Kept, error) {
	k.Schedules = slices.Clone(k.Schedules)
	at := slices.IndexFunc(k.Schedules, func(s Schedule) bool { return s.Name == name })
	if at < 0 {
		return k, fmt.Errorf("there is no tariff %q: %w", name, ErrUnknown)
	}
	if k.Schedules[at].Spot == nil {
		return k, fmt.Errorf("tariff %q takes no prices: %w", name, ErrUnknown)
	}
	pushed := Spot{k.Schedules[at].Spot.Minutes, slices.Clone(prices)}
	slices.SortFunc(pushed.Prices, func(a, b SpotPrice) int { return cmp.Compare(a.Start, b.Start) })
	if hole, some := pushed.Hole(); some {
		return k, &PricesError{fmt.Sprintf("there is a hole: the price of %s is missing", hole.Format(time.RFC3339))}
	}
	spot, err := k.Schedules[at].Spot.With(prices, now)
	if err != nil {
		return k, err
	}
	k.Schedules[at].Spot = &spot
	return k, nil
}
