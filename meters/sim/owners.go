package sim

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// Device returns a device by its id, nil when there is none.
func (n *Neighbourhood) Device(id string) *Device {
	for _, d := range n.devices {
		if d.ID == id {
			return d
		}
	}
	return nil
}

// Fits tells why a device cannot have a fault, "" standing for an outage: there is no such
// device, or only batteries cheat.
func (n *Neighbourhood) Fits(id string, f Fault) error {
	d := n.Device(id)
	if d == nil {
		return fmt.Errorf("there is no simulated device %q", id)
	}
	if _, err := world.ParseCheat(string(f)); err == nil && d.Kind != grid.Battery {
		return fmt.Errorf("%q is not a battery: only batteries cheat", id)
	}
	return nil
}

// Storage returns what a battery is rated for and what it holds, as its owner says; 0
// where there is no such battery.
func (n *Neighbourhood) Storage(battery string) (grid.Power, grid.Energy) {
	d := n.Device(battery)
	if d == nil || d.Kind != grid.Battery {
		return 0, 0
	}
	claimed := n.home(d.Member).Battery
	for _, f := range n.faults[battery] {
		claimed = world.Cheat(f).Claimed(claimed)
	}
	return claimed.Power, claimed.Capacity
}

// Connection returns what a member's home can take and give at most: what its panels and
// battery are rated for, within its fuse.
func (n *Neighbourhood) Connection(member string) (imports, exports grid.Power) {
	return n.home(member).Connection()
}

// Home returns what a member's home is made of.
func (n *Neighbourhood) Home(member string) world.Home { return n.home(member) }

// State returns how a member's home is now.
func (n *Neighbourhood) State(member string) world.HomeState {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, h := range n.spec.Homes {
		if h.ID == member {
			return n.world.Home(i)
		}
	}
	return world.HomeState{}
}

func (n *Neighbourhood) home(member string) world.Home {
	for _, h := range n.spec.Homes {
		if h.ID == member {
			return h
		}
	}
	return world.Home{}
}

// Outage takes a device off the network for a while, wall time.
type Outage struct {
	Device       string
	After, Lasts time.Duration
}

// RunOutages has the outages happen, and returns when they are over or ctx ends.
func (n *Neighbourhood) RunOutages(ctx context.Context, outages []Outage) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	errs := make(chan error, len(outages))
	for _, o := range outages {
		wg.Go(func() { errs <- n.outage(ctx, o) })
	}
	for range outages {
		if err := <-errs; err != nil {
			return fmt.Errorf("simulated outage: %w", err)
		}
	}
	return nil
}

func (n *Neighbourhood) outage(ctx context.Context, o Outage) error {
	d := n.Device(o.Device)
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(o.After):
	}
	if err := d.Stop(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-time.After(o.Lasts):
	}
	return d.Start()
}
