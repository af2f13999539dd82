package hold_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// loop is the way from the devices to the holder and back, in world time.
type loop struct {
	poll    time.Duration // between readings of a device
	lag     time.Duration // by which the meter shows the past
	control time.Duration // between steps
	write   time.Duration // until a setpoint is in force
	offset  time.Duration // of the battery's polls against the meter's
}

// outcome is what came of it, over the homes with a battery.
type outcome struct {
	intervals, held, both int // with a battery; with a setpoint; with more than 20 Wh both ways
	flips                 int // of the setpoint's sign while it was in force
	promised, missed      grid.Energy
	harm                  float64 // EUR, against the home alone, at the utility's prices
	saved                 float64 // EUR, against the home alone that made the same promises and settles what it deviates with the utility
}

const retail, feedIn, kept = 0.30, 0.06, 0.18 // EUR/kWh; kept: of what the battery holds

// street is a simulated street whose batteries are held by a loop.
type street struct {
	loop
	outcome

	spec  world.Spec
	world *world.World
	ahead []world.State // the same without anybody's setpoints, from now and the end of the interval on
	past  []world.State
	homes []*home // nil: without a battery
	share float64 // by how much promises are wrong at most
	draw  *rand.Rand
}

// home is one with a battery.
type home struct {
	*hold.Holder

	told    *grid.Power
	writes  []func()
	due     []time.Time // of the writes
	promise grid.Energy
	held    bool            // in this interval
	from    world.HomeState // at its begin
}

// alone returns the states of a street without anybody's setpoints, at its begin and at
// the end of each interval.
func alone(spec world.Spec, hours int) []world.State {
	w := world.New(spec)
	states := []world.State{w.State()}
	for i := range 4 * hours {
		w.Advance(spec.Start.Add(time.Duration(i+1) * 15 * time.Minute))
		states = append(states, w.State())
	}
	return states
}

// drive runs a simulated street in which every home sells or buys what it would have
// done on its own (alone), more or less so much (share), and holds it by the loop.
func drive(spec world.Spec, alone []world.State, hours int, l loop, share float64) outcome {
	s := &street{loop: l, spec: spec, world: world.New(spec), ahead: alone, share: share, draw: rand.New(rand.NewPCG(spec.Seed, 1))}
	s.homes = make([]*home, len(spec.Homes))
	for k, h := range spec.Homes {
		if h.Battery.Capacity > 0 {
			s.homes[k] = &home{Holder: hold.New(h.Battery.Power)}
		}
	}
	begin := s.world.State()
	for second := range hours * 3600 {
		now := spec.Start.Add(time.Duration(second) * time.Second)
		i := grid.IntervalAt(now, 15)
		if now.Equal(i.Begin()) {
			s.open(second > 0)
		}
		s.world.Advance(now)
		s.past = append(s.past, s.world.State())
		s.past = s.past[max(0, len(s.past)-70):]
		for k, h := range s.homes {
			if h != nil {
				s.read(k, now)
				s.step(k, now, i)
			}
		}
	}
	s.compare(begin)
	return s.outcome
}

// open begins an interval, after another.
func (s *street) open(after bool) {
	state, before, end := s.world.State(), s.ahead[0], s.ahead[1]
	s.ahead = s.ahead[1:]
	for k, h := range s.homes {
		if h == nil {
			continue
		}
		if after {
			s.count(h.promise, h.held, h.from, state.Homes[k])
		}
		h.from, h.held = state.Homes[k], false
		a := end.Homes[k]
		net := float64(a.Imported-before.Homes[k].Imported-(a.Exported-before.Homes[k].Exported)) / 3600
		h.promise = grid.Energy(net * (1 + s.share*(2*s.draw.Float64()-1)))
		if h.promise > -10 && h.promise < 10 {
			h.promise = 0
		}
	}
}

// read shows a home's holder what is read at a second.
func (s *street) read(k int, now time.Time) {
	h, phase := s.homes[k], time.Duration(k)*7*time.Second
	if now.Add(phase).Unix()%int64(s.poll/time.Second) == 0 {
		m := s.past[max(0, len(s.past)-1-int(s.lag/time.Second))].Homes[k]
		h.Meter(grid.Reading{Time: now, Power: &m.Meter, Import: new(world.Energy(m.Imported)), Export: new(world.Energy(m.Exported)), Quality: grid.Good})
	}
	if now.Add(phase+s.offset).Unix()%int64(s.poll/time.Second) == 0 {
		b := s.past[len(s.past)-1].Homes[k]
		charge := b.Charge(s.spec.Homes[k])
		h.Battery(grid.Reading{Time: now, Power: &b.Battery, Charge: &charge})
	}
}

