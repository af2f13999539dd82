package agent

import (
	"context"
	"math"
	"slices"
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
	base  [][]float64   // Wh that all take without their batteries
	b     storage       // their batteries together
	stale bool          // base changed since the rest was reckoned
	short [][]float64   // by scenario and interval: Wh that the utility gives, or takes (−)
	pool  [][]float64   // Wh that members give each other
	worth [][]share     // what one more Wh is worth to all
	room  [][]float64   // Wh that all could take more before the utility gives some; below 0: it gives already
}

// lookAround has every home that plans expect the coming days, where it did not yet, and sums
// them up. It is done once in an interval.
func (t *Traders) lookAround(ctx context.Context, now time.Time) (*street, error) {
	runs := grid.IntervalAt(now, t.Minutes)
	if t.street != nil && t.street.first == runs.Shift(1) {
		return t.street.settle(), nil
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
	b, err := t.stored(ctx, seats, now)
	if err != nil {
		return nil, err
	}
	t.street = t.sum(seats, runs.Shift(1), b)
	return t.street.settle(), nil
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
			t.days.days = forecast.Days(drawnDays, all...)
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
	each                  float64 // efficiency of charging, and that of discharging; of several it is not known
}

// stored returns what the batteries of the community hold together.
func (t *Traders) stored(ctx context.Context, seats []seat, now time.Time) (sum storage, err error) {
	for _, at := range seats {
		for _, d := range at.devices {
			if d.Kind != grid.Battery {
				continue
			}
			one, ok, err := t.battery(ctx, d.ID, now)
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
func (t *Traders) battery(ctx context.Context, device string, now time.Time) (s storage, ok bool, err error) {
	last, err := t.Telemetry.Last(ctx, device)
	if err != nil || last == nil || last.Charge == nil || !t.moves(device) {
		return s, false, err
	}
	b, err := t.asRead(ctx, device, now)
	if err != nil {
		return s, false, err
	}
	return storage{capacity: b.capacity, held: b.capacity * float64(*last.Charge) / float64(allCharge), power: float64(t.rating(device).Power), each: b.each}, true, nil
}

// oneWay is the assumed efficiency of charging and of discharging where the owner does not say;
// both ways 90 %.
const oneWay = 0.9487

// sum adds up the homes from an interval on.
func (t *Traders) sum(seats []seat, first grid.Interval, b storage) *street {
	n := int(horizon / first.Length())
	st := &street{first: first, b: b, stale: true}
	for s := range t.scenarios(seats) {
		lacks, left, net := make([]float64, n), make([]float64, n), make([]float64, n)
		for _, at := range seats {
			x := t.expects[at.home.MeteringPoint]
			if x == nil || s >= len(x.net) {
				continue
			}
			shift := between(x.begins(), first)
			own, warms, warm := t.charging[at.home.MeteringPoint], t.warming[at.home.MeteringPoint], x.warming(s)
			for k := range n {
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
func (t *Traders) scenarios(seats []seat) (n int) {
	for _, at := range seats {
		if x := t.expects[at.home.MeteringPoint]; x != nil {
			n = max(n, len(x.net))
		}
	}
	return n
}

// settle reckons what the batteries leave, where something changed.
func (st *street) settle() *street {
	if !st.stale {
		return st
	}
	st.stale, st.short, st.worth, st.room = false, st.short[:0], st.worth[:0], st.room[:0]
	for _, net := range st.base {
		short := slices.Clone(net)
		worth, room := st.b.run(short, st.first.Length().Hours())
		st.worth, st.room, st.short = append(st.worth, worth), append(st.room, room), append(st.short, short)
	}
	return st
}

// moves notes that a home's cars will take something else than was reckoned with, so that the
// next home does not take the same hour for the cheap one.
func (st *street) moves(x *expected, before, after charging) {
	st.turns(x, before, after, func(s int) []float64 { return x.cars[s] })
}

// turns is moves of anything that is usual in a scenario.
func (st *street) turns(x *expected, before, after charging, of func(s int) []float64) {
	shift := between(x.begins(), st.first)
	for s, net := range st.base {
		if s >= len(x.net) {
			continue
		}
		took := of(s)
		for k := range net {
			i, usual := st.first.Shift(k), took[min(max(k+shift, 0), len(took)-1)]
			net[k] += after.or(i, usual) - before.or(i, usual)
		}
	}
	st.stale = true
}

// few is energy that is none, Wh.
const few = 1.0

// share is how much a kWh is worth: so much of what the utility takes for one, and so much of what it pays.
type share struct{ retail, feedIn float64 }

func (s share) times(x float64) share { return share{s.retail * x, s.feedIn * x} }

// of returns it at a home's rates, millionths; no kWh is worth more than one that is bought.
func (s share) of(r tariff.Rates) float64 {
	return math.Min(s.retail*float64(r.Retail)+s.feedIn*float64(r.FeedIn), math.Max(float64(r.Retail), float64(r.FeedIn)))
}

// run has a battery cover what is lacking and store what is left over; net becomes what that
// leaves. It returns what one more Wh is worth: where the battery leaves something, what the utility makes
// of it, and else what it will be worth when next the battery is empty or full, with what is lost on
// the way. That the battery has not the power for all says nothing of any other time. room is how
// much more of an interval's needs the battery and what is left over could cover.
func (b storage) run(net []float64, hours float64) (worth []share, room []float64) {
	type end int
	const (
		within end = iota // between empty and full
		empty
		full
	)
	worth, room = make([]share, len(net)), make([]float64, len(net))
	ends, gives := make([]end, len(net)), make([]bool, len(net))
	for k, wh := range net {
		room[k] = math.Min(b.power*hours, b.held*oneWay) - wh
		if wh > 0 {
			given := math.Min(wh, math.Min(b.power*hours, b.held*oneWay))
			b.held -= given / oneWay
			net[k] -= given
			if gives[k] = true; b.held < few && net[k] > few {
				ends[k] = empty
			}
			continue
		}
		taken := math.Min(-wh, math.Min(b.power*hours, (b.capacity-b.held)/oneWay))
		b.held += taken * oneWay
		net[k] += taken
		if b.capacity-b.held < few && net[k] < -few {
			ends[k] = full
		}
	}
	stored := share{0.5 * oneWay, 0.5 / oneWay} // nobody knows what is after the last interval
	for k, wh := range slices.Backward(net) {
		switch ends[k] {
		case empty:
			stored = share{retail: oneWay}
		case full:
			stored = share{feedIn: 1 / oneWay}
		case within:
		}
		switch {
		case wh > few:
			worth[k] = share{retail: 1}
		case wh < -few:
			worth[k] = share{feedIn: 1}
		case gives[k]:
			worth[k] = stored.times(1 / oneWay)
		default:
			worth[k] = stored.times(oneWay)
		}
	}
	return worth, room
}

// pooled returns what the pool is expected to make of one more kWh that a home takes, or gives, in
// a scenario, in millionths, at its rates: half of what a kWh saves goes to who gives it and half to
// who takes it, and who comes too many shares with the others. buy is never less than the middle of
// feed-in and what neighbours' energy saves, and sell never more.
func (st *street) pooled(s, k int, r tariff.Rates) (buy, sell float64) {
	feedIn, avoided, retail := float64(r.FeedIn), float64(r.Avoided()), float64(r.Retail)
	if avoided < feedIn { // nothing is shared
		return retail, feedIn
	}
	short, pool := st.short[s][k], st.pool[s][k]+few
	buy, sell = retail-(avoided-middle(r)), middle(r)
	switch {
	case short > few:
		buy = retail - (avoided-middle(r))*pool/(pool+short)
	case short < -few:
		sell = feedIn + (middle(r)-feedIn)*pool/(pool-short)
	}
	return buy, sell
}

// common is how far a home plans by what a Wh is worth to all, and not by what the pool makes of
// it: the pool's prices are means, and hide what a Wh more or less is worth. By them alone batteries
// charge from each other, and cars from batteries that will lack it an hour later. What nobody pays
// for it is small: the community as a whole loses nothing by it, and gains what follows.
const common = 0.8

// prices returns what a home plans by in a scenario: what one more kWh taken costs, and what one
// more given brings, in millionths.
func (st *street) prices(s, k int, r tariff.Rates) (buy, sell float64) {
	buy, sell = st.pooled(s, k, r)
	worth := st.worth[s][k].of(r)
	return buy + (worth-buy)*common, sell + (worth-sell)*common
}

// from says of a kWh of an interval which part of it the community shares, and which part of what it
// has comes from roofs, per mille.
func (st *street) from(s, k int) (shared, solar grid.PerMille) {
	pool := st.pool[s][k]
	if both := pool + math.Abs(st.short[s][k]); both > few {
		shared = grid.PerMille(math.Round(float64(allCharge) * pool / both))
	}
	if st.base[s][k] < 0 {
		solar = allCharge // there is more sun than all homes take
	}
	return shared, solar
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
