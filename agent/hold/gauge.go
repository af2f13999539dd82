package hold

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// gauge follows a connection meter through a delivery interval.
type gauge struct {
	meter    []reading // the last ones, by time
	interval grid.Interval
	begin    *grid.Registers // at the interval's begin
}

type reading struct {
	grid.Registers

	power grid.Power
}

// kept is how many readings of a device are remembered.
const kept = 16

func keep(all []reading, r reading) []reading {
	if len(all) == kept {
		copy(all, all[1:])
		all = all[:kept-1]
	}
	return append(all, r)
}

// take notes a reading. Late and incomplete ones count for nothing: false.
func (g *gauge) take(r grid.Reading) bool {
	if r.Power == nil || r.Import == nil || r.Export == nil || len(g.meter) > 0 && !r.Time.After(g.last().Time) {
		return false
	}
	at := reading{grid.Registers{Time: r.Time, Import: *r.Import, Export: *r.Export, Quality: r.Quality}, *r.Power}
	if len(g.meter) > 0 {
		g.begins(g.last().Registers, at.Registers)
	}
	g.meter = keep(g.meter, at)
	return true
}

// last returns the last reading; there must be one.
func (g *gauge) last() reading { return g.meter[len(g.meter)-1] }

// begins notes the registers at the begin of an interval that lies between readings.
func (g *gauge) begins(before, after grid.Registers) {
	if g.interval.Minutes == 0 || g.begin != nil || after.Time.Before(g.interval.Begin()) || before.Time.After(g.interval.Begin()) {
		return
	}
	if at, err := grid.At(before, after, g.interval.Begin()); err == nil {
		g.begin = &at
	}
}

// open begins an interval, if it is another one.
func (g *gauge) open(i grid.Interval) {
	if i == g.interval {
		return
	}
	g.interval, g.begin = i, nil
	for k := 1; k < len(g.meter); k++ {
		g.begins(g.meter[k-1].Registers, g.meter[k].Registers)
	}
}

// metered returns the net energy of the interval up to the last reading, in Wh; the
// registers at its begin must be known.
func (g *gauge) metered() float64 {
	last := g.last()
	return float64(last.Import - g.begin.Import - (last.Export - g.begin.Export))
}

// fresh tells whether the meter was read lately.
func (g *gauge) fresh(now time.Time) bool { return len(g.meter) > 0 && now.Sub(g.last().Time) <= stale }
