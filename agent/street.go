package agent

import (
	"context"
	"math"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// street is what the homes of a community expect of each other: sums alone, from which follows
// what a kWh more or less is worth to one of them.
//
// Each scenario is one course of the coming days. What all homes take without their batteries
// is known of it, and the batteries of the community are taken for one that covers what is
// lacking and stores what is left over, as they do for each other (hold.Street). What that one
// leaves is lack or surplus of the community: it is bought at retail, or given away at feed-in.
type street struct {
	first grid.Interval // of the rows
	short [][]float64   // by scenario and interval: Wh that the utility gives, or takes (−)
	pool  [][]float64   // Wh that members give each other
}

// lookAround has every home that plans expect the coming days, where it did not yet, and sums
// them up. It is done once in an interval.
func (t *Traders) lookAround(ctx context.Context, now time.Time) (*street, error) {
	runs := grid.IntervalAt(now, t.Minutes)
	if t.street != nil && t.street.first == runs.Shift(1) {
		return t.street, nil
	}
	seats := t.planners()
	var missing int
	for _, at := range seats {
		if t.expects[at.home.MeteringPoint] == nil {
			missing++
		}
	}
	if missing <= mostAtOnce {
		for _, at := range seats {
			if t.expects[at.home.MeteringPoint] != nil {
				continue
			}
			x, err := t.expect(ctx, at, now)
			if noHistory(err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			t.expects[at.home.MeteringPoint] = x
		}
	}
	if err := t.drawDays(ctx, seats, now); err != nil {
		return nil, err
	}
	b, err := t.stored(ctx, seats)
	if err != nil {
		return nil, err
	}
	t.street = t.sum(seats, runs.Shift(1), b)
	return t.street, nil
}

// mostAtOnce is how many homes are forecast with the first quote after a start; of more than
// that each is with its own.
const mostAtOnce = 64

// drawDays draws the days that make the scenarios, anew where a model is new, and has every home
// make its scenarios of them.
func (t *Traders) drawDays(ctx context.Context, seats []seat, now time.Time) error {
	if id := t.models.generation(); id != t.days.id || len(t.days.days) == 0 {
		var all []*forecast.Model
		for _, at := range seats {
			for _, s := range t.seriesOf(at) {
				if m, known := t.models.get(s); known {
					all = append(all, m.Model)
				}
			}
		}
		t.days = drawn{id: id}
		if len(all) > 0 {
			t.days.days = forecast.Days(scenarios, all...)
		}
	}
	for _, at := range seats {
		if x := t.expects[at.home.MeteringPoint]; x != nil {
			if err := t.draw(ctx, at, x, t.days, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// storage is a battery, or what several are together.
type storage struct {
	capacity, held, power float64 // Wh, W
}

// stored returns what the batteries of the community hold together.
func (t *Traders) stored(ctx context.Context, seats []seat) (sum storage, err error) {
	for _, at := range seats {
		for _, d := range at.devices {
			if d.Kind != grid.Battery {
				continue
			}
			one, ok, err := t.battery(ctx, d.ID)
			if err != nil {
				return sum, err
			}
			if ok {
				sum.capacity, sum.held, sum.power = sum.capacity+one.capacity, sum.held+one.held, sum.power+one.power
			}
		}
	}
	return sum, nil
}

// battery returns what a battery holds now; ok is false where it is not known or may not be moved.
func (t *Traders) battery(ctx context.Context, device string) (s storage, ok bool, err error) {
	of := t.rating(device)
	last, err := t.Telemetry.Last(ctx, device)
	if err != nil || last == nil || last.Charge == nil || of.Capacity == 0 || of.Power == 0 || !of.Controlled {
		return s, false, err
	}
	return storage{capacity: float64(of.Capacity), held: float64(of.Capacity) * float64(*last.Charge) / float64(allCharge), power: float64(of.Power)}, true, nil
}

// oneWay is the assumed efficiency of charging and of discharging where the owner does not say;
// both ways 90 %.
const oneWay = 0.9487

// sum adds up the homes from an interval on.
func (t *Traders) sum(seats []seat, first grid.Interval, b storage) *street {
	n := int(horizon / first.Length())
	st := &street{first: first}
	for s := range t.days.days {
		lacks, left, net := make([]float64, n), make([]float64, n), make([]float64, n)
		for _, at := range seats {
			x := t.expects[at.home.MeteringPoint]
			if x == nil || s >= len(x.net) {
				continue
			}
			shift := between(x.begins(), first)
			own := t.charging[at.home.MeteringPoint]
			for k := range n {
				from := min(max(k+shift, 0), len(x.net[s])-1)
				wh := x.net[s][from]
				if c, some := own.in(first.Shift(k)); some {
					wh += c
				} else {
					wh += x.cars[s][from]
				}
				net[k] += wh
				lacks[k] += math.Max(wh, 0)
				left[k] += math.Max(-wh, 0)
			}
		}
		b.run(net, first.Length().Hours())
		pool := lacks
		for k := range pool {
			pool[k] = math.Min(lacks[k], left[k])
		}
		st.short, st.pool = append(st.short, net), append(st.pool, pool)
	}
	return st
}

// run has a battery cover what is lacking and store what is left over; net becomes what that
// leaves.
func (b storage) run(net []float64, hours float64) {
	for k, wh := range net {
		if wh > 0 {
			given := math.Min(wh, math.Min(b.power*hours, b.held*oneWay))
			b.held -= given / oneWay
			net[k] -= given
			continue
		}
		taken := math.Min(-wh, math.Min(b.power*hours, (b.capacity-b.held)/oneWay))
		b.held += taken * oneWay
		net[k] += taken
	}
}

// prices returns what one more kWh taken costs a home and what one more given brings it in a
// scenario, in millionths, at its rates. In the pool half of what a kWh saves goes to who gives
// it and half to who takes it, and who comes too many shares with the others.
func (st *street) prices(s, k int, r tariff.Rates) (buy, sell float64) {
	feedIn, avoided, retail := float64(r.FeedIn), float64(r.Avoided()), float64(r.Retail)
	if avoided < feedIn { // nothing is shared
		return retail, feedIn
	}
	middle := (feedIn + avoided) / 2 //nolint:mnd // half each
	const few = 1.0                  // Wh
	short, pool := st.short[s][k], st.pool[s][k]+few
	switch {
	case short > few:
		return retail - (avoided-middle)*pool/(pool+short), middle
	case short < -few:
		return retail - (avoided - middle), feedIn + (middle-feedIn)*pool/(pool-short)
	}
	return retail - (avoided - middle), middle
}

// charging is what the cars of a home will take by its plan.
type charging struct {
	first grid.Interval
	wh    []float64
}

// in returns what they take in an interval; some is false where the plan does not say.
func (c charging) in(i grid.Interval) (wh float64, some bool) {
	if len(c.wh) == 0 {
		return 0, false
	}
	k := between(c.first, i)
	if k < 0 || k >= len(c.wh) {
		return 0, false
	}
	return c.wh[k], true
}
