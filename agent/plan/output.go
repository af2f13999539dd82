package plan

import (
	"github.com/commonwatt/commonwatt/grid"
)

// Plan is what the devices will probably do. It lives in the Planner that made it, until that
// makes another.
type Plan struct {
	Steps   []Step
	Devices []Device // batteries, cars, heats, loads, each in the order of the Input
	Unmet   []Unmet  // what cannot be had, said before

	// Cost is what the home will pay over all steps, with wear, less what is stored at the end is
	// worth, millionths.
	Cost float64

	// Value is what one more kWh in the first battery is worth now, millionths; 0 without one.
	Value float64
}

// Step is what is expected of an interval.
type Step struct {
	Interval  grid.Interval
	Net       Band    // Wh at the meter, + import
	Cost      float64 // millionths, + the home pays
	Buy, Sell float64 // mean, millionths/kWh
}

// Band is a mean, and what lies below and above with a probability of a tenth each.
type Band struct{ Mean, Low, High float64 }

// Kind is what a planned device is.
type Kind int

// The kinds of devices.
const (
	Stationary Kind = iota // a battery
	Vehicle
	Warmth // a heat pump or heating rod
	Waiting
)

// Device is what a device will probably do.
type Device struct {
	ID     string
	Kind   Kind
	Power  []float64 // by step, mean, W, + it takes
	Charge []Band    // at the end of each step, per mille of its range; empty for a load
}

// Unmet is a wish that cannot be met.
type Unmet struct {
	Device string
	Kind   Kind
	At     grid.Interval // the first step in which it shows
	Want   float64       // per mille of charge; for heat and loads Wh
	Get    float64       // the most that there will be
	Power  grid.Power    // that is all there is
	Hours  float64       // for so long
}

// Levels are charges in per mille of a battery's capacity, between which its controller acts
// at once, without knowing what the interval will bring.
type Levels struct {
	FromGrid    grid.PerMille // up to it, it charges from the grid
	FromSurplus grid.PerMille // up to it, it stores the home's surplus
	ForHome     grid.PerMille // down to it, it covers the home's load
	ToGrid      grid.PerMille // down to it, it sells
}

// Point is a step of a price curve: the home takes Net at any price above that of the point
// before it, up to Price.
type Point struct {
	Price grid.Price
	Net   grid.Energy // + takes
}