// step sets the battery to what the holder says, where it is time, and brings into force
// what was said before.
func (s *street) step(k int, now time.Time, i grid.Interval) {
	h := s.homes[k]
	if now.Unix()%int64(max(s.control, time.Second)/time.Second) == 0 {
		p, ok := h.Step(now, i, h.promise, h.promise != 0)
		h.held = h.held || ok
		var want *world.Setpoint
		var told *grid.Power
		if ok {
			want, told = &world.Setpoint{Power: p}, &p
			if h.told != nil && (*h.told > 0) != (p > 0) && *h.told != 0 && p != 0 {
				s.flips++
			}
		}
		h.told = told
		h.writes, h.due = append(h.writes, func() { s.world.SetBattery(k, want) }), append(h.due, now.Add(s.write))
	}
	for len(h.due) > 0 && !h.due[0].After(now) {
		h.writes[0]()
		h.writes, h.due = h.writes[1:], h.due[1:]
	}
}

// compare finds the harm.
func (s *street) compare(begin world.State) {
	worth := func(imported, exported, held int64) float64 {
		return -retail*float64(imported)/3.6e6 + feedIn*float64(exported)/3.6e6 + kept*float64(held)/3.6e6
	}
	end := s.world.State()
	for k, h := range s.homes {
		if h != nil {
			a, b := begin.Homes[k], end.Homes[k]
			s.harm += worth(b.Alone.Imported-a.Alone.Imported, b.Alone.Exported-a.Alone.Exported, b.Alone.Stored) - worth(b.Imported-a.Imported, b.Exported-a.Exported, b.Stored)
		}
	}
}

func (o *outcome) count(promise grid.Energy, held bool, from, to world.HomeState) {
	imported, exported := grid.Energy(to.Imported-from.Imported)/3600, grid.Energy(to.Exported-from.Exported)/3600
	o.intervals++
	o.saved += value(promise, imported, exported, to.Stored-from.Stored) -
		value(promise, grid.Energy(to.Alone.Imported-from.Alone.Imported)/3600, grid.Energy(to.Alone.Exported-from.Alone.Exported)/3600, to.Alone.Stored-from.Alone.Stored)
	if imported > 20 && exported > 20 {
		o.both++
	}
	if promise == 0 {
		return
	}
	if held {
		o.held++
	}
	o.promised += max(promise, -promise)
	miss := imported - exported - promise
	o.missed += max(miss, -miss)
}

// value is what an interval brings a home beside the price of what it promised, in EUR:
// what it did not promise it buys and sells at the utility (settlement, "Trades").
func value(promise, imported, exported grid.Energy, stored int64) float64 {
	drawn, given := imported-max(promise, 0), exported-max(-promise, 0)
	short, long := max(drawn, 0)+max(-given, 0), max(given, 0)+max(-drawn, 0)
	return -retail*float64(short)/1e3 + feedIn*float64(long)/1e3 + kept*float64(stored)/3.6e6
}

// TestLoops holds promises that are right, more or less a quarter, through a day, over
// slow and fast devices, meters that lag, and steps as they are at 1, 10 and 60 times
// life. What holding costs (harm) is bounded for each, and so is what it saves, both with
// a tenth or so to spare.
func TestLoops(t *testing.T) {
	const seed, hours = 1, 24
	spec := world.Spec{Seed: seed, Start: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), Latitude: 50, Homes: world.Neighbourhood(12, seed)}
	onTheirOwn := alone(spec, hours)
	for _, c := range []struct {
		loop

		harm, saved float64
	}{
		{loop{poll: time.Second, control: time.Second, write: time.Second}, 0.75, 1.6},                                                 // speed 1
		{loop{poll: time.Second, control: time.Second, write: 2 * time.Second, lag: 3 * time.Second}, 0.78, 1.6},                       // speed 10
		{loop{poll: 6 * time.Second, control: 6 * time.Second, write: 6 * time.Second}, 0.8, 1.7},                                      // speed 60
		{loop{poll: 6 * time.Second, control: 6 * time.Second, write: 6 * time.Second, lag: 10 * time.Second, offset: 3e9}, 0.99, 1.9}, // speed 60
		{loop{poll: time.Second, control: time.Second, write: time.Second, lag: 10 * time.Second}, 0.83, 1.6},
		{loop{poll: 5 * time.Second, control: time.Second, write: time.Second, lag: 5 * time.Second, offset: 2 * time.Second}, 0.78, 1.7},
		{loop{poll: 15 * time.Second, control: time.Second, write: time.Second, offset: 7 * time.Second}, 0.73, 1.65},
		{loop{poll: 60 * time.Second, control: time.Second, write: time.Second, offset: 30 * time.Second, lag: 10 * time.Second}, 1.05, 1.9},
		{loop{poll: 60 * time.Second, control: 60 * time.Second, write: 60 * time.Second, offset: 10 * time.Second}, 1.9, 1.8},
	} {
		t.Run(fmt.Sprintf("poll %s, lag %s, control %s, offset %s", c.poll, c.lag, c.control, c.offset), func(t *testing.T) {
			t.Parallel()
			o := drive(spec, onTheirOwn, hours, c.loop, 0.25)
			t.Logf("%d battery intervals, held %d, both ways %.1f %%, %.2f flips a held interval, %.0f of %.0f Wh missed, harm %.3f EUR, saved %.3f EUR", o.intervals, o.held, 100*float64(o.both)/float64(o.intervals),
				float64(o.flips)/max(float64(o.held), 1), float64(o.missed), float64(o.promised), o.harm, o.saved)
			if o.both*100 > o.intervals*3 || o.flips > 2*o.held || o.missed*10 > o.promised || o.held < 250 {
				t.Errorf("held %d intervals; %d of %d ran more than 20 Wh both ways; the setpoint changed its sign %d times; %d of %d Wh were missed", o.held, o.both, o.intervals, o.flips, o.missed, o.promised)
			}
			if o.harm > c.harm || o.saved < c.saved {
				t.Errorf("holding did a harm of %.3f EUR and saved %.3f, want at most %.2f and at least %.2f", o.harm, o.saved, c.harm, c.saved)
			}
		})
	}
}

