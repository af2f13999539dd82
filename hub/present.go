package hub

import (
	"fmt"
	"slices"
	"sync"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/meters"
	"github.com/commonwatt/commonwatt/meters/modbus"
)

// present are the real devices that a community has now: those of its plan, with what was paired,
// changed and removed while it runs. It is safe for concurrent use.
type present struct {
	mu  sync.Mutex
	all []device // in the order in which they came; replaced whole when it changes
}

// device is one of the community: what it is, and how this process reads it.
type device struct {
	config.Target

	read meters.Target // of one that a gateway reads: without an endpoint
}

// put takes in a device, in place of the one with its id if there is one. The error begins with the name of
// the field.
func (p *present) put(d config.Target) error {
	read := meters.Target{Device: d.Device, Profile: d.Profile, Rated: d.Rated}
	if d.Gateway == "" {
		var err error
		if read, err = Target(d); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	next := slices.Clone(p.all)
	if k := slices.IndexFunc(next, func(x device) bool { return x.ID == d.ID }); k >= 0 {
		next[k] = device{d, read}
	} else {
		next = append(next, device{d, read})
	}
	p.all = next
	return nil
}

// drop lets go of a device.
func (p *present) drop(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = slices.DeleteFunc(slices.Clone(p.all), func(x device) bool { return x.ID == id })
}

// list returns the devices that there are. Nobody may change the list.
func (p *present) list() []device {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all
}

// get returns a device, an empty one where there is none.
func (p *present) get(id string) device {
	for _, d := range p.list() {
		if d.ID == id {
			return d
		}
	}
	return device{}
}

// Target says how a device of the plan is polled. The error begins with the name of the
// field.
func Target(d config.Target) (meters.Target, error) {
	endpoint, err := modbus.ParseUnit(d.Address, d.Unit)
	if err != nil {
		return meters.Target{}, fmt.Errorf("address: %w", err)
	}
	return meters.Target{
		Device: d.Device, Endpoint: endpoint, Unit: d.Unit, Profile: d.Profile, Rated: d.Rated, Turned: d.Turned, Most: meters.Bound(d.Ratings()...), Own: d.Own, Part: d.Part,
		Warm: meters.Warm{Low: d.Heat.Low, High: d.Heat.High}, Car: meters.Car{Capacity: d.Capacity, Arrives: d.Arrives},
	}, nil
}
