package planning

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/grid"
)

// The car of a home that has one: it leaves at eight and comes home at five with what a drawn
// trip has left, on every day of the week, and shall leave with four fifths. All that it takes
// beyond is of the trips, so that every way to charge it takes the same energy.
const (
	carCapacity = 50_000.0 // Wh
	carReady    = 800      // per mille
	carInto     = 0.9
	carMost     = 7360 // W: 32 A on one phase
	carLeast    = 1380 // W: 6 A
	leaves      = 8
	returns     = 17
	leastTrip   = 3_000.0 // Wh
	mostTrip    = 18_000.0
)

// driver is a car as it is driven and charged.
type driver struct {
	held float64
	used []float64 // by day
}

// drives returns the car of a home; the same home drives the same.
func drives(home int) driver {
	r := rand.New(rand.NewPCG(uint64(home), 17)) //nolint:gosec // reproducible on purpose
	d := driver{held: carCapacity * carReady / 1000}
	for range Hours / day {
		d.used = append(d.used, leastTrip+(mostTrip-leastTrip)*r.Float64())
	}
	return d
}

func away(t int) bool { return t%day >= leaves && t%day < returns }

// drive takes what a trip has used when the car leaves.
func (d *driver) drive(t int) {
	if t%day == leaves {
		d.held -= d.used[t/day]
	}
}

// lacks returns what the meter has to give until the car has what it shall.
func (d *driver) lacks() float64 { return (carCapacity*carReady/1000 - d.held) / carInto }

// charge takes up to x at the meter for an hour and returns what it was.
func (d *driver) charge(t int, x float64) float64 {
	if away(t) {
		return 0
	}
	x = math.Min(math.Max(x, 0), math.Min(carMost, math.Max(d.lacks(), 0)))
	d.held += x * carInto
	return x
}

// plan returns the car as its home knows it: how far it will go is what it went on average.
func (d *driver) plan(first grid.Interval, t int) plan.Car {
	c := plan.Car{ID: "car", Capacity: carCapacity, Held: d.held, Most: carReady, Into: carInto, Power: plan.Powers{Least: carLeast, Most: carMost}}
	mean, known := 0.0, 0
	for k := t/day - 1; k >= 0 && k >= t/day-14; k-- {
		mean, known = mean+d.used[k], known+1
	}
	mean = mean / float64(max(known, 1))
	begin := first.Begin().Add(-time.Duration(t%day) * time.Hour) // of the day
	for k := range 3 {
		leave := begin.Add(time.Duration(k*day+leaves) * time.Hour)
		trip := plan.Trip{Leave: leave, Return: leave.Add((returns - leaves) * time.Hour), Ready: carReady, Use: mean}
		if !trip.Return.After(first.Begin()) {
			continue
		}
		c.Trips = append(c.Trips, trip)
	}
	return c
}
