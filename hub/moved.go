package hub

import (
	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/agent/steer"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/control"
)

// homes returns the metering points of the community, each with the devices behind it that
// may be moved, by this process or the gateway that reads them: simulated ones unless the configuration says
// otherwise, real ones only when it says so.
func (s *site) homes() (all []steer.Home) {
	points := s.points()
	for k, m := range s.meters() {
		all = append(all, s.home(m, points[k]))
	}
	return all
}

// home returns the metering point of a connection meter with the devices behind it that may be moved.
func (s *site) home(m grid.Device, p community.Point) steer.Home {
	h := steer.Home{Meter: m, Imports: p.Import, Exports: p.Export}
	for _, t := range s.read() {
		if t.MeteringPoint != m.MeteringPoint || !s.movable(t) {
			continue
		}
		if t.Kind == grid.Battery {
			most, size := s.storage(t.ID)
			h.Batteries = append(h.Batteries, steer.Battery{Target: t, Gateway: s.planned(t.ID).Gateway, Most: most, Size: size})
		} else {
			h.Others = append(h.Others, s.other(t))
		}
	}
	return h
}

// read returns the devices that are read now, those that this process reads first.
func (s *site) read() (all []meters.Target) {
	if s.sim != nil {
		return s.targets
	}
	var elsewhere []meters.Target
	for _, d := range s.list() {
		if d.Gateway == "" {
			all = append(all, d.read)
		} else {
			elsewhere = append(elsewhere, d.read)
		}
	}
	return append(all, elsewhere...)
}

// movable tells whether a device may be moved, and its profile says how. Simulated inverters
// cannot be held back.
func (s *site) movable(t meters.Target) bool {
	controlled := s.planned(t.ID).Control
	if of := s.plan.Simulation; of != nil {
		controlled = of.Controlled() && t.Kind != grid.Inverter
	}
	return controlled && t.Kind != grid.Meter && t.Profile.Acts(t.Kind) != nil
}

// rating is what a device is made for, as its owner says, and whether it may be moved.
func (s *site) rating(id string) (of agent.Rating) {
	d := s.planned(id)
	of = agent.Rating{Power: d.Rated, Capacity: d.Capacity, Efficiency: d.Efficiency, Wear: d.Wear, Programme: d.Programme, Controlled: d.Control}
	if s.sim == nil {
		of.Least = s.leastOf(id)
		if d.Heat.Capacity > 0 {
			of.Capacity, of.Loss, of.Least = d.Heat.Capacity, d.Heat.Loss, d.Heat.Least
		}
		return of
	}
	of.Controlled = s.plan.Simulation.Controlled()
	for _, dev := range s.devices {
		if dev.ID != id {
			continue
		}
		switch home := s.sim.Home(dev.Member); dev.Kind {
		case grid.Inverter:
			of.Power = home.PV.Peak
		case grid.Battery:
			of.Power, of.Capacity = s.sim.Storage(id)
		case grid.Charger:
			of.Power, of.Least, of.Capacity = home.Charger, s.leastOf(id), home.CarCapacity()
		case grid.HeatPump:
			of.Power, of.Least = home.House.Pump, home.House.Least()
			of.Capacity, of.Loss = home.House.Store()
		case grid.HeatingRod:
			of.Power = home.Tank.Rod
			of.Capacity, of.Loss = home.Tank.Store()
		case grid.Appliance:
			of.Power, of.Programme = home.Appliance.Power, agent.Programme{Power: home.Appliance.Power, Runs: home.Appliance.Runs(), By: limits.TimeOfDay(home.Appliance.Ready * 60)} //nolint:mnd // minutes
		case grid.Meter:
		}
	}
	return of
}

// leastOf returns the least at which a charger lets its car charge, on the phases that it
// cannot switch off; 0 for other devices.
func (s *site) leastOf(id string) grid.Power {
	for _, t := range s.read() {
		if t.ID == id && t.Kind == grid.Charger {
			d := s.planned(id)
			d.Profile = t.Profile // a simulated one stands in no configuration
			return d.Least()
		}
	}
	return 0
}

// other is a device that may be moved and is no battery.
func (s *site) other(t meters.Target) steer.Device {
	of, d := s.rating(t.ID), s.planned(t.ID)
	x := steer.Device{Target: t, Gateway: d.Gateway, Size: of.Capacity, Made: hold.Made{Least: of.Least, Most: of.Power, On: hold.UsualOn, Off: hold.UsualOff}}
	switch t.Kind {
	case grid.Charger:
		x.Supply = control.Supply{Phases: d.Phases}
	case grid.Appliance:
		x.Made = of.Started()
	default:
	}
	return x
}
