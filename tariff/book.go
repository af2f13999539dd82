package tariff

import (
	"fmt"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Book says what a kWh costs at each metering point of a community in each delivery
// interval: it joins the tariffs with who has which from when. It does not change; a tariff
// that changes makes another Book. Use NewBook.
//
// Which tariff counts is asked by the delivery interval, however late: what was delivered
// under one tariff is billed by it.
type Book struct {
	kept Kept
	zone *time.Location
}

// NewBook returns the book of what is kept, for a community whose local time is that of zone.
func NewBook(k Kept, zone *time.Location) *Book { return &Book{k, zone} }

// FlatBook returns the book of a community where all have the one tariff at all times.
func FlatBook(t Tariff) *Book {
	return NewBook(Kept{Flat: []FlatSince{{Tariff: t}}, Default: []Assignment{{}}}, time.UTC)
}

// Zone returns the community's local time.
func (b *Book) Zone() *time.Location { return b.zone }

// Rates returns what a kWh costs at a metering point in a delivery interval. Errors:
// *MissingPriceError, a tariff that is not valid yet.
func (b *Book) Rates(point string, i grid.Interval) (Rates, error) {
	a := b.At(point, i)
	if a.Tariff == "" {
		return b.flat(i).Rates(), nil
	}
	s, err := b.Schedule(a.Tariff)
	if err != nil {
		return Rates{}, err
	}
	return s.At(i, Where{b.zone, a.Distance})
}

// Parts returns what each component comes to at a metering point in a delivery interval.
// A tariff without components has two, of energy and of feed-in.
func (b *Book) Parts(point string, i grid.Interval) ([]Priced, error) {
	a := b.At(point, i)
	s, err := b.schedule(a, i)
	if err != nil {
		return nil, err
	}
	return s.Parts(i, Where{b.zone, a.Distance})
}

// Standing returns what a metering point owes for the days from one date up to another,
// which is excluded, whatever flows. A day has the tariff that counts when it begins.
func (b *Book) Standing(point string, from, to Date, minutes int) (all []Standing, err error) {
	for from.Compare(to) < 0 {
		i := grid.IntervalAt(from.Begin(b.zone), minutes)
		a, end := b.At(point, i), from.Add(1)
		for end.Compare(to) < 0 && b.At(point, grid.IntervalAt(end.Begin(b.zone), minutes)) == a {
			end = end.Add(1)
		}
		if a.Tariff != "" {
			s, err := b.Schedule(a.Tariff)
			if err != nil {
				return nil, err
			}
			lines, err := s.Standing(from, end)
			if err != nil {
				return nil, err
			}
			all = append(all, lines...)
		}
		from = end
	}
	return all, nil
}

// At returns which tariff a metering point has in a delivery interval; its Tariff is empty
// where that is the one without components.
func (b *Book) At(point string, i grid.Interval) Assignment {
	own := inForce(b.kept.Points[point], i.Start)
	if own.Tariff == "" {
		usual := inForce(b.kept.Default, i.Start)
		own.Tariff, own.From = usual.Tariff, max(own.From, usual.From)
		if own.Distance == "" {
			own.Distance = usual.Distance
		}
	}
	return own
}

// Default returns the community's usual tariff in a delivery interval as one that has two
// prices. Errors: as of Rates.
func (b *Book) Default(i grid.Interval) (Tariff, error) {
	a := inForce(b.kept.Default, i.Start)
	if a.Tariff == "" {
		return b.flat(i), nil
	}
	s, err := b.Schedule(a.Tariff)
	if err != nil {
		return Tariff{}, err
	}
	r, err := s.At(i, Where{b.zone, a.Distance})
	return Tariff{Version: r.Version, Currency: r.Currency, Retail: r.Retail, FeedIn: r.FeedIn}, err
}

// Schedule returns a tariff by its name.
func (b *Book) Schedule(name string) (Schedule, error) {
	k := slices.IndexFunc(b.kept.Schedules, func(s Schedule) bool { return s.Name == name })
	if k < 0 {
		return Schedule{}, fmt.Errorf("there is no tariff %q", name)
	}
	return b.kept.Schedules[k], nil
}

// Schedules returns the tariffs with components, by name.
func (b *Book) Schedules() []Schedule { return slices.Clone(b.kept.Schedules) }

// schedule returns the tariff of an assignment; one without components is made into one with
// two.
func (b *Book) schedule(a Assignment, i grid.Interval) (Schedule, error) {
	if a.Tariff != "" {
		return b.Schedule(a.Tariff)
	}
	return b.flat(i).Schedule(), nil
}

// Flat returns the tariff of two prices that counts in an interval where it is anybody's; its
// currency is the community's.
func (b *Book) Flat(i grid.Interval) Tariff { return b.flat(i) }

// HasFlat tells whether anybody has a tariff of two prices at a time or later.
func (b *Book) HasFlat(at time.Time) bool { return b.usesFlat(at.Unix()) }

// flat returns the tariff without components that counts in an interval.
func (b *Book) flat(i grid.Interval) Tariff {
	found := b.kept.Flat[0].Tariff
	for _, f := range b.kept.Flat {
		if f.From <= i.Start {
			found = f.Tariff
		}
	}
	return found
}

// inForce returns the assignment that counts at a time; the first counts before it too.
func inForce(all []Assignment, at int64) (found Assignment) {
	for k, a := range all {
		if k == 0 || a.From <= at {
			found = a
		}
	}
	return found
}

// Schedule returns a tariff of two prices as one of two components.
func (t Tariff) Schedule() Schedule {
	return Schedule{Name: t.Version, Currency: t.Currency, Versions: []Version{{Version: t.Version, Components: []Component{
		{Name: "energy", Kind: Energy, Per: PerKWh, Price: &t.Retail},
		{Name: "feed-in", Kind: Energy, Export: true, Per: PerKWh, Price: &t.FeedIn},
	}}}}
}

// Extremes returns the lowest and highest prices of all that counts at a time or later.
func (b *Book) Extremes(from time.Time) (Extremes, error) {
	var all []Extremes
	at, some := from.Unix(), false
	for k, f := range b.kept.Flat {
		if k+1 == len(b.kept.Flat) || b.kept.Flat[k+1].From > at {
			all = append(all, f.Tariff.Extremes())
		}
	}
	if !b.usesFlat(at) {
		all = nil
	}
	for _, s := range b.kept.Schedules {
		e, err := s.Extremes()
		if err != nil {
			return Extremes{}, err
		}
		all = append(all, e)
	}
	var sum Extremes
	for _, e := range all {
		if !some {
			sum, some = e, true
			continue
		}
		sum = sum.And(e)
	}
	if !some {
		return sum, fmt.Errorf("there is no tariff")
	}
	return sum, nil
}

// usesFlat tells whether the tariff without components counts for somebody at a time or later.
func (b *Book) usesFlat(at int64) bool {
	for k, a := range b.kept.Default {
		if a.Tariff == "" && (k+1 == len(b.kept.Default) || b.kept.Default[k+1].From > at) {
			return true
		}
	}
	return false
}
