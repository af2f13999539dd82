package sharing

import (
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
)

// Community is one of several in which the same metering points take part. Its scheme's
// factors say with how much of each point; a point that has none takes part with all of it.
type Community struct {
	Name   string
	Scheme Scheme
}

// Several divides the energy of an interval among several communities, in their order.
//
// Without inOrder each community has the part of every point that its factor says, whether
// the others use theirs or not, as in Austria: what cannot be divided in Wh is rounded down. Then
// no point's factors may sum to more than 1. With inOrder what a community leaves over goes on to
// the next: each has at most its factor of what was metered, and at most what the communities
// before left. Either way a point never buys more than it imported in all communities
// together, nor sells more than it exported.
func Several(communities []Community, points []Point, inOrder bool, rank func(id string) string) ([]Allocation, error) {
	if !inOrder {
		if err := atMostWhole(communities); err != nil {
			return nil, err
		}
	}
	left := make([]Point, len(points))
	copy(left, points)
	all := make([]Allocation, len(communities))
	for k, c := range communities {
		part := make([]Point, len(points))
		factors := map[string]Ratio{}
		for _, f := range c.Scheme.Factors {
			factors[f.Point] = f.Share
		}
		for i, p := range points {
			part[i] = p
			if f, some := factors[p.ID]; some {
				part[i].Import, part[i].Export = f.of(p.Import), f.of(p.Export)
			}
			part[i].Import, part[i].Export = min(part[i].Import, left[i].Import), min(part[i].Export, left[i].Export)
		}
		s := c.Scheme
		s.Factors = nil // they count already
		var err error
		if all[k], err = s.Allocate(part, rank); err != nil {
			return nil, fmt.Errorf("community %s: %w", c.Name, err)
		}
		for i, x := range all[k].Parts {
			left[i].Import -= x.Bought
			left[i].Export -= x.Sold + x.Given
		}
	}
	return all, nil
}

// atMostWhole refuses factors of a point that sum to more than 1.
func atMostWhole(communities []Community) error {
	sums := map[string]Key{}
	for _, c := range communities {
		for _, f := range c.Scheme.Factors {
			k := sums[f.Point]
			k.Entries = append(k.Entries, Entry{Share: f.Share})
			if sum := k.Sum(); sum.Cmp(Whole().rat()) > 0 {
				return fmt.Errorf("community %s: the factors of metering point %q sum to %s in all communities, which is more than 1", c.Name, f.Point, sum.RatString())
			}
			sums[f.Point] = k
		}
	}
	return nil
}

// Left returns what is left of points with the utility after allocations.
func Left(points []Point, all []Allocation) []Point {
	left := make([]Point, len(points))
	copy(left, points)
	for _, a := range all {
		for i, x := range a.Parts {
			left[i].Import -= x.Bought
			left[i].Export += x.Surplus - x.Sold - x.Given
		}
	}
	return left
}

// Among is what came of a case that several communities divided.
type Among struct {
	Communities []AmongOne     `json:"communities"` // in their order
	Points      []DividedPoint `json:"points"`      // in all of them together, by id
}

// AmongOne is what one community divided.
type AmongOne struct {
	Key    string         `json:"key"`
	Shared grid.Energy    `json:"shared"` // Wh, as all energies
	Points []DividedPoint `json:"points"` // of this community; retail and feed_in are what all leave over
}

// DivideAmong divides the case among several communities (see Several).
func (c Case) DivideAmong(communities []Community, inOrder bool) (Among, error) {
	points, rank := c.sorted()
	metered := make([]Point, len(points))
	for i, p := range points {
		metered[i] = Point{ID: p.ID, Import: p.Import, Export: p.Export}
	}
	for k := range communities {
		communities[k].Scheme = communities[k].Scheme.At(c.Interval.Start)
	}
	all, err := Several(communities, metered, inOrder, rank)
	if err != nil {
		return Among{}, err
	}
	left := Left(metered, all)
	out := Among{Points: make([]DividedPoint, len(points))}
	for i, p := range points {
		out.Points[i] = DividedPoint{ID: p.ID, Member: p.Member, Import: p.Import, Export: p.Export, Retail: left[i].Import, FeedIn: left[i].Export}
	}
	for k, a := range all {
		one := AmongOne{Key: communities[k].Name}
		for i, x := range a.Parts {
			p := &out.Points[i]
			p.Bought, p.Sold, p.Surplus, p.Given = p.Bought+x.Bought, p.Sold+x.Sold, p.Surplus+x.Surplus, p.Given+x.Given
			mine := *p
			mine.Bought, mine.Sold, mine.Surplus, mine.Given = x.Bought, x.Sold, x.Surplus, x.Given
			one.Points, one.Shared = append(one.Points, mine), one.Shared+x.Bought
		}
		out.Communities = append(out.Communities, one)
	}
	return out, nil
}
