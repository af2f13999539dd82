package metering

import (
	"math"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/proof"
)

// direction is one of the two that are counted apart.
type direction int

const (
	imports direction = iota
	exports
)

func (d direction) of(r evidence.Registered) *grid.Energy {
	if d == imports {
		return r.Import
	}
	return r.Export
}

// possible tells whether a value can be that of a register.
func possible(v *grid.Energy) bool { return v != nil && *v >= 0 && *v <= grid.MostTotal }

// judgement is what the registers of a meter say of an interval, whose values were judged
// by what can flow through its connection.
type judgement struct {
	i       grid.Interval
	only    grid.Only             // the register that the meter has alone
	rows    []evidence.Registered // by time
	courses [2]course             // by direction
}

func judge(rows []evidence.Registered, i grid.Interval, most grid.Power, only grid.Only) judgement {
	j := judgement{i: i, only: only, rows: rows}
	for _, d := range []direction{imports, exports} {
		j.courses[d] = courseOf(d, rows, most)
	}
	return j
}

// then returns what the registers of a meter say, and those of the one that replaced it after them:
// courses whose registers begin anew where that was first read.
func (j judgement) then(next judgement) judgement {
	for _, d := range []direction{imports, exports} {
		first := next.courses[d].stretches
		all := slices.Clone(j.courses[d].stretches)
		if len(first) > 0 {
			all = slices.DeleteFunc(all, func(s stretch) bool { return !s.first().at.Before(first[0].first().at) })
		}
		j.courses[d].stretches = append(all, first...)
	}
	if j.only != next.only {
		j.only = ""
	}
	return j
}

// doubted tells whether something that a register showed in the interval, or close by, was
// not believed as it stands.
func (j judgement) doubted() bool { return j.courses[imports].doubted || j.courses[exports].doubted }

// proven returns what flowed as an auditor computes it: from the readings with both registers
// that are nearest to both ends. It is ok where those are believed, are part of one stretch,
// and are close enough to count as read.
func (j judgement) proven() (flow grid.Flow, around [4]evidence.Registered, ok bool) {
	var ends [2]grid.Registers
	for k, t := range []time.Time{j.i.Begin(), j.i.End()} {
		before, after := j.nearest(t)
		if before == nil || after == nil || after.Time.Sub(before.Time) > proof.Fresh {
			return flow, around, false
		}
		at, err := grid.At(j.pair(*before), j.pair(*after), t)
		if err != nil {
			return flow, around, false
		}
		ends[k], around[2*k], around[2*k+1] = at, *before, *after
	}
	for _, d := range []direction{imports, exports} {
		if !j.lacks(d) && !j.courses[d].holds(around) {
			return flow, around, false
		}
	}
	flow = grid.Flow{Import: ends[1].Import - ends[0].Import, Export: ends[1].Export - ends[0].Export}
	return flow, around, flow.Import >= 0 && flow.Export >= 0
}

// nearest returns the last and the first reading at t or before and after it that tells of
// all registers that the meter has and is no estimate.
func (j judgement) nearest(t time.Time) (before, after *evidence.Registered) {
	for k := range j.rows {
		r := &j.rows[k]
		if r.Import == nil && !j.lacks(imports) || r.Export == nil && !j.lacks(exports) || r.Estimated {
			continue
		}
		if !r.Time.After(t) {
			before = r
		}
		if after == nil && !r.Time.Before(t) {
			after = r
		}
	}
	return before, after
}

// lacks tells whether the meter does not count a direction.
func (j judgement) lacks(d direction) bool {
	return j.only == grid.ImportOnly && d == exports || j.only == grid.ExportOnly && d == imports
}

// pair are the registers of a reading; what the meter does not count is 0.
func (j judgement) pair(r evidence.Registered) grid.Registers {
	p := grid.Registers{Time: r.Time}
	if !j.lacks(imports) {
		p.Import = *r.Import
	}
	if !j.lacks(exports) {
		p.Export = *r.Export
	}
	return p
}

// course is how one register went, without what is not believed: stretches, each of which
// can have come about by what flowed. Between them the register jumped, or was another one.
type course struct {
	d         direction
	stretches []stretch
	doubted   bool
}

// point is a register at an instant.
type point struct {
	at    time.Time
	total grid.Energy
}

// stretch is a part of a course, by time.
type stretch []point

func (s stretch) first() point { return s[0] }
func (s stretch) last() point  { return s[len(s)-1] }

// confirmedAfter is for how long a register must stay where it jumped until that counts.
const confirmedAfter = time.Minute

func (s stretch) confirmed() bool { return s.last().at.Sub(s.first().at) >= confirmedAfter }

// moved returns when the register stood still for the last time: since then it shows its
// last total.
func (s stretch) moved() time.Time {
	k := len(s) - 1
	for k > 0 && s[k-1].total == s.last().total {
		k--
	}
	return s[k].at
}

// follows tells whether p can come after the stretch by what flowed since.
func (s stretch) follows(p point, most grid.Power) bool {
	by := p.total - s.last().total
	return by >= 0 && by <= grid.MostGain(most, p.at.Sub(s.last().at), 1)
}

