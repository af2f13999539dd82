// Package foresight measures what a simulated community made of its energy against what it could
// have made of it, had it known everything beforehand (package optimum), and against what its
// homes would have had alone.
//
// # Model
//
// A Watch is shown the state of a world at every whole minute and writes down, by delivery interval,
// what nobody moves (all that the meter counts but battery and car), when each car is plugged in,
// and what it takes where nobody moves it, when each appliance is loaded, by when it is due and when it ran. From that follows the Case of any period of whole
// intervals. Batteries begin as they stood at the beginning of the period, and a car's stay takes the energy
// that it took within the period: it may be given at other times of its stay. So what was done is one
// of the schedules that the optimum chooses from. An appliance's programme that began and ended within the period may run at any
// other time between when it was loaded and when it was due, or done if that was later. A car counts as plugged in during the whole of a minute in which it
// comes or leaves.
//
// # The rule of comparison
//
// Three ways to pass the same period are compared: alone, as it went, and the optimum. Each ends with
// other charges. What a way stored more over the period than the homes would have alone counts at the
// mean import price times the efficiency of discharging; what its cars and appliances took more, at the mean import
// price. Alone nothing is added. So the usual twelve homes come, on 1 June 2026 from the first interval that
// their market delivers (00:15 UTC), to -4.11 EUR alone, with batteries moved by perfect foresight to
// +5.82, and with cars moved too to +7.43.
//
// The gain is the part of the way from alone to the bound of the optimum. No schedule exceeds
// the bound, so that an error of the method can only make a community look worse.
//
// Where homes have tariffs of their own, or neighbours' energy costs something beside its price, the bound is
// that of a community in which each interval's cheapest retail and dearest feed-in count for all and
// sharing costs nothing: no schedule comes to more at the homes' own tariffs. The value is the schedule's at their own
// tariffs, so that the gap shows what that leaves open.
//
// Heat that pumps and rods make is not moved: it counts as it was made.
//
// Money is + what all members together receive. Energies are Wh.
package foresight

import (
	"fmt"
	"math"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/optimum"
	"github.com/commonwatt/commonwatt/scenarios/world"
	"github.com/commonwatt/commonwatt/tariff"
)

// Watch writes down what matters of a world. Use New. It is not safe for concurrent use.
type Watch struct {
	spec    world.Spec
	minutes int
	first   grid.Interval // whose beginning was seen
	last    world.State   // that was seen
	seen    bool
	homes   []watched
}

// watched is a home.
type watched struct {
	marks     []mark // at the beginning of each interval from the first on
	stays     []stay
	chores    []chore
	delivered int64 // to the car of the home alone, since the first mark, W·s
}

// mark is how a home stands at a time, in W·s: what has flowed since any time before, and what its
// battery holds, as it went and alone.
type mark struct {
	still             int64 // all but battery and car, + import
	held, alone       int64
	delivered, lonely int64 // to the car, as it went and alone
}

// stay is one of a car at the charger, by interval from its first on.
type stay struct {
	first   int
	present []int64 // s
	given   []int64 // alone, W·s
	took    []int64 // as it went, W·s
}

// New returns a watch over a world whose delivery intervals have so many minutes.
func New(spec world.Spec, minutes int) *Watch {
	return &Watch{spec: spec, minutes: minutes, homes: make([]watched, len(spec.Homes))}
}

// See takes the state of the world at a whole minute. Every minute from the first on is to be seen;
// what is before the first beginning of an interval is left out.
func (w *Watch) See(s world.State) {
	now := time.Unix(s.Time, 0).UTC()
	i := grid.IntervalAt(now, w.minutes)
	if !w.seen && !i.Begin().Equal(now) {
		return
	}
	if !w.seen {
		w.first, w.seen, w.last = i, true, s
	}
	at := w.index(i)
	for k := range w.homes {
		h := &w.homes[k]
		if s.Time > w.last.Time {
			interval := w.index(grid.IntervalAt(time.Unix(w.last.Time, 0), w.minutes))
			h.car(&w.last.Homes[k], &s.Homes[k], interval, s.Time-w.last.Time)
			h.appliance(w.spec.Homes[k].Appliance, &w.last.Homes[k], &s.Homes[k], interval, s.Time-w.first.Start, s.Time-w.last.Time, s.Homes[k].Programme.Due-w.first.Start)
		}
		if i.Begin().Equal(now) && len(h.marks) == at {
			x := s.Homes[k]
			h.marks = append(h.marks, mark{
				still: x.Imported - x.Exported - x.Charged + x.Discharged - x.Delivered,
				held:  x.Stored, alone: x.Alone.Stored, delivered: x.Delivered, lonely: h.delivered,
			})
		}
	}
	w.last = s
}

