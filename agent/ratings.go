package agent

import (
	"math"
	"time"

	"github.com/commonwatt/commonwatt/agent/plan"
	"github.com/commonwatt/commonwatt/grid"
)

// Place is where the homes are, in degrees.
type Place struct{ Latitude, Longitude float64 }

// site is what all homes of a community have in common.
type site struct {
	Place

	minutes int            // of a delivery interval
	zone    *time.Location // of the homes' days
}

// Rating is what a device is made for, as its owner says. A zero is not known.
type Rating struct {
	Power      grid.Power    // of charging and of discharging; of an inverter its peak
	Least      grid.Power    // of a charger: less than that pauses it
	Capacity   grid.Energy   // of a battery; of a charger that of its car; of what heats: electricity that makes of a store without charge a full one
	Loss       float64       // of what heats: share of the store's charge that is lost in an hour
	Efficiency grid.PerMille // of a battery, both ways
	Wear       grid.Price    // of a battery, for a kWh that it discharges
	Programme  Programme     // of an appliance
	Controlled bool          // it may be moved
}

// allCharge is a full battery.
const allCharge grid.PerMille = 1000

// ratings say what devices are made for; nil: nothing is known of any. From them follows what a plan can move.
type ratings func(device string) Rating

func (r ratings) of(device string) Rating {
	if r == nil {
		return Rating{}
	}
	return r(device)
}

// moves tells whether a plan can move a battery.
func (r ratings) moves(battery string) bool {
	of := r.of(battery)
	return of.Controlled && of.Capacity > 0 && of.Power > 0
}

// warms tells whether a plan can move a heat pump or a heating rod, because enough is known of it.
func (r ratings) warms(d grid.Device) bool {
	if d.Kind != grid.HeatPump && d.Kind != grid.HeatingRod {
		return false
	}
	of := r.of(d.ID)
	return of.Controlled && of.Power > 0 && of.Capacity > 0 && of.Loss > 0
}

// waits tells whether a plan can start an appliance, because enough is known of it.
func (r ratings) waits(d grid.Device) bool {
	of := r.of(d.ID)
	return d.Kind == grid.Appliance && of.Controlled && of.Power > 0 && of.Programme.Runs > 0 && of.Programme.Power > 0
}

// peak returns the rated power of the inverters among devices, 0 where it is not known.
func (r ratings) peak(devices []grid.Device) (sum grid.Power) {
	for _, d := range devices {
		if d.Kind == grid.Inverter {
			sum += r.of(d.ID).Power
		}
	}
	return sum
}

// battery is what a battery is by what its owner says.
func (r ratings) battery(id string) body {
	of := r.of(id)
	b := body{capacity: float64(of.Capacity), each: oneWay}
	if of.Efficiency > 0 {
		b.each = math.Sqrt(float64(of.Efficiency) / float64(allCharge))
	}
	return b
}

// planned is a battery as a plan sees it.
func (r ratings) planned(id string, b storage, reserve grid.PerMille) plan.Battery {
	of := r.of(id)
	power := plan.Powers{Most: of.Power}
	return plan.Battery{
		ID: id, Capacity: b.capacity, Held: math.Min(b.held, b.capacity), Charge: power, Out: power, Into: b.each, OutOf: b.each,
		Reserve: reserve, Wear: of.Wear,
	}
}
