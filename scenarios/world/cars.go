package world

import (
	"math"

	"github.com/commonwatt/commonwatt/grid"
)

// LeastCharge is the least that a charger can offer: 6 A on one phase.
const LeastCharge grid.Power = 1380

// usualCar is the battery of a car of which nothing else is known.
const usualCar grid.Energy = 50_000

// Car describes an electric car and how it is used. It drives to work on days that are not free,
// unless somebody works from home, goes out on free days, and runs errands in the evening.
type Car struct {
	Capacity    grid.Energy // of its battery
	Consumption float64     // Wh/km
	Commute     float64     // km to work and as many back; 0: nobody drives to work
}

// trip is one outing, in unix seconds. They begin and end at whole five minutes.
type trip struct {
	from, to int64
	km       float64
}

// cars gives where the car of a home is. It remembers the trips around the current day; they follow
// from seed, home and day alone.
type cars struct {
	seed, home uint64
	spec       Home
	calendar   calendar
	day        int64
	trips      []trip // of the days around it, in order
}

// CarCapacity returns the capacity of the battery of the home's car, 0 without a charger.
func (h Home) CarCapacity() grid.Energy {
	switch {
	case h.Charger == 0:
		return 0
	case h.Car.Capacity > 0:
		return h.Car.Capacity
	default:
		return usualCar
	}
}

// CarCharge returns the charge of the car that is plugged in; known is false while none is.
func (h *HomeState) CarCharge(spec Home) (charge grid.PerMille, known bool) {
	capacity := int64(spec.CarCapacity()) * wsPerWh
	if !h.CarHere || capacity == 0 {
		return 0, false
	}
	return grid.PerMille((capacity - min(max(h.CarNeeds, 0), capacity)) * 1000 / capacity), true
}

// stepCar lets the car come, charge and leave.
func (w *World) stepCar(i int) {
	spec, s, now := &w.spec.Homes[i], &w.state.Homes[i], w.state.Time
	if spec.Charger == 0 {
		return
	}
	if spec.Car.Capacity > 0 {
		w.cars[i].move(s, now, w.step)
	} else {
		w.moveUsualCar(i)
	}
	s.Car = 0
	if !s.CarHere || s.CarNeeds <= 0 {
		return
	}
	power := spec.Charger
	if s.CarLimit = s.CarLimit.alive(now); s.CarLimit != nil {
		power = min(power, s.CarLimit.Power)
	}
	if power < LeastCharge {
		return
	}
	s.Car = within(power, s.CarNeeds, w.step)
	s.CarNeeds -= int64(s.Car) * w.step
}

// moveUsualCar lets a car come home with something missing, whatever it had when it left.
func (w *World) moveUsualCar(i int) {
	s, now := &w.state.Homes[i], w.state.Time
	here := w.carHere(i, now)
	if here && !s.CarHere {
		kWh := 5 + 13*uniform(w.spec.Seed, drawCarNeed, uint64(i), uint64(now/86400))
		s.CarNeeds = int64(kWh*1000) * wsPerWh
		s.Alone.CarNeeds = s.CarNeeds
	}
	s.CarHere = here
}

// carHere tells whether a usual car is plugged in. On a day it leaves
// once and returns once; at an office home it often stays.
func (w *World) carHere(i int, now int64) bool {
	day, second := now/86400, now%86400
	draw := func(purpose uint64) float64 { return uniform(w.spec.Seed, purpose, uint64(i), uint64(day)) }
	stays := 0.05
	if isWeekend(day) || w.spec.Homes[i].Office {
		stays = 0.5
	}
	if draw(drawCarStays) < stays {
		return true
	}
	leaves := int64((6.5 + 2.5*draw(drawCarLeaves)) * 3600)
	returns := int64((14.5 + 5*draw(drawCarReturns)) * 3600)
	return second < leaves || second >= returns
}

// reserved is the share of its battery that a car never uses: it charges on the way instead. No
// outing takes more than mostOfIt: on longer ones it charges far from home.
const (
	reserved = 0.05
	mostOfIt = 0.85
)