// index is the place of an interval after the first.
func (w *Watch) index(i grid.Interval) int {
	return int((i.Start - w.first.Start) / int64(i.Length()/time.Second))
}

// car follows a home's car from one sight to the next, which lie in an interval.
func (h *watched) car(before, now *world.HomeState, interval int, passed int64) {
	came := now.CarHere && !before.CarHere || now.Alone.CarNeeds > before.Alone.CarNeeds
	given := before.Alone.CarNeeds - now.Alone.CarNeeds
	if came { // what it needed is what it needs, and what it has got since
		given = now.CarNeeds + now.Delivered - before.Delivered - now.Alone.CarNeeds
	}
	if came || len(h.stays) == 0 && now.CarHere {
		h.stays = append(h.stays, stay{first: interval})
	}
	if !came && !now.CarHere && !before.CarHere || len(h.stays) == 0 {
		return
	}
	h.delivered += given
	x := &h.stays[len(h.stays)-1]
	for len(x.present) <= interval-x.first {
		x.present, x.given, x.took = append(x.present, 0), append(x.given, 0), append(x.took, 0)
	}
	x.present[interval-x.first] += passed
	x.given[interval-x.first] += given
	x.took[interval-x.first] += now.Delivered - before.Delivered
}

const (
	wattSeconds = 3600 // in a Wh
	kilo        = 1000
)

// wh rounds W·s.
func wh(ws int64) grid.Energy { return grid.Energy(math.Round(float64(ws) / wattSeconds)) }

// Period is a time of whole intervals, and what energy costs in each: the least that any member
// pays the utility, and the most that any is paid.
type Period struct {
	First          grid.Interval
	Retail, FeedIn []grid.Price
	Own            [][]tariff.Rates // by interval and home: their own; nil where all have the same
}

// Mean returns the mean import price.
func (p Period) Mean() grid.Price {
	var sum float64
	for _, retail := range p.Retail {
		sum += float64(retail)
	}
	return grid.Price(math.Round(sum / float64(max(len(p.Retail), 1))))
}

// Worth returns what a kWh in a battery counts.
func (p Period) Worth() grid.Price { return grid.Price(math.Round(float64(p.Mean()) * world.OneWay)) }

// Kept returns what is counted for what was kept: in batteries at Worth, in cars and by appliances at Mean.
func (p Period) Kept(k Kept) grid.Money {
	return worth(k.Stored, p.Worth()) + worth(k.Cars+k.Loads, p.Mean())
}

// within finds a period among what was seen. The error says what was not.
func (w *Watch) within(p Period) (from, to int, err error) {
	from = w.index(p.First)
	to = from + len(p.Retail)
	if !w.seen || p.First.Minutes != w.minutes || from < 0 || len(w.homes) > 0 && to >= len(w.homes[0].marks) {
		return 0, 0, fmt.Errorf("foresight: %d intervals from %s on: not all of them were seen", len(p.Retail), p.First)
	}
	return from, to, nil
}

// Shown is what a community's devices showed of a period, where the world that is watched is not the
// one in which it went but the same one left alone.
type Shown interface {
	// Held is what the battery of a home held at a time.
	Held(home int, at time.Time) (grid.Energy, error)
	// Taken is what the car of a home had taken at a time, since any time before.
	Taken(home int, at time.Time) (grid.Energy, error)
}

