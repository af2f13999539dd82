package hub

import (
	"errors"
	"maps"
	"slices"

	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/agent/limits/kept"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/usage"
)

// openLimits opens what the homeowners want, and checks what the configuration gives against
// the devices of the homes.
func openLimits(s *site, dir *disk.Dir) (*kept.Kept, error) {
	if s.sim == nil { // the configuration has checked them against its devices, some of which may have been let go of since
		return kept.Open(dir, s.plan.Limits)
	}
	for _, member := range slices.Sorted(maps.Keys(s.plan.Limits)) {
		var home limits.Home
		for _, d := range s.devices {
			if d.Member == member {
				home.Add(d)
			}
		}
		if wrong := (*limits.FieldError)(nil); errors.As(s.plan.Limits[member].Fits(home), &wrong) {
			return nil, usage.Errorf("members.%s.limits.%w", member, wrong)
		}
	}
	return kept.Open(dir, s.plan.Limits)
}
