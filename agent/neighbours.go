package agent

import (
	"context"
	"math"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

// neighbours sum up what the homes of a community expect, and note what each decides before the next one plans. They belong
// to who quotes: one at a time.
type neighbours struct {
	minutes   int // of a delivery interval
	seats     *seats
	batteries *batteries
	outlooks  *outlooks

	street   *street             // nil: nobody looked yet
	days     drawn               // by which all homes make their scenarios
	charging map[string]charging // by metering point, what its cars will take
	warming  map[string]charging // what heats or waits, alike
}

// lookAround has every home that plans expect the coming days, where it did not yet, and sums
// them up. It is done once in an interval.
func (n *neighbours) lookAround(ctx context.Context, now time.Time) (*street, error) {
	runs := grid.IntervalAt(now, n.minutes)
	if n.street != nil && n.street.first == runs.Shift(1) {
		return n.street.settle(), nil
	}
	seats := n.seats.planners()
	var missing int
	for _, at := range seats {
		if n.outlooks.of[at.home.MeteringPoint] == nil {
			missing++
		}
	}
	if missing <= mostAtOnce {
		for _, at := range seats {
			if n.outlooks.of[at.home.MeteringPoint] != nil {
				continue
			}
			x, err := n.outlooks.expect(ctx, at, now)
			if noHistory(err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			n.outlooks.of[at.home.MeteringPoint] = x
		}
	}
	if err := n.drawDays(ctx, seats, now); err != nil {
		return nil, err
	}
	b, err := n.batteries.stored(ctx, seats, now)
	if err != nil {
		return nil, err
	}
	n.street = n.sum(seats, runs.Shift(1), b)
	return n.street.settle(), nil
}

// mostAtOnce is how many homes are forecast with the first quote after a start; of more than
// that each is with its own.
const mostAtOnce = 64

// drawDays draws the days that make the scenarios, anew where a model is new, and has every home
// make its scenarios of them.
func (n *neighbours) drawDays(ctx context.Context, seats []seat, now time.Time) error {
	if id := n.outlooks.models.generation(); id != n.days.id || len(n.days.days) == 0 {
		var all []*forecast.Model
		for _, at := range seats {
			for _, s := range n.outlooks.seriesOf(at) {
				if m, known := n.outlooks.models.get(s); known {
					all = append(all, m.Model)
				}
			}
		}
		n.days = drawn{id: id}
		if len(all) > 0 {
			n.days.days = forecast.Days(drawnDays, all...)
		}
	}
	for _, at := range seats {
		if x := n.outlooks.of[at.home.MeteringPoint]; x != nil {
			if err := n.outlooks.draw(ctx, at, x, n.days, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// sum adds up the homes from an interval on.
func (n *neighbours) sum(seats []seat, first grid.Interval, b storage) *street {
	steps := int(horizon / first.Length())
	st := &street{first: first, b: b, stale: true}
	for s := range n.scenarios(seats) {
		lacks, left, net := make([]float64, steps), make([]float64, steps), make([]float64, steps)
		for _, at := range seats {
			x := n.outlooks.of[at.home.MeteringPoint]
			if x == nil || s >= len(x.net) {
				continue
			}
			shift := between(x.begins(), first)
			own, warms, warm := n.charging[at.home.MeteringPoint], n.warming[at.home.MeteringPoint], x.warming(s)
			for k := range steps {
				from := min(max(k+shift, 0), len(x.net[s])-1)
				wh := x.net[s][from] + own.or(first.Shift(k), x.cars[s][from]) + warms.or(first.Shift(k), warm[from])
				net[k] += wh
				lacks[k] += math.Max(wh, 0)
				left[k] += math.Max(-wh, 0)
			}
		}
		for k := range lacks {
			lacks[k] = math.Min(lacks[k], left[k])
		}
		st.base, st.pool = append(st.base, net), append(st.pool, lacks)
	}
	return st
}

// scenarios returns how many there are.
func (n *neighbours) scenarios(seats []seat) (most int) {
	for _, at := range seats {
		if x := n.outlooks.of[at.home.MeteringPoint]; x != nil {
			most = max(most, len(x.net))
		}
	}
	return most
}

// decided notes what the cars of a metering point, and what heats or waits there, will take by its plan.
func (n *neighbours) decided(point string, x *expected, cars, warm charging) {
	n.street.moves(x, n.charging[point], cars)
	n.street.turns(x, n.warming[point], warm, x.warming)
	n.charging[point], n.warming[point] = cars, warm
}

// charging is what the cars of a home will take by its plan.
type charging struct {
	first grid.Interval
	wh    []float64
}

// or returns what they take in an interval, and what is usual where the plan does not say.
func (c charging) or(i grid.Interval, usual float64) float64 {
	if len(c.wh) == 0 {
		return usual
	}
	k := between(c.first, i)
	if k < 0 || k >= len(c.wh) {
		return usual
	}
	return c.wh[k]
}