// courseOf judges a register by the rule of a counter: what jumps, upwards or downwards,
// counts once it has stayed, and nothing flowed by the jump itself unless so much can have
// flowed since the register last moved.
func courseOf(d direction, rows []evidence.Registered, most grid.Power) course {
	c := course{d: d}
	for _, r := range rows {
		v := d.of(r)
		if v == nil {
			continue
		}
		if !possible(v) {
			c.doubted = true
			continue
		}
		c.take(point{r.Time, *v}, most)
	}
	c.settle(most)
	return c
}

// take puts a point where it belongs.
func (c *course) take(p point, most grid.Power) {
	n := len(c.stretches)
	if n == 0 {
		c.stretches = []stretch{{p}}
		return
	}
	top := c.stretches[n-1]
	// A value that was too low for a moment can be followed by both.
	low := n > 1 && !top.confirmed() && top.first().total < c.stretches[n-2].last().total && c.stretches[n-2].follows(p, most)
	if !low && top.follows(p, most) {
		c.stretches[n-1] = append(top, p)
		return
	}
	c.doubted = true
	for k := n - 2; k >= 0; k-- { // it is back where it was
		if c.stretches[k].follows(p, most) {
			c.stretches = append(c.stretches[:k], append(c.stretches[k], p))
			return
		}
	}
	c.stretches = append(c.stretches, stretch{p})
}

// settle leaves out what did not stay, and joins what a register that moves in large steps
// can have counted.
func (c *course) settle(most grid.Power) {
	if len(c.stretches) < 2 {
		return
	}
	stayed := slices.DeleteFunc(slices.Clone(c.stretches), func(s stretch) bool { return !s.confirmed() })
	if len(stayed) == 0 {
		stayed = c.stretches[:1]
	}
	joined := stayed[:1:1]
	for _, s := range stayed[1:] {
		before := joined[len(joined)-1]
		by := s.first().total - before.last().total
		if by >= 0 && by <= grid.MostGain(most, s.first().at.Sub(before.moved()), 1) {
			joined[len(joined)-1] = append(slices.Clone(before), s...)
			continue
		}
		joined = append(joined, s)
	}
	c.stretches = joined
}

// holds tells whether readings are part of one stretch.
func (c course) holds(readings [4]evidence.Registered) bool {
	return slices.ContainsFunc(c.stretches, func(s stretch) bool {
		for _, r := range readings {
			if !slices.Contains(s, point{r.Time, *c.d.of(r)}) {
				return false
			}
		}
		return true
	})
}

// gain returns what flowed in [from, to] as far as it is known, and whether that is all of
// it: the register was read before and after.
func (c course) gain(from, to time.Time) (sum grid.Energy, all bool) {
	for k, s := range c.stretches {
		sum += max(s.at(to)-s.at(from), 0)
		if k > 0 {
			sum += between(c.stretches[k-1], s, from, to)
		}
	}
	n := len(c.stretches)
	return sum, n > 0 && !c.stretches[0].first().at.After(from) && !c.stretches[n-1].last().at.Before(to)
}

// at returns the total at t, interpolated, and that at the nearer end of the stretch where
// t is outside of it.
func (s stretch) at(t time.Time) grid.Energy {
	k, exact := slices.BinarySearchFunc(s, t, func(p point, t time.Time) int { return p.at.Compare(t) })
	switch {
	case exact || k == 0:
		return s[k].total
	case k == len(s):
		return s.last().total
	}
	a, b := grid.Registers{Time: s[k-1].at, Import: s[k-1].total}, grid.Registers{Time: s[k].at, Import: s[k].total}
	between, err := grid.At(a, b, t)
	if err != nil { // a stretch never runs backwards
		return a.Import
	}
	return between.Import
}

// mostBetween is for how long it can have gone on to flow as before and after while a meter
// was replaced, or a register jumped, without being counted.
const mostBetween = 2 * time.Minute

// between returns what flowed in [from, to] between two stretches, at the mean of the powers
// at their ends.
func between(a, b stretch, from, to time.Time) grid.Energy {
	begin, end := a.last().at, b.first().at
	if end.Sub(begin) > mostBetween {
		return 0
	}
	if begin.Before(from) {
		begin = from
	}
	if end.After(to) {
		end = to
	}
	last := a.last().at
	before, known1 := a.power(last.Add(-confirmedAfter), last)
	after, known2 := b.power(b.first().at, b.first().at.Add(confirmedAfter))
	switch {
	case !known1:
		before = after
	case !known2:
		after = before
	}
	return grid.Energy(math.Round((before + after) / 2 * max(end.Sub(begin), 0).Hours()))
}

// power returns the mean power in W in [from, to], as far as the stretch reaches there.
func (s stretch) power(from, to time.Time) (w float64, known bool) {
	if from.Before(s.first().at) {
		from = s.first().at
	}
	if to.After(s.last().at) {
		to = s.last().at
	}
	if !to.After(from) {
		return 0, false
	}
	return float64(s.at(to)-s.at(from)) / to.Sub(from).Hours(), true
}
