package agent

import (
	"context"
	"maps"
	"time"

	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/grid"
)

// sight is what a plan was made by that may change at once.
type sight struct {
	limits  limits.Limits
	made    map[string]Rating        // by device, what there is and what it is made for
	plugged map[string]bool          // by charger: a car is there; by appliance: it has something to do
	charge  map[string]grid.PerMille // by battery, as it was
	at      time.Time
}

// jump is by how much a battery's charge moves in a short time only where nobody reckoned with it.
const jump grid.PerMille = 150

// look returns what there is to see of a metering point now.
func (p *planning) look(ctx context.Context, at seat, now time.Time) (s sight, err error) {
	s = sight{made: map[string]Rating{}, plugged: map[string]bool{}, charge: map[string]grid.PerMille{}, at: now}
	if p.limits != nil {
		s.limits = p.limits(at.home.Member)
	}
	for _, d := range at.devices {
		s.made[d.ID] = p.ratings.of(d.ID)
		if d.Kind != grid.Charger && d.Kind != grid.Battery && d.Kind != grid.Appliance {
			continue
		}
		last, err := p.telemetry.Last(ctx, d.ID)
		if err != nil {
			return s, err
		}
		if last == nil {
			continue
		}
		if d.Kind != grid.Battery {
			s.plugged[d.ID] = last.Charge != nil
		} else if last.Charge != nil {
			s.charge[d.ID] = *last.Charge
		}
	}
	return s, nil
}

// differs tells whether a plan that was made by s is to be made anew by what there is now.
func (s sight) differs(now sight) bool {
	if !s.limits.Equal(now.limits) || !maps.Equal(s.made, now.made) {
		return true
	}
	for id, there := range now.plugged {
		if s.plugged[id] != there {
			return true
		}
	}
	for id, c := range now.charge {
		if before, known := s.charge[id]; known && max(c-before, before-c) > jump && now.at.Sub(s.at) < time.Duration(quarters)*time.Minute {
			return true
		}
	}
	return false
}

// quarters is the time in which a charge does not move by a jump, in minutes.
const quarters = 10
