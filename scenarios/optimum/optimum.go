// Package optimum computes what a community could have made of its energy had it known all of
// it beforehand: the joint optimum of all batteries and cars with perfect foresight. It is the
// yardstick for what agents reach without looking ahead.
//
// # Model
//
// Time is counted in intervals of equal length. In each the community has one net energy: that
// of all homes together without what is moved (+ import), plus what batteries and cars take. It
// is bought at retail or sold at feed-in, one pair of prices for all, feed-in at most retail;
// between the members energy costs nothing, as in a community whose pool shares all that was
// metered. How the members divide the result does not matter here.
//
// A battery takes at most its power, keeps In of what it takes and gives Out of what it
// kept, and holds from 0 to its capacity. What it holds more or less at the end than at the
// beginning counts at Worth. A car takes its energy in the intervals in which it is
// plugged in, in each at most so much, and may pause. A load waits until it is started, and then takes its power
// without a pause until it is done. Wear costs nothing here.
//
// # Method
//
// Price decomposition. For a series of prices, one an interval, between feed-in and retail, each
// battery and car has an exact programme of its own (battery.cost, Car.cost), and what all of
// them would pay at these prices is less than any schedule costs the community: the bound. The prices are
// the dual solution of the linear programme of the whole, found by a primal-dual
// interior-point method (Mehrotra 1992) whose equations are banded in order of time. Its schedule,
// put within the limits and priced anew at retail and feed-in, is a value that the
// community can reach. That the two lie close together proves both, whatever the method did.
//
// With loads the whole is not linear: a load that has started cannot pause. Their starts are chosen by such prices, and the
// bound has each at the best of all its starts; what is left between value and bound is the gap, which is not always small.
//
// Units: Wh, millionths of the currency unit a kWh. A positive value is received. Source of the
// programme of a battery: the convex piecewise linear cost-to-go, whose slopes are merged.
package optimum

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Battery is what a home can store in.
type Battery struct {
	Capacity, Held grid.Energy // usable, and in it at the beginning
	Power          grid.Power  // at most, either way
	In, Out        float64     // efficiency of charging and of discharging, each above 0 and at most 1
}

// Car is one stay of a car at its charger.
type Car struct {
	First  int           // interval
	Most   []grid.Energy // that it can take in the first and those that follow
	Energy grid.Energy   // that it takes in all; at most the sum of Most
}

// Home is one of the community.
type Home struct {
	ID        string
	Net       []grid.Energy // by interval, + import: all but batteries and cars
	Batteries []Battery
	Cars      []Car
	Loads     []Load
}

// Case is a community whose future is known.
type Case struct {
	Minutes        int // of an interval
	Retail, FeedIn []grid.Price
	Homes          []Home
	Worth          grid.Price // of what a battery holds at the end more than at the beginning
}

// Result is the best that the community could have done.
type Result struct {
	// Value is what a schedule that keeps all limits comes to, and Bound what none can exceed.
	Value, Bound grid.Money
	Prices       []grid.Price // by which each battery and car for itself plans what is best for all
	// Moves are by home and interval what batteries, cars and loads take together in that schedule, + import.
	Moves [][]grid.Energy
	Steps int // of the interior-point method
}

// Gap returns how far value and bound are from each other, in per mille of the bound's size.
func (r Result) Gap() float64 {
	return 1000 * float64(r.Bound-r.Value) / math.Max(math.Abs(float64(r.Bound)), 1) //nolint:mnd // per mille
}

// Tariff prices are refused where sharing would lose: the community's cost is not convex there.
var errFeedIn = errors.New("feed-in is above retail, where energy is not shared")

// validate tells what is wrong with a case. The error begins with the field.
func (c Case) validate() error {
	n := len(c.Retail)
	if n == 0 || len(c.FeedIn) != n || c.Minutes <= 0 {
		return fmt.Errorf("retail, feed_in: %d and %d prices of intervals of %d minutes: give one of each for each interval", n, len(c.FeedIn), c.Minutes)
	}
	for t := range c.Retail {
		if c.FeedIn[t] > c.Retail[t] {
			return fmt.Errorf("feed_in[%d]: %w", t, errFeedIn)
		}
	}
	for _, h := range c.Homes {
		if len(h.Net) != n {
			return fmt.Errorf("home %s: net: %d intervals, want %d", h.ID, len(h.Net), n)
		}
		for k, b := range h.Batteries {
			if b.Held < 0 || b.Held > b.Capacity || b.Power < 0 || !(b.In > 0 && b.In <= 1 && b.Out > 0 && b.Out <= 1) {
				return fmt.Errorf("home %s: batteries[%d]: %+v: must hold from 0 to its capacity, with efficiencies above 0 and at most 1", h.ID, k, b)
			}
		}
		for k, car := range h.Cars {
			var most grid.Energy
			for _, m := range car.Most {
				most += max(m, 0)
			}
			if car.First < 0 || car.First+len(car.Most) > n || car.Energy < 0 || car.Energy > most {
				return fmt.Errorf("home %s: cars[%d]: %d Wh in %d intervals from %d on: must lie within the case and be at most %d Wh", h.ID, k, car.Energy, len(car.Most), car.First, most)
			}
		}
		for k, l := range h.Loads {
			if err := l.validate(time.Duration(n*c.Minutes) * time.Minute); err != nil {
				return fmt.Errorf("home %s: loads[%d]: %w", h.ID, k, err)
			}
		}
	}
	return nil
}