// move lets a car that makes trips leave, and come home without what it drove.
func (c *cars) move(s *HomeState, now, step int64) {
	away := c.at(now)
	if away == nil && !s.CarHere {
		if last := c.ended(now, step); last != nil {
			drove := int64(last.km*c.spec.Car.Consumption) * wsPerWh
			usable := int64(float64(c.spec.Car.Capacity)*(1-reserved)) * wsPerWh
			s.CarNeeds = max(s.CarNeeds, 0) + drove
			s.Alone.CarNeeds = max(s.Alone.CarNeeds, 0) + drove
			s.CarShort += max(s.CarNeeds-usable, 0)
			s.CarNeeds, s.Alone.CarNeeds = min(s.CarNeeds, usable), min(s.Alone.CarNeeds, usable)
		}
	}
	s.CarHere = away == nil
}

// at returns the trip that the car is on.
func (c *cars) at(now int64) *trip {
	c.plan(now / secondsPerDay)
	for k := range c.trips {
		if t := &c.trips[k]; now >= t.from && now < t.to {
			return t
		}
	}
	return nil
}

// ended returns the trip that ended within the last step.
func (c *cars) ended(now, step int64) *trip {
	for k := range c.trips {
		if t := &c.trips[k]; t.to <= now && t.to > now-step {
			return t
		}
	}
	return nil
}

func (c *cars) plan(day int64) {
	if day == c.day && c.trips != nil {
		return
	}
	c.day, c.trips = day, make([]trip, 0, 8)
	for d := day - 1; d <= day+1; d++ {
		for _, t := range c.draw(d) {
			if n := len(c.trips); n == 0 || t.from > c.trips[n-1].to+900 { // who is not back yet stays away
				c.trips = append(c.trips, t)
			}
		}
	}
}

// draw draws the trips of a day, in order.
func (c *cars) draw(day int64) (trips []trip) {
	once := func(k uint64) float64 { return uniform(c.seed, drawTrip+k, c.home, 0) }
	u := func(k uint64) float64 { return uniform(c.seed, drawTrip+k, c.home, uint64(day)+1) }
	add := func(from, lasts, km float64) {
		const raster = 300
		km = min(km, mostOfIt*float64(c.spec.Car.Capacity)/c.spec.Car.Consumption)
		begin := day*secondsPerDay + int64(from*3600/raster)*raster
		trips = append(trips, trip{begin, begin + max(int64(lasts*3600/raster), 1)*raster, km})
	}
	works := 0.95
	if c.spec.Office {
		works = 0.35
	}
	switch free := c.calendar.free(day); {
	case !free && c.spec.Car.Commute > 0 && u(0) < works: // at hours of its own, give or take some minutes
		leaves := 6.25 + 2*once(1) + 0.5*(u(1)-0.5)
		back := 15.5 + 2.5*once(2) + 1.2*(u(2)-0.5)
		add(leaves, back-leaves, 2*c.spec.Car.Commute*(0.95+0.1*u(3)))
	case free && u(0) < 0.65: // an outing: mostly near, at times far
		far := 8 + 30*u(3)
		if u(4) < 0.15 {
			far = 60 + 90*u(3)
		}
		add(9+5*u(1), 1.5+4.5*u(2), 2*far)
	}
	if u(5) < 0.25 {
		add(18.25+1.5*u(6), 0.5+1.25*u(7), 4+16*u(8))
	}
	return trips
}

// Departure returns when the car of a home leaves next, and how far it goes before it is plugged in
// again; known is false of a car of whose trips nothing is known, and where it stays for two days.
func (w *World) Departure(home int) (at int64, needs grid.Energy, known bool) {
	spec := w.spec.Homes[home]
	if spec.Car.Capacity == 0 || spec.Charger == 0 {
		return 0, 0, false
	}
	c := *w.cars[home]
	c.trips = nil
	now := w.state.Time
	for d := range int64(3) {
		c.plan(now/secondsPerDay + d)
		for _, t := range c.trips {
			if t.from >= now {
				return t.from, grid.Energy(math.Ceil(t.km * spec.Car.Consumption)), true
			}
		}
	}
	return 0, 0, false
}
