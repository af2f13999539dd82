package plan

import (
	"errors"
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Input is what a plan is made from.
type Input struct {
	Steps     []grid.Interval // in order, without holes; lengths may differ (Horizon)
	Scenarios []Scenario
	Batteries []Battery
	Cars      []Car
	Heats     []Heat
	Loads     []Load
	Limits    Limits
	Demand    Demand

	// Traded is by step what the home has bought (+) or sold (−) for good, Wh; nil: nothing. Only
	// what the meter counts beyond it costs Buy or brings Sell.
	Traded []float64
}

// Scenario is a possible course of what the home does not control.
type Scenario struct {
	Weight    float64   // > 0; weights need not sum to 1
	Net       []float64 // by step, Wh at the meter without the planned devices
	Buy, Sell []float64 // by step, millionths/kWh: what one more kWh taken costs, what one more given brings

	// Room is by step how much of what a car takes costs no more than Buy, Wh, and Beyond what every kWh
	// above it costs, millionths/kWh: a price counts for as much as there is at it. nil: Buy counts for any amount.
	Room, Beyond []float64
}

// Battery can charge and discharge.
type Battery struct {
	ID       string
	Capacity float64 // Wh usable
	Held     float64 // Wh now
	Charge   Powers
	Out      Powers        // discharge
	Into     float64       // one-way efficiency of charging, (0, 1]
	OutOf    float64       // one-way efficiency of discharging, (0, 1]
	Reserve  grid.PerMille // kept for a blackout
	Wear     grid.Price    // per kWh taken out of the store

	// Terminal is what a kWh that is still stored at the end is worth; nil: what it would save
	// later at the mean of the prices of the plan's last day.
	Terminal *grid.Price
}

// Powers is how much power a device can take or give: at most Most; where Limits is not empty
// at most what is linear between its points by charge.
type Powers struct {
	Least  grid.Power // a device that runs takes at least this; 0: any
	Most   grid.Power
	Limits []Limit // by rising charge
}

// Limit is a power that a device can do at a state of charge.
type Limit struct {
	At    grid.PerMille
	Power grid.Power
}

// Amperes returns the power of a current on so many phases of 230 V.
func Amperes(phases, amperes int) grid.Power {
	const volts = 230
	return grid.Power(phases * amperes * volts)
}

// Car can be charged while it is at home.
type Car struct {
	ID       string
	Capacity float64 // Wh
	Held     float64 // Wh now, or as it will come home
	Most     grid.PerMille
	Power    Powers // Least: what 6 A are; below it charging pauses
	Into     float64
	Trips    []Trip // by time; between them the car is plugged in

	// Opportune is what a kWh in the car is worth at the end of the plan; nil: the middle of what
	// the cheapest step pays and costs, so that surplus goes in beyond what the trips need.
	Opportune *grid.Price

	// Waits is what a kWh must save at least for the car to wait for it: a forecast errs, and a car
	// that is charged can leave when somebody wants it.
	Waits grid.Price
}

// Trip is a time that a car is probably away.
type Trip struct {
	Leave  time.Time // ready by then; before the first step: it is away
	Return time.Time
	Ready  grid.PerMille // charge that it shall leave with
	Use    float64       // Wh that the trip takes
}

// Heat is a store of heat, such as a house between two temperatures or a tank of hot water,
// that is warmed by a heat pump or a heating rod. Its charge is heat above the least that is
// comfortable.
type Heat struct {
	ID     string
	Room   float64   // Wh of heat between the least and the most that is comfortable
	Held   float64   // Wh of heat now; below 0: it is too cold
	Loss   float64   // share of the charge that is lost an hour
	Demand []float64 // by step, Wh of heat that is lost at the least comfortable, or drawn
	COP    []float64 // by step, heat a unit of electricity; nil: 1, a heating rod
	Power  Powers
	Away   float64 // Wh of heat below the least that is allowed while nobody is at home

	// Ahead is what a kWh that is warmed before it is needed must save at least, beyond what of it is lost: a forecast errs.
	Ahead grid.Price

	// Terminal is what a kWh of heat that is stored at the end is worth; nil: what it would cost
	// later at the mean of the prices of the plan's last day.
	Terminal *grid.Price
}

// Load runs once, without a pause.
type Load struct {
	ID      string
	Power   grid.Power
	Runs    time.Duration // how long it runs at least once it has begun
	From    time.Time     // it may begin then; zero: now
	Ready   time.Time     // it has run by then
	Began   bool          // it runs, and Runs is what is left
	Penalty grid.Price    // not used where Ready can be kept
}

// Limits are what the homeowner and the connection allow.
type Limits struct {
	ZeroExport     bool
	Import, Export grid.Power  // at the connection; 0: any. What the sun gives beyond is curtailed.
	Floor          *grid.Price // stored energy is not sold below
	Ceiling        *grid.Price // nothing is stored above, but for what a deadline needs
	Away           time.Time   // nobody is at home until then
}

// Demand is a price on the highest mean power of an interval.
type Demand struct {
	Price grid.Money // a kW
	Peak  grid.Power // already reached in the period that is billed
}

// Horizon returns the steps of a plan from an interval on: such intervals for a day, and
// beyond them hours up to the whole length.
func Horizon(first grid.Interval, length time.Duration) []grid.Interval {
	const day, hour = 24 * time.Hour, 60
	var steps []grid.Interval
	end := first.Begin().Add(length)
	for i := first; i.Begin().Before(end); {
		steps = append(steps, i)
		next := i.End()
		minutes := i.Minutes
		if next.Sub(first.Begin()) >= day && next.Unix()%int64(time.Hour/time.Second) == 0 {
			minutes = hour
		}
		i = grid.IntervalAt(next, minutes)
	}
	return steps
}

// Validate reports what a plan cannot be made from.
func (in *Input) Validate() error {
	if len(in.Steps) == 0 || len(in.Scenarios) == 0 {
		return errors.New("plan: no steps or no scenarios")
	}
	for k, i := range in.Steps[1:] {
		if i.Start != in.Steps[k].End().Unix() {
			return fmt.Errorf("plan: step %s does not follow %s", i, in.Steps[k])
		}
	}
	for k, s := range in.Scenarios {
		if len(s.Net) != len(in.Steps) || len(s.Buy) != len(in.Steps) || len(s.Sell) != len(in.Steps) {
			return fmt.Errorf("plan: scenario %d has %d, %d and %d values, and there are %d steps", k, len(s.Net), len(s.Buy), len(s.Sell), len(in.Steps))
		}
		if s.Room != nil && (len(s.Room) != len(in.Steps) || len(s.Beyond) != len(in.Steps)) {
			return fmt.Errorf("plan: scenario %d has the room of %d steps and the prices beyond it of %d, and there are %d steps", k, len(s.Room), len(s.Beyond), len(in.Steps))
		}
		if !(s.Weight > 0) {
			return fmt.Errorf("plan: scenario %d has the weight %g: must be above 0", k, s.Weight)
		}
	}
	if in.Traded != nil && len(in.Traded) != len(in.Steps) {
		return fmt.Errorf("plan: what was traded has %d values, and there are %d steps", len(in.Traded), len(in.Steps))
	}
	return in.validDevices()
}

func (in *Input) validDevices() error {
	for _, b := range in.Batteries {
		if !(b.Capacity > 0) || !share(b.Into) || !share(b.OutOf) {
			return fmt.Errorf("plan: battery %s: capacity %g Wh, efficiencies %g and %g: must be above 0, and at most 1", b.ID, b.Capacity, b.Into, b.OutOf)
		}
	}
	for _, c := range in.Cars {
		if !(c.Capacity > 0) || !share(c.Into) {
			return fmt.Errorf("plan: car %s: capacity %g Wh, efficiency %g: must be above 0, and at most 1", c.ID, c.Capacity, c.Into)
		}
		for k, t := range c.Trips {
			if t.Return.Before(t.Leave) || k > 0 && t.Leave.Before(c.Trips[k-1].Return) {
				return fmt.Errorf("plan: car %s: trip %d is not after what is before it", c.ID, k)
			}
		}
	}
	for _, h := range in.Heats {
		if !(h.Room > 0) || len(h.Demand) != len(in.Steps) || h.COP != nil && len(h.COP) != len(in.Steps) {
			return fmt.Errorf("plan: heat %s: room %g Wh, %d demands, %d values of COP: there are %d steps", h.ID, h.Room, len(h.Demand), len(h.COP), len(in.Steps))
		}
	}
	for _, l := range in.Loads {
		if l.Runs <= 0 || l.Power <= 0 {
			return fmt.Errorf("plan: load %s: %d W for %s: must be above 0", l.ID, l.Power, l.Runs)
		}
	}
	return nil
}

func share(x float64) bool { return x > 0 && x <= 1 }
