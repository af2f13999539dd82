package official

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Community is what an import must know of the one that the values are for.
type Community struct {
	Minutes int                                        // of its intervals
	Points  map[string]bool                            // that it has, or had
	Known   map[Key]Told                               // values that count, of the file's time
	Signed  func(i grid.Interval) map[string]grid.Flow // what was metered here; nil: nothing was settled then
}

// Preview says what an import would do.
type Preview struct {
	Values, New, Changed, Same int
	From, Until                int64   // unix seconds, half-open
	News                       []Value // what is new or changed
	Changes                    []Change
	Points                     []PointPreview
	Problems                   FileError // why it is not imported
	Notes                      []Note
}

// Change is a value that another takes the place of.
type Change struct {
	Before, After Value
}

// PointPreview is what a file says of a metering point, against what was metered here in the
// intervals of which it tells all.
type PointPreview struct {
	Point, Source    string
	Values           int
	Signed, Official grid.Flow
}

// mostChanges is how many changes are told one by one, and mostPerKind how many problems of a kind.
const (
	mostChanges = 1000
	mostPerKind = 100
)

// Look compares a file with what the community knows.
func Look(f File, c Community) Preview {
	l := looking{of: c, p: Preview{Values: len(f.Values), Notes: f.Notes}, unknown: map[string]int{}, strange: map[string]int{}, points: map[string]*PointPreview{}}
	for _, v := range f.Values {
		l.value(v)
	}
	l.signed(f.Values)
	for _, point := range slices.Sorted(maps.Keys(l.points)) {
		l.p.Points = append(l.p.Points, *l.points[point])
	}
	l.p.Problems = l.p.Problems.Sorted()
	return l.p
}

type looking struct {
	of      Community
	p       Preview
	unknown map[string]int // points, with the line of their first value
	strange map[string]int // kinds of problem, and how many there were
	points  map[string]*PointPreview
}

// wrong tells a problem, unless there were many of its kind.
func (l *looking) wrong(line int, field, kind, format string, args ...any) {
	if l.strange[kind]++; l.strange[kind] <= mostPerKind {
		l.p.Problems = append(l.p.Problems, Problem{line, field, fmt.Sprintf(format, args...)})
	} else if l.strange[kind] == mostPerKind+1 {
		l.p.Problems = append(l.p.Problems, Problem{line, field, "and more of this kind"})
	}
}

func (l *looking) value(v Value) {
	if l.p.From == 0 || v.Start < l.p.From {
		l.p.From = v.Start
	}
	l.p.Until = max(l.p.Until, v.End())
	if !l.of.Points[v.Point] {
		if _, told := l.unknown[v.Point]; !told {
			l.unknown[v.Point] = v.Line
			l.wrong(v.Line, "point", "point", "%s is no metering point of this community: name the one that it is in the mapping (points), or leave it out there (ignore)", v.Point)
		}
		return
	}
	if v.Minutes > l.of.Minutes {
		l.wrong(v.Line, "minutes", "minutes", "%s is of %d minutes, and intervals here have %d: ask for finer values", v.Key, v.Minutes, l.of.Minutes)
		return
	}
	if l.points[v.Point] == nil {
		l.points[v.Point] = &PointPreview{Point: v.Point, Source: v.Source}
	}
	l.points[v.Point].Values++
	known, there := l.of.Known[v.Key]
	switch {
	case !there:
		l.p.New++
	case known.Energy == v.Energy && known.Quality == v.Quality && known.Minutes == v.Minutes:
		l.p.Same++
		return
	default:
		l.p.Changed++
		if len(l.p.Changes) < mostChanges {
			l.p.Changes = append(l.p.Changes, Change{known.Value, v})
		}
	}
	l.p.News = append(l.p.News, v)
}

// signed compares with what was metered here, and finds values of a time that is not the
// community's.
func (l *looking) signed(values []Value) {
	byInterval := map[int64][]Told{}
	for _, v := range values {
		if l.of.Points[v.Point] && v.Minutes <= l.of.Minutes {
			start := grid.IntervalAt(time.Unix(v.Start, 0), l.of.Minutes).Start
			byInterval[start] = append(byInterval[start], Told{Value: v})
		}
	}
	for _, start := range slices.Sorted(maps.Keys(byInterval)) {
		i := grid.Interval{Start: start, Minutes: l.of.Minutes}
		here := l.of.Signed(i)
		if here == nil {
			first := slices.MinFunc(byInterval[start], func(a, b Told) int { return cmp.Compare(a.Line, b.Line) })
			l.wrong(first.Line, "time", "time "+i.Begin().Format("2006-01"), "nothing was settled at %s: it is not a time of this community, or not over", i.Begin().Format("2006-01-02T15:04Z"))
			continue
		}
		for point, f := range Flows(i, byInterval[start]) {
			p, metered := l.points[point], here[point]
			if f.Import != nil {
				p.Official.Import += *f.Import
				p.Signed.Import += metered.Import
			}
			if f.Export != nil {
				p.Official.Export += *f.Export
				p.Signed.Export += metered.Export
			}
		}
	}
}