// Case returns a period as the optimum needs it. Where cars is false, they charge as they do alone,
// and only batteries are moved. shown is nil where the world that is watched is the one in which it went.
func (w *Watch) Case(p Period, cars bool, shown Shown) (optimum.Case, error) {
	from, to, err := w.within(p)
	if err != nil {
		return optimum.Case{}, err
	}
	c := optimum.Case{Minutes: w.minutes, Retail: p.Retail, FeedIn: p.FeedIn, Worth: p.Worth()}
	for k := range w.homes {
		h, spec := &w.homes[k], w.spec.Homes[k]
		home := optimum.Home{ID: spec.ID}
		for t := from; t < to; t++ {
			home.Net = append(home.Net, wh(h.marks[t+1].still)-wh(h.marks[t].still)) // as registers count: nothing is lost by rounding
		}
		if spec.Battery.Capacity > 0 {
			held := wh(h.marks[from].held)
			if shown != nil {
				if held, err = shown.Held(k, p.First.Begin()); err != nil {
					return c, err
				}
			}
			home.Batteries = []optimum.Battery{{
				Capacity: spec.Battery.Capacity, Held: min(held, spec.Battery.Capacity), Power: spec.Battery.Power, In: world.OneWay, Out: world.OneWay,
			}}
		}
		for _, s := range h.stays {
			if cars {
				car := s.within(from, to, spec.Charger)
				if shown != nil {
					if err := w.showTaken(&car, p, k, shown); err != nil {
						return c, err
					}
				}
				home.Cars = append(home.Cars, car)
				continue
			}
			for t := max(s.first, from); t < min(s.first+len(s.given), to); t++ {
				home.Net[t-from] += wh(s.given[t-s.first])
			}
		}
		h.loads(&home, from, to, w.minutes, cars)
		c.Homes = append(c.Homes, home)
	}
	return c, nil
}

// within is the part of a stay that lies in a period.
func (s stay) within(from, to int, charger grid.Power) (car optimum.Car) {
	car.First = max(s.first-from, 0)
	var took int64
	for t := max(s.first, from); t < min(s.first+len(s.present), to); t++ {
		car.Most = append(car.Most, wh(s.present[t-s.first]*int64(charger)))
		took += s.took[t-s.first]
	}
	car.Energy = min(max(wh(took), 0), room(car))
	if len(car.Most) == 0 {
		car.First = 0
	}
	return car
}

// room is what a car can take at most.
func room(car optimum.Car) (most grid.Energy) {
	for _, m := range car.Most {
		most += m
	}
	return most
}

// showTaken has a car take what it was shown to have taken.
func (w *Watch) showTaken(car *optimum.Car, p Period, home int, shown Shown) error {
	if len(car.Most) == 0 {
		return nil
	}
	var taken [2]grid.Energy
	for k, at := range []grid.Interval{p.First.Shift(car.First), p.First.Shift(car.First + len(car.Most))} {
		var err error
		if taken[k], err = shown.Taken(home, at.Begin()); err != nil {
			return err
		}
	}
	car.Energy = min(max(taken[1]-taken[0], 0), room(*car))
	return nil
}

// Kept is what was stored and what cars and appliances took over a period, all homes together.
type Kept struct {
	Stored grid.Energy `json:"stored"` // in batteries at the end, less what was at the beginning
	Cars   grid.Energy `json:"cars"`
	Loads  grid.Energy `json:"loads,omitempty"` // what appliances took
}

// KeptBy returns what one home kept over a period as it went.
func (w *Watch) KeptBy(home int, p Period) (Kept, error) {
	from, to, err := w.within(p)
	if err != nil {
		return Kept{}, err
	}
	a, b := w.homes[home].marks[from], w.homes[home].marks[to]
	loads, _ := w.homes[home].chored(from, to, w.minutes)
	return Kept{wh(b.held - a.held), wh(b.delivered - a.delivered), wh(loads)}, nil
}

// Kept returns what was kept over a period as it went, and what the homes would have kept alone.
func (w *Watch) Kept(p Period) (went, alone Kept, err error) {
	from, to, err := w.within(p)
	if err != nil {
		return went, alone, err
	}
	var sums [6]int64
	for k := range w.homes {
		a, b := w.homes[k].marks[from], w.homes[k].marks[to]
		loads, lonely := w.homes[k].chored(from, to, w.minutes)
		for n, x := range []int64{b.held - a.held, b.delivered - a.delivered, loads, b.alone - a.alone, b.lonely - a.lonely, lonely} {
			sums[n] += x
		}
	}
	return Kept{wh(sums[0]), wh(sums[1]), wh(sums[2])}, Kept{wh(sums[3]), wh(sums[4]), wh(sums[5])}, nil
}
