package agent

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/commonwatt/commonwatt/grid"
)

// seat is an agent, and the metering point of a home that it trades for.
type seat struct {
	agent    Agent // nil: the home does not trade
	home     Home
	strategy Strategy
	meter    string // connection meter
	devices  []grid.Device
}

// without returns the devices of a seat but one, in a list of their own.
func (at seat) without(device string) []grid.Device {
	return slices.DeleteFunc(slices.Clone(at.devices), func(d grid.Device) bool { return d.ID == device })
}

func (at seat) has(kind grid.DeviceKind) bool {
	return slices.ContainsFunc(at.devices, func(d grid.Device) bool { return d.Kind == kind })
}

// seats are the members' homes: who trades for which metering point, and what is there. They are safe for
// concurrent use.
type seats struct {
	strategy func(member string) Strategy // nil: all by the default
	seed     uint64

	mu      sync.Mutex        // guards all below
	points  map[string]seat   // by metering point
	sources map[string]string // metering point → what it produces with
}

// solar is the source of a home with an inverter.
const solar = "solar"

// add takes in one more device, in place of the one with its id if there is one: a connection meter
// gives its metering point an agent, and an inverter gives the agent of its metering point a source.
func (h *seats) add(dev grid.Device) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.points[dev.MeteringPoint]
	at.devices = append(at.without(dev.ID), dev)
	switch dev.Kind {
	case grid.Meter:
		at.meter, at.home = dev.ID, Home{Member: dev.Member, MeteringPoint: dev.MeteringPoint}
	case grid.Inverter:
		h.sources[dev.MeteringPoint] = solar
	case grid.Battery, grid.Charger, grid.HeatPump, grid.HeatingRod, grid.Appliance:
	}
	if at.meter != "" {
		at.home.Source = h.sources[dev.MeteringPoint]
		at.strategy = ByPlanner
		if h.strategy != nil {
			at.strategy = h.strategy(at.home.Member)
		}
		at.agent = at.strategy.agent(at.home, h.seed)
	}
	h.points[dev.MeteringPoint] = at
}

// remove lets go of a device. A home without its connection meter trades no more.
func (h *seats) remove(dev grid.Device) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, seated := h.points[dev.MeteringPoint]
	if !seated {
		return
	}
	at.devices = at.without(dev.ID)
	if dev.Kind == grid.Inverter && !at.has(grid.Inverter) {
		delete(h.sources, dev.MeteringPoint)
		at.home.Source = ""
		if at.agent != nil {
			at.agent = at.strategy.agent(at.home, h.seed)
		}
	}
	if at.meter == dev.ID {
		at.meter, at.agent = "", nil
	}
	h.points[dev.MeteringPoint] = at
}

// at returns who trades for a metering point; false where nobody does.
func (h *seats) at(point string) (at seat, trades bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, seated := h.points[point]
	return at, seated && at.meter != ""
}

// trading returns the seats that trade, by metering point.
func (h *seats) trading() (all []seat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, at := range h.points {
		if at.meter != "" {
			all = append(all, at)
		}
	}
	slices.SortFunc(all, func(a, b seat) int { return strings.Compare(a.home.MeteringPoint, b.home.MeteringPoint) })
	return all
}

// planners returns the seats whose agents plan, by metering point.
func (h *seats) planners() []seat {
	return slices.DeleteFunc(h.trading(), func(at seat) bool { return at.strategy != ByPlanner })
}

// members returns the members that trade, sorted.
func (h *seats) members() (all []string) {
	for _, at := range h.trading() {
		all = append(all, at.home.Member)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// devices returns the devices of a member, by metering point and as they came.
func (h *seats) devices(member string) (all []grid.Device) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, at := range h.points {
		for _, dev := range at.devices {
			if dev.Member == member {
				all = append(all, dev)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b grid.Device) int { return cmp.Compare(a.MeteringPoint, b.MeteringPoint) })
	return all
}
