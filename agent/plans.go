package agent

import (
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
)

// plans are what the agents last decided. They are safe for concurrent use.
type plans struct {
	mu sync.Mutex
	of map[string]Planned // by metering point
}

func (p *plans) keep(made Planned) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of[made.MeteringPoint] = made
}

// forget lets go of the plan of a metering point for which nobody trades any more.
func (p *plans) forget(point string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.of, point)
}

// last returns what the agent of a metering point last decided; false where it has not planned yet.
func (p *plans) last(point string) (made Planned, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	made, known = p.of[point]
	return made, known
}

// planHolds is for how long after the interval that it was made for a plan is followed where
// no newer one comes.
const planHolds = time.Hour

// intent returns what the last plan of a metering point wants of its devices in a delivery interval;
// known is false where there is none for it.
func (p *plans) intent(point string, i grid.Interval) (in hold.Intent, known bool) {
	made, known := p.last(point)
	switch {
	case !known || i.Begin().Sub(made.Intent.Interval.Begin()) > planHolds:
		return in, false
	case made.Running != nil && made.Running.Interval == i:
		return *made.Running, true
	case made.Intent.Interval.Compare(i) > 0:
		return in, false
	}
	in = made.Intent
	if in.Interval != i { // no newer plan came: what depends on the interval is left out
		in.Interval, in.Net, in.Powers = i, nil, nil
	}
	return in, true
}
