package official

import (
	"slices"

	"github.com/commonwatt/commonwatt/grid"
)

// Told is a value that counts, and the digest of the file that says so.
type Told struct {
	Value

	File string
}

// Flow is what the grid operator says that a point took and gave in an interval.
type Flow struct {
	Import, Export *grid.Energy // Wh; nil: it says nothing, or not of the whole interval
	Quality        Quality      // the worst
	Files          []string     // digests, sorted
}

// Flows returns what is said of an interval by its values, by metering point: of the code
// Total, the sum of those that make up the whole of it. Points of which nothing whole is said
// are left out. Energies are bounded (decimal), so that no sum leaves 64 bits.
func Flows(i grid.Interval, values []Told) map[string]Flow {
	type side struct {
		point     string
		direction Direction
	}
	sums := map[side][]Told{}
	for _, v := range values {
		if v.Code == Total && v.Start >= i.Start && v.End() <= i.End().Unix() {
			at := side{v.Point, v.Direction}
			sums[at] = append(sums[at], v)
		}
	}
	flows := map[string]Flow{}
	for at, parts := range sums {
		minutes, sum := 0, grid.Energy(0)
		f := flows[at.point]
		for _, v := range parts {
			minutes += v.Minutes
			sum += v.Energy
			f.Quality = max(f.Quality, v.Quality)
			f.Files = append(f.Files, v.File)
		}
		if minutes != i.Minutes {
			continue
		}
		if at.direction == Import {
			f.Import = &sum
		} else {
			f.Export = &sum
		}
		slices.Sort(f.Files)
		f.Files = slices.Compact(f.Files)
		flows[at.point] = f
	}
	return flows
}