// TestBounds keeps a battery to its rating and its home's connection to what it carries.
func TestBounds(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		limits      hold.Limits
		rest        grid.Power
		age         time.Duration
		least, most grid.Power
	}{
		"nothing is known":            {hold.Limits{}, 0, time.Hour, -math.MaxInt32, math.MaxInt32},
		"by its rating":               {hold.Limits{Rated: 5000}, 2000, 0, -5000, 5000},
		"the home takes 6 of 9 kW":    {hold.Limits{Rated: 5000, Import: new(grid.Power(9000)), Export: new(grid.Power(9000))}, 6000, 0, -5000, 3000},
		"the home gives 6 of 9 kW":    {hold.Limits{Rated: 5000, Import: new(grid.Power(9000)), Export: new(grid.Power(9000))}, -6000, 0, -3000, 5000},
		"that was too long ago":       {hold.Limits{Rated: 5000, Import: new(grid.Power(9000)), Export: new(grid.Power(9000))}, -6000, time.Hour, -5000, 5000},
		"it takes more than it may":   {hold.Limits{Rated: 5000, Import: new(grid.Power(9000))}, 10_000, 0, -5000, -1000},
		"more than the battery mends": {hold.Limits{Rated: 5000, Import: new(grid.Power(9000))}, 20_000, 0, -5000, -5000},
		"it gives more than it may":   {hold.Limits{Rated: 5000, Export: new(grid.Power(9000))}, -20_000, 0, 5000, 5000},
		"it may give nothing":         {hold.Limits{Rated: 5000, Export: new(grid.Power(0))}, 1000, 0, -1000, 5000},
		"it may take nothing":         {hold.Limits{Rated: 5000, Import: new(grid.Power(0))}, -2000, 0, -5000, 2000},
	} {
		h := hold.New(5000)
		h.Battery(grid.Reading{Time: now, Power: new(grid.Power(0))})
		h.Meter(grid.Reading{Time: now, Power: &c.rest, Import: new(grid.Energy(0)), Export: new(grid.Energy(0))})
		if least, most := h.Bounds(c.limits, now.Add(c.age)); least != c.least || most != c.most {
			t.Errorf("%s: %d to %d W, want %d to %d", name, least, most, c.least, c.most)
		}
	}
}

// TestWhatIsAskedForGoesFirst sets a battery to what somebody asks for, whatever its home
// promised; then the promise counts again.
func TestWhatIsAskedForGoesFirst(t *testing.T) {
	begin := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	i := grid.IntervalAt(begin, 15)
	h := hold.New(5000)
	h.Follow(begin.Add(-time.Minute), nil, i, 0, false)
	for _, at := range []time.Time{begin, begin.Add(time.Second)} {
		h.Battery(grid.Reading{Time: at, Power: new(grid.Power(0)), Charge: new(grid.PerMille(900))})
		h.Meter(grid.Reading{Time: at, Power: new(grid.Power(-500)), Import: new(grid.Energy(0)), Export: new(grid.Energy(0)), Quality: grid.Good})
	}
	if p, ok := h.Follow(begin.Add(time.Second), new(grid.Power(1234)), i, -500, true); p != 1234 || !ok {
		t.Errorf("%d W, %t, want the 1234 W that are asked for", p, ok)
	}
	at := begin.Add(time.Minute)
	h.Battery(grid.Reading{Time: at, Power: new(grid.Power(1234)), Charge: new(grid.PerMille(900))})
	h.Meter(grid.Reading{Time: at, Power: new(grid.Power(734)), Import: new(grid.Energy(12)), Export: new(grid.Energy(0)), Quality: grid.Good})
	if p, ok := h.Follow(at, nil, i, -500, true); p >= 1234 || !ok {
		t.Errorf("%d W, %t, want less, for 500 Wh were sold", p, ok)
	}
}
