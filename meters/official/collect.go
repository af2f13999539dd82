package official

import (
	"fmt"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// collector gathers the values of a file and what is wrong with it.
type collector struct {
	options  Options
	raw      []rawValue
	seen     map[Key]int // lines
	problems FileError
	notes    []Note
}

// rawValue is a value whose energy was not rounded yet.
type rawValue struct {
	Value

	exact micro  // µWh
	day   string // by which it is rounded: the local date, as the file writes it where no zone is known
}

// mostProblems bounds how many are told of one file.
const mostProblems = 10_000

func (c *collector) wrong(line int, field, format string, args ...any) {
	if len(c.problems) < mostProblems {
		c.problems = append(c.problems, Problem{line, field, fmt.Sprintf(format, args...)})
	}
}

func (c *collector) note(line int, format string, args ...any) {
	c.notes = append(c.notes, Note{line, fmt.Sprintf(format, args...)})
}

// row is a value as a format tells it, whose texts may be wrong.
type row struct {
	line      int
	point     string
	start     time.Time // as the file writes it, with its own offset
	minutes   int
	code      Code
	direction Direction
	exact     micro
	quality   Quality
	field     string // that names the value in this format
}

// firstYear and lastYear keep nonsense out of what is reckoned with.
const firstYear, lastYear = 1990, 2200

// add takes a row whose texts were read; what is wrong with it otherwise is told.
func (c *collector) add(r row) {
	v := Value{Key: Key{r.point, r.start.Unix(), r.code, r.direction}, Minutes: r.minutes, Quality: r.quality, Line: r.line}
	i := grid.Interval{Start: v.Start, Minutes: r.minutes}
	switch err := i.Validate(); {
	case r.point == "":
		c.wrong(r.line, r.field, "belongs to no metering point")
		return
	case r.start.Year() < firstYear || r.start.Year() > lastYear:
		c.wrong(r.line, r.field, "the year %d cannot be", r.start.Year())
		return
	case err != nil:
		c.wrong(r.line, r.field, "%v", err)
		return
	}
	if m := c.options.Mapping; m != nil {
		point, wanted := m.point(r.point)
		if !wanted {
			return
		}
		if point != r.point {
			v.Point, v.Source = point, r.point
		}
		if m.Total != "" && v.Code == m.Total {
			v.Code = Total
		}
	}
	if line, twice := c.seen[v.Key]; twice {
		c.wrong(r.line, r.field, "%s is there twice: line %d has it too", v.Key, line)
		return
	}
	c.seen[v.Key] = r.line
	local := r.start
	if c.options.Zone != nil {
		local = local.In(c.options.Zone)
	}
	c.raw = append(c.raw, rawValue{v, r.exact, local.Format(time.DateOnly)})
}

// finish rounds to Wh: of each local day of a point and code the sum once, and the rest by
// the largest remainder, the earlier first.
func (c *collector) finish() []Value {
	slices.SortFunc(c.raw, func(a, b rawValue) int { return a.Key.Compare(b.Key) })
	values := make([]Value, 0, len(c.raw))
	for begin := 0; begin < len(c.raw); {
		end := begin + 1
		first := c.raw[begin]
		for end < len(c.raw) && sameDay(first, c.raw[end]) {
			end++
		}
		round(c.raw[begin:end])
		for _, r := range c.raw[begin:end] {
			values = append(values, r.Value)
		}
		begin = end
	}
	return values
}

func sameDay(a, b rawValue) bool {
	return a.Point == b.Point && a.Code == b.Code && a.Direction == b.Direction && a.day == b.day
}

// round gives the values of a day their Wh.
func round(day []rawValue) {
	var rest micro
	order := make([]int, len(day))
	for k := range day {
		day[k].Energy = grid.Energy(day[k].exact / perWh)
		rest += day[k].exact % perWh
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(day[b].exact%perWh - day[a].exact%perWh) })
	for _, k := range order[:(rest+perWh/2)/perWh] {
		day[k].Energy++
	}
}

// judge notes what does not fit together in a file: gaps, and shares that cannot be. Values
// are in the order of their keys.
func (c *collector) judge(values []Value) {
	energies := make(map[Key]grid.Energy, len(values))
	for k, v := range values {
		energies[v.Key] = v.Energy
		if k == 0 || values[k-1].Point != v.Point || values[k-1].Code != v.Code || values[k-1].Direction != v.Direction {
			continue
		}
		before := values[k-1]
		if gap := v.Start - before.End(); gap > 0 {
			c.note(v.Line, "%s %s of %s: nothing from %s to %s", v.Code, v.Direction, v.Point, clock(before.End()), clock(v.Start))
		} else if gap < 0 {
			c.note(v.Line, "%s: overlaps the value before it, from line %d", v.Key, before.Line)
		}
	}
	for _, v := range values {
		if v.Code != Covered {
			continue
		}
		allotted, total := v.Key, v.Key
		allotted.Code, total.Code, total.Direction = Share, Total, Import
		if of, known := energies[allotted]; known && v.Energy > of {
			c.note(v.Line, "%s: %d Wh are more than the %d Wh that were allotted (G.02)", v.Key, v.Energy, of)
		}
		of, known := energies[total]
		if !known { // a generator's
			total.Direction = Export
			of, known = energies[total]
		}
		if known && v.Energy > of {
			c.note(v.Line, "%s: %d Wh are more than the %d Wh in all (G.01)", v.Key, v.Energy, of)
		}
	}
}

func clock(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02T15:04Z") }
