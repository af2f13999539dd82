package agent

import (
	"cmp"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
)

// Devices returns the devices of a member that the agents know, by metering point and as they
// came.
func (t *Traders) Devices(member string) (all []grid.Device) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, at := range t.seats {
		for _, dev := range at.devices {
			if dev.Member == member {
				all = append(all, dev)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b grid.Device) int { return cmp.Compare(a.MeteringPoint, b.MeteringPoint) })
	return all
}

// Members returns the members that have a connection meter, sorted.
func (t *Traders) Members() (all []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, at := range t.seats {
		if at.meter != "" && !slices.Contains(all, at.home.Member) {
			all = append(all, at.home.Member)
		}
	}
	slices.Sort(all)
	return all
}
