package official

import (
	"fmt"
	"maps"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
)

// Shares notes where the values of a whole community contradict each other: of all generators
// together what is left (P.01) is what they gave (G.01) less what all consumers used of it
// (G.03). It is looked at where the file has both of every generator and, of every consumer
// that it tells of, what it used, and where those allotted (G.02) are all that was given, so
// that nobody is missing.
func Shares(values []Value) (notes []Note) {
	type sums struct {
		given, left, allotted, used                grid.Energy
		generators, lefts, consumers, covers, line int
	}
	all := map[int64]*sums{}
	for _, v := range values {
		s := all[v.Start]
		if s == nil {
			s = &sums{line: v.Line}
			all[v.Start] = s
		}
		switch {
		case v.Code == Total && v.Direction == Export:
			s.given, s.generators = s.given+v.Energy, s.generators+1
		case v.Code == Rest && v.Direction == Export:
			s.left, s.lefts = s.left+v.Energy, s.lefts+1
		case v.Code == Share:
			s.allotted, s.consumers = s.allotted+v.Energy, s.consumers+1
		case v.Code == Covered:
			s.used, s.covers = s.used+v.Energy, s.covers+1
		}
	}
	for _, start := range slices.Sorted(maps.Keys(all)) {
		s := all[start]
		if s.generators == 0 || s.lefts != s.generators || s.covers != s.consumers || s.allotted != s.given || s.given-s.used == s.left {
			continue
		}
		notes = append(notes, Note{s.line, fmt.Sprintf("%s, all points: G.01 %d Wh less G.03 %d Wh is not P.01 %d Wh", clock(start), s.given, s.used, s.left)})
	}
	return notes
}
