package world

import "github.com/commonwatt/commonwatt/grid"

// Devices returns the kinds of device that a home has, in the order in which they are shown: its
// connection meter first.
func (h Home) Devices() []grid.DeviceKind {
	all := []grid.DeviceKind{grid.Meter}
	for _, d := range []struct {
		kind    grid.DeviceKind
		present bool
	}{
		{grid.Inverter, h.PV.Peak > 0},
		{grid.Battery, h.Battery.Capacity > 0},
		{grid.Charger, h.Charger > 0},
		{grid.HeatPump, h.House.Pump > 0},
		{grid.HeatingRod, h.Tank.Rod > 0},
		{grid.Appliance, h.Appliance.Power > 0},
	} {
		if d.present {
			all = append(all, d.kind)
		}
	}
	return all
}

// Power returns what a device takes, + from the grid or the home.
func (h *HomeState) Power(kind grid.DeviceKind) grid.Power {
	switch kind {
	case grid.Meter:
		return h.Meter
	case grid.Inverter:
		return h.PV
	case grid.Battery:
		return h.Battery
	case grid.Charger:
		return h.Car
	case grid.HeatPump:
		return h.Pump
	case grid.HeatingRod:
		return h.Rod
	case grid.Appliance:
		return h.Appliance
	default:
		return 0
	}
}

// Counted returns what the counters of a device show. An inverter has no import; a charger, a heat
// pump, a rod and an appliance have no export.
func (h *HomeState) Counted(kind grid.DeviceKind) grid.Flow {
	switch kind {
	case grid.Meter:
		return grid.Flow{Import: Energy(h.Imported), Export: Energy(h.Exported)}
	case grid.Inverter:
		return grid.Flow{Export: Energy(h.Produced)}
	case grid.Battery:
		return grid.Flow{Import: Energy(h.Charged), Export: Energy(h.Discharged)}
	case grid.Charger:
		return grid.Flow{Import: Energy(h.Delivered)}
	case grid.HeatPump:
		return grid.Flow{Import: Energy(h.Heated)}
	case grid.HeatingRod:
		return grid.Flow{Import: Energy(h.Warmed)}
	case grid.Appliance:
		return grid.Flow{Import: Energy(h.Ran)}
	default:
		return grid.Flow{}
	}
}
