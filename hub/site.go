package hub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/sim"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

// site is what a community has: devices, real or simulated, where they are and what they are
// rated for, and the time of its world.
type site struct {
	plan    config.Plan
	clock   func() time.Time   // world time
	sim     *sim.Neighbourhood // nil with real devices
	devices []grid.Device      // at the start
	targets []meters.Target    // those of them that this process reads

	present // real devices, as they are now
}

// openSite begins the simulation, or takes the devices of the plan. clock is that of real
// devices.
func openSite(ctx context.Context, plan config.Plan, clock func() time.Time) (*site, error) {
	s := &site{plan: plan, clock: clock}
	if plan.Simulation != nil {
		return s, s.simulate(ctx)
	}
	if err := s.takeIn(); err != nil {
		return nil, usage.Mark(err)
	}
	return s, nil
}

// takeIn has the community have the devices of its plan.
func (s *site) takeIn() error {
	for i, d := range s.plan.Devices {
		if err := s.put(d); err != nil {
			return fmt.Errorf("devices[%d].%w", i, err)
		}
		s.devices = append(s.devices, d.Device)
		if d.Gateway == "" {
			s.targets = append(s.targets, s.get(d.ID).read)
		}
	}
	return nil
}

func (s *site) simulate(ctx context.Context) error {
	of := s.plan.Simulation
	faults := map[string][]sim.Fault{}
	for _, f := range of.Faults {
		faults[f.Device] = append(faults[f.Device], sim.Fault(f.Fault)) // checked with the plan
	}
	neighbourhood, err := sim.Open(ctx, s.plan.Data, of.World(), faults)
	if other := (*sim.OtherSpecError)(nil); errors.As(err, &other) {
		return usage.Mark(err)
	}
	if err != nil {
		return err
	}
	s.sim, s.clock = neighbourhood, neighbourhood.Now
	if err := neighbourhood.Recall(ctx, time.Duration(of.History)*day, s.plan.Market.Minutes); err != nil {
		return errors.Join(err, s.close())
	}
	for _, d := range neighbourhood.Devices() {
		endpoint, err := modbus.ParseEndpoint(d.Address())
		if err != nil {
			return errors.Join(err, s.close())
		}
		s.devices = append(s.devices, d.Device)
		s.targets = append(s.targets, meters.Target{Device: d.Device, Endpoint: endpoint, Unit: 1, Profile: s.plan.Profiles.Get(d.Profile)})
	}
	if err := s.fits(); err != nil {
		return errors.Join(err, s.close())
	}
	return nil
}

const day = 24 * time.Hour

// fits checks that the devices exist which the simulation breaks.
func (s *site) fits() error {
	for i, o := range s.plan.Simulation.Outages {
		if err := s.sim.Fits(o.Device, ""); err != nil {
			return usage.Errorf("simulation.outages[%d].device: %w", i, err)
		}
	}
	for i, f := range s.plan.Simulation.Faults {
		if err := s.sim.Fits(f.Device, sim.Fault(f.Fault)); err != nil {
			return usage.Errorf("simulation.faults[%d].device: %w", i, err)
		}
	}
	return nil
}

// simulation says where a simulated device is that is nobody's; nil with real devices.
func (s *site) simulation() *api.SimulationStatus {
	if s.sim == nil {
		return nil
	}
	return &api.SimulationStatus{Spare: s.sim.Spare().Address()}
}

// closed tells whether it is no demonstration: nothing is shown to who has not signed in.
func (s *site) closed() bool { return s.sim == nil || !s.plan.Access.Open }

func (s *site) close() error {
	if s.sim == nil {
		return nil
	}
	return s.sim.Close()
}

// period is how often a device is read, in wall time: simulated ones once a second of
// their own time, but not more than ten times a second.
func (s *site) period() time.Duration {
	if s.sim == nil {
		return meters.Period
	}
	return min(max(time.Duration(float64(meters.Period)/s.plan.Speed), sim.Tick), meters.Period)
}

// leastDeadline is the wall time that readings of a simulation get at least, however fast
// it runs: this machine may be busy.
const leastDeadline = 5 * time.Second

// deadline is for how long after an interval its readings are waited for, world time.
func (s *site) deadline() time.Duration {
	if s.sim == nil {
		return s.plan.Market.Deadline
	}
	return max(s.plan.Market.Deadline, time.Duration(float64(leastDeadline)*s.plan.Speed))
}

// seed is that of what is drawn at random.
func (s *site) seed() uint64 {
	if of := s.plan.Simulation; of != nil {
		return of.Seed
	}
	return 1
}

// planned returns a device of the community as it is now, an empty one when it is simulated.
func (s *site) planned(id string) config.Target { return s.get(id).Target }

// meters returns the connection meters that there are now.
func (s *site) meters() (all []grid.Device) {
	add := func(d grid.Device) {
		if d.Kind == grid.Meter {
			all = append(all, d)
		}
	}
	if s.sim != nil {
		for _, d := range s.devices {
			add(d)
		}
	}
	for _, d := range s.list() {
		add(d.Device)
	}
	return all
}

// points returns the metering points of the connection meters.
func (s *site) points() []community.Point {
	meters := s.meters()
	points := make([]community.Point, len(meters))
	for k, m := range meters {
		if points[k] = pointOf(s.planned(m.ID)); s.sim != nil {
			points[k] = s.simulated(m, k)
		}
	}
	return points
}

// pointOf is the metering point of a connection meter.
func pointOf(m config.Target) community.Point {
	return community.Point{MeteringPoint: m.MeteringPoint, Member: m.Member, Node: m.Node, Import: m.Imports, Export: m.Exports}
}

// simulated is the metering point of the k-th home.
func (s *site) simulated(m grid.Device, k int) community.Point {
	imports, exports := s.sim.Connection(m.Member)
	p := community.Point{MeteringPoint: m.MeteringPoint, Member: m.Member, Import: &imports, Export: &exports}
	if nodes := s.plan.Simulation.Nodes; len(nodes) > 0 {
		p.Node = nodes[k%len(nodes)]
	}
	return p
}

// given returns what the configuration says of tariffs; simulated homes have them in turn.
func (s *site) given() tariff.Given {
	g := s.plan.Money.Given
	of := s.plan.Simulation
	if of == nil || len(of.Tariffs) == 0 {
		return g
	}
	points := maps.Clone(g.Points)
	if points == nil {
		points = map[string][]tariff.Dated{}
	}
	for k, m := range s.meters() {
		if _, own := points[m.MeteringPoint]; !own {
			points[m.MeteringPoint] = []tariff.Dated{{Tariff: of.Tariffs[k%len(of.Tariffs)]}}
		}
	}
	g.Points = points
	return g
}

// storage returns what a battery is rated for and what it holds, as its owner says; 0
// where the owner does not say both.
func (s *site) storage(id string) (grid.Power, grid.Energy) {
	if s.sim != nil {
		return s.sim.Storage(id)
	}
	d := s.planned(id)
	if d.Rated == 0 || d.Capacity == 0 {
		return 0, 0
	}
	return d.Rated, d.Capacity
}

// runOutages takes simulated devices off the network as configured.
func (s *site) runOutages(ctx context.Context) error {
	if s.sim == nil {
		return nil
	}
	var outages []sim.Outage
	for _, o := range s.plan.Simulation.Outages {
		outages = append(outages, sim.Outage(o))
	}
	return s.sim.RunOutages(ctx, outages)
}

// place is where the homes are, as far as that is known.
func (s *site) place() (p agent.Place) {
	if of := s.plan.Simulation; of != nil {
		p.Latitude, p.Longitude = of.Latitude, of.Longitude
	}
	return p
}