// Solve returns the optimum of a case. Errors: what is wrong with the case, named by field; and
// where the gap did not close to half a per cent, which it says.
func Solve(c Case) (Result, error) {
	if err := c.validate(); err != nil {
		return Result{}, fmt.Errorf("optimum: %w", err)
	}
	p := newProgramme(c)
	found := p.best()
	r := Result{Steps: found.steps, Prices: make([]grid.Price, len(found.prices)), Moves: found.moves}
	for t, price := range found.prices {
		r.Prices[t] = grid.Price(math.Round(price * millionths))
	}
	r.Bound, r.Value = grid.Money(math.Ceil(found.bound*millionths)), grid.Money(math.Floor(found.value*millionths))
	const half = 5 // per mille
	if gap := r.Gap(); !(gap <= half) && r.Bound-r.Value > least && len(p.loads) == 0 {
		return r, fmt.Errorf("optimum: after %d steps a schedule reaches %d and no schedule exceeds %d: the gap of %.2f per mille did not close", r.Steps, r.Value, r.Bound, gap)
	}
	return r, nil
}

const (
	millionths = 1e6
	kilo       = 1000
	least      = 10_000 // a cent: what a gap may be where hardly anything is to be had
)

// programme is a case in kWh and whole currency units.
type programme struct {
	retail, feedIn []float64
	net            []float64 // of all homes together
	worth          float64   // a kWh held
	stores         []store
	loads          []load
	homes          int
	minutes        int // of an interval
}

// store is a battery or a car: it holds from 0 to its capacity from an interval on.
type store struct {
	home           int
	first          int
	most           []float64 // that it takes at its terminals, by interval from the first on
	gives          float64   // that it gives at its terminals in an interval at most
	in, out        float64
	capacity, held float64
	fixed          bool // holds its capacity at the end, as a car; else what it holds is worth something
}

func newProgramme(c Case) *programme {
	n := len(c.Retail)
	p := &programme{net: make([]float64, n), homes: len(c.Homes), minutes: c.Minutes, worth: float64(c.Worth) / millionths}
	for t := range n {
		p.retail, p.feedIn = append(p.retail, float64(c.Retail[t])/millionths), append(p.feedIn, float64(c.FeedIn[t])/millionths)
	}
	const hour = 60
	for k, h := range c.Homes {
		for t, net := range h.Net {
			p.net[t] += float64(net) / kilo
		}
		for _, b := range h.Batteries {
			most := float64(b.Power) * float64(c.Minutes) / hour / kilo
			if b.Capacity == 0 || most == 0 {
				continue // its charge stays as it is
			}
			s := store{home: k, gives: most, in: b.In, out: b.Out, capacity: float64(b.Capacity) / kilo, held: float64(b.Held) / kilo, most: make([]float64, n)}
			for t := range s.most {
				s.most[t] = most
			}
			p.stores = append(p.stores, s)
		}
		for _, car := range h.Cars {
			if car.Energy == 0 {
				continue
			}
			s := store{home: k, first: car.First, in: 1, out: 1, capacity: float64(car.Energy) / kilo, fixed: true}
			for _, most := range car.Most {
				s.most = append(s.most, float64(max(most, 0))/kilo)
			}
			p.stores = append(p.stores, s)
		}
		for _, l := range h.Loads {
			if l.Power > 0 {
				p.loads = append(p.loads, newLoad(k, l, c.Minutes))
			}
		}
	}
	return p
}

// cost returns what the community pays for its net energy of each interval.
func (p *programme) cost(net []float64) (sum float64) {
	for t, e := range net {
		sum += max(e, 0)*p.retail[t] + min(e, 0)*p.feedIn[t]
	}
	return sum
}

// priced puts what the stores hold after each interval within their limits, and returns what
// that is worth, and what they take by home and interval.
func (p *programme) priced(held [][]float64) (value float64, moves [][]grid.Energy) {
	net := make([]float64, len(p.net))
	copy(net, p.net)
	taken := make([][]float64, p.homes)
	for h := range taken {
		taken[h] = make([]float64, len(net))
	}
	for k := range p.stores {
		s := &p.stores[k]
		at := s.held
		for t := range s.most {
			move := s.within(at, held[k][t], t)
			at += move
			takes := move / s.in
			if move < 0 {
				takes = move * s.out
			}
			net[s.first+t] += takes
			taken[s.home][s.first+t] += takes
		}
		if !s.fixed {
			value += (at - s.held) * p.worth
		}
	}
	moves = make([][]grid.Energy, p.homes)
	for h := range taken {
		moves[h] = make([]grid.Energy, len(net))
		for t, e := range taken[h] {
			moves[h][t] = grid.Energy(math.Round(e * kilo))
		}
	}
	return value - p.cost(net), moves
}

// within returns how far towards a charge the store comes in an interval.
func (s *store) within(at, to float64, t int) float64 {
	move := min(max(to, 0), s.capacity) - at
	move = min(max(move, -s.gives/s.out), s.most[t]*s.in)
	if !s.fixed {
		return move
	}
	// What a car has not got must still go into what is left of its stay.
	var left float64
	for _, most := range s.most[t+1:] {
		left += most
	}
	return min(max(move, 0, s.capacity-at-left), s.capacity-at)
}
