package foresight

import (
	"math"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/optimum"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// chore is a programme of a home's appliance, from when it was loaded on. Times are in seconds after the first mark.
type chore struct {
	loaded, due, runs int64
	began, ended      int64         // as it went; 0: not yet
	took              map[int]int64 // as it went, by interval, W·s
	power             grid.Power
}

// appliance follows a home's appliance from one sight to the next, which lie in an interval. now is the time of the
// second, in seconds after the first mark, and passed what lies between.
func (h *watched) appliance(of world.Appliance, a, b *world.HomeState, interval int, now, passed, due int64) {
	if of.Power == 0 {
		return
	}
	if b.Programme.Due > a.Programme.Due {
		h.chores = append(h.chores, chore{loaded: now - passed, due: due, runs: int64(of.Runs() / time.Second), took: map[int]int64{}, power: of.Power})
	}
	if len(h.chores) == 0 {
		return
	}
	c := &h.chores[len(h.chores)-1]
	if took := b.Ran - a.Ran; took > 0 {
		c.took[interval] += took
		if c.began == 0 {
			c.began = max(now-passed, 1)
		}
	}
	if c.began > 0 && c.ended == 0 && b.Programme.Left == 0 {
		c.ended = now
	}
}

// energy is what a programme took in the intervals from one to another, W·s.
func (c *chore) energy(from, to int) (sum int64) {
	for t, ws := range c.took {
		if t >= from && t < to {
			sum += ws
		}
	}
	return sum
}

// alone is what it would have taken from one time to another, had it started when it was loaded, W·s.
func (c *chore) alone(from, to int64) int64 {
	return int64(c.power) * max(min(c.loaded+c.runs, to)-max(c.loaded, from), 0)
}

// load is a programme as the optimum moves it in a period that lies between two times: in the time that it had, which is what it took if
// it was late. Where waits is false it starts when it is loaded. some is false of one that did not begin and end within the period: that
// stays as it was.
func (c *chore) load(from, to int64, waits bool) (l optimum.Load, some bool) {
	begin, end := max(c.loaded, from), min(max(c.due, c.ended), to)
	if !waits {
		end = min(begin+c.runs, end)
	}
	if c.began < from || c.began == 0 || c.ended == 0 || c.ended > to || end-begin < c.runs || c.loaded < from && !waits {
		return l, false
	}
	var took int64
	for _, ws := range c.took {
		took += ws
	}
	seconds := func(s int64) time.Duration { return time.Duration(s) * time.Second }
	power := grid.Power(math.Round(float64(took) / float64(c.runs)))
	return optimum.Load{Power: power, Runs: seconds(c.runs), From: seconds(begin - from), Until: seconds(end - from)}, true
}

// loads adds to a home of a case the programmes that are moved in the intervals from one to another, and takes them off
// what nobody moves.
func (h *watched) loads(home *optimum.Home, from, to, minutes int, waits bool) {
	length := int64(minutes) * 60 //nolint:mnd // s
	for k := range h.chores {
		c := &h.chores[k]
		l, some := c.load(int64(from)*length, int64(to)*length, waits)
		if !some {
			continue
		}
		home.Loads = append(home.Loads, l)
		for t, ws := range c.took {
			home.Net[t-from] -= wh(ws)
		}
	}
}

// chored is what a home's appliance took in the intervals from one to another, as it went and alone, W·s.
func (h *watched) chored(from, to, minutes int) (went, alone int64) {
	length := int64(minutes) * 60 //nolint:mnd // s
	for k := range h.chores {
		c := &h.chores[k]
		went, alone = went+c.energy(from, to), alone+c.alone(int64(from)*length, int64(to)*length)
	}
	return went, alone
}
