package world

import (
	"math"

	"github.com/commonwatt/commonwatt/grid"
)

// Up to what a house and its hot water may be warmed when energy is cheap, °C. From where the thermostat
// turns on up to here is what a home can store.
const (
	mostWarm     = wanted + band // in the house
	waterWarmest = 70.0
)

// ratedAt is the outdoor temperature at which a heat pump's heat is reckoned in electricity, as makers
// rate them (EN 14511: air of 2 °C), °C.
const ratedAt = 2.0

// Store returns what the house can store, in Wh of electricity of its heat pump, and which share of it is lost
// in an hour.
func (h House) Store() (capacity grid.Energy, loss float64) {
	if h.Pump == 0 {
		return 0, 0
	}
	return grid.Energy(math.Round(h.Capacity * (mostWarm - (wanted - band/2)) / COP(ratedAt, h.Floor))), h.Loss / h.Capacity
}

// Store returns what the tank can store, Wh, and which share of it is lost in an hour.
func (t Tank) Store() (capacity grid.Energy, loss float64) {
	if t.Rod == 0 {
		return 0, 0
	}
	return grid.Energy(math.Round(t.Litres * litreHeats * (waterWarmest - waterLow))), tankLoss / (t.Litres * litreHeats)
}

// Warmth returns how much is stored of what the house or the tank of a home can store: nothing where its
// thermostat turns on. known is false of devices that store no heat.
func (h *HomeState) Warmth(kind grid.DeviceKind) (charge grid.PerMille, known bool) {
	const all = 1000
	share := 0.0
	switch kind {
	case grid.HeatPump:
		low := wanted - band/2
		share = (h.Heat.Indoor - low) / (mostWarm - low)
	case grid.HeatingRod:
		share = (h.Heat.Tank - waterLow) / (waterWarmest - waterLow)
	case grid.Meter, grid.Inverter, grid.Battery, grid.Charger, grid.Appliance:
		return 0, false
	}
	return grid.PerMille(math.Round(all * min(max(share, 0), 1))), true
}
