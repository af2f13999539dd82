package scenarios

import (
	"math"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// past is what the devices of a scenario would have counted before it begins, whole intervals of
// them: days that the agents have to learn from, as a street has that did not begin to exist today.
// It is the same street's (world.Before); nothing of it is settled or written.
type past struct {
	first grid.Interval
	nets  map[string][]grid.Energy // by device
	cars  map[string][]bool        // by charger: a car was there when the interval began or when it ended
}

// pastStep is the step of its physics.
const pastStep = time.Minute

// remember returns the past of so many days.
func (r *recorder) remember(spec world.Spec, days, minutes int) past {
	if days == 0 {
		return past{}
	}
	from := spec.Start.AddDate(0, 0, -days)
	p := past{first: grid.IntervalAt(from, minutes), nets: map[string][]grid.Energy{}, cars: map[string][]bool{}}
	last, here := make([]grid.Energy, len(r.devices)), make([]bool, len(r.devices))
	world.Before(spec, from, pastStep, time.Duration(minutes)*time.Minute, func(s world.State) {
		for k, d := range r.devices {
			now := s.Homes[d.home].Counted(d.Kind).Net()
			was := here[k]
			here[k] = d.Kind == grid.Charger && s.Homes[d.home].CarHere
			if s.Time > from.Unix() {
				p.nets[d.ID] = append(p.nets[d.ID], now-last[k])
				if d.Kind == grid.Charger {
					p.cars[d.ID] = append(p.cars[d.ID], was || here[k])
				}
			}
			last[k] = now
		}
	})
	return p
}

// plugged tells whether a car was at a charger in an interval.
func (p past) plugged(charger string, i grid.Interval) grid.Presence {
	cars := p.cars[charger]
	if len(cars) == 0 || i.Minutes != p.first.Minutes {
		return grid.Unread
	}
	k := (i.Start - p.first.Start) / int64(i.Length()/time.Second)
	switch {
	case i.Start < p.first.Start || k >= int64(len(cars)):
		return grid.Unread
	case cars[k]:
		return grid.CarHere
	default:
		return grid.CarAway
	}
}

// net returns the net energy of a device in an interval, NaN where it is not known.
func (p past) net(device string, i grid.Interval) float64 {
	nets := p.nets[device]
	if len(nets) == 0 || i.Minutes != p.first.Minutes {
		return math.NaN()
	}
	k := (i.Start - p.first.Start) / int64(i.Length()/time.Second)
	if i.Start < p.first.Start || k >= int64(len(nets)) {
		return math.NaN()
	}
	return float64(nets[k])
}
