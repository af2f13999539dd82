package hold

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Curb holds back an inverter whose home gives more than it may. Use NewCurb. It is not safe
// for concurrent use.
//
// What the inverter may produce is what it produces, less what the meter counts too much or
// more what it has left; it is changed only after the last change should have been seen, but
// lowered at once where the limit is still exceeded. Where it comes to what the inverter is
// rated for it is let go.
type Curb struct {
	rated   grid.Power // of the inverter; 0: not known
	most    *grid.Power
	changed time.Time
}

// NewCurb returns a curb for an inverter that is rated so.
func NewCurb(rated grid.Power) *Curb { return &Curb{rated: rated} }

// Step says what the inverter may produce at most, a positive power; held is false where it
// may produce what it can. limit is what the home may give at most, nil without one; meter
// and produced are of about the same moment: the meter's power, + import, and what the
// inverter produces, positive.
func (c *Curb) Step(now time.Time, limit *grid.Power, meter, produced grid.Power) (most grid.Power, held bool) {
	if limit == nil {
		c.most = nil
		return 0, false
	}
	over := -meter - *limit // what it gives too much
	if c.most == nil && over <= 0 {
		return 0, false
	}
	if c.most != nil && (now.Sub(c.changed) < Quiet || over <= 0 && over > -leastBand) {
		return *c.most, true
	}
	allowed := max(produced-over, 0)
	if c.most != nil && over < 0 {
		allowed = max(allowed, *c.most-over)
	}
	if c.rated > 0 && allowed >= c.rated || c.rated == 0 && over < 0 && produced+leastBand < allowed-leastRamp {
		c.most = nil // the sun is the limit now
		return 0, false
	}
	c.most, c.changed = &allowed, now
	return allowed, true
}
