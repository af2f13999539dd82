package tariff

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Slice is a part of a local day in which nothing changes: delivery intervals one after the
// other.
type Slice struct {
	First grid.Interval
	Count int // of intervals
	Rates Rates
	Parts []Priced
	Err   error // why there is no price
}

// End returns the end of the slice.
func (s Slice) End() time.Time { return s.First.Shift(s.Count).Begin() }

// Day returns what a kWh costs at a metering point over a local day, in slices: the empty
// point is one that has the community's usual tariff.
func (b *Book) Day(point string, d Date, minutes int) []Slice {
	return slicesOf(d, minutes, b.zone, func(i grid.Interval) Slice { return b.Slice(point, i) })
}

// Slice returns what a kWh costs at a metering point in one delivery interval.
func (b *Book) Slice(point string, i grid.Interval) Slice {
	s := Slice{First: i, Count: 1}
	if s.Rates, s.Err = b.Rates(point, i); s.Err == nil {
		s.Parts, s.Err = b.Parts(point, i)
	}
	return s
}

// Day returns what a kWh costs by the schedule over a day of the community, in slices, whoever has it.
func (s Schedule) Day(d Date, minutes int, w Where) []Slice {
	return slicesOf(d, minutes, w.Zone, func(i grid.Interval) Slice { return s.Slice(i, w) })
}

// Slice returns what a kWh costs by the schedule in one delivery interval.
func (s Schedule) Slice(i grid.Interval, w Where) Slice {
	x := Slice{First: i, Count: 1}
	if x.Rates, x.Err = s.At(i, w); x.Err == nil {
		x.Parts, x.Err = s.Parts(i, w)
	}
	return x
}

// slicesOf joins the intervals of a local day in which nothing changes.
func slicesOf(d Date, minutes int, zone *time.Location, in func(grid.Interval) Slice) (all []Slice) {
	end := d.Add(1).Begin(zone)
	for i := grid.IntervalAt(d.Begin(zone), minutes); i.Begin().Before(end); i = i.Shift(1) {
		s := in(i)
		if n := len(all); n > 0 && all[n-1].alike(s) {
			all[n-1].Count++
			continue
		}
		all = append(all, s)
	}
	return all
}

// alike tells whether nothing changes from one slice to the next. Two without a price are alike, though the reason may name
// the interval.
func (s Slice) alike(next Slice) bool {
	if s.Err != nil || next.Err != nil {
		return s.Err != nil && next.Err != nil
	}
	return s.Rates == next.Rates && slices.Equal(s.Parts, next.Parts)
}

// Components returns the names of all components by the kWh of a day, as they come.
func Components(day []Slice) (names []string) {
	for _, s := range day {
		for _, p := range s.Parts {
			if !slices.Contains(names, p.Component) {
				names = append(names, p.Component)
			}
		}
	}
	return names
}

// Paid returns the names of those components of a day that the utility pays for what is fed in.
func Paid(day []Slice) []string {
	return slices.DeleteFunc(Components(day), func(name string) bool {
		return !slices.ContainsFunc(day, func(s Slice) bool {
			return slices.ContainsFunc(s.Parts, func(p Priced) bool { return p.Component == name && p.Export })
		})
	})
}

// Only returns the same with one of the tariffs as the default. Errors: a name that no tariff has, with those that there are.
func (g Given) Only(name string) (Given, error) {
	known := []string{}
	for _, s := range g.Schedules {
		known = append(known, s.Name)
	}
	flat := slices.ContainsFunc(g.Default, func(d Dated) bool { return d.Tariff == "" })
	if flat {
		known = append(known, g.Flat.Version)
	}
	switch {
	case flat && name == g.Flat.Version:
		g.Default = []Dated{{}}
	case slices.Contains(known, name):
		g.Default = []Dated{{Tariff: name, Distance: g.Default[len(g.Default)-1].Distance}}
	default:
		return g, fmt.Errorf("there is no tariff %q: there are %s", name, strings.Join(known, ", "))
	}
	return g, nil
}

// ParseMoment reads a moment: local in a zone, as 2026-06-01T18:00, or with its own, as 2026-06-01T16:00:00Z. Errors say how to
// write it: a local time that the clock skips, or has twice, is refused.
func ParseMoment(text string, zone *time.Location) (time.Time, error) {
	for _, form := range []string{"2006-01-02T15:04", "2006-01-02 15:04"} {
		t, err := time.ParseInLocation(form, text, zone)
		if err != nil {
			continue
		}
		if t.Format(form) != text {
			return t, fmt.Errorf("%s is skipped in %s: the clock goes from before it to %s", text, zone, t.Format("15:04"))
		}
		for _, hours := range []time.Duration{-time.Hour, time.Hour} {
			if again := t.Add(hours); again.Format(form) == text {
				return t, fmt.Errorf("%s is twice in %s: write it with its zone, as %s or %s", text, zone, t.Format(time.RFC3339), again.Format(time.RFC3339))
			}
		}
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%q is no time: write it as 2026-06-01T18:00, or with its zone as 2026-06-01T16:00:00Z", text)
	}
	return t, nil
}
